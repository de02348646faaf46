"""The wrappers that benchmarks train in."""

from __future__ import annotations

import gymnasium
import pytest

from benchmarks.wrappers import Repeated


@pytest.mark.parametrize(("limit", "lengths"), [(10, [4, 4, 2]), (8, [4, 4])])
def test_an_action_repeated_is_one_step_with_all_its_rewards(limit: int, lengths: list[int]) -> None:
    repeated = Repeated(gymnasium.make("Pendulum-v1", max_episode_steps=limit), 4)
    alone = gymnasium.make("Pendulum-v1", max_episode_steps=limit)
    repeated.reset(seed=3)
    alone.reset(seed=3)
    for number, length in enumerate(lengths):
        action = alone.action_space.sample()
        observation, reward, terminated, truncated, _ = repeated.step(action)
        steps = [alone.step(action) for _ in range(length)]
        assert observation == pytest.approx(steps[-1][0], abs=0)
        assert reward == sum(float(step[1]) for step in steps)
        assert truncated is (number == len(lengths) - 1)
        assert not terminated
