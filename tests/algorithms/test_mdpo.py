"""MDPO, on-policy and off-policy: losses and divergences beside autograd, schedules by hand, refusals, and learning."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from torch import Tensor
from torch.distributions import Categorical, Normal, kl_divergence

from autorl.agents.distributions import actions_for
from autorl.agents.networks import Layout
from autorl.agents.optimiser import Adam
from autorl.agents.rollout import Batch, permutations
from autorl.agents.squashed import SquashedGaussian
from autorl.algorithms.mdpo import MDPO, MDPOPopulation
from autorl.algorithms.mdpo_off_policy import OffPolicyMDPO, OffPolicyMDPOPopulation
from autorl.algorithms.sac import SAC
from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.records import Agent
from autorl.seeds import stream
from autorl.space import SearchSpace
from tests.algorithms.test_off_policy import BATCH, EVERYBODY, ROWS, batch_of, critic_pair, densities, plain, recorder


def divergence(new: Any, old: Any) -> Tensor:
    found: Tensor = kl_divergence(new, old)
    return found


def distribution(heads: Tensor, log_std: Tensor) -> Any:
    """One agent's policy (batch), for outputs (batch, heads); categorical without log standard deviations."""
    if not log_std.numel():
        return Categorical(logits=heads)
    return torch.distributions.Independent(Normal(heads, log_std.exp()), 1)


# The divergence in closed form


@pytest.mark.parametrize(
    "space", [Discrete(5), MultiDiscrete([3, 2]), Box(-1, 1, (5,))], ids=lambda one: type(one).__name__
)
def test_the_gradient_of_the_divergence_is_autograds(space: Any) -> None:
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    actions = actions_for(space, "MDPO")
    stds, choices = actions.log_stds, getattr(actions, "counts", [5])
    taken = drawn(2, 7, 5) if stds else torch.arange(14 * len(choices)).view(2, 7, *actions.stored) % min(choices)
    heads, old_heads = (2 * drawn(2, 5, 7)).requires_grad_(), 2 * drawn(2, 5, 7)
    log_std, old_log_std = drawn(2, stds).requires_grad_(), drawn(2, stds)
    weight = torch.tensor([[0.3], [2.0]], dtype=torch.float64)
    total = torch.zeros((), dtype=torch.float64)
    for row in range(2):
        for own, other in zip(*(torch.split(one[row].T, choices, 1) for one in (heads, old_heads)), strict=True):
            found = divergence(distribution(own, log_std[row]), distribution(other, old_log_std[row]))
            total = total + weight[row, 0] * found.sum()
    expected = torch.autograd.grad(total, [heads, log_std] if stds else [heads])
    with torch.no_grad():
        policy = actions.policy(heads, log_std, taken)
        gradients = policy.gradient(torch.ones(2, 7, dtype=torch.float64), weight)
        before = [None if part is None else part.clone() for part in gradients]
        policy.add_kl_gradient(gradients, old_heads, old_log_std, weight)
    for after, earlier, wanted in zip(gradients, before, expected, strict=False):
        assert after is not None
        assert earlier is not None
        torch.testing.assert_close(after - earlier, wanted)
    assert (gradients[1] is None) == (stds == 0)


# On-policy


class Moving(Adam):
    """Notes gradients and moves the parameters by fixed noise."""

    def __init__(self, of: Adam) -> None:
        super().__init__(of.parameters, of.epsilons)
        self.seen: list[tuple[Tensor, Tensor]] = []

    def step(self, gradients: Tensor, *_: Any) -> Tensor:
        self.seen.append((self.parameters.clone(), gradients.clone()))
        noise = torch.randn(gradients.shape, generator=torch.Generator().manual_seed(len(self.seen)))
        self.parameters.add_(0.3 * noise * (gradients != 0))
        return torch.zeros(len(gradients), 1)


class Spy(MDPOPopulation):
    """Keeps what it learned from, with the weights it acted with."""

    def learn(self, data: Batch) -> None:
        self.data, self.acted = data, self.network.parameters.clone()
        super().learn(data)


def loss_of(made: Spy, flat: Tensor, row: int, rows: Any, values: dict[str, Any], step_size: float) -> Tensor:
    """MDPO's loss of one agent on some rows of its rollout, as the paper writes it, with PPO's value loss."""
    data, layout, count = made.data, made.shape.layout, made.shape.heads

    def outputs(parameters: Tensor, network: int) -> Tensor:
        hidden = data.observations[row, network, rows]
        weights, biases = layout.weights(parameters[network][None]), layout.biases(parameters[network][None])
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            hidden = (hidden @ weight[0] + bias[0]).tanh()
        return hidden @ weights[-1][0] + biases[-1][0]

    def policy(parameters: Tensor) -> Any:
        return distribution(outputs(parameters, 0)[:, :count], layout.extras(parameters[:1])[0])

    new, old = policy(flat), policy(made.acted[row])
    taken, advantages = data.actions[row, rows], data.advantages[row]
    if values["normalize_advantage"]:
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    ratio = (new.log_prob(taken) - old.log_prob(taken)).exp()
    proximity = divergence(new, old).mean() / step_size
    value = outputs(flat, 1)[:, count]
    free = (value - data.values[row, rows]).abs() <= (values["clip_range_vf"] or torch.inf)
    value_loss = ((value - data.returns[row, rows]).square() * free).mean()
    surrogate = (ratio * advantages[rows]).mean() + values["ent_coef"] * new.entropy().mean()
    loss: Tensor = proximity - surrogate + values["vf_coef"] * value_loss
    return loss


@pytest.mark.parametrize("environment", ["CartPole-v1", "Pendulum-v1"])
def test_the_gradient_on_every_minibatch_is_that_of_the_papers_loss(environment: str) -> None:
    shared = {**MDPO.defaults(), "n_steps": 8, "n_envs": 2, "batch_size": 8, "n_epochs": 1, "width": 8, "gamma": 0.9}
    own: list[dict[str, Any]] = [
        {"step_size": 0.4, "ent_coef": 0.05, "clip_range_vf": 0.4, "vf_coef": 0.3},
        {"step_size": 0.4, "anneal_step_size": False, "normalize_advantage": False},
    ]
    configured = [{**shared, **values} for values in own]
    agents = [Agent(values, seed) for seed, values in enumerate(configured)]
    made = Spy([MDPO.configure(values) for values in configured], agents, Environment(environment), 64, "cpu")
    made.initialise()
    made.restart(0)
    made.advance(16)
    made.optimiser = moving = Moving(made.optimiser)
    made.advance(32)  # the second of four iterations: an annealed step size stands at three quarters
    order = permutations(agents, 1, 1, 16)[0]
    assert len(moving.seen) == 2, "two minibatches, of which the second is learned from with moved weights"
    for number, (weights, gradient) in enumerate(moving.seen):
        for row, step_size in enumerate([0.4 * 0.75, 0.4]):
            flat = weights[row].view(2, -1).clone().requires_grad_()
            rows = order[row, 8 * number : 8 * number + 8]
            loss = loss_of(made, flat, row, rows, configured[row], step_size)
            (expected,) = torch.autograd.grad(loss, flat)
            torch.testing.assert_close(gradient[row], expected.view(-1), rtol=1e-3, atol=1e-5)


def test_a_small_step_size_keeps_the_policy_near_the_old_one() -> None:
    shared = {**MDPO.defaults(), "n_steps": 64, "batch_size": 64, "learning_rate": 3e-3, "anneal_step_size": False}
    agents = [Agent({**shared, "step_size": size}, 0) for size in (1e-3, 1.0, 1e6)]
    made = Spy([MDPO.configure(one.configuration) for one in agents], agents, Environment("CartPole-v1"), 64, "cpu")
    made.initialise()
    made.restart(0)
    made.advance(64)
    assert made.data.heads is not None
    now, _ = made.network.forward(made.data.observations)
    moved = [
        float(divergence(Categorical(logits=now[row].T), Categorical(logits=made.data.heads[row])).mean())
        for row in range(3)
    ]
    assert 0 < 3 * moved[0] < moved[1] < moved[2]


def test_step_sizes_past_the_horizon_stay_above_zero() -> None:
    shared = {**MDPO.defaults(), "n_steps": 8, "batch_size": 8, "n_epochs": 1, "width": 8}
    made = MDPO.population([Agent(shared, 0)], Environment("CartPole-v1"), 16)
    made.restart(0)
    made.advance(48)
    assert not made.diverged.any()
    assert made.costs()[0].gradient_updates == 6


# Off-policy


def test_the_gradient_under_another_policy_is_autograds() -> None:
    generator = torch.Generator().manual_seed(3)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    outputs, old, noise = (2 * drawn(2, 4, 5)).requires_grad_(), 2 * drawn(2, 4, 5), drawn(2, 5, 2)
    with torch.no_grad():
        old[0, 2, 0], old[0, 3, 1] = 5.0, -30.0  # beyond both bounds of the log standard deviation
    weight, direction = torch.tensor([[0.7], [0.2]], dtype=torch.float64), drawn(2, 5, 2)
    made = SquashedGaussian(outputs, noise)
    before = outputs[:, :2].transpose(1, 2) + outputs[:, 2:].transpose(1, 2).clamp(-20, 2).exp() * noise
    normal = Normal(old[:, :2].transpose(1, 2), old[:, 2:].transpose(1, 2).clamp(-20, 2).exp())
    log_prob_old = normal.log_prob(before) - (1 - before.tanh().square() + 1e-6).log()  # type: ignore[no-untyped-call]  # torch's
    total = (weight * made.log_prob).sum() + (direction * (made.actions + log_prob_old)).sum()
    (expected,) = torch.autograd.grad(total, outputs)
    with torch.no_grad():
        found = SquashedGaussian(outputs, noise)
        gradient = found.gradient(weight, direction, direction * found.gradient_under(old))
    torch.testing.assert_close(gradient, expected)


def noises(seed: int = 2) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(2, BATCH, 1, generator=generator).numpy() for name in ("current", "following")}


def off_policy(own: list[dict[str, Any]], algorithm: Any = OffPolicyMDPO) -> Any:
    agents = [Agent({**algorithm.defaults(), "width": 8, **values}, seed) for seed, values in enumerate(own)]
    made = algorithm.population(agents, Environment("Pendulum-v1"), 100)
    made.critics.target_weights.add_(
        0.1 * torch.randn(made.critics.weights.shape, generator=torch.Generator().manual_seed(5))
    )
    made.optimiser, made.critics.optimiser = recorder(made.optimiser), recorder(made.critics.optimiser)
    return made


def test_off_policy_gradients_are_those_of_both_losses() -> None:
    own = [
        {"step_size": 0.5, "ent_coef": 0.3, "anneal_step_size": True},
        {"step_size": 2.0, "ent_coef": 0.0, "sgd_steps": 7},
    ]
    made = off_policy(own)
    made.iteration, made.gradient_updates[:] = 25, 1  # a quarter of the horizon has passed; no old policy is due
    made.old_weights.copy_(made.weights)
    made.old_weights.add_(0.2 * torch.randn(made.weights.shape, generator=torch.Generator().manual_seed(6)))
    old_before, targets_before = made.old_weights.clone(), made.critics.target_weights.clone()
    generator = torch.Generator().manual_seed(1)
    batch, draws = batch_of(3, torch.rand(2, BATCH, 1, generator=generator) * 2 - 1), noises()
    assert made.learn(batch, ROWS, 0, EVERYBODY, draws).all()
    assert torch.equal(made.old_weights, old_before)
    layout: Layout = made.static.layouts(made.spaces)[0]
    for row, (step_size, worth) in enumerate([(0.5 * 0.75, 0.3), (2.0, 0.0)]):
        actor, critics = made.weights[row].clone().requires_grad_(), made.critics.weights[row].clone().requires_grad_()
        seen, following = batch.observations[row], batch.next_observations[row]
        current, then = (torch.from_numpy(draws[name][row]) for name in ("current", "following"))
        with torch.no_grad():
            action, log_prob = densities(plain(layout, actor, following), then)
            value = torch.minimum(*critic_pair(made, targets_before[row], following, action)) - worth * log_prob
            targets = batch.rewards[row] + batch.discounts[row] * value
        pair = critic_pair(made, critics, seen, batch.actions[row])
        (expected,) = torch.autograd.grad(
            0.5 * torch.stack([(q - targets).square().mean() for q in pair]).sum(), critics
        )
        torch.testing.assert_close(made.critics.optimiser.seen[row], expected, rtol=1e-4, atol=1e-5)

        outputs = plain(layout, actor, seen)
        action, log_prob = densities(outputs, current)
        before = outputs[:, :1] + outputs[:, 1:].clamp(-20, 2).exp() * current
        old = plain(layout, old_before[row], seen)
        normal: Any = Normal(old[:, :1], old[:, 1:].clamp(-20, 2).exp())
        log_prob_old = (normal.log_prob(before) - (1 - action.square() + 1e-6).log())[:, 0]
        best = torch.minimum(*critic_pair(made, critics.detach(), seen, action))
        loss = (log_prob - (1 - step_size * worth) * log_prob_old - step_size * best).mean()
        (expected,) = torch.autograd.grad(loss, actor)
        torch.testing.assert_close(made.optimiser.seen[row], expected, rtol=1e-4, atol=1e-5)


def test_at_step_size_times_entropy_coefficient_one_the_actor_follows_sacs_loss() -> None:
    mirror = off_policy([{"step_size": 4.0, "ent_coef": 0.25}] * 2)
    soft = off_policy([{"ent_coef": 0.25}] * 2, SAC)
    mirror.gradient_updates[:] = 1
    mirror.old_weights.fill_(0.5)  # whatever the old policy was
    batch = batch_of(3, torch.zeros(2, BATCH, 1))
    for made in (mirror, soft):
        made.learn(batch, ROWS, 0, EVERYBODY, noises())
    torch.testing.assert_close(mirror.critics.optimiser.seen, soft.critics.optimiser.seen)
    torch.testing.assert_close(mirror.optimiser.seen, soft.optimiser.seen / 0.25, rtol=1e-4, atol=1e-5)


def small(values: list[dict[str, Any]], horizon: int) -> OffPolicyMDPOPopulation:
    shared = {**OffPolicyMDPO.defaults(), "width": 8, "batch_size": 8, "learning_starts": 0, "learning_rate": 0.01}
    made = OffPolicyMDPO.population(
        [Agent({**shared, **own}, 0) for own in values], Environment("Pendulum-v1"), horizon
    )
    made.restart(0)
    return made


def test_the_old_policy_is_renewed_every_sgd_steps_gradient_steps() -> None:
    made = small([{"sgd_steps": 1}, {"sgd_steps": 3}, {"sgd_steps": 2, "train_freq": 2}], 20)
    first = made.weights.clone()
    before: list[Tensor] = []
    for step in range(1, 8):
        before.append(made.weights.clone())
        made.advance(step)
        assert torch.equal(made.old_weights[0], before[-1][0]), "renewed before every step"
        start = (step - 1) // 3 * 3
        assert torch.equal(made.old_weights[1], before[start][1]), f"step {step}"
        # Updates at steps 2, 4 and 6; the first and the third renew.
        if step >= 2:
            assert torch.equal(made.old_weights[2], first[2] if step < 6 else before[5][2]), f"step {step}"
    assert not torch.equal(made.weights[2], first[2])


def test_step_sizes_fall_linearly_over_the_horizon_or_stay() -> None:
    made = small([{"step_size": 0.4, "anneal_step_size": True}, {"step_size": 0.4}], 20)
    found = []
    for iteration in (0, 5, 15, 19, 25):
        made.iteration = iteration
        found.append(made.step_sizes().tolist())
    np.testing.assert_allclose(found, [[0.4, 0.4], [0.3, 0.4], [0.1, 0.4], [0.02, 0.4], [0, 0.4]], atol=1e-12)


def test_the_old_policy_is_counted_among_the_networks() -> None:
    spaces = Environment("Pendulum-v1").spaces()
    values: Any = {"width": 16, "depth": 1}
    (acting, kept, _), (sac_acting, sac_kept, _) = (
        algorithm(**values).parameter_counts(spaces) for algorithm in (OffPolicyMDPO, SAC)
    )
    assert acting == sac_acting == 3 * 16 + 16 + 16 * 2 + 2
    assert kept == sac_kept + acting


# Both


@pytest.mark.parametrize(
    ("algorithm", "values", "message"),
    [
        (MDPO, {"step_size": 0.0}, "step_size: 0.0 must be above 0"),
        (MDPO, {"anneal_step_size": 1}, "anneal_step_size: 1 is neither true nor false"),
        (MDPO, {"gae_lambda": 1.5}, "gae_lambda: 1.5 must be at least 0 and at most 1"),
        (MDPO, {"vf_coef": -0.5}, "vf_coef: -0.5 must be at least 0"),
        (MDPO, {"max_grad_norm": 0.0}, "max_grad_norm: 0.0 must be above 0"),
        (MDPO, {"clip_range_vf": 0.0}, "clip_range_vf: 0.0 must be above 0"),
        (MDPO, {"n_epochs": 0}, "n_epochs: 0 must be at least 1"),
        (MDPO, {"depth": 4}, "depth: 4 must be at least 0 and at most 3"),
        (MDPO, {"activation": "elu"}, "activation: 'elu' is none of tanh, relu"),
        (MDPO, {"batch_size": 65, "n_steps": 32, "n_envs": 2}, "batch_size: 65 exceeds the rollout of .* = 64 rows"),
        (OffPolicyMDPO, {"step_size": -1.0}, "step_size: -1.0 must be above 0"),
        (OffPolicyMDPO, {"step_size": float("inf")}, "step_size: inf must be above 0 and finite"),
        (OffPolicyMDPO, {"sgd_steps": 0}, "sgd_steps: 0 must be at least 1"),
        (OffPolicyMDPO, {"ent_coef": "auto"}, "ent_coef: 'auto' is no number"),
        (OffPolicyMDPO, {"anneal_step_size": None}, "anneal_step_size: None is neither true nor false"),
        (OffPolicyMDPO, {"tau": 1.5}, "tau: 1.5 must be at least 0 and at most 1"),
    ],
)
def test_values_out_of_range_are_refused(algorithm: type[Any], values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        dataclasses.replace(algorithm(), **values)


def test_discrete_actions_are_refused_off_policy_before_training() -> None:
    with pytest.raises(InvalidInput, match="OffPolicyMDPO acts in Box spaces"):
        OffPolicyMDPO().plan(Environment("CartPole-v1").spaces(), 1000)


@pytest.mark.parametrize(
    ("algorithm", "name", "combinations"),
    [
        (MDPO, "mdpo", 11),
        (MDPO, "mdpo_small", 6),
        (MDPO, "mdpo_wide", 320),
        (OffPolicyMDPO, "mdpo_off_policy", 3),
        (OffPolicyMDPO, "mdpo_off_policy_small", 1),
        (OffPolicyMDPO, "mdpo_off_policy_wide", 20),
    ],
)
def test_the_bundled_spaces_hold_what_can_run(algorithm: type[Any], name: str, combinations: int) -> None:
    space = SearchSpace.load(name, defaults=algorithm.defaults())
    assert space.static_combinations(algorithm.static_names()) == combinations
    algorithm.configure(space.default())
    if not name.endswith("_wide"):
        assert algorithm.configure(space.default()).step_size == algorithm().step_size
    generator = stream(0, "test of bundled spaces")
    for draw in range(100):
        vector: dict[str, Any] = {}
        for one in space.coordinates:
            # Corners first: every number at one of its ends.
            unit = float(generator.integers(0, 2)) if draw < 50 else float(generator.random())
            index = int(generator.integers(0, max(1, one.size)))
            vector[one.name] = (
                {"unit": unit, "index": index}.get(one.kind) if one.kind != "label" else one.labels[index]
            )
        algorithm.configure(space.decode(vector))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("algorithm", "environment", "steps", "values", "wanted"),
    [
        (MDPO, "CartPole-v1", 20_000, {"n_envs": 8, "n_steps": 32, "n_epochs": 20, "batch_size": 256,
                                       "learning_rate": 1e-3, "gamma": 0.98, "gae_lambda": 0.8}, 350),
        pytest.param(MDPO, "Pendulum-v1", 60_000, {"n_envs": 8, "n_steps": 128, "batch_size": 64,
                     "learning_rate": 1e-3, "gamma": 0.9}, -600, marks=pytest.mark.extended),
        pytest.param(OffPolicyMDPO, "Pendulum-v1", 4_000, {"learning_rate": 2e-3, "batch_size": 64, "width": 32},
                     -700, marks=pytest.mark.extended),
    ],
)  # fmt: skip
def test_it_learns(algorithm: type[Any], environment: str, steps: int, values: dict[str, Any], wanted: float) -> None:
    made = algorithm.population(
        [Agent({**algorithm.defaults(), **values}, seed) for seed in range(4)], Environment(environment), steps
    )
    made.restart(0)
    made.advance(steps)
    returns, _ = made.evaluate(Environment(environment), 10, 1.0)
    assert np.median(returns.mean((1, 2, 3))) > wanted
    assert not made.diverged.any()
