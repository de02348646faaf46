"""Advantages against their definition, written out as a sum for every step."""

from __future__ import annotations

import numpy as np
import pytest

from autorl.agents.advantages import generalized_advantages


def by_definition(
    rewards: np.ndarray, values: np.ndarray, following: np.ndarray, over: np.ndarray, ended: np.ndarray,
    gamma: float, mixing: float,
) -> list[float]:  # fmt: skip
    """sum over l of (gamma lambda)^l delta, to the end of the step's own episode."""
    found = []
    for start in range(len(rewards)):
        total, weight = 0.0, 1.0
        for step in range(start, len(rewards)):
            future = 0.0 if over[step] else following[step]
            total += weight * (rewards[step] + gamma * future - values[step])
            weight *= gamma * mixing
            if ended[step]:
                break
        found.append(total)
    return found


def test_every_agent_has_its_own_discount_and_lambda() -> None:
    generator = np.random.default_rng(0)
    shape = (3, 12, 2)
    rewards, values, following = (generator.normal(size=shape) for _ in range(3))
    ended = generator.random(shape) < 0.3
    over = ended & (generator.random(shape) < 0.5)
    gamma, mixing = np.array([0.9, 0.99, 0.5]), np.array([0.95, 0.0, 1.0])
    found = generalized_advantages(rewards, values, following, over, ended, gamma, mixing)
    for agent in range(3):
        for place in range(2):
            at = (agent, slice(None), place)
            wanted = by_definition(
                rewards[at], values[at], following[at], over[at], ended[at], gamma[agent], mixing[agent]
            )
            np.testing.assert_allclose(found[at], wanted, rtol=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_lambda_one_without_values_is_the_discounted_return(steps: int) -> None:
    rewards, nothing = np.ones((1, steps, 1)), np.zeros((1, steps, 1))
    never = np.zeros((1, steps, 1), dtype=np.bool_)
    found = generalized_advantages(rewards, nothing, nothing, never, never, np.array([0.9]), np.array([1.0]))
    np.testing.assert_allclose(found[0, :, 0], [(1 - 0.9**n) / 0.1 for n in range(steps, 0, -1)])


def test_a_truncated_step_has_the_value_it_led_to_and_a_terminated_one_has_not() -> None:
    ones, yes, no = np.ones((1, 1, 1)), np.ones((1, 1, 1), dtype=np.bool_), np.zeros((1, 1, 1), dtype=np.bool_)
    gamma, mixing = np.array([0.5]), np.array([0.9])
    arguments = (ones, 3 * ones, 8 * ones)
    assert generalized_advantages(*arguments, no, yes, gamma, mixing).item() == 1 + 0.5 * 8 - 3
    assert generalized_advantages(*arguments, yes, yes, gamma, mixing).item() == 1 - 3


def test_several_rewards_have_an_advantage_each() -> None:
    generator = np.random.default_rng(1)
    rewards, values, following = (generator.normal(size=(2, 9, 3, 4)) for _ in range(3))
    ended = generator.random((2, 9, 3)) < 0.3
    over = ended & (generator.random((2, 9, 3)) < 0.5)
    gamma, mixing = np.array([0.9, 0.99]), np.array([0.95, 0.5])
    together = generalized_advantages(rewards, values, following, over, ended, gamma, mixing)
    for reward in range(4):
        one, value, after = (part[..., reward] for part in (rewards, values, following))
        assert (together[..., reward] == generalized_advantages(one, value, after, over, ended, gamma, mixing)).all()
