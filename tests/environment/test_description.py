"""The description: plain data, checked, equal where it says the same."""

import copy
import pickle
import sys

import numpy as np
import pytest

from autorl.content import canonical_json
from autorl.environment import Environment
from autorl.errors import InvalidInput, MissingExtra, UnknownName


def test_reads_an_id_or_a_mapping() -> None:
    assert Environment.of("CartPole-v1") == Environment("CartPole-v1")
    given = {"id": "CartPole-v1", "kwargs": {"a": 1}, "wrappers": ["Shout"], "max_episode_steps": 7}
    read = Environment.of(given)
    assert read == Environment("CartPole-v1", {"a": 1}, ("Shout",), 7)
    assert Environment.of(read) is read
    assert read.wrappers == ({"name": "Shout", "kwargs": {}},)


def test_is_hashable_picklable_and_exact() -> None:
    one = Environment("CartPole-v1", {"gravity": 1}, [{"name": "W", "kwargs": {"b": [1, 2]}}])
    assert pickle.loads(pickle.dumps(one)) == one == copy.deepcopy(one)  # noqa: S301  # its own dump
    assert hash(one) == hash(copy.deepcopy(one))
    assert one != Environment("CartPole-v1", {"gravity": 1.0}, [{"name": "W", "kwargs": {"b": [1, 2]}}])
    assert one != "CartPole-v1"


def test_does_not_follow_the_data_it_was_given() -> None:
    kwargs = {"nested": [1]}
    environment = Environment("CartPole-v1", kwargs)
    kwargs["nested"].append(2)
    assert environment.kwargs == {"nested": [1]}


@pytest.mark.parametrize(
    "source, message",
    [
        ({"id": "CartPole-v1", "kwarg": {}}, "did you mean 'kwargs'"),
        ({"kwargs": {}}, "lacks the key 'id'"),
        (3, "3 is neither an id nor a mapping"),
        ("", "environment.id: '' is no name; write a registered id such as CartPole-v1"),
        ({"id": "X", "backend": 2}, "environment.backend: 2"),
        ({"id": "X", "max_episode_steps": 0}, "environment.max_episode_steps: 0"),
        ({"id": "X", "max_episode_steps": True}, "environment.max_episode_steps: True"),
        ({"id": "X", "kwargs": [1]}, r"environment.kwargs: \[1\]"),
        ({"id": "X", "kwargs": {"a": object}}, "environment.kwargs: .*no canonical form"),
        ({"id": "X", "wrappers": "Shout"}, "environment.wrappers: 'Shout' is no list"),
        ({"id": "X", "wrappers": [3]}, r"environment.wrappers\[0\]: 3"),
        ({"id": "X", "wrappers": [{"name": "W", "args": {}}]}, r"wrappers\[0\]: unknown key of a wrapper 'args'"),
    ],
)
def test_refuses_malformed_data(source: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Environment.of(source)  # type: ignore[arg-type]  # what a study file may hold


@pytest.mark.parametrize(
    "source",
    [
        "CartPole-v1",
        "CartPole",
        "FrozenLake-v1",
        {"id": "Blackjack-v1", "max_episode_steps": 9},
        {"id": "toy_environments:toy/Line", "wrappers": ["RecordEpisodeStatistics", "toy_environments:Shout"]},
        {"id": "FrozenLake-v1", "backend": "envpool"},
        {"id": "CartPole-v1", "backend": "envpool", "max_episode_steps": 9},
    ],
)
def test_a_resolved_description_reads_back_as_itself(source: str | dict[str, object]) -> None:
    environment = Environment.of(source)
    described = environment.describe()
    again = Environment.of(described)
    assert again.describe() == described
    assert canonical_json(described)
    assert again.spaces() == environment.spaces()


def test_a_resolved_description_says_what_was_decided() -> None:
    line = Environment("toy/Line").describe()
    assert (line["id"], line["max_episode_steps"], line["wrappers"]) == ("toy/Line-v1", 5, [])
    flat = [{"name": "FlattenObservation", "kwargs": {}}]
    assert Environment("FrozenLake-v1").describe()["wrappers"] == flat
    assert Environment("FrozenLake-v1", backend="envpool").describe()["wrappers"] == flat


def test_an_old_version_is_taken_without_a_warning() -> None:
    assert Environment("toy/Line-v0").describe()["id"] == "toy/Line-v0"
    assert Environment("CartPole-v0").spaces().max_episode_steps == 200


@pytest.mark.parametrize(
    "environment, error, message",
    [
        (Environment("CartPol-v1"), UnknownName, "did you mean 'CartPole-v1'"),
        (Environment("CartPole-v7"), UnknownName, "did you mean 'CartPole-v1'"),
        (Environment("CartPole-v1", backend="gym"), UnknownName, "did you mean 'gymnasium'"),
        (Environment("CartPol-v1", backend="envpool"), UnknownName, "did you mean 'CartPole-v1'"),
        (Environment("CartPole-v1", wrappers=["ClipRewards"]), UnknownName, "did you mean 'ClipReward'"),
        (Environment("CartPole-v1", wrappers=["toy_environments:Shot"]), UnknownName, "did you mean 'Shout'"),
        (Environment("nowhere/Line-v0"), InvalidInput, "nothing registers the namespace 'nowhere'"),
        (Environment("a b"), InvalidInput, "no well-formed id"),
        (Environment("nomodule:Line-v0"), InvalidInput, "'nomodule', which is not found"),
        (Environment("toy/Line-v1", {"lenth": 2}), InvalidInput, "lenth"),
        (Environment("toy/Line-v1", {"length": 0}), InvalidInput, "length 0 is below 1"),
        (Environment("toy/Line-v1", {"max_episode_steps": 3}), InvalidInput, r"'max_episode_steps' \(given as 3\)"),
        (Environment("CartPole-v1", {"numenvs": 3}, backend="envpool"), InvalidInput, "numenvs"),
        (Environment("CartPole-v1", {"num_envs": 3}, backend="envpool"), InvalidInput, "'num_envs'"),
        (Environment("CartPole-v1", wrappers=["ClipReward"], backend="envpool"), InvalidInput, "takes no wrappers"),
        (Environment("CartPole-v1", wrappers=["NormalizeReward"]), InvalidInput, "'NormalizeReward' is refused"),
        (Environment("CartPole-v1", wrappers=["Autoreset"]), InvalidInput, "'Autoreset' is refused"),
        (
            Environment("CartPole-v1", wrappers=[{"name": "ClipReward", "kwargs": {"mn": 1}}]),
            InvalidInput,
            "'ClipReward' does not fit",
        ),
        (Environment("CartPole-v1", wrappers=["toy_environments:not_callable"]), InvalidInput, "nothing to call"),
        (Environment("CartPole-v1", wrappers=["toy_environments:no_environment"]), InvalidInput, "no gymnasium.Env"),
        (Environment("toy/Endless-v0"), InvalidInput, "has no time limit.*set max_episode_steps"),
        (Environment("Blackjack-v1", backend="envpool"), InvalidInput, "has no time limit.*set max_episode_steps"),
        (Environment("toy/Wordy-v0"), InvalidInput, "no flat form"),
        (Environment("toy/Uninstalled-v0"), MissingExtra, r"^Toy, which .* pip install '?gymnasium\[toy\]"),
    ],
)
def test_looking_refuses_what_cannot_be_made(environment: Environment, error: type[Exception], message: str) -> None:
    for look in (environment.spaces, environment.describe):
        with pytest.raises(InvalidInput, match=message) as caught:
            look()
        assert type(caught.value) is error


def test_a_limit_of_ones_own_makes_an_endless_environment_fit() -> None:
    assert Environment("toy/Endless-v0", max_episode_steps=4).spaces().max_episode_steps == 4


def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "envpool", None)
    environment = Environment("CartPole-v1", max_episode_steps=77, backend="envpool")
    with pytest.raises(MissingExtra, match=r"autorl\[envpool\]"):
        environment.spaces()


@pytest.mark.parametrize("seeds", [[], [-1], [2**31]])
def test_refuses_seeds_out_of_range(seeds: list[int]) -> None:
    with pytest.raises(InvalidInput, match="environment seeds"):
        Environment("toy/Line-v1").vector(seeds)


def test_one_environment_is_seeded_with_its_action_space() -> None:
    environment = Environment("toy/Line-v1", {"actions": 50})
    one, other = environment.make(seed=4), environment.make(seed=4)
    assert [one.action_space.sample() for _ in range(5)] == [other.action_space.sample() for _ in range(5)]
    np.testing.assert_array_equal(one.reset()[0], other.reset()[0])
    assert environment.make().action_space == environment.spaces().action


def test_envpool_makes_no_single_environment() -> None:
    with pytest.raises(InvalidInput, match="vector environments only"):
        Environment("CartPole-v1", backend="envpool").make()


def test_versions_name_whoever_decides_numbers() -> None:
    import gymnasium

    assert Environment("CartPole-v1").versions() == {"gymnasium": gymnasium.__version__}
    assert {"envpool", "gymnasium"} <= set(Environment("CartPole-v1", backend="envpool").versions())
    own = Environment("toy_environments:toy/Line-v1").versions()
    assert own["module toy_environments"].startswith("sha256:")
    assert "module toy_environments" in Environment("CartPole-v1", wrappers=["toy_environments:Shout"]).versions()
