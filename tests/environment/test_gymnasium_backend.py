"""The Gymnasium loop, on environments whose every number is known."""

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from autorl.environment import Environment, Step, VectorEnvironment


def line(limit: int = 5, **kwargs: object) -> Environment:
    return Environment("toy_environments:toy/Line-v1", kwargs, max_episode_steps=limit)


def rollout(vector: VectorEnvironment, actions: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], list[Step]]:
    first = vector.reset()
    steps = [vector.step(row) for row in actions]
    vector.close()
    return first, steps


def test_same_step_resets_keep_the_final_observation() -> None:
    """Length 3, limit 5: the final observation is step 3 of its episode, and no step is lost across a reset."""
    first, steps = rollout(line(length=3).vector([8]), np.zeros((7, 1), int))
    np.testing.assert_array_equal(first[:, :2], [[0, 0]])
    assert [step.next_observations[0, :2].tolist() for step in steps] == [
        [0, 1], [0, 2], [0, 3], [1, 1], [1, 2], [1, 3], [2, 1],
    ]  # fmt: skip
    assert [step.observations[0, :2].tolist() for step in steps] == [
        [0, 1], [0, 2], [1, 0], [1, 1], [1, 2], [2, 0], [2, 1],
    ]  # fmt: skip
    assert [step.terminated[0] for step in steps] == [False, False, True, False, False, True, False]
    assert not any(step.truncated[0] for step in steps)
    assert [step.rewards[0, 0] for step in steps] == [1, 2, 3, 1, 2, 3, 1]


def test_truncation_stands_apart_from_termination() -> None:
    """Limit 2 of length 4: every second step is a cut, from which one bootstraps."""
    _, steps = rollout(line(limit=2, length=4).vector([8]), np.zeros((4, 1), int))
    assert [(step.terminated[0], step.truncated[0]) for step in steps] == [(False, False), (False, True)] * 2
    assert [step.next_observations[0, 1] for step in steps] == [1, 2, 1, 2]


def test_an_environment_may_truncate_itself() -> None:
    """Cut at 2, limit 3: the count towards the limit starts anew after the cut."""
    _, steps = rollout(line(limit=3, length=9, cut=2).vector([8]), np.zeros((4, 1), int))
    assert [(step.terminated[0], step.truncated[0]) for step in steps] == [(False, False), (False, True)] * 2


def test_termination_at_the_very_limit_wins() -> None:
    _, steps = rollout(line(limit=3, length=3).vector([8]), np.zeros((3, 1), int))
    assert (steps[-1].terminated[0], steps[-1].truncated[0]) == (True, False)


def test_draws_follow_the_seed_alone_across_resets() -> None:
    """The stream of seed 8 is one sequence of draws, whoever stands beside it and wherever."""
    draws = seeding.np_random(8)[0].random(9)
    alone_first, alone = rollout(line(length=3).vector([8]), np.zeros((6, 1), int))
    seen = [alone_first[0, 2]]
    for step in alone:
        seen.append(step.next_observations[0, 2])
        if step.terminated[0]:
            seen.append(step.observations[0, 2])
    np.testing.assert_array_equal(seen, draws)
    for row, seeds in ((0, [8, 5]), (2, [1, 2, 8])):
        first, steps = rollout(line(length=3).vector(seeds), np.zeros((6, len(seeds)), int))
        np.testing.assert_array_equal(first[row], alone_first[0])
        for step, expected in zip(steps, alone, strict=True):
            np.testing.assert_array_equal(step.next_observations[row], expected.next_observations[0])
            np.testing.assert_array_equal(step.observations[row], expected.observations[0])


def test_arrays_handed_out_are_never_written_again() -> None:
    first, steps = rollout(line(length=2).vector([1, 2]), np.zeros((5, 2), int))
    assert first[:, 1].tolist() == [0, 0]
    assert [step.next_observations[1, 1] for step in steps] == [1, 2, 1, 2, 1]


def test_sub_environments_that_do_not_run_are_left_alone() -> None:
    vector = line(length=2).vector([1, 2])
    first = vector.reset()
    step = vector.step(np.array([0, 1]), np.array([False, True]))
    np.testing.assert_array_equal(step.next_observations[0], first[0])
    np.testing.assert_array_equal(step.observations[0], first[0])
    assert step.rewards.tolist() == [[0.0], [101.0]]
    assert (step.terminated | step.truncated).tolist() == [False, False]
    step = vector.step(np.array([0, 0]))
    assert step.next_observations[:, 1].tolist() == [1, 2]
    assert step.terminated.tolist() == [False, True]
    again = vector.step(np.array([0, 0]), np.array([True, False]))
    np.testing.assert_array_equal(again.next_observations[1], step.observations[1])
    assert again.observations[1, :2].tolist() == [1, 0]
    vector.close()


def test_vector_rewards_keep_their_shape() -> None:
    environment = line(length=3, rewards=3)
    assert environment.spaces().rewards == 3
    vector = environment.vector([1, 2])
    vector.reset()
    assert vector.step(np.array([0, 1])).rewards.tolist() == [[1, 10, 100], [101, 1010, 10100]]
    assert vector.step(np.array([0, 1]), np.array([True, False])).rewards.tolist() == [[2, 20, 200], [0, 0, 0]]
    vector.close()


@pytest.mark.parametrize("multi", [False, True])
def test_discrete_actions_count_from_zero(multi: bool) -> None:
    """An environment that acts in -3..-1 is given 0..2; its rewards tell which action arrived."""
    environment = line(start=-3, actions=3, multi=multi)
    assert environment.spaces().action == (MultiDiscrete([3, 3]) if multi else Discrete(3))
    vector = environment.vector([1, 2, 3])
    vector.reset()
    actions = np.array([[0, 0], [1, 1], [2, 2]]) if multi else np.array([0, 1, 2])
    rewards = vector.step(actions).rewards[:, 0]
    vector.close()
    assert rewards.tolist() == ([-599, -399, -199] if multi else [-299, -199, -99])


def test_wrappers_apply_in_order_with_their_arguments() -> None:
    clip = {"name": "ClipReward", "kwargs": {"min_reward": 0, "max_reward": 2.5}}
    shout = {"name": "toy_environments:Shout", "kwargs": {"by": 10}}
    for wrappers, expected in (((clip, shout), [10, 20, 25]), ((shout, clip), [2.5, 2.5, 2.5])):
        environment = Environment("toy/Line-v1", {"length": 3}, wrappers)
        _, steps = rollout(environment.vector([1]), np.zeros((3, 1), int))
        assert [step.rewards[0, 0] for step in steps] == expected
        assert steps[-1].terminated[0]


def test_a_limit_among_the_wrappers_is_the_one_in_force() -> None:
    limit = {"name": "TimeLimit", "kwargs": {"max_episode_steps": 2}}
    environment = Environment("toy/Endless-v0", {"length": 9}, [limit])
    assert environment.spaces().max_episode_steps == 2
    _, steps = rollout(environment.vector([1]), np.zeros((4, 1), int))
    assert [step.truncated[0] for step in steps] == [False, True, False, True]


def test_observations_that_are_no_arrays_are_flattened() -> None:
    lake = Environment("FrozenLake-v1", {"is_slippery": False})
    assert lake.spaces().observation == Box(0, 1, (16,), np.int64)
    first, steps = rollout(lake.vector([0, 1]), np.array([[2, 1]]))
    assert first.argmax(axis=1).tolist() == [0, 0]
    assert steps[0].next_observations.argmax(axis=1).tolist() == [1, 4]
    assert steps[0].next_observations.sum() == 2
    assert Environment("Blackjack-v1", max_episode_steps=9).spaces().observation.shape == (32 + 11 + 2,)


@pytest.mark.parametrize("id, count", [("CartPole-v1", 60), ("Pendulum-v1", 25), ("MountainCarContinuous-v0", 25)])
def test_agrees_with_gymnasiums_own_loop(id: str, count: int) -> None:
    """Bit for bit, over resets of both kinds."""
    seeds, generator = [7, 3, 7, 12], np.random.default_rng(0)
    environment = Environment(id, max_episode_steps=20)
    space = environment.spaces().action
    if isinstance(space, Discrete):
        actions = generator.integers(0, 2, (count, 4))
    else:
        assert isinstance(space, Box)
        actions = generator.uniform(space.low, space.high, (count, 4, *space.shape)).astype(np.float32)
    first, steps = rollout(environment.vector(seeds), actions)
    peer: Any = SyncVectorEnv(
        [lambda: gymnasium.make(id, max_episode_steps=20)] * 4, autoreset_mode=AutoresetMode.SAME_STEP
    )
    np.testing.assert_array_equal(first, peer.reset(seed=seeds)[0])
    ends = 0
    for step, row in zip(steps, actions, strict=True):
        observations, rewards, terminated, truncated, info = peer.step(row)
        np.testing.assert_array_equal(step.observations, observations)
        np.testing.assert_array_equal(step.rewards[:, 0], rewards)
        np.testing.assert_array_equal(step.terminated, terminated)
        np.testing.assert_array_equal(step.truncated, truncated & ~terminated)
        for index in np.flatnonzero(terminated | truncated):
            np.testing.assert_array_equal(step.next_observations[index], info["final_obs"][index])
            ends += 1
    peer.close()
    assert ends


def test_sub_environments_share_no_argument() -> None:
    """A list among the arguments is each sub-environment's own, and the description keeps what it says."""
    environment = line(log=[])
    vector: Any = environment.vector([1, 2])
    vector.reset()
    assert [inner.log for inner in vector._inner] == [["reset"], ["reset"]]
    assert environment.kwargs == {"log": []}
    vector.close()


def test_only_gymnasiums_own_outer_layers_are_taken_off() -> None:
    bare: Any = line().vector([1])
    wrapped: Any = Environment("toy/Line-v1", wrappers=["toy_environments:Shout"]).vector([1])
    assert bare._inner[0] is bare._inner[0].unwrapped
    assert [str(layer) for layer in wrapped._inner] == [str(layer) for layer in wrapped._environments]
    bare.close()
    wrapped.close()
