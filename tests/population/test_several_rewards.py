"""Who learns from one reward and who from several, and what policies are judged for."""

from __future__ import annotations

import numpy as np
import pytest

from autorl.algorithms.ppo import PPO
from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.pareto import hypervolume
from autorl.population import Algorithm
from autorl.records import Agent, FloatArray
from autorl.simplex import simplex_weights
from tests.population.weighted_toys import Diving, DivingPopulation

TREASURE = Environment("deep-sea-treasure-v0")
VIEW = Environment("deep-sea-treasure-v0", wrappers=[{"name": "LinearReward", "kwargs": {"weight": [0.5, 0.5]}}])


def divers(*seeds: int, reach: float = 9.0) -> DivingPopulation:
    return Diving.population([Agent({"reach": reach}, seed) for seed in seeds], TREASURE, 100)


class TestWhatAnAlgorithmLearnsFrom:
    def test_one_reward(self) -> None:
        message = r"PPO maximises one reward, not a vector of 2; .*LinearReward, kwargs: \{weight: \[0.5, 0.5\]\}"
        with pytest.raises(InvalidInput, match=message):
            PPO().plan(TREASURE.spaces(), 10_000)
        assert PPO().plan(VIEW.spaces(), 10_000).parameters

    def test_several_rewards(self) -> None:
        for environment in (VIEW, Environment("CartPole-v1")):
            with pytest.raises(InvalidInput, match="Diving trades several rewards off, and the environment gives 1"):
                Diving().plan(environment.spaces(), 10_000)
        assert Diving().plan(TREASURE.spaces(), 10_000).iteration_env_steps == 4

    def test_one_that_looks_for_itself(self) -> None:
        class Own(Algorithm):
            rewards = "any"

        for environment in (TREASURE, VIEW):
            Own.check_rewards(environment.spaces())


def test_training_sees_every_reward() -> None:
    """Right for 50 steps in each of 2 sub-environments: no treasure, and a step each."""
    population = divers(1, 2)
    population.restart(0)
    population.advance(100)
    np.testing.assert_array_equal(population.state_dict()["earned"], [[0, -100]] * 2)
    population.close()


def test_there_is_a_policy_for_every_weight_vector() -> None:
    """Weight i / 9 on treasure reaches column i: the true front, and the same for each agent."""
    population = divers(1, 2)
    assert population.policies == 1
    population.reward_weights = simplex_weights(10, 2)
    assert population.policies == 10
    returns, steps = population.evaluate(TREASURE, 3, 0.99)
    assert returns.shape == (2, 10, 3, 2)
    front = TREASURE.known_front(0.99)
    assert front is not None
    np.testing.assert_allclose(returns[1, :, 2], front, rtol=1e-6)
    assert hypervolume(-returns[0].mean(1), [0, 50]) == pytest.approx(854.8504, abs=1e-4)
    assert steps.tolist() == [3 * (1 + 3 + 5 + 7 + 8 + 9 + 13 + 14 + 17 + 19)] * 2


def test_without_weight_vectors_rewards_matter_equally() -> None:
    returns, _ = divers(1).evaluate(TREASURE, 2, 1.0)
    assert returns.shape == (1, 1, 2, 2)
    np.testing.assert_allclose(returns[0, 0], [[15.1, -8]] * 2, rtol=1e-6)


def test_a_batch_stands_policy_by_policy() -> None:
    population = divers(1)
    population.reward_weights = np.array([[1.0, 0.0], [0.25, 0.75]])
    np.testing.assert_array_equal(population.policy_weights(6), [[1, 0]] * 3 + [[0.25, 0.75]] * 3)


def test_selected_rows_keep_what_they_are_judged_for() -> None:
    population = divers(1, 2, 3)
    population.reward_weights = simplex_weights(4, 2)
    made = population.select([2, 0])
    assert made.policies == 4

    def scores(of: DivingPopulation) -> FloatArray:
        return of.evaluate(TREASURE, 1, 1.0)[0]

    np.testing.assert_array_equal(scores(made), scores(population)[[2, 0]])
