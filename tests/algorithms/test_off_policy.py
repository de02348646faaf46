"""DQN, SAC and TD3: their losses beside autograd, their schedules by hand, what they refuse, and that they learn."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from autorl.agents.networks import Layout
from autorl.agents.optimiser import Adam
from autorl.agents.replay import Transitions
from autorl.algorithms.dqn import DQN
from autorl.algorithms.sac import SAC, SACPopulation
from autorl.algorithms.td3 import TD3
from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.records import Agent

BATCH = 12
EVERYBODY = np.ones(2, dtype=np.bool_)
ROWS = np.zeros((2, BATCH), dtype=np.int64)


class Recorder(Adam):
    """Notes gradients instead of stepping."""

    def step(self, gradients: Tensor, *_: Any) -> Tensor:
        self.seen = gradients.clone()
        return torch.zeros(len(gradients), 1)


def recorder(of: Adam) -> Recorder:
    return Recorder(of.parameters, of.epsilons)


def plain(layout: Layout, flat: Tensor, inputs: Tensor) -> Tensor:
    """Outputs (batch, out) of one network with rectified hidden layers, as a textbook writes them."""
    hidden = inputs
    for layer, (weight, bias) in enumerate(zip(layout.weights(flat[None]), layout.biases(flat[None]), strict=True)):
        hidden = hidden @ weight[0] + bias[0]
        if layer < len(layout.layers) - 1:
            hidden = hidden.relu()
    return hidden


def batch_of(inputs: int, actions: Tensor) -> Transitions:
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(2, BATCH, *shape, generator=generator)

    ended = torch.arange(BATCH) % 4 == 0
    return Transitions(drawn(inputs), actions, 3 * drawn(), drawn(inputs), torch.where(ended, 0.0, 0.9).expand(2, -1))


def agents(algorithm: type[Any], **values: Any) -> list[Agent]:
    small = {**algorithm.defaults(), "width": 8, **values}
    return [Agent(small, 0), Agent({**small, "learning_rate": 0.5}, 1)]


def backward(loss: Tensor, flat: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(loss, flat)
    return gradient


# DQN


@pytest.mark.parametrize("double_q", [False, True])
@pytest.mark.parametrize("dueling", [False, True])
def test_dqns_gradient_is_that_of_hubers_loss(double_q: bool, dueling: bool) -> None:
    made = DQN.population(agents(DQN, double_q=double_q, dueling=dueling), Environment("CartPole-v1"), 1000)
    made.optimiser = recorder(made.optimiser)
    made.target_weights.add_(0.3 * torch.randn(made.weights.shape, generator=torch.Generator().manual_seed(5)))
    actions = torch.arange(2 * BATCH).view(2, BATCH, 1) % 2
    batch = batch_of(4, actions.float())
    made.learn(batch, ROWS, 0, EVERYBODY, {})
    layout = made.static.layout(made.spaces)
    assert isinstance(layout, Layout)

    def values(flat: Tensor, seen: Tensor) -> Tensor:
        outputs = plain(layout, flat, seen)
        if not dueling:
            return outputs
        return outputs[:, 2:] + outputs[:, :2] - outputs[:, :2].mean(1, keepdim=True)

    for row in range(2):
        flat = made.weights[row].clone().requires_grad_()
        with torch.no_grad():
            following = values(made.target_weights[row], batch.next_observations[row])
            chooser = values(flat, batch.next_observations[row]) if double_q else following
            best = following.gather(1, chooser.argmax(1, keepdim=True))[:, 0]
            targets = batch.rewards[row] + batch.discounts[row] * best
        taken = values(flat, batch.observations[row]).gather(1, actions[row])[:, 0]
        expected = backward(functional.smooth_l1_loss(taken, targets), flat)
        torch.testing.assert_close(made.optimiser.seen[row], expected, rtol=1e-4, atol=1e-6)


def test_a_prioritised_draw_weighs_the_gradient_and_renews_its_priorities() -> None:
    made = DQN.population(
        agents(DQN, prioritized_replay=True, per_alpha=0.5, per_beta=1.0, per_eps=0.25, buffer_size=BATCH),
        Environment("CartPole-v1"), 1000,
    )  # fmt: skip
    assert made.priorities is not None
    made.optimiser = recorder(made.optimiser)
    rows = np.tile(np.arange(BATCH), (2, 1))
    made.priorities.add(np.arange(BATCH), np.full(2, 0.5), EVERYBODY)
    sizes = np.tile(np.arange(1.0, BATCH + 1), (2, 1))
    made.priorities.update(rows, sizes, np.full(2, 0.5), EVERYBODY)
    actions = torch.zeros(2, BATCH, 1)
    batch = batch_of(4, actions)
    layout = made.static.layout(made.spaces)
    assert isinstance(layout, Layout)
    made.learn(batch, rows, 0, EVERYBODY, {})
    for row in range(2):
        flat = made.weights[row].clone().requires_grad_()
        best = plain(layout, made.target_weights[row], batch.next_observations[row]).max(1).values
        targets = batch.rewards[row] + batch.discounts[row] * best
        errors = plain(layout, flat, batch.observations[row])[:, 0] - targets.detach()
        weights = torch.from_numpy(sizes[row] ** -0.5 / (sizes[row] ** -0.5).max()).float()
        loss = (weights * functional.huber_loss(errors, torch.zeros_like(errors), reduction="none")).mean()
        torch.testing.assert_close(made.optimiser.seen[row], backward(loss, flat), rtol=1e-4, atol=1e-6)
        renewed = made.priorities.tree[row, made.priorities.leaves : made.priorities.leaves + BATCH]
        np.testing.assert_allclose(renewed, (errors.detach().abs().numpy() + 0.25) ** 0.5, rtol=1e-5)


def test_epsilon_falls_linearly_over_its_share_of_the_horizon() -> None:
    made = DQN.population(
        agents(DQN, exploration_fraction=0.5, exploration_initial_eps=1.0, exploration_final_eps=0.2),
        Environment("CartPole-v1"), 100,
    )  # fmt: skip
    assert [made.epsilons(step)[0] for step in (0, 25, 50, 100)] == pytest.approx([1.0, 0.6, 0.2, 0.2])


def test_target_networks_follow_at_their_own_intervals() -> None:
    shared = {**DQN.defaults(), "width": 8, "learning_starts": 0, "train_freq": 1, "learning_rate": 0.01}
    slow, fast = {**shared, "target_update_interval": 6}, {**shared, "target_update_interval": 2, "tau": 0.5}
    made = DQN.population([Agent(slow, 0), Agent(fast, 0)], Environment("CartPole-v1"), 100)
    made.restart(0)
    first = made.target_weights.clone()
    made.advance(5)
    assert torch.equal(made.target_weights[0], first[0])
    assert not torch.equal(made.target_weights[1], first[1])
    before = made.target_weights[1].clone(), made.weights.clone()
    made.advance(6)  # targets move before the step's update
    assert torch.equal(made.target_weights[0], before[1][0])
    torch.testing.assert_close(made.target_weights[1], (before[0] + before[1][1]) / 2)


def test_updates_begin_after_learning_starts_and_come_every_train_freq() -> None:
    shared = {**DQN.defaults(), "width": 8}
    values = [{"learning_starts": 10, "train_freq": 4, "gradient_steps": 2}, {"learning_starts": 0, "train_freq": 3}]
    made = DQN.population([Agent({**shared, **own}, 0) for own in values], Environment("CartPole-v1"), 20)
    made.restart(0)
    made.advance(20)
    # After steps 12, 16 and 20, two each; after 3, 6, ..., 18.
    assert [costs.gradient_updates for costs in made.costs()] == [6, 6]
    assert [DQN.configure({**shared, **own}).updates(20) for own in values] == [6, 6]


def test_a_buffer_is_cut_to_the_horizon_and_split_among_environments() -> None:
    assert DQN(buffer_size=1_000_000).slots(500) == 500
    assert DQN(buffer_size=100, n_envs=4).slots(500) == 25
    assert DQN(buffer_size=2, n_envs=4).slots(500) == 1
    made = DQN.population(agents(DQN), Environment("CartPole-v1"), 50)
    assert made.replay.data.shape == (2, 50, 1, 4 + 4 + 1 + 3)


# SAC


def sac(**values: Any) -> SACPopulation:
    made = SAC.population(agents(SAC, **values), Environment("Pendulum-v1"), 1000)
    made.critics.target_weights.add_(
        0.1 * torch.randn(made.critics.weights.shape, generator=torch.Generator().manual_seed(5))
    )
    return made


def densities(outputs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    mean, log_std = outputs[:, :1], outputs[:, 1:].clamp(-20, 2)
    before = mean + log_std.exp() * noise
    action = before.tanh()
    normal: Any = torch.distributions.Normal(mean, log_std.exp())
    return action, (normal.log_prob(before) - (1 - action**2 + 1e-6).log())[:, 0]


def critic_pair(made: Any, weights: Tensor, seen: Tensor, actions: Tensor) -> list[Tensor]:
    layout = made.critics.layout
    pair = torch.cat([seen, actions], 1)
    return [plain(layout, part, pair)[:, 0] for part in weights.view(2, -1)]


@pytest.mark.parametrize("ent_coef", [0.3, "auto_0.2"])
def test_sacs_gradients_are_those_of_its_three_losses(ent_coef: Any) -> None:
    made = sac(ent_coef=ent_coef)
    alpha = 0.3 if ent_coef == 0.3 else 0.2
    made.optimiser, made.critics.optimiser = recorder(made.optimiser), recorder(made.critics.optimiser)
    made.temperature_optimiser = recorder(made.temperature_optimiser)
    generator = torch.Generator().manual_seed(2)
    noises = {name: torch.randn(2, BATCH, 1, generator=generator) for name in ("current", "following")}
    batch = batch_of(3, torch.rand(2, BATCH, 1, generator=generator) * 2 - 1)
    targets_before = made.critics.target_weights.clone()
    made.learn(batch, ROWS, 0, EVERYBODY, {name: noise.numpy() for name, noise in noises.items()})
    layout = made.static.layouts(made.spaces)[0]
    for row in range(2):
        actor, critics = made.weights[row].clone().requires_grad_(), made.critics.weights[row].clone().requires_grad_()
        seen, following = batch.observations[row], batch.next_observations[row]
        with torch.no_grad():
            action, log_prob = densities(plain(layout, actor, following), noises["following"][row])
            value = torch.minimum(*critic_pair(made, targets_before[row], following, action)) - alpha * log_prob
            targets = batch.rewards[row] + batch.discounts[row] * value
        pair = critic_pair(made, critics, seen, batch.actions[row])
        critic_loss = 0.5 * sum(functional.mse_loss(value, targets) for value in pair)
        assert isinstance(critic_loss, Tensor)
        torch.testing.assert_close(
            made.critics.optimiser.seen[row], backward(critic_loss, critics), rtol=1e-4, atol=1e-5
        )
        action, log_prob = densities(plain(layout, actor, seen), noises["current"][row])
        best = torch.minimum(*critic_pair(made, critics.detach(), seen, action))
        expected = backward((alpha * log_prob - best).mean(), actor)
        torch.testing.assert_close(made.optimiser.seen[row], expected, rtol=1e-4, atol=1e-6)
        if ent_coef != 0.3:  # -log alpha (log pi + target entropy), whose target is minus the action's length
            torch.testing.assert_close(made.temperature_optimiser.seen[row, 0], -(log_prob.detach().mean() - 1.0))
    torch.testing.assert_close(
        made.critics.target_weights, targets_before + 0.005 * (made.critics.weights - targets_before)
    )


def test_a_fixed_temperature_stays_and_a_learned_one_moves() -> None:
    shared = {**SAC.defaults(), "width": 8, "batch_size": 8, "learning_starts": 10, "learning_rate": 0.01}
    values: list[Any] = ["auto", 0.2, "auto_0.2"]
    made = SAC.population([Agent({**shared, "ent_coef": own}, 0) for own in values], Environment("Pendulum-v1"), 60)
    made.restart(0)
    assert made.log_temperature.exp()[:, 0].tolist() == pytest.approx([1.0, 0.2, 0.2])
    made.advance(60)
    after = made.log_temperature.exp()[:, 0].tolist()
    assert after[1] == pytest.approx(0.2)
    assert after[0] != pytest.approx(1.0, abs=1e-3)
    assert after[2] != pytest.approx(0.2, abs=1e-3)
    made.replace(0, {**shared, "ent_coef": 0.7}, "copy")
    assert made.log_temperature.exp()[:, 0].tolist() == pytest.approx([0.7, *after[1:]])
    for ent_coef, wanted in ((0.0, 0.0), ("auto_0.3", 0.3)):  # from nothing nothing could be learned
        made.replace(0, {**shared, "ent_coef": ent_coef}, "again")
        assert made.log_temperature.exp()[0, 0].item() == pytest.approx(wanted)


# TD3


def test_td3s_gradients_smoothing_and_delay() -> None:
    made = TD3.population(
        agents(TD3, target_policy_noise=0.6, target_noise_clip=0.3, tau=0.25), Environment("Pendulum-v1"), 1000
    )
    made.target_weights.add_(0.2)
    made.critics.target_weights.add_(0.1)
    made.optimiser, made.critics.optimiser = recorder(made.optimiser), recorder(made.critics.optimiser)
    generator = torch.Generator().manual_seed(2)
    noise = torch.randn(2, BATCH, 1, generator=generator)
    batch = batch_of(3, torch.rand(2, BATCH, 1, generator=generator) * 2 - 1)
    before = made.target_weights.clone(), made.critics.target_weights.clone()
    made.gradient_updates[:] = [0, 1]  # the second agent's next step is its second
    made.learn(batch, ROWS, 0, EVERYBODY, {"smoothing": noise.numpy()})
    layout = made.static.layouts(made.spaces)[0]
    for row in range(2):
        critics = made.critics.weights[row].clone().requires_grad_()
        with torch.no_grad():
            smoothing = (0.6 * noise[row]).clamp(-0.3, 0.3)
            action = (plain(layout, before[0][row], batch.next_observations[row]).tanh() + smoothing).clamp(-1, 1)
            value = torch.minimum(*critic_pair(made, before[1][row], batch.next_observations[row], action))
            targets = batch.rewards[row] + batch.discounts[row] * value
        pair = critic_pair(made, critics, batch.observations[row], batch.actions[row])
        loss = sum(functional.mse_loss(value, targets) for value in pair)
        assert isinstance(loss, Tensor)
        torch.testing.assert_close(made.critics.optimiser.seen[row], backward(loss, critics), rtol=1e-4, atol=1e-5)
    actor = made.weights[1].clone().requires_grad_()
    action = plain(layout, actor, batch.observations[1]).tanh()
    expected = backward(-critic_pair(made, made.critics.weights[1], batch.observations[1], action)[0].mean(), actor)
    torch.testing.assert_close(made.optimiser.seen[1], expected, rtol=1e-4, atol=1e-6)
    assert torch.equal(made.target_weights[0], before[0][0]), "the first agent's actor waits, and so do its targets"
    assert torch.equal(made.critics.target_weights[0], before[1][0])
    torch.testing.assert_close(made.target_weights[1], 0.75 * before[0][1] + 0.25 * made.weights[1])


def test_who_waits_has_not_diverged_by_the_gradient_it_did_not_take() -> None:
    made = TD3.population(agents(TD3), Environment("Pendulum-v1"), 1000)
    made.gradient_updates[:] = [0, 1]  # the second agent's next step is its second, and moves its actor
    made.weights[:] = 0.1
    made.weights[0, -1] = torch.nan  # whatever an actor would have made of it
    noise = np.zeros((2, BATCH, 1), np.float32)
    batch = batch_of(3, torch.zeros(2, BATCH, 1))
    assert made.learn(batch, ROWS, 0, EVERYBODY, {"smoothing": noise}).tolist() == [True, True]


class Huge(gymnasium.RewardWrapper[Any, Any]):
    """Finite rewards that float32 does not hold."""

    def reward(self, reward: SupportsFloat) -> float:
        return 1e39 * float(reward)


@pytest.mark.parametrize("prioritized_replay", [False, True])
def test_a_reward_too_large_for_the_replay_is_met_as_infinite(prioritized_replay: bool) -> None:
    values = {"learning_starts": 8, "batch_size": 4, "train_freq": 1, "prioritized_replay": prioritized_replay}
    environment = Environment("CartPole-v1", wrappers=[f"{__name__}:Huge"])
    population = DQN.population([Agent({**DQN.defaults(), **values}, 0)], environment, 100)
    population.restart(0)
    population.advance(40)
    assert population.diverged.all()
    (costs,) = population.costs()
    assert costs.gradient_updates == 0


def test_exploration_adds_noise_within_the_bounds() -> None:
    made = TD3.population(agents(TD3, action_noise=10.0, learning_starts=0), Environment("Pendulum-v1"), 1000)
    noise = {"uniform": np.zeros((2, 1, 1), np.float32), "acting": np.array([[[1.0]], [[-1.0]]], np.float32)}
    kept, taken = made.explore(np.zeros((2, 1, 3)), np.zeros(2, dtype=np.bool_), noise)
    assert kept.ravel().tolist() == [1, -1]
    assert taken.ravel().tolist() == [2, -2], "Pendulum's bounds"


# All


@pytest.mark.parametrize(
    ("algorithm", "values", "message"),
    [
        (DQN, {"gamma": 1.5}, "gamma: 1.5 must be"),
        (DQN, {"train_freq": 0}, "train_freq: 0 must be at least 1"),
        (DQN, {"exploration_fraction": 0.0}, "exploration_fraction: 0.0 must be above 0"),
        (DQN, {"dueling": 1}, "dueling: 1"),
        (SAC, {"ent_coef": "automatic"}, "ent_coef: 'automatic' is neither a number nor"),
        (SAC, {"ent_coef": "auto_x"}, "ent_coef: 'auto_x' is neither a number nor"),
        (SAC, {"ent_coef": "auto_"}, "ent_coef: 'auto_' is neither a number nor"),
        (SAC, {"ent_coef": "auto_inf"}, "ent_coef: inf must be"),
        (SAC, {"ent_coef": math.inf}, "ent_coef: inf must be"),
        (SAC, {"ent_coef": "auto_0"}, "ent_coef: 0.0 must be above 0"),
        (SAC, {"ent_coef": -0.1}, "ent_coef: -0.1 must be at least 0"),
        (SAC, {"target_entropy": "high"}, "target_entropy: 'high' is no number"),
        (TD3, {"policy_delay": 0}, "policy_delay: 0 must be at least 1"),
        (TD3, {"batch_size": 0}, "batch_size: 0 must be at least 1"),
    ],
)
def test_values_out_of_range_are_refused(algorithm: type[Any], values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        dataclasses.replace(algorithm(), **values)


@pytest.mark.parametrize(
    ("algorithm", "environment", "message"),
    [
        (DQN, "Pendulum-v1", "DQN acts in Discrete"),
        (SAC, "CartPole-v1", "SAC acts in Box"),
        (TD3, "CartPole-v1", "TD3"),
    ],
)
def test_spaces_not_acted_in_are_refused_before_training(algorithm: Any, environment: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        algorithm().plan(Environment(environment).spaces(), 1000)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("algorithm", "environment", "steps", "values", "wanted"),
    [
        (DQN, "CartPole-v1", 12_000, {"learning_rate": 1e-3, "batch_size": 64, "learning_starts": 500,
                                                "target_update_interval": 200, "exploration_fraction": 0.3}, 80),
        (SAC, "Pendulum-v1", 4_000, {"learning_rate": 2e-3, "batch_size": 64, "width": 32}, -700),
        pytest.param(TD3, "Pendulum-v1", 5_000, {"learning_rate": 2e-3, "batch_size": 64, "width": 32}, -900,
                     marks=pytest.mark.extended),
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
