"""PCN: its loss beside autograd, its memory and policies by hand, what it refuses, and that it learns."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from autorl.agents.episodes import Episode
from autorl.agents.optimiser import Adam
from autorl.algorithms.pcn import PCN, PCNPopulation
from autorl.environment import Environment
from autorl.environment.gymnasium_backend import GymnasiumBackend
from autorl.errors import InvalidInput
from autorl.pareto import hypervolume
from autorl.records import Agent
from autorl.seeds import stream
from autorl.simplex import simplex_weights
from tests.agents.test_conditioned import plain

CONCAVE = Environment("deep-sea-treasure-concave-v0")
SMALL = {**PCN.defaults(), "width": 8, "batch_size": 16, "n_envs": 4, "num_er_episodes": 3, "num_model_updates": 2}


def population(*values: dict[str, Any], environment: Environment = CONCAVE) -> PCNPopulation:
    return PCN.population([Agent({**SMALL, **own}, seed) for seed, own in enumerate(values)], environment, 10_000)


def kept(made: PCNPopulation, *returns: tuple[float, int]) -> None:
    """Puts an episode of each return, as long as its cost, into every agent's memory."""
    for row in range(made.size):
        for gain, cost in returns:
            to_go = np.column_stack([np.full(-cost, gain), np.arange(cost, 0)])
            made.episodes.offer(row, [Episode(np.zeros((-cost, 2)), np.zeros(-cost, np.int64), to_go)])


class Recorder(Adam):
    """Notes gradients instead of stepping."""

    def step(self, gradients: Tensor, *_: Any) -> Tensor:
        self.seen = gradients.clone()
        return torch.zeros(len(gradients), 1)


def test_the_gradient_is_that_of_the_cross_entropy_of_the_actions_taken() -> None:
    made = population({"num_model_updates": 1, "scaling_factor": 2.0}, {"num_model_updates": 1})
    made.restart(0)
    made.advance(640)
    made.optimiser = recorder = Recorder(made.weights, np.full(2, 1e-8))
    made._learn(np.ones(2, dtype=np.bool_))
    for row in range(2):
        units = stream(row, "replay", index=made.iteration).random((1, 16, 2))
        drawn = made.episodes.draw(np.stack([units[0]] * 2))
        returns, lengths = made.episodes.best()
        largest = np.array([*np.abs(returns[row]).max(0), lengths[row].max()]) / [2.0, 3.0][row]
        told = torch.from_numpy(drawn.commands[row] / largest).float()
        own = made.weights[row].clone().requires_grad_()
        outputs = plain(made.layout, own, torch.from_numpy(drawn.observations[row]), told, "relu")
        loss = functional.cross_entropy(outputs, torch.from_numpy(drawn.actions[row]))
        (expected,) = torch.autograd.grad(loss, own)
        torch.testing.assert_close(recorder.seen[row], expected, rtol=1e-4, atol=1e-6)


def test_it_acts_evenly_and_does_not_learn_before_enough_episodes_ended() -> None:
    made = population({"num_er_episodes": 10_000}, {"num_er_episodes": 3})
    before = made.weights.clone()
    made.restart(0)
    made.advance(640)
    assert torch.equal(made.weights[0], before[0])
    assert not torch.equal(made.weights[1], before[1])
    assert made.costs()[0].gradient_updates == 0
    # What a wide network that is not even asked would do: all four directions, about as often.
    shares = np.bincount(np.concatenate([made._taken[0].ravel()[:40], *made.episodes.actions[0]]).astype(int))
    assert len(shares) == 4


@pytest.mark.parametrize("gamma", [1.0, 0.5])
def test_its_memory_holds_what_the_environment_gave(gamma: float) -> None:
    made = population({"gamma": gamma}, {"gamma": gamma})
    made.restart(0)
    made.advance(1280)
    for row in range(2):
        returns, lengths = made.episodes.best()
        filled = made.episodes.filled[row]
        assert filled > 10
        steps = lengths[row, :filled]
        np.testing.assert_allclose(returns[row, :filled, 1], [-sum(gamma**k for k in range(n)) for n in steps])
        ended = steps < 100
        treasures = returns[row, :filled, 0][ended] / gamma ** (steps[ended] - 1)
        assert np.isin(np.round(treasures, 6), [1, 2, 3, 5, 8, 16, 24, 50, 74, 124]).all()


def test_policies_are_the_front_and_over_again() -> None:
    made = population({}, {})
    assert not made.commands().any(), "nothing was met yet"
    kept(made, (1, -1), (5, -9), (2, -9), (3, -4))
    made.reward_weights = simplex_weights(5, 2)
    commands = made.commands()[0]
    assert {tuple(row) for row in commands} == {(1, -1, 1), (5, -9, 9), (3, -4, 4)}
    assert commands[3:].tolist() == commands[:2].tolist()
    made.reward_weights = simplex_weights(2, 2)
    assert {tuple(row) for row in made.commands()[0]} == {(1, -1, 1), (5, -9, 9)}, "the least crowded ones"


def test_an_evaluated_policy_takes_off_what_it_earned(monkeypatch: pytest.MonkeyPatch) -> None:
    made = population({})
    kept(made, (8, -5))
    told = []
    outputs = made._outputs

    def noted(seen: Any, commands: Any, scales: Any) -> Tensor:
        told.append(commands)
        return outputs(seen, commands, scales)

    monkeypatch.setattr(made, "_outputs", noted)
    made.reward_weights = simplex_weights(2, 2)
    made.evaluate(CONCAVE, 3, 0.9)
    assert told[0].shape == (2, 6, 3)
    assert told[0][0].tolist() == [[8, -5, 5]] * 6
    after = told[1][0]
    assert (after[:, 1:] == [-4, 4]).all()
    assert made._pursued is None


def test_every_block_of_evaluation_episodes_begins_with_the_whole_command(monkeypatch: pytest.MonkeyPatch) -> None:
    made = population({})
    kept(made, (8, -5))
    made.reward_weights = simplex_weights(2, 2)
    at_once, steps = made.evaluate(CONCAVE, 3, 0.9)
    told: list[Any] = []
    outputs = made._outputs

    def noted(seen: Any, commands: Any, scales: Any) -> Tensor:
        told.append(commands[0].tolist())
        return outputs(seen, commands, scales)

    monkeypatch.setattr(made, "_outputs", noted)
    monkeypatch.setattr(GymnasiumBackend, "at_once", 4)
    returns, taken = made.evaluate(CONCAVE, 3, 0.9)
    assert told.count([[8, -5, 5]] * 4) == 1
    assert told.count([[8, -5, 5]] * 2) == 1
    assert (returns == at_once).all()
    assert (taken == steps).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gamma": 0.0}, "gamma: 0.0 must be above 0"),
        ({"num_model_updates": -1}, "num_model_updates: -1 must be at least 0"),
        ({"max_buffer_size": 0}, "max_buffer_size: 0 must be at least 1"),
        ({"activation": "elu"}, "activation: 'elu' is none of tanh, relu"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        dataclasses.replace(PCN(), **values)


@pytest.mark.parametrize(
    ("environment", "message"),
    [("mo-mountaincarcontinuous-v0", "PCN acts in Discrete spaces"), ("CartPole-v1", "PCN trades several rewards off")],
)
def test_what_it_cannot_train_on_is_refused_before_training(environment: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        PCN().plan(Environment(environment).spaces(), 1000)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_learns_a_concave_front() -> None:
    values = {**PCN.defaults(), "learning_rate": 3e-3, "num_model_updates": 40}
    made = PCN.population([Agent(values, seed) for seed in range(3)], CONCAVE, 10_000)
    made.restart(0)
    made.advance(10_000)
    made.reward_weights = simplex_weights(12, 2)
    returns, _ = made.evaluate(CONCAVE, 1, 0.99)
    shares = [hypervolume(-own.mean(1), [0, 50]) / 3688.3771 for own in returns]
    assert np.mean(shares) > 0.93, "more than the 92 % of any linear method"
