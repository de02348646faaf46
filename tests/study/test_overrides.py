"""`--set`: values are YAML, keys are known, names become mappings where an inner key is set."""

from collections.abc import Mapping

import pytest

from autorl.errors import InvalidInput, UnknownName
from autorl.study.loading import load_description
from autorl.study.overrides import apply_overrides, parse_overrides

SMALL: Mapping[str, object] = {"algorithm": "ppo", "environment": "CartPole-v1", "budget": {"trials": 4}}


def test_values_are_yaml() -> None:
    texts = ["budget.trials=12", "seeds.tuning=[0,1,2]", "fixed.learning_rate=1e-4", "fixed.x= tanh ", "fixed.y=yes"]
    found = parse_overrides([*texts, "space=null"])
    assert found == {
        "budget.trials": 12,
        "seeds.tuning": [0, 1, 2],
        "fixed.learning_rate": 1e-4,
        "fixed.x": "tanh",
        "space": None,
        "fixed.y": True,
    }
    assert isinstance(found["fixed.learning_rate"], float)
    assert parse_overrides(["space={lr: {float: [1e-5, 1e-2]}}"]) == {"space": {"lr": {"float": [1e-5, 1e-2]}}}


@pytest.mark.parametrize(
    ("texts", "part"),
    [
        (["budget.trials"], "'budget.trials' has no form key=value"),
        (["=3"], "'=3' has no form key=value"),
        (["a..b=3"], "'a..b=3' has no form key=value"),
        (["batch=3", "batch=4"], "the key 'batch' is set twice"),
        (["batch=[1"], "broken YAML"),
        (["batch=!!python/name:os.system x"], "tag"),
        (["batch=1\nname: 3"], "is no single value"),
    ],
)
def test_broken_texts(texts: list[str], part: str) -> None:
    with pytest.raises(InvalidInput, match=r"^--set ") as caught:
        parse_overrides(texts)
    assert part in str(caught.value)


def test_they_replace_the_files_own_values_and_nothing_else() -> None:
    document = {**SMALL, "seeds": {"tuning": 3, "test": 11}}
    found = load_description(document, {"budget.trials": 7, "seeds.tuning": [4, 2], "fixed.n_envs": 4, "batch": 2})
    assert found.budget.trials == 7
    assert found.seeds.tuning == (4, 2)
    assert len(found.seeds.test) == 11
    assert found.fixed == {"n_envs": 4}
    assert found.batch == 2
    assert document["seeds"] == {"tuning": 3, "test": 11}


def test_a_bare_name_becomes_a_mapping() -> None:
    document = {**SMALL, "tuner": "nsga2"}
    changed = apply_overrides(
        document, {"tuner.population_size": 8, "schedule.x": 1, "environment.max_episode_steps": 9}
    )
    assert changed["tuner"] == {"name": "nsga2", "population_size": 8}
    assert changed["schedule"] == {"name": "full", "x": 1}
    assert changed["environment"] == {"id": "CartPole-v1", "max_episode_steps": 9}


def test_inner_keys_of_a_space_mapping() -> None:
    document = {**SMALL, "space": {"learning_rate": {"float": [1e-5, 1e-2], "default": 1e-3}}}
    changed = apply_overrides(document, {"space.learning_rate.default": 1e-4})
    assert changed["space"] == {"learning_rate": {"float": [1e-5, 1e-2], "default": 1e-4}}
    assert document["space"] == {"learning_rate": {"float": [1e-5, 1e-2], "default": 1e-3}}
    with pytest.raises(InvalidInput, match="which is 'ppo' and no mapping"):
        apply_overrides({**SMALL, "space": "ppo"}, {"space.learning_rate.default": 1e-4})


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("budgt.trials", "budget.trials"),
        ("bacth", "batch"),
        ("budget.trails", "budget.trials"),
        ("seeds.tunig", "seeds.tuning"),
        ("budget.trials.x", "budget.trials"),
    ],
)
def test_unknown_keys_are_refused_with_the_nearest(key: str, nearest: str) -> None:
    with pytest.raises(UnknownName, match=f"unknown key '{key}'; did you mean '{nearest}'"):
        apply_overrides(SMALL, {key: 3})


def test_a_key_without_inner_keys_is_set_as_a_whole() -> None:
    with pytest.raises(InvalidInput, match="'batch' has none; set 'batch' as a whole"):
        apply_overrides(SMALL, {"batch.x": 3})
