"""The study file: what it accepts, what it refuses and with which sentence, and that it reads back equal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from autorl.documents import parse_document
from autorl.environment import Environment
from autorl.errors import InvalidInput, UnknownName
from autorl.seeds import SeedPlan
from autorl.study.description import StudyDescription
from autorl.study.loading import bundled_studies, dump_document, load_description
from autorl.study.resolved import resolve

SMALL: Mapping[str, object] = {"algorithm": "ppo", "environment": "CartPole-v1", "budget": {"trials": 4}}
FULL: Mapping[str, object] = {
    "name": "everything",
    "algorithm": {"sb3": "PPO"},
    "environment": {
        "id": "CartPole-v1",
        "kwargs": {"sutton_barto_reward": False},
        "wrappers": ["ClipReward", {"name": "TransformReward", "kwargs": {"func": "x:y"}}],
        "max_episode_steps": 200,
        "backend": "gymnasium",
    },
    "space": {"learning_rate": {"float": [1.0e-5, 1.0e-2], "log": True, "default": 3.0e-4}},
    "fixed": {"n_epochs": 10, "gamma": "1e-1", "activation": "tanh"},
    "objectives": [{"env_steps_to": {"return": 475}}, {"metric": "parameters", "direction": "minimize"}],
    "constraints": [
        {"train_seconds": None, "at_most": "6e1"},
        {"metric": "env_steps_to", "return": 475, "at_least": 9},
    ],
    "tuner": {"name": "nsga2", "population_size": 16},
    "schedule": {"name": "full"},
    "budget": {"trials": 32, "env_steps": "3e4", "hours": 0.5, "env_steps_total": 1_000_000},
    "batch": 8,
    "seeds": {"tuning": [3, 1], "validation": 2, "test": 10},
    "tuner_seed": 7,
    "evaluation": {"episodes": 10, "curve_episodes": 10, "checkpoints": 5, "discount": 0.99},
    "limits": {"seconds": 60, "first_failures": 1},
    "finalists": 3,
    "start_from": [{"learning_rate": "1e-4"}],
    "executor": "local",
    "storage": "postgresql://host/name",
}


def refusal(**changes: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        load_description({**SMALL, **changes})
    return str(caught.value)


def test_a_short_file_takes_the_stated_defaults() -> None:
    found = load_description(SMALL)
    assert found.name == "ppo_CartPole-v1"
    assert found.environment == Environment("CartPole-v1")
    assert found.space is None
    assert found.objectives == ({"metric": "return", "direction": "maximize", "last_checkpoints": 1},)
    assert (found.tuner, found.schedule, found.batch, found.tuner_seed) == ("gp", "full", 4, 0)
    assert found.seeds == SeedPlan.of(5, 0, 20)
    assert (found.budget.trials, found.budget.env_steps, found.budget.hours) == (4, 30_000, None)
    evaluation = found.evaluation
    assert (evaluation.episodes, evaluation.curve_episodes, evaluation.checkpoints) == (20, 3, 10)
    assert evaluation.discount == 1.0
    assert (found.limits.seconds, found.limits.first_failures, found.finalists) == (600.0, 3, 10)
    assert (found.executor, found.storage, found.start_from) == ("local", "sqlite", ())
    assert found.constraints == ()


@pytest.mark.parametrize("document", [SMALL, FULL], ids=["short", "full"])
def test_the_resolved_file_reads_back_equal(document: Mapping[str, object]) -> None:
    found = load_description(document)
    text = dump_document(found.resolved())
    again = StudyDescription.of(parse_document(text, "study.yaml"), "study.yaml")
    assert again == found
    assert dump_document(again.resolved()) == text
    assert list(found.resolved()) == list(StudyDescription.model_fields)


def test_numbers_with_an_exponent_are_numbers_wherever_yaml_leaves_them_as_text() -> None:
    found = load_description(FULL)
    assert found.budget.env_steps == 30_000
    assert found.fixed == {"n_epochs": 10, "gamma": 0.1, "activation": "tanh"}
    assert found.start_from == ({"learning_rate": 1e-4},)


def test_counts_and_lists_of_seeds_say_the_same() -> None:
    counted = load_description({**SMALL, "seeds": {"tuning": 3, "test": 2}})
    listed = load_description({**SMALL, "seeds": {"tuning": [0, 1, 2], "test": [20_000, 20_001]}})
    assert counted == listed


def test_one_changed_key_makes_descriptions_unequal() -> None:
    assert load_description(SMALL) != load_description({**SMALL, "batch": 5})
    assert load_description(SMALL) != load_description({**SMALL, "fixed": {"x": 1}})


def test_a_description_is_frozen() -> None:
    found: Any = load_description(SMALL)
    with pytest.raises(ValueError, match="frozen"):
        found.batch = 3


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"budgt": {}}, ["unknown key 'budgt'", "did you mean 'budget'"]),
        ({"budget": {"trails": 3}}, ["study: budget: unknown key 'trails'", "'trials'"]),
        ({"seeds": {"tunning": 3}}, ["seeds: unknown key of seeds 'tunning'", "'tuning'"]),
        ({"evaluation": {"episode": 3}}, ["evaluation: unknown key 'episode'", "'episodes'"]),
        ({"limits": {"second": 3}}, ["limits: unknown key 'second'", "'seconds'"]),
        ({"environment": {"idd": "CartPole-v1"}}, ["environment: unknown key of environment 'idd'", "'id'"]),
        ({"constraints": [{"metric": "retrun", "at_least": 1}]}, ["study: constraints[0]: unknown metric", "'return'"]),
        ({"objectives": ["retrun"]}, ["objectives[0]: unknown metric 'retrun'", "did you mean 'return'"]),
        ({"executor": "locale"}, ["executor: unknown executor 'locale'", "did you mean 'local'"]),
    ],
)
def test_unknown_names_get_the_nearest_known_one(changes: dict[str, object], parts: list[str]) -> None:
    with pytest.raises(UnknownName) as caught:
        load_description({**SMALL, **changes})
    assert all(part in str(caught.value) for part in parts), str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": {"trials": 0}}, "study: budget.trials: 0 must be at least 1"),
        ({"budget": {"trials": True}}, "study: budget.trials: True is no number"),
        ({"budget": {"trials": "many"}}, "study: budget.trials: 'many' is no number"),
        ({"budget": {"trials": 1.5}}, "study: budget.trials: 1.5 must be a whole number"),
        ({"budget": {"trials": [4]}}, "study: budget.trials: [4] must be a whole number"),
        ({"budget": {"hours": 0}}, "study: budget.hours: 0 must be greater than 0"),
        ({"budget": {"hours": float("inf")}}, "study: budget.hours: inf must be a finite number"),
        ({"budget": 5}, "study: budget: 5 must be a mapping"),
        ({"evaluation": {"discount": 1.5}}, "study: evaluation.discount: 1.5 must be at most 1"),
        ({"evaluation": {"discount": 0}}, "study: evaluation.discount: 0 must be greater than 0"),
        ({"tuner_seed": -1}, "study: tuner_seed: -1 must be at least 0"),
        ({"limits": {"seconds": -1}}, "study: limits.seconds: -1 must be greater than 0"),
        ({"objectives": []}, "study: objectives: [] is empty; at least one objective is needed"),
        (
            {"constraints": {"metric": "return"}},
            "study: constraints: {'metric': 'return'} must be a list, such as [{metric: train_seconds, at_most: 60}]",
        ),
        (
            {"constraints": [{"metric": "return", "at_most": "many"}]},
            "study: constraints[0]: at_most: 'many' is no finite number; the bound is one, in the metric's own unit",
        ),
        ({"seeds": {"tuning": 0}}, "study: seeds.tuning: [] holds no seed; at least one is needed"),
        (
            {"seeds": {"tuning": [1, 20_000]}},
            "study: seeds.tuning and seeds.test share seed(s) 20000; the sets must be disjoint",
        ),
        ({"tuner": {"size": 3}}, "study: tuner: {'size': 3} is neither a name nor a mapping with the key 'name'"),
        ({"space": [1]}, "study: space: [1] is neither a name, a path, nor the mapping of a space"),
        ({"fixed": {"n_steps": [1]}}, "study: fixed: n_steps: [1] is no single value"),
        ({"fixed": {"n_steps": float("nan")}}, "study: fixed: n_steps: nan is not finite"),
        ({"start_from": {"n_steps": 3}}, "study: start_from: {'n_steps': 3} is no list of configurations"),
        ({"algorithm": 3}, "study: algorithm: 3 is neither a name, `module:attribute`, nor a mapping for an adapter"),
        ({"storage": "pg"}, "study: storage: 'pg' is neither 'sqlite' nor a database URL such as postgresql://host/name"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_one_sentence_with_key_value_and_rule(changes: dict[str, object], message: str) -> None:
    assert refusal(**changes) == message


def test_what_two_keys_must_agree_on() -> None:
    assert refusal(evaluation={"curve_episodes": 30}).startswith(
        "study: evaluation.curve_episodes: 30 exceeds evaluation.episodes (20)"
    )
    assert refusal(evaluation={"checkpoints": 40_000}).startswith(
        "study: evaluation.checkpoints: 40000 exceeds budget.env_steps (30000)"
    )
    load_description({**SMALL, "evaluation": {"curve_episodes": 20}})


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "a\\b", "a b", "-x", "x\n", "x" * 101, 3, None])
def test_a_study_name_is_a_plain_file_name(name: object) -> None:
    message = refusal(name=name)
    assert message.startswith("study: name: ")
    assert repr(name) in message
    assert "no plain file name" in message


@pytest.mark.parametrize("name", ["x", "cartpole_ppo", "2025-run.1", "größe", "x" * 100])
def test_plain_file_names_are_accepted(name: str) -> None:
    assert load_description({**SMALL, "name": name}).name == name


@pytest.mark.parametrize("key", ["algorithm", "environment", "budget"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(InvalidInput, match=f"^study: the key '{key}' is missing"):
        load_description({name: value for name, value in SMALL.items() if name != key})


def test_a_file_takes_its_own_name_and_messages_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("algorithm: ppo\nenvironment: CartPole-v1\nbudget: {trials: 2}\n")
    assert load_description(path).name == "mine"
    assert load_description(str(path)) == load_description(path)
    path.write_text("algorithm: ppo\nenvironment: CartPole-v1\nbudget: {trials: -2}\n")
    with pytest.raises(InvalidInput) as caught:
        load_description(path)
    assert str(caught.value) == f"{path}: budget.trials: -2 must be at least 1"


def test_a_space_path_is_relative_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("algorithm: ppo\nenvironment: CartPole-v1\nspace: ./small.yaml\nbudget: {trials: 2}\n")
    assert load_description(path).space == str(tmp_path / "small.yaml")
    path.write_text("algorithm: ppo\nenvironment: CartPole-v1\nspace: ppo_small\nbudget: {trials: 2}\n")
    assert load_description(path).space == "ppo_small"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "empty"),
        ("- a\n", "list"),
        ("a: 1\na: 2\n", "duplicate key 'a'"),
        ("algorithm: !!python/name:os.system x\n", "tag"),
        ("a: [1\n", "broken YAML"),
    ],
)
def test_a_file_that_is_no_plain_mapping_is_refused_by_name(tmp_path: Path, text: str, part: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        load_description(path)
    assert str(path) in str(caught.value)
    assert part in str(caught.value)


def test_unknown_studies_directories_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="unknown study 'quikstart'; did you mean 'quickstart'"):
        load_description("quikstart")
    with pytest.raises(InvalidInput, match="is a directory"):
        load_description(f"{tmp_path}/")
    with pytest.raises(InvalidInput, match=r"'nowhere/x.yaml' does not exist; bundled studies are .*quickstart"):
        load_description("nowhere/x.yaml")


@pytest.mark.parametrize("name", sorted(bundled_studies()))
def test_bundled_studies_load_and_have_a_summary(name: str) -> None:
    found = load_description(name)
    assert found.name == name
    assert len(found.seeds.test) >= 10
    assert bundled_studies()[name].read_text().startswith("# ")
    resolved = resolve(found)
    if resolved.environment.spaces().rewards > 1:
        assert resolved.seeds.validation
        if "gamma" not in resolved.space.names:
            assert resolved.baseline["gamma"] == found.evaluation.discount
