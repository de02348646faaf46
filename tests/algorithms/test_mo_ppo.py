"""Multi-objective PPO: its loss beside autograd, its credits by hand, what it refuses, and that it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from autorl.agents.advantages import generalized_advantages
from autorl.agents.optimiser import Adam
from autorl.agents.rollout import Batch, Rollout
from autorl.algorithms.mo_ppo import MOPPO, MOPPOPopulation
from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.pareto import hypervolume
from autorl.records import Agent
from autorl.simplex import simplex_weights
from tests.algorithms.weighing import check_that_weights_mean_unscaled_rewards

DIVING = Environment("deep-sea-treasure-v0")
SMALL = {**MOPPO.defaults(), "width": 8, "n_envs": 4, "n_steps": 16, "batch_size": 64, "n_epochs": 1}


class Recorder(Adam):
    """Notes gradients instead of stepping."""

    def step(self, gradients: Tensor, *_: Any) -> Tensor:
        self.seen = gradients.clone()
        return torch.zeros(len(gradients), 1)


class Spy(MOPPOPopulation):
    """Keeps rollouts, and what is learned from them."""

    def credited(self, advantages: Any, rollout: Rollout) -> Any:
        self.rollout = rollout
        return super().credited(advantages, rollout)

    def learn(self, data: Batch) -> None:
        self.data = data
        super().learn(data)


def spy(*values: dict[str, Any], environment: Environment = DIVING) -> Spy:
    agents = [Agent({**SMALL, **own}, seed) for seed, own in enumerate(values)]
    made = Spy([MOPPO.configure(agent.configuration) for agent in agents], agents, environment, 1000, "cpu")
    made.initialise()
    made.restart(0)
    return made


@pytest.mark.parametrize("share_trunk", [False, True])
def test_the_gradient_is_that_of_the_clipped_surrogate_and_of_the_summed_value_losses(share_trunk: bool) -> None:
    shared = {"share_trunk": share_trunk, "normalize_advantage": False, "activation": "relu"}
    made = spy({**shared, "vf_coef": 0.7, "ent_coef": 0.03}, {**shared, "clip_range": 0.01, "clip_range_vf": 1.0})
    made.advance(64)  # a first step leaves the policy that acted, so that ratios differ from 1
    made.optimiser = recorder = Recorder(made.network.parameters.view(2, -1), np.full(2, 1e-5))
    with torch.no_grad():
        made.network.parameters[:, :, :200].add_(0.05)
    before = made.data
    made.learn(before)
    h, layout = made.columns, made.shape.layout
    for row in range(2):
        flat = made.network.parameters[row].clone().requires_grad_()
        outputs = []
        for network in (0, -1):
            hidden = before.observations[row, 0]
            layers = zip(layout.weights(flat[network][None]), layout.biases(flat[network][None]), strict=True)
            for number, (weight, bias) in enumerate(layers):
                hidden = hidden @ weight[0] + bias[0]
                hidden = hidden.relu() if number < 2 else hidden
            outputs.append(hidden)
        policy: Any = torch.distributions.Categorical(logits=outputs[0][:, :4])
        ratio = (policy.log_prob(before.actions[row].view(-1)) - before.log_probs[row]).exp()
        advantages, clip = before.advantages[row], float(h.clip_range[row])
        loss = -torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()
        values = outputs[1][:, 4:]
        inside = (values - before.values[row]).abs() <= float(h.clip_range_vf[row])
        loss = loss + float(h.vf_coef[row]) * ((values - before.returns[row]).square() * inside).mean(0).sum()
        loss = loss - float(h.ent_coef[row]) * policy.entropy().mean()
        (expected,) = torch.autograd.grad(loss, flat)
        torch.testing.assert_close(recorder.seen[row].view_as(expected), expected, rtol=1e-4, atol=1e-5)
        assert values.shape == (64, 2)


def test_an_action_is_credited_with_its_weighed_advantages_in_the_scaled_rewards() -> None:
    made = spy({"reward_scale": "2 0.5", "gae_lambda": 0.9, "normalize_advantage": False}, {})
    made.advance(64)
    rollout, data = made.rollout, made.data
    weights = rollout.observations[..., -2:]
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)
    values = data.values.numpy().reshape(2, 16, 4, 2)
    following = rollout.next_values(values)
    total = np.zeros((2, 16, 4))
    for reward in range(2):
        advantages = generalized_advantages(
            rollout.rewards[..., reward], values[..., reward], following[..., reward], rollout.terminated,
            rollout.ended, made.columns.numbers("gamma"), made.columns.numbers("gae_lambda"),
        )  # fmt: skip
        total += weights[..., reward] * advantages
        returns = (advantages + values[..., reward]).reshape(2, -1)
        np.testing.assert_allclose(data.returns[..., reward].numpy(), returns, rtol=1e-5)
    np.testing.assert_allclose(data.advantages.numpy(), total.reshape(2, -1), rtol=1e-5)
    # Every step costs 1, which the first agent sees halved.
    assert set(np.unique(rollout.rewards[0, ..., 1])) == {-0.5}
    assert set(np.unique(rollout.rewards[1, ..., 1])) == {-1.0}


def test_a_weight_means_the_rewards_as_the_environment_gives_them() -> None:
    made = MOPPO.population([Agent({**SMALL, "reward_scale": "1 0.2"}, 0), Agent(SMALL, 0)], DIVING, 1000)
    check_that_weights_mean_unscaled_rewards(made)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weight_concentration": 0.0}, "weight_concentration: 0.0 must be above 0"),
        ({"reward_scale": "1 two"}, "reward_scale: '1 two' is no text of numbers above 0"),
        ({"gamma": 1.5}, "gamma: 1.5 must be"),
        ({"batch_size": 2048}, "batch_size: 2048 exceeds the rollout"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        MOPPO(**values)


def test_a_single_reward_and_factors_for_other_rewards_are_refused_before_training() -> None:
    with pytest.raises(InvalidInput, match="MOPPO trades several rewards off, and the environment gives 1"):
        MOPPO().plan(Environment("CartPole-v1").spaces(), 10_000)
    with pytest.raises(InvalidInput, match="'1 1 1' has 3 numbers, and the environment 2 rewards"):
        MOPPO(reward_scale="1 1 1").plan(DIVING.spaces(), 10_000)
    with pytest.raises(InvalidInput, match="'1 1 1' has 3 numbers"):
        MOPPO.population([Agent(SMALL, 0), Agent({**SMALL, "reward_scale": "1 1 1"}, 1)], DIVING, 1000)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_its_defaults_find_the_front_of_deep_sea_treasure() -> None:
    made = MOPPO.population([Agent(MOPPO.defaults(), seed) for seed in range(5)], DIVING, 40_000)
    made.restart(0)
    made.advance(40_000)
    made.reward_weights = simplex_weights(20, 2)
    returns, _ = made.evaluate(DIVING, 1, 0.99)
    shares = [hypervolume(-own.mean(1), [0, 50]) / 854.8504 for own in returns]
    assert np.mean(shares) >= 0.97, shares
