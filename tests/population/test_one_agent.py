"""A loop over trainers keeps the promises of a population."""

# ruff: noqa: NPY002  # the process-wide generator is what is tested
from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autorl.environment import Environment
from autorl.environment.evaluation import evaluate
from autorl.errors import InvalidInput
from autorl.population import Costs, OneAgentPopulation, OneAgentTrainer
from autorl.population.generators import OwnGenerators
from autorl.records import Agent


class Counting(OneAgentTrainer):
    """Pushes the cart one way, and counts what is done to it."""

    def __init__(self, action: float, score: float | None = None, diverges_at: float = np.inf) -> None:
        self.action, self.given, self.diverges_at = action, score, diverges_at
        self.marks: list[int] = []
        self.closed = False

    def advance(self, to_env_steps: int) -> None:
        self.marks.append(to_env_steps)

    def act(self, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.full(len(observations), self.action)

    def costs(self) -> Costs:
        return Costs(env_steps=self.marks[-1] if self.marks else 0)

    @property
    def diverged(self) -> bool:
        return bool(self.marks) and self.marks[-1] >= self.diverges_at

    @property
    def score(self) -> float | None:
        return self.given

    def close(self) -> None:
        self.closed = True


def population(environment: Environment, *trainers: OneAgentTrainer) -> OneAgentPopulation:
    agents = [Agent({}, seed) for seed in range(len(trainers))]
    return OneAgentPopulation(agents, environment, trainers, [OwnGenerators(0) for _ in trainers])


def test_policies_are_scored_on_the_episodes_every_population_plays(cartpole: Environment) -> None:
    made = population(cartpole, Counting(0), Counting(1))
    returns, steps = made.evaluate(cartpole, 3, 1.0)

    def act(observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.broadcast_to(np.array([0, 1]).reshape(2, 1, 1), observations.shape[:3])

    expected, taken = evaluate(act, cartpole, [0, 1], 3)
    np.testing.assert_array_equal(returns, expected)
    np.testing.assert_array_equal(steps, taken)
    observations = np.zeros((2, 1, 3, 4), dtype=np.float32)
    assert made.act(observations).tolist() == [[[0, 0, 0]], [[1, 1, 1]]]


class Noisy(Counting):
    """Acts by the process-wide generator, as a stochastic policy of a library does."""

    def act(self, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.random.randint(0, 2, size=len(observations))


def test_a_policy_that_draws_is_judged_alike_every_time_and_in_any_company(cartpole: Environment) -> None:
    crowd = population(cartpole, Noisy(0), Noisy(0))
    first, _ = crowd.evaluate(cartpole, 3, 1.0)
    np.random.rand()
    np.testing.assert_array_equal(crowd.evaluate(cartpole, 3, 1.0)[0], first)
    np.testing.assert_array_equal(crowd.select([1]).evaluate(cartpole, 3, 1.0)[0], first[1:])
    observations = np.zeros((2, 1, 50, 4), dtype=np.float32)
    actions = crowd.act(observations)
    np.testing.assert_array_equal(crowd.act(observations), actions)
    assert actions[0].tolist() != actions[1].tolist()


def test_a_score_is_the_return_of_every_episode_and_costs_nothing(cartpole: Environment) -> None:
    returns, steps = population(cartpole, Counting(0, score=7.5), Counting(1)).evaluate(cartpole, 3, 1.0)
    assert returns[0].tolist() == [[[7.5], [7.5], [7.5]]]
    assert steps[0] == 0
    assert steps[1] == returns[1].sum()  # CartPole pays one a step


def test_a_diverged_agent_freezes_acts_with_zeros_and_its_neighbour_goes_on(cartpole: Environment) -> None:
    first, second = Counting(1, diverges_at=20), Counting(1)
    made = population(cartpole, first, second)
    for mark in (10, 20, 30):
        made.advance(mark)
    assert made.diverged.tolist() == [True, False]
    assert first.marks == [10, 20]
    assert second.marks == [10, 20, 30]
    assert made.act(np.zeros((2, 1, 1, 4))).ravel().tolist() == [0, 1]
    assert [costs.env_steps for costs in made.costs()] == [20, 30]


def test_actions_are_clipped_to_the_bounds() -> None:
    made = population(Environment("Pendulum-v1"), Counting(-9.0), Counting(0.25))
    actions = made.act(np.zeros((2, 1, 2, 3), dtype=np.float32))
    assert actions.shape == (2, 1, 2, 1)
    assert actions[:, 0, 0, 0].tolist() == [-2.0, 0.25]


def test_a_policy_that_gives_the_wrong_number_of_actions_is_refused() -> None:
    class Wrong(Counting):
        def act(self, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.zeros(7)

    with pytest.raises(InvalidInput, match=r"actions of shape \(7,\) came from the policy where \(2,\) is needed"):
        population(Environment("CartPole-v1"), Wrong(0)).act(np.zeros((1, 1, 2, 4)))


def test_rows_are_handed_over_and_joined(cartpole: Environment) -> None:
    trainers = [Counting(0), Counting(1), Counting(0)]
    made = population(cartpole, *trainers)
    chosen = made.select([2, 1])
    assert [agent.seed for agent in chosen.agents] == [2, 1]
    joined = OneAgentPopulation.concatenate([chosen, made.select([0])])
    joined.advance(5)
    assert [agent.seed for agent in joined.agents] == [2, 1, 0]
    assert [trainer.marks for trainer in trainers] == [[5], [5], [5]]
    joined.close()
    assert all(trainer.closed for trainer in trainers)
    with pytest.raises(InvalidInput, match=r"rows \[0, 0\] repeat one"):
        made.select([0, 0])
    other = population(Environment("Pendulum-v1"), Counting(0))
    with pytest.raises(InvalidInput, match="received environments: CartPole-v1, Pendulum-v1"):
        OneAgentPopulation.concatenate([made, other])


def test_what_cannot_be_saved_says_so(cartpole: Environment) -> None:
    made = population(cartpole, Counting(0))
    with pytest.raises(InvalidInput, match='checkpoints = "none", so it has no state to save'):
        made.state_dict()
    with pytest.raises(InvalidInput, match=r"cannot take up a state \(weights\)"):
        made.load_state_dict({"weights": np.zeros(1)})
    with pytest.raises(InvalidInput, match="row 0 cannot take other hyperparameters"):
        made.replace(0, {}, "copy")
