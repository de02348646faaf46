"""Pareto Q-learning: states, exploration and policies by hand, what it refuses, and that it finds whole fronts."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box

from autorl.algorithms.pareto_q import STEPS, ParetoQ, ParetoQPopulation, StateNumbers
from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.pareto import hypervolume
from autorl.records import Agent
from autorl.simplex import simplex_weights

TREE = Environment("fruit-tree-v0", {"depth": 5}, max_episode_steps=5)
DIVE = Environment("deep-sea-treasure-v0")


def population(*values: dict[str, Any], environment: Environment = DIVE) -> ParetoQPopulation:
    agents = [Agent({**ParetoQ.defaults(), **own}, seed) for seed, own in enumerate(values)]
    return ParetoQ.population(agents, environment, 10_000)


def test_observations_are_numbered_within_their_bounds() -> None:
    numbers = StateNumbers.of(Box(np.array([0, -1]), np.array([2, 3]), dtype=np.int32))
    assert numbers.count == 15
    observations = np.array([[0, -1], [0, 0], [1, -1], [2, 3], [9, 9]])
    assert numbers(observations).tolist() == [0, 1, 5, 14, 14]


def test_epsilon_changes_linearly_over_its_steps() -> None:
    made = population({"initial_epsilon": 1.0, "final_epsilon": 0.2, "epsilon_decay_steps": 100})
    assert [made.epsilons(step)[0] for step in (0, 50, 100, 900)] == pytest.approx([1.0, 0.6, 0.2, 0.2])


def explored(made: ParetoQPopulation, *units: float) -> int:
    """The first agent's action in state 0 for one draw of whether to explore, and one an action."""
    drawn = np.tile(units, (made.size, 1, 1))
    going = np.ones(made.size, dtype=np.bool_)
    return int(made._explored(np.zeros((made.size, 1), np.int64), drawn, np.full(made.size, 0.5), going)[0, 0])


@pytest.mark.parametrize("action_eval", ["hypervolume", "pareto_cardinality"])
def test_the_best_set_is_taken_and_ties_are_broken_by_the_draw(action_eval: str) -> None:
    made = population({"action_eval": action_eval})
    assert explored(made, 0.9, 0.1, 0.3, 0.2, 0.0) == 1, "nothing is known: a tie of all"
    one, over = np.zeros(1, np.int64), np.ones(1, np.bool_)
    for action, reward in ((0, (1.0, -1.0)), (1, (5.0, -9.0)), (2, (0.0, -20.0))):
        made.table.learn(one, one, one + action, np.array([reward]), one, over, np.ones(1))
    # On the state's own scale the first has .3 x 1.1, the second 1.1 x 0.68; both are one of the front's two.
    wanted = 1 if action_eval == "hypervolume" else 0
    assert explored(made, 0.9, 0.6, 0.5, 0.7, 0.8) == wanted
    assert explored(made, 0.4, 0.6, 0.5, 0.7, 0.8) == 3, "any, evenly"
    curious = population({"action_eval": action_eval, "untried_first": True})
    curious.table.visits[:, 0, [0, 1, 3]] = 1
    assert explored(curious, 0.9, 0.6, 0.5, 0.1, 0.8) == 2, "what was never tried"


def test_policies_are_returns_on_the_front_and_over_again() -> None:
    made = population({}, {})
    one, over = np.zeros(1, np.int64), np.ones(1, np.bool_)
    for action, reward in ((0, (1.0, -1.0)), (1, (5.0, -9.0)), (2, (0.0, -20.0))):
        made.table.learn(one, one, one + action, np.array([reward]), one, over, np.ones(1))
    made.reward_weights = simplex_weights(3, 2)
    targets = made.targets(np.zeros((2, 6), np.int64))
    assert targets[0].tolist() == [[1, -1], [1, -1], [5, -9], [5, -9], [1, -1], [1, -1]], "two episodes of three"
    assert not targets[1].any(), "the second agent knows nothing"


def test_environments_of_one_agent_learn_one_after_the_other() -> None:
    made = population({"n_envs": 4}, {"n_envs": 4})
    made.restart(0)
    made.advance(4 * STEPS)
    assert made.table.visits.sum((1, 2)).tolist() == [4 * STEPS] * 2
    assert made.table.visits[:, 0].sum(1).min() >= 4, "all four began there"


@pytest.mark.parametrize("action_eval", ["hypervolume", "pareto_cardinality"])
def test_it_finds_every_leaf_of_a_tree_and_its_policies_reach_them(action_eval: str) -> None:
    made = population({"action_eval": action_eval}, {"action_eval": action_eval, "gamma": 1.0}, environment=TREE)
    made.restart(0)
    made.advance(4000)
    made.reward_weights = simplex_weights(56, 6)
    returns, steps = made.evaluate(TREE, 2, 0.99)
    front = TREE.known_front(0.99)
    assert front is not None
    for own in returns:
        share = hypervolume(-own.mean(1), np.zeros(6)) / hypervolume(-front, np.zeros(6))
        assert share == pytest.approx(1.0)
    assert steps.tolist() == [5 * 56 * 2] * 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gamma": 1.5}, "gamma: 1.5 must be"),
        ({"epsilon_decay_steps": 0}, "epsilon_decay_steps: 0 must be at least 1"),
        ({"action_eval": "volume"}, "action_eval: 'volume' is none of hypervolume, pareto_cardinality"),
        ({"untried_first": 1}, "untried_first: 1"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        dataclasses.replace(ParetoQ(), **values)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ("minecart-deterministic-v0", "observations must be whole numbers between bounds, not Box"),
        ("four-room-v0", "a table of at most 20000 states; .* has 1.111e\\+16"),
        ("mo-mountaincarcontinuous-v0", "ParetoQ acts in Discrete spaces"),
        ("CartPole-v1", "ParetoQ trades several rewards off"),
    ],
)
def test_what_it_cannot_train_on_is_refused_before_training(environment: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        ParetoQ().plan(Environment(environment).spaces(), 1000)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_learns_a_convex_front() -> None:
    made = population(*[{"untried_first": True}] * 3)
    made.restart(0)
    made.advance(10_000)
    made.reward_weights = simplex_weights(12, 2)
    returns, _ = made.evaluate(DIVE, 1, 0.99)
    shares = [hypervolume(-own.mean(1), [0, 50]) / 854.8504 for own in returns]
    assert np.mean(shares) > 0.6
