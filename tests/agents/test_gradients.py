"""Hand-written gradients beside autograd, and the optimiser beside torch's own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete, MultiDiscrete

from autorl.agents.actor_critic import ActorCritic, ActorCriticShape
from autorl.agents.distributions import Actions, actions_for
from autorl.agents.networks import Layout
from autorl.agents.optimiser import Adam
from autorl.agents.rollout import Batch
from autorl.algorithms.ppo import PPO, PPOPopulation
from autorl.environment import Environment
from autorl.records import Agent

AGENTS, LENGTH = 3, 24


def shape_of(actions: Actions, share_trunk: bool, activation: str, depth: int, width: int = 8) -> ActorCriticShape:
    return ActorCriticShape(4, actions.heads, actions.log_stds, width, depth, share_trunk, activation)


def plain_forward(
    shape: ActorCriticShape, parameters: torch.Tensor, observations: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """One agent's outputs and values, layer by layer, as a textbook writes them."""
    rows = []
    for network in range(shape.networks):
        flat = parameters[network][None]
        hidden = observations
        weights, biases = shape.layout.weights(flat), shape.layout.biases(flat)
        for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            hidden = hidden @ weight[0] + bias[0]
            if layer < len(weights) - 1:
                hidden = torch.tanh(hidden) if shape.activation == "tanh" else torch.relu(hidden)
        rows.append(hidden)
    return rows[0][:, : shape.heads], rows[-1][:, shape.heads]


def autograd_loss(
    configuration: PPO,
    shape: ActorCriticShape,
    counts: list[int],
    parameters: torch.Tensor,
    batch: dict[str, torch.Tensor],
) -> torch.Tensor:
    """PPO's loss of one agent, as Stable-Baselines3 writes it; `counts` of the discrete choices."""
    heads, values = plain_forward(shape, parameters, batch["observations"])
    distribution: Any
    if shape.log_stds:
        log_std = shape.layout.extras(parameters[:1])[0]
        distribution = torch.distributions.Normal(heads, log_std.exp())
        log_prob, entropy = distribution.log_prob(batch["actions"]).sum(1), distribution.entropy().sum(1)
    else:
        taken = batch["actions"].view(LENGTH, -1)
        parts = [torch.distributions.Categorical(logits=part) for part in torch.split(heads, counts, 1)]
        log_prob = torch.stack([part.log_prob(taken[:, n]) for n, part in enumerate(parts)]).sum(0)  # type: ignore[no-untyped-call]  # torch's
        entropy = torch.stack([part.entropy() for part in parts]).sum(0)  # type: ignore[no-untyped-call]  # torch's
    advantages = batch["advantages"]
    if configuration.normalize_advantage:
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    ratio = torch.exp(log_prob - batch["log_probs"])
    clip = configuration.clip_range
    policy_loss = -torch.min(advantages * ratio, advantages * torch.clamp(ratio, 1 - clip, 1 + clip)).mean()
    if configuration.clip_range_vf is not None:
        moved = torch.clamp(values - batch["values"], -configuration.clip_range_vf, configuration.clip_range_vf)
        values = batch["values"] + moved
    value_loss = torch.nn.functional.mse_loss(batch["returns"], values)
    loss: torch.Tensor = policy_loss - configuration.ent_coef * entropy.mean() + configuration.vf_coef * value_loss
    return loss


class Recorder(Adam):
    """Notes gradients instead of stepping."""

    def step(self, gradients: torch.Tensor, *_: Any) -> torch.Tensor:
        self.seen = gradients.clone()
        return torch.zeros(len(gradients), 1)


def learned_gradients(
    configurations: list[PPO], shape: ActorCriticShape, actions: Actions, parameters: torch.Tensor, data: Batch
) -> torch.Tensor:
    agents = [Agent(vars(configuration), seed) for seed, configuration in enumerate(configurations)]
    population = PPOPopulation(configurations, agents, Environment("CartPole-v1"), 1000, "cpu")
    population.shape, population.actions = shape, actions
    population.network = ActorCritic(shape, parameters.clone())
    recorder = Recorder(population.network.parameters.view(AGENTS, -1), np.ones(AGENTS))
    population.optimiser = recorder
    population.learn(data)
    return recorder.seen.view(AGENTS, shape.networks, -1)


SPACES: dict[str, tuple[Any, list[int]]] = {
    "discrete": (Discrete(3), [3]), "several": (MultiDiscrete([3, 2, 4]), [3, 2, 4]),
    "continuous": (Box(-1, 1, (2,), np.float32), []),
}  # fmt: skip


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("share_trunk", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_the_gradient_of_the_loss_is_autograds(space: str, share_trunk: bool, activation: str, depth: int) -> None:
    chosen, counts = SPACES[space]
    actions = actions_for(chosen, "PPO")
    shape = shape_of(actions, share_trunk, activation, depth)
    common: dict[str, Any] = {
        "n_steps": LENGTH, "batch_size": LENGTH, "n_epochs": 1, "share_trunk": share_trunk,
        "activation": activation, "depth": depth, "width": 8,
    }  # fmt: skip
    configurations = [
        PPO(**common, ent_coef=0.1, vf_coef=0.7, clip_range=0.1),
        PPO(**common, ent_coef=0.0, vf_coef=0.5, clip_range=0.3, clip_range_vf=0.05, normalize_advantage=False),
        PPO(**common, ent_coef=0.02, vf_coef=1.0, clip_range=0.02, clip_range_vf=0.5),
    ]
    generator = torch.Generator().manual_seed(5)

    def normal(*sizes: int) -> torch.Tensor:
        return torch.randn(sizes, generator=generator)

    parameters = 0.5 * normal(AGENTS, shape.networks, shape.layout.length)
    taken = normal(AGENTS, LENGTH, *actions.stored)
    if counts:
        drawn = [torch.randint(0, count, (AGENTS, LENGTH), generator=generator) for count in counts]
        taken = torch.stack(drawn, 2).view(AGENTS, LENGTH, *actions.stored)
    network = ActorCritic(shape, parameters)
    seen = normal(AGENTS, LENGTH, 4)
    heads, values = network.forward(network.spread(seen))
    log_probs = actions.policy(heads, network.log_std, taken).log_prob + 0.15 * normal(AGENTS, LENGTH)
    data = Batch(
        network.spread(seen),
        taken,
        log_probs,
        values + 0.2 * normal(AGENTS, LENGTH),
        normal(AGENTS, LENGTH),
        normal(AGENTS, LENGTH),
    )
    found = learned_gradients(configurations, shape, actions, parameters, data)
    for row, configuration in enumerate(configurations):
        leaf = parameters[row].clone().requires_grad_()
        batch = {name: getattr(data, name)[row] for name in ("actions", "log_probs", "values", "advantages", "returns")}
        autograd_loss(configuration, shape, counts, leaf, {**batch, "observations": seen[row]}).backward()  # type: ignore[no-untyped-call]  # torch's
        assert leaf.grad is not None
        wanted = leaf.grad
        assert wanted.abs().max() > 0.01
        # Outputs a network does not use have no gradient in autograd either.
        torch.testing.assert_close(found[row], wanted, rtol=1e-4, atol=3e-5)


def test_adam_is_torchs_with_clipping_and_one_rate_an_agent() -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(3, 64, generator=generator)
    rates, norms = np.array([1e-3, 1e-1, 3e-2]), [0.5, 100.0, 2.0]
    own = start.clone()
    adam = Adam(own, np.array([1e-5, 1e-8, 1e-3]))
    single = [torch.nn.Parameter(row.clone()) for row in start]
    others = [
        torch.optim.Adam([parameter], lr=float(rate), eps=eps)
        for parameter, rate, eps in zip(single, rates, [1e-5, 1e-8, 1e-3], strict=True)
    ]
    for step in range(20):
        gradients = torch.randn(3, 64, generator=generator) * (step + 1)
        learning = np.array([True, step < 10, True])
        for row, (parameter, optimiser) in enumerate(zip(single, others, strict=True)):
            if learning[row]:
                parameter.grad = gradients[row].clone()
                torch.nn.utils.clip_grad_norm_([parameter], norms[row])
                optimiser.step()
        before = own[1].clone()
        adam.step(gradients, rates, torch.tensor(norms)[:, None], learning)
        assert learning[1] or torch.equal(own[1], before)
    for row, parameter in enumerate(single):
        torch.testing.assert_close(own[row], parameter.data, rtol=2e-5, atol=1e-6)


def test_masking_an_agent_leaves_every_bit_of_the_others() -> None:
    generator = torch.Generator().manual_seed(0)
    start, gradients = torch.randn(3, 64, generator=generator), torch.randn(3, 64, generator=generator)
    gradients[1] = math.nan
    results = []
    for learning in (np.array([True, True, True]), np.array([True, False, True])):
        own = start.clone()
        adam = Adam(own, np.full(3, 1e-5))
        adam.step(gradients.clone(), np.full(3, 1e-3), torch.ones(3, 1), learning)
        results.append((own, adam.mean, adam.square))
    for all_of_them, masked, initial in zip(*results, (start, torch.zeros(3, 64), torch.zeros(3, 64)), strict=True):
        assert torch.equal(all_of_them[[0, 2]], masked[[0, 2]])
        assert torch.equal(masked[1], initial[1])
        assert all_of_them[1].isnan().all()


def test_adam_plans_by_what_its_arguments_hold_now() -> None:
    generator = torch.Generator().manual_seed(0)
    own, norms = torch.randn(3, 64, generator=generator), torch.ones(3, 1)
    adam = Adam(own, np.full(3, 1e-5))
    buffers, rates, learning = torch.zeros(2, 3, 64), np.full(3, 1e-3), np.ones(3, dtype=np.bool_)
    for step in range(12):
        gradients = buffers[0] if step in (2, 11) else buffers[1]
        gradients.copy_(torch.randn(3, 64, generator=generator))
        learning[1], rates[2] = step % 3 > 0, 1e-3 * (1 + step // 5)  # written in place
        if step == 8:
            adam.epsilons = np.array([1e-5, 1e-2, 1e-5])
        fresh = own.clone()
        once = Adam(fresh, adam.epsilons.copy())
        for other, same in ((once.mean, adam.mean), (once.square, adam.square), (once.steps, adam.steps)):
            other.copy_(same)
        once.step(gradients.clone(), rates.copy(), norms, learning.copy())
        adam.step(gradients, rates, norms, learning)
        assert torch.equal(own, fresh), step
    assert adam.steps.tolist() == [12, 8, 12]


def test_a_layout_keeps_whole_vectors_and_overlaps_nothing() -> None:
    layout = Layout((3, 5, 2), extra=4)
    assert layout.length % 32 == 0
    flat = torch.zeros(2, layout.length)
    views = [*layout.weights(flat), *layout.biases(flat), layout.extras(flat)]
    for number, view in enumerate(views):
        view += number + 1
    sizes = [3 * 5, 5 * 2, 5, 2, 4]
    for number, size in enumerate(sizes):
        assert int((flat[0] == number + 1).sum()) == size
