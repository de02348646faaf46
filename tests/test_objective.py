"""Segments: keys, promotions from saved states, and bits that depend on no company.

Everything that trains runs in a child process started as a worker is, since MKL reads its mode when it is loaded. It is
one for all tests, since a process takes longer to start than these trainings.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autorl.environment import Environment
from autorl.execution.base import Done
from autorl.execution.local import Local
from autorl.objective import EvaluationSettings, Group, Objective
from autorl.records import Agent, Segment, Status, Stretch
from autorl.storage.checkpoints import CheckpointFolder

CONFIG: dict[str, Any] = {
    "n_envs": 2,
    "n_steps": 64,
    "batch_size": 64,
    "n_epochs": 2,
    "learning_rate": 1e-3,
    "width": 8,
}
RUNGS = (300, 700, 1000)


@functools.cache
def objective(**changes: Any) -> Objective:
    values: dict[str, Any] = {
        "algorithm": "ppo",
        "environment": Environment("CartPole-v1", max_episode_steps=60),
        "horizon": 1000,
        "rungs": RUNGS,
        "checkpoints": (100, 300, 400, 700, 1000),
        "evaluation": EvaluationSettings(4, 2),
        "stamp": "test",
    }
    return Objective(**{**values, **changes})


def full(**changes: Any) -> dict[str, Any]:
    return {**objective().algorithm_class.defaults(), **CONFIG, **changes}


SHARED = Local(1, Path())


@pytest.fixture(scope="module", autouse=True)
def _one_worker() -> Iterator[None]:
    yield
    SHARED.close()


def train(folder: Path, *groups: Group, of: Objective | None = None) -> list[tuple[tuple[Segment, ...], ...]]:
    SHARED.checkpoints = folder
    found = list(SHARED.run(of or objective(), deque(groups), 600))
    assert all(isinstance(one, Done) for one in found)
    return [one.segments for one in found if isinstance(one, Done)]


def bits(segments: tuple[Segment, ...]) -> list[Any]:
    """Everything about segments that must be equal; seconds are measured."""
    return [
        (
            one.key, one.parent, one.first, one.last, one.status, one.env_steps, one.gradient_updates, repr(one.flops),
            one.parameters, [(entry.checkpoint, entry.returns.tobytes(), entry.env_steps) for entry in one.evaluations],
        )
        for one in segments
    ]  # fmt: skip


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Segment, ...]]:
    """Two agents, from initial weights to the end in one go."""
    group = Group((Agent(full(), 0), Agent(full(gamma=0.9), 7)), 0, 1000)
    return list(train(tmp_path_factory.mktemp("unbroken"), group)[0])


def test_a_chain_has_a_segment_a_rung(unbroken: list[tuple[Segment, ...]]) -> None:
    for segments, agent in zip(unbroken, (Agent(full(), 0), Agent(full(gamma=0.9), 7)), strict=True):
        assert [(one.first, one.last) for one in segments] == [(0, 300), (300, 700), (700, 1000)]
        assert tuple(one.key for one in segments) == objective().chain(agent, 1000)
        assert [one.parent for one in segments] == [None, segments[0].key, segments[1].key]
        # An iteration is 128 steps: 2 fit below 300, 3 more below 700, 2 more below 1000.
        assert [one.env_steps for one in segments] == [256, 384, 256]
        assert [one.gradient_updates for one in segments] == [2 * 2 * 2, 3 * 2 * 2, 2 * 2 * 2]
        assert [entry.returns.shape[1] for one in segments for entry in one.evaluations] == [2, 4, 2, 4, 4]


def test_unchanged_weights_are_not_charged_again(tmp_path: Path) -> None:
    # No iteration ends between 900 and 1000, so the checkpoint at 950 shows the policy of 900 again, for nothing.
    several = objective(rungs=(1000,), checkpoints=(900, 950, 1000))
    ((segments,),) = train(tmp_path, Group((Agent(full(), 0),), 0, 1000), of=several)
    first, second, last = segments[0].evaluations
    assert first.returns.tobytes() == second.returns.tobytes()
    assert (first.env_steps > 0, second.env_steps, last.env_steps > 0) == (True, 0, True)
    # The rung plays more episodes, whose first ones start as those of the curve.
    assert last.returns[:, :2].tolist() == second.returns.tolist()


def test_promotions_from_saved_states_have_the_bits_of_an_unbroken_run(
    tmp_path: Path, unbroken: list[tuple[Segment, ...]]
) -> None:
    agents = (Agent(full(), 0), Agent(full(gamma=0.9), 7))
    other = Agent(full(ent_coef=0.01), 3)
    first = train(tmp_path, Group((other, *agents), 0, 300, keep=True))[0]
    SHARED.close()
    # The dropped agent leaves; the others go on from files, in another order and another process.
    second = train(tmp_path, Group((agents[1], agents[0]), 300, 700, keep=True))[0]
    SHARED.close()
    third = train(tmp_path, Group((agents[0],), 700, 1000))[0]
    assert bits(first[1]) == bits(unbroken[0][:1])
    assert bits(first[2]) == bits(unbroken[1][:1])
    assert bits(second[1]) == bits(unbroken[0][1:2])
    assert bits(second[0]) == bits(unbroken[1][1:2])
    assert bits(third[0]) == bits(unbroken[0][2:])


def test_an_exploited_copy_goes_on_from_the_weights_it_was_copied_from(
    tmp_path: Path, unbroken: list[tuple[Segment, ...]]
) -> None:
    better, worse = Agent(full(), 0), Agent(full(gamma=0.9), 0)
    copy = Agent(full(learning_rate=2e-3), 0, "1@300", (Stretch(300, full()),))
    again = Agent(full(learning_rate=3e-3), 0, "1@700", (*copy.earlier, Stretch(700, copy.configuration, copy.lineage)))
    chains = {who: objective().chain(who_is, 1000) for who, who_is in {"better": better, "copy": copy}.items()}
    assert chains["copy"][0] == chains["better"][0]
    assert chains["copy"][1] != chains["better"][1]
    assert objective().chain(again, 700) == objective().chain(copy, 700)
    train(tmp_path, Group((better, worse), 0, 300, keep=True))
    # The one that goes on as it was, and the copy, which starts from the state saved under the other's key.
    beside = train(tmp_path, Group((better, copy), 300, 700, keep=True))[0]
    assert bits(beside[0]) == bits(unbroken[0][1:2])
    last = train(tmp_path, Group((again,), 700, 1000))[0]
    # From initial weights, on an empty folder, the whole history is lived through to the same bits.
    alone = train(tmp_path / "empty", Group((again,), 0, 1000))[0][0]
    assert bits(alone) == [*bits(unbroken[0][:1]), *bits(beside[1]), *bits(last[0])]
    assert bits(alone[1:2]) != bits(unbroken[0][1:2])


def test_a_policy_that_a_hyperparameter_changes_is_evaluated_again(tmp_path: Path) -> None:
    # No iteration ends between the rung and 310, and the rung plays as many episodes as the curve.
    marks = {"rungs": (300, 1000), "checkpoints": (300, 310, 1000), "evaluation": EvaluationSettings(3, 3)}
    of = objective(**marks)
    seeing = full(normalize_observations=True)
    source, copy = Agent(seeing, 0), Agent(full(normalize_observations=False), 0, "1@300", (Stretch(300, seeing),))
    train(tmp_path, Group((source,), 0, 300, keep=True), of=of)
    continued = train(tmp_path, Group((copy,), 300, 1000), of=of)[0][0]
    replayed = train(tmp_path / "empty", Group((copy,), 0, 1000), of=of)[0][0]
    assert bits(continued) == bits(replayed[1:])
    last, first = replayed[0].evaluations[-1], replayed[1].evaluations[0]
    assert (last.checkpoint, first.checkpoint) == (300, 310)
    assert first.env_steps > 0
    assert first.returns.tolist() != last.returns.tolist()


@pytest.mark.parametrize(
    ("algorithm", "before", "after"),
    [
        ("sac", {"ent_coef": "auto"}, {"ent_coef": 0.01}),
        ("sac", {"ent_coef": 0.01}, {"ent_coef": 0.2}),
        ("sac", {"ent_coef": 0.0}, {"ent_coef": "auto_0.3"}),
        ("sac", {"target_entropy": "auto"}, {"target_entropy": -3.0}),
        ("td3", {"policy_delay": 1}, {"policy_delay": 3}),
        ("mdpo_off_policy", {"gamma": 0.99}, {"gamma": 0.9}),
        (
            "dqn",
            {"prioritized_replay": True, "per_alpha": 0.2},
            {"prioritized_replay": True, "per_alpha": 0.9, "learning_rate": 0.1},
        ),
    ],
)
def test_hyperparameters_that_change_in_training_do_so_from_a_state_as_they_do_live(
    tmp_path: Path, algorithm: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    where = Environment("CartPole-v1" if algorithm == "dqn" else "Pendulum-v1", max_episode_steps=50)
    black_box = objective(algorithm=algorithm, environment=where, horizon=200, rungs=(100, 200), checkpoints=(100, 200))
    small = {"learning_starts": 20, "batch_size": 16, "width": 8, "n_envs": 1}
    old, new = ({**black_box.algorithm_class.defaults(), **small, **values} for values in (before, after))
    source, copy = Agent(old, 0), Agent(new, 0, "copy", (Stretch(100, old),))
    turns = [Group((source,), 0, 100, keep=True), Group((copy,), 100, 200), Group((copy,), 0, 200)]
    turns.append(Group((source,), 100, 200))
    _, continued, replayed, kept = (train(tmp_path, turn, of=black_box)[0][0] for turn in turns)
    assert bits(continued) == bits(replayed[1:])
    assert bits(kept)[0][-1] != bits(continued)[0][-1], "the change has an effect"


def test_a_history_says_who_somebody_was(tmp_path: Path) -> None:
    agent = Agent(full(), 4, "b", (Stretch(300, full(gamma=0.9)), Stretch(700, full(gamma=0.8), "a")))
    assert [agent.at(mark).configuration["gamma"] for mark in (0, 299, 300, 700, 1000)] == [0.9, 0.9, 0.8, 0.99, 0.99]
    assert [(agent.at(mark).lineage, agent.at(mark).seed) for mark in (0, 300, 700)] == [("", 4), ("a", 4), ("b", 4)]


def test_only_the_last_state_of_a_group_is_kept(tmp_path: Path) -> None:
    train(tmp_path, Group((Agent(full(), 0),), 0, 700, keep=True))
    assert [path.stem for path in tmp_path.iterdir()] == [objective().chain(Agent(full(), 0), 700)[-1]]


def test_a_lost_state_is_trained_again_to_the_same_bits(tmp_path: Path, unbroken: list[tuple[Segment, ...]]) -> None:
    agent = Agent(full(), 0)
    train(tmp_path, Group((agent,), 0, 300, keep=True))
    path = CheckpointFolder(tmp_path).path(objective().chain(agent, 300)[-1])
    path.write_bytes(path.read_bytes()[:40])
    ((segments,),) = train(tmp_path, Group((agent,), 300, 1000))
    assert bits(segments) == bits(unbroken[0][1:])


def test_a_diverged_agent_scores_as_the_random_policy_and_its_neighbour_goes_on(
    tmp_path: Path, unbroken: list[tuple[Segment, ...]]
) -> None:
    from autorl.environment.evaluation import random_returns

    wild = Agent(full(learning_rate=1e30, max_grad_norm=1e30), 5)
    (broken, healthy) = train(tmp_path, Group((wild, Agent(full(), 0)), 0, 1000))[0]
    assert bits(healthy) == bits(unbroken[0])
    assert {one.status for one in broken} == {Status.DIVERGED}
    random, _ = random_returns(objective().environment, [5], 4)
    assert np.array_equal(broken[-1].evaluations[-1].returns, random[0])


def test_a_key_changes_with_everything_a_result_depends_on_and_with_nothing_else() -> None:
    agent = Agent(full(), 0)
    keys = {
        "plain": objective().chain(agent, 1000)[-1],
        "seed": objective().chain(Agent(full(), 1), 1000)[-1],
        "lineage": objective().chain(Agent(full(), 0, "copy"), 1000)[-1],
        "value": objective().chain(Agent(full(gamma=0.98), 0), 1000)[-1],
        "rungs": objective(rungs=(500, 1000)).chain(agent, 1000)[-1],
        "horizon": objective(horizon=2000, rungs=(300, 700, 1000, 2000)).chain(agent, 1000)[-1],
        "environment": objective(environment=Environment("CartPole-v1")).chain(agent, 1000)[-1],
        "stamp": objective(stamp="other").chain(agent, 1000)[-1],
        "device": objective(device="cuda").chain(agent, 1000)[-1],
    }
    assert len(set(keys.values())) == len(keys)
    # Evaluation settings and checkpoints change what is known of a segment, not the segment.
    assert objective(evaluation=EvaluationSettings(9, 3), checkpoints=RUNGS).chain(agent, 1000)[-1] == keys["plain"]
    assert objective().evaluation_keys("k", 0, 300) != objective(evaluation=EvaluationSettings(9, 3)).evaluation_keys(
        "k", 0, 300
    )
    reordered = dict(reversed(full().items()))
    assert objective().chain(Agent(reordered, 0), 1000)[-1] == keys["plain"]


def test_what_an_evaluation_costs_does_not_depend_on_where_training_was_continued(tmp_path: Path) -> None:
    # No iteration of 128 steps ends between 256 and 350, so the checkpoint at 350 shows the policy of the rung again.
    several = objective(rungs=(300, 1000), checkpoints=(300, 350, 1000), evaluation=EvaluationSettings(4, 4))
    agent = Agent(full(), 0)
    ((whole,),) = train(tmp_path / "a", Group((agent,), 0, 1000), of=several)
    train(tmp_path / "b", Group((agent,), 0, 300, keep=True), of=several)
    ((continued,),) = train(tmp_path / "b", Group((agent,), 300, 1000), of=several)
    assert bits(continued) == bits(whole[1:])
    assert continued[0].evaluations[0].env_steps == 0


def test_a_policy_that_changes_without_a_step_is_evaluated_again_whoever_is_beside_it(tmp_path: Path) -> None:
    toy = objective(
        algorithm="tests.study.toys:late", rungs=(1000,), checkpoints=(500, 1000), evaluation=EvaluationSettings(2, 2)
    )
    agent, other = Agent({"x": 0.1, "y": "a"}, 0), Agent({"x": 0.2, "y": "a"}, 1)
    ((alone,),) = train(tmp_path, Group((agent,), 0, 1000), of=toy)
    ((company, _),) = train(tmp_path, Group((agent, other), 0, 1000), of=toy)
    assert bits(alone) == bits(company)
    assert [float(entry.returns.mean()) for entry in alone[0].evaluations] == [1.0, 2.0]


def test_a_failure_at_a_later_rung_leaves_the_earlier_segment_whole(tmp_path: Path) -> None:
    worn = {"name": "tests.study.toys:RaisesAfter", "kwargs": {"steps": 150}}
    fragile = objective(environment=Environment("CartPole-v1", max_episode_steps=60, wrappers=[worn]))
    agent = Agent(full(), 0)
    ((first,),) = train(tmp_path, Group((agent,), 0, 300), of=fragile)
    ((both,),) = train(tmp_path, Group((agent,), 0, 1000), of=fragile)
    assert [one.status for one in both] == [Status.COMPLETE, Status.FAILED]
    assert bits((both[0],)) == bits(first)
    assert (both[1].first, both[1].last) == (300, 700)
    assert "worn out" in (both[1].reason or "")


def test_a_folder_that_cannot_be_written_costs_no_result(tmp_path: Path, unbroken: list[tuple[Segment, ...]]) -> None:
    (tmp_path / "file").write_text("in the way")
    ((segments,),) = train(tmp_path / "file", Group((Agent(full(), 0),), 0, 1000, keep=True))
    assert bits(segments) == bits(unbroken[0])


def test_a_group_that_raises_is_split_until_only_the_culprit_fails(tmp_path: Path) -> None:
    toy = objective(algorithm="tests.study.toys:partly", rungs=(1000,), checkpoints=(1000,))
    agents = tuple(Agent({"x": 0.1, "y": y}, seed) for y in "ac" for seed in (0, 1))
    (chains,) = train(tmp_path, Group(agents, 0, 1000), of=toy)
    assert [chain[0].status for chain in chains] == [Status.COMPLETE] * 2 + [Status.FAILED] * 2
    assert "the simulator refused y = c" in (chains[2][0].reason or "")
