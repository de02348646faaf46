"""Exported policies earn what was reported, by one loop for every algorithm, and refuse to act where they would not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.pareto import hypervolume
from autorl.population import Population, resolve_algorithm
from autorl.records import Agent, FloatArray
from autorl.seeds import integer_seed
from autorl.simplex import simplex_weights
from autorl.study import Study
from autorl.study.policy import Policy

CONCAVE = Environment("deep-sea-treasure-concave-v0")
GATHERING = Environment("resource-gathering-v0")
CARTPOLE = Environment("CartPole-v1")
DISCOUNT = 0.99
FEW_STEPS: dict[str, dict[str, Any]] = {
    "mo_ppo": {"n_envs": 4, "n_steps": 32, "batch_size": 32, "learning_rate": 3e-3},
    "mo_dqn": {"width": 16, "n_envs": 2, "batch_size": 16, "learning_starts": 200},
    "pcn": {"width": 32, "num_model_updates": 20, "learning_rate": 3e-3, "gamma": 0.98},
    "pareto_q": {"untried_first": True},
    "morld": {"width": 16, "pop_size": 3, "n_envs": 2, "batch_size": 16, "learning_starts": 200},
    "ppo": {"n_envs": 2, "n_steps": 64, "batch_size": 64, "width": 8},
}


def trained(name: str, environment: Environment, env_steps: int) -> Population:
    algorithm = resolve_algorithm(name)
    agent = Agent({**algorithm.defaults(), **FEW_STEPS[name]}, 3)
    population = algorithm.population([agent], environment, env_steps)
    if environment.spaces().rewards > 1:
        population.reward_weights = simplex_weights(5, environment.spaces().rewards)
    population.restart(0)
    population.advance(env_steps)
    population.close()
    return population


def played(policy: Policy, environment: Environment, number: int, episode: int) -> FloatArray:
    """The discounted return of one of the evaluation's episodes, by the loop that the documents show."""
    made = environment.make()
    observation, _ = made.reset(seed=integer_seed(policy.agent.seed, "evaluation", index=episode))
    policy.reset()
    total, weight, over = np.zeros(environment.spaces().rewards), 1.0, False
    while not over:
        observation, reward, terminated, truncated, _ = made.step(policy(observation, number))
        policy.earned(reward)
        total, weight = total + weight * np.asarray(reward, dtype=np.float64), weight * DISCOUNT
        over = terminated or truncated
    made.close()
    return total


@pytest.mark.parametrize(
    ("name", "environment", "env_steps"),
    [
        ("mo_ppo", CONCAVE, 3000),
        ("mo_dqn", CONCAVE, 800),
        ("pcn", CONCAVE, 3000),
        ("pareto_q", CONCAVE, 3000),
        ("pareto_q", GATHERING, 3000),  # there episodes differ, too
        ("morld", CONCAVE, 2000),
        ("ppo", CARTPOLE, 3000),
    ],
)
def test_a_policy_earns_what_its_evaluation_says(name: str, environment: Environment, env_steps: int) -> None:
    population = trained(name, environment, env_steps)
    expected, _ = population.evaluate(environment, 2, DISCOUNT)
    assert len(np.unique(expected.reshape(-1, expected.shape[3]), axis=0)) > 1, "policies or episodes that differ"
    policy = Policy(population, environment)
    assert policy.follows_episodes == (name in ("pcn", "pareto_q"))
    found = [[played(policy, environment, number, e) for e in range(2)] for number in range(population.policies)]
    np.testing.assert_allclose(found, expected[0], rtol=1e-12)
    np.testing.assert_array_equal(population.evaluate(environment, 2, DISCOUNT)[0], expected)


def test_policies_of_a_study_have_the_front_of_its_report(tmp_path: Path) -> None:
    study = {
        "name": "diving",
        "algorithm": "pcn",
        "environment": "deep-sea-treasure-concave-v0",
        "objectives": [{"hypervolume": {"reference_point": [0, -50]}}],
        "space": {"learning_rate": {"float": [1e-3, 1e-2], "log": True, "default": 3e-3}},
        "fixed": {"width": 32, "num_model_updates": 20},
        "budget": {"trials": 1, "env_steps": 2048},
        "seeds": {"tuning": 1, "test": 2},
        "evaluation": {"discount": DISCOUNT, "checkpoints": 1, "episodes": 1, "curve_episodes": 1, "weights": 6},
        "tuner": "random",
    }
    result = Study.load(study).run(tmp_path)
    assert result.best is not None
    (label,) = (quantity.label for quantity in result.content.objectives)
    for seed, reported in zip(result.study.seeds.test, result.best.test[label].per_seed, strict=True):
        policy = result.best.policy(seed)
        front = np.array([played(policy, CONCAVE, number, 0) for number in range(len(result.study.weights))])
        assert hypervolume(-front, [0, 50]) == pytest.approx(reported, rel=1e-12)


@pytest.fixture(scope="module", params=["pcn", "pareto_q"])
def follower(request: pytest.FixtureRequest) -> Policy:
    return Policy(trained(request.param, CONCAVE, 512), CONCAVE)


HERE = np.zeros(2, dtype=np.int32)


class TestPoliciesThatFollowAnEpisode:
    def test_need_a_beginning(self, follower: Policy) -> None:
        fresh = Policy(follower._population, CONCAVE)
        with pytest.raises(InvalidInput, match=r"no episode has begun; call reset\(\) before every episode"):
            fresh(HERE)
        with pytest.raises(InvalidInput, match="no episode has begun"):
            fresh.predict(HERE)

    def test_need_the_reward_of_every_step(self, follower: Policy) -> None:
        follower.reset()
        with pytest.raises(InvalidInput, match=r"earned\(\[0.0, -1.0\]\) without an action before it"):
            follower.earned([0.0, -1.0])
        first = follower(HERE)
        for again in (follower, follower.predict):
            with pytest.raises(InvalidInput, match="the reward of the last action is missing"):
                again(HERE)
        follower.earned(np.array([0.0, -1.0], dtype=np.float32))
        with pytest.raises(InvalidInput, match="without an action before it"):
            follower.earned([0.0, -1.0])
        action, state = follower.predict(HERE)
        assert action.shape == ()
        assert state is None
        follower.reset()  # an episode may be left at any time
        assert follower(HERE) == first

    def test_take_no_batch(self, follower: Policy) -> None:
        follower.reset()
        for batch in (np.zeros((1, 2)), np.zeros((3, 2))):
            with pytest.raises(InvalidInput, match=rf"a batch of {len(batch)}: .* one observation at a time"):
                follower(batch)
            with pytest.raises(InvalidInput, match="a batch of"):
                follower.predict(batch)
        assert follower(HERE).shape == (), "what was refused was no step"

    def test_take_as_many_rewards_as_the_environment_gives(self, follower: Policy) -> None:
        follower.reset()
        follower(HERE)
        for wrong in (1.0, [1.0, 2.0, 3.0], [[1.0, 2.0]]):
            with pytest.raises(InvalidInput, match=r"reward of shape .*: one of 2 numbers is needed"):
                follower.earned(wrong)
        follower.earned([0.0, -1.0])

    def test_keep_to_one_of_them_in_an_episode(self, follower: Policy) -> None:
        follower.reset()
        follower(HERE, 1)
        follower.earned([0.0, -1.0])
        with pytest.raises(InvalidInput, match=r"policy 2 in an episode of policy 1: call reset\(\)"):
            follower(HERE, 2)
        follower.reset()
        assert follower(HERE, 2).shape == ()


def test_a_policy_that_does_not_exist_is_refused() -> None:
    policy = Policy(trained("ppo", CARTPOLE, 128), CARTPOLE)
    for number in (1, -1):
        with pytest.raises(InvalidInput, match=f"policy {number}: the agent has policies 0 to 0"):
            policy(np.zeros(4), number)
