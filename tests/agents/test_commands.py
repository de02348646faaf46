"""Commands by hand: what is asked for, and what is left of it after a step."""

from __future__ import annotations

import numpy as np

from autorl.agents.commands import improved, remaining


def test_a_command_raises_one_reward_of_one_episode_by_up_to_its_deviation() -> None:
    returns, lengths = np.array([[1.0, -1.0], [5.0, -9.0]]), np.array([1, 9])  # deviations 2 and 4
    units = np.array([[0.0, 0.0, 0.5], [0.99, 0.99, 0.25], [0.5, 0.49, 0.0]])
    assert improved(returns, lengths, units).tolist() == [[2.0, -1.0, 1.0], [5.0, -8.0, 7.0], [5.0, -9.0, 7.0]]


def test_without_episodes_commands_are_zeros() -> None:
    assert not improved(np.zeros((0, 2)), np.zeros(0, dtype=np.int64), np.full((3, 3), 0.9)).any()


def test_what_is_left_of_a_command() -> None:
    commands = np.array([[[10.0, -4.0, 5.0], [10.0, -4.0, 1.0]], [[10.0, -4.0, 5.0], [3.0, -1.0, 2.0]]])
    rewards = np.array([[[4.0, -1.0], [0.0, -1.0]], [[4.0, -1.0], [0.0, -2.0]]])
    largest = np.array([[8.0, -1.0], [20.0, -1.0]])
    # What exceeds the agent's largest return is cut to it; a horizon ends at 1.
    left = remaining(commands, rewards, 1.0, largest)
    assert left.tolist() == [[[6.0, -3.0, 4.0], [8.0, -3.0, 1.0]], [[6.0, -3.0, 4.0], [3.0, -1.0, 1.0]]]
    left = remaining(commands, rewards, 0.5, largest)
    assert left.tolist() == [[[8.0, -6.0, 4.0], [8.0, -6.0, 1.0]], [[12.0, -6.0, 4.0], [6.0, -1.0, 1.0]]]
