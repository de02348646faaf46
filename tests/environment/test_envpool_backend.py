"""EnvPool behind the same contract, held against CartPole's equations of motion."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from gymnasium.spaces import Box

from autorl.environment import Environment, Step

pytest.importorskip("envpool")  # an extra

SEEDS = [11, 4, 11, 29]


def cartpole(limit: int | None = None) -> Environment:
    return Environment("CartPole-v1", max_episode_steps=limit, backend="envpool")


def equations_of_motion(state: npt.NDArray[Any], action: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """One Euler step of Barto, Sutton and Anderson's cart and pole; rows are independent."""
    x, speed, angle, spin = state.astype(np.float64).T
    force = np.where(action == 1, 10.0, -10.0)
    pull = (force + 0.05 * spin**2 * np.sin(angle)) / 1.1
    angular = (9.8 * np.sin(angle) - np.cos(angle) * pull) / (0.5 * (4 / 3 - 0.1 * np.cos(angle) ** 2 / 1.1))
    linear = pull - 0.05 * angular * np.cos(angle) / 1.1
    return np.stack([x + 0.02 * speed, speed + 0.02 * linear, angle + 0.02 * spin, spin + 0.02 * angular], axis=1)


def fallen(state: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.asarray((np.abs(state[:, 0]) > 2.4) | (np.abs(state[:, 2]) > 12 * np.pi / 180))


def rollout(
    environment: Environment, seeds: list[int], actions: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], list[Step]]:
    vector = environment.vector(seeds)
    first = vector.reset()
    steps = [vector.step(row) for row in actions]
    vector.close()
    return first, steps


@pytest.mark.parametrize("limit", [500, 12])
def test_every_row_is_a_real_transition(limit: int) -> None:
    """No reset row appears: each `next_observations` follows from `observations` before it by the dynamics."""
    actions = np.random.default_rng(0).integers(0, 2, (80, len(SEEDS)))
    before, steps = rollout(cartpole(limit), SEEDS, actions)
    elapsed = np.zeros(len(SEEDS), int)
    cuts = 0
    for action, step in zip(actions, steps, strict=True):
        elapsed += 1
        np.testing.assert_allclose(step.next_observations, equations_of_motion(before, action), atol=2e-6)
        np.testing.assert_array_equal(step.terminated, fallen(step.next_observations))
        np.testing.assert_array_equal(step.truncated, (elapsed >= limit) & ~step.terminated)
        assert step.rewards.tolist() == [[1.0]] * len(SEEDS)
        ended = step.terminated | step.truncated
        cuts += int(step.truncated.sum())
        assert np.all(np.abs(step.observations[ended]) <= 0.05)
        np.testing.assert_array_equal(step.observations[~ended], step.next_observations[~ended])
        elapsed[ended], before = 0, step.observations
    assert (cuts > 0) == (limit == 12)


def test_termination_at_the_very_limit_wins() -> None:
    """EnvPool alone would call this one a truncation."""
    ones = np.ones((30, 1), int)
    _, steps = rollout(cartpole(), [5], ones)
    length = 1 + next(index for index, step in enumerate(steps) if step.terminated[0])
    for limit, expected in ((length, (True, False)), (length - 1, (False, True))):
        _, steps = rollout(cartpole(limit), [5], ones[:limit])
        assert (steps[-1].terminated[0], steps[-1].truncated[0]) == expected


def test_a_stream_follows_its_seed_alone() -> None:
    actions = np.random.default_rng(1).integers(0, 2, (60, 1))
    first, alone = rollout(cartpole(), [11], actions)
    company, steps = rollout(cartpole(), SEEDS, np.hstack([actions, actions, actions, 1 - actions]))
    for row in (0, 2):
        np.testing.assert_array_equal(company[row], first[0])
        for step, expected in zip(steps, alone, strict=True):
            np.testing.assert_array_equal(step.next_observations[row], expected.next_observations[0])
            np.testing.assert_array_equal(step.observations[row], expected.observations[0])
    assert not np.array_equal(company[0], company[1])


def test_neighbouring_seeds_share_no_stream() -> None:
    """An integer seed would make 7 mean 7 and 8."""
    first = cartpole().vector([7, 100])
    other = cartpole().vector([8, 100])
    one, two = first.reset(), other.reset()
    first.close()
    other.close()
    np.testing.assert_array_equal(one[1], two[1])
    assert not np.array_equal(one[0], two[0])


def test_sub_environments_that_do_not_run_are_left_alone() -> None:
    actions = np.random.default_rng(2).integers(0, 2, (20, 3))
    vector = cartpole(6).vector([1, 2, 3])
    current, frozen = vector.reset(), np.zeros(0)
    for index, row in enumerate(actions):
        running = np.array([True, index % 3 == 0, index % 2 == 0])
        step = vector.step(row, running)
        np.testing.assert_array_equal(step.next_observations[~running], current[~running])
        np.testing.assert_array_equal(step.observations[~running], current[~running])
        assert not np.any(step.rewards[~running])
        assert not np.any((step.terminated | step.truncated)[~running])
        moved = equations_of_motion(current, row)[running]
        np.testing.assert_allclose(step.next_observations[running], moved, atol=2e-6)
        current = step.observations
    frozen = current.copy()
    np.testing.assert_array_equal(vector.step(actions[0], np.zeros(3, bool)).observations, frozen)
    vector.close()


def test_continuous_actions_arrive() -> None:
    environment = Environment("Pendulum-v1", backend="envpool")
    vector = environment.vector([1, 2])
    seen = vector.reset()
    torque = np.array([[-1.5], [0.5]])
    step = vector.step(torque)
    vector.close()
    angle, spin = np.arctan2(seen[:, 1], seen[:, 0]), seen[:, 2]
    faster = spin + (15 * np.sin(angle) + 3 * torque[:, 0]) * 0.05
    np.testing.assert_allclose(step.next_observations[:, 2], faster, atol=1e-5)
    np.testing.assert_allclose(step.rewards[:, 0], -(angle**2 + 0.1 * spin**2 + 0.001 * torque[:, 0] ** 2), atol=1e-4)


def test_discrete_observations_become_one_hot() -> None:
    lake = Environment("FrozenLake-v1", backend="envpool")
    assert lake.spaces().observation == Box(0.0, 1.0, (16,), np.float32)
    first, steps = rollout(lake, [0, 1], np.array([[2, 1]]))
    assert first.argmax(axis=1).tolist() == [0, 0]
    assert np.all(steps[0].next_observations.sum(axis=1) == 1)


def test_arrays_handed_out_are_never_written_again() -> None:
    vector = cartpole().vector(SEEDS)
    first = vector.reset()
    kept = first.copy()
    step = vector.step(np.ones(4, int))
    after = step.next_observations.copy()
    for _ in range(30):
        vector.step(np.ones(4, int))
    vector.close()
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(step.next_observations, after)
