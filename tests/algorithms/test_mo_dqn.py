"""Multi-objective Q-learning: targets by hand, losses beside autograd, schedules, what it refuses, that it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from autorl.agents.networks import Layout
from autorl.agents.optimiser import Adam
from autorl.agents.replay import Transitions
from autorl.algorithms.mo_dqn import MODQN, MODQNPopulation
from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.records import Agent
from tests.algorithms.weighing import check_that_weights_mean_unscaled_rewards

DIVING = Environment("deep-sea-treasure-v0")
MINECART = Environment("minecart-deterministic-v0")
SMALL = {**MODQN.defaults(), "width": 8, "n_envs": 2, "batch_size": 6, "num_sample_w": 3}
EVERYBODY = np.ones(2, dtype=np.bool_)


class Recorder(Adam):
    """Notes gradients instead of stepping."""

    def step(self, gradients: Tensor, *_: Any) -> Tensor:
        self.seen = gradients.clone()
        return torch.zeros(len(gradients), 1)


def population(*values: dict[str, Any], environment: Environment = DIVING, horizon: int = 1000) -> MODQNPopulation:
    agents = [Agent({**SMALL, **own}, seed) for seed, own in enumerate(values)]
    return MODQN.population(agents, environment, horizon)


def recorded(made: MODQNPopulation) -> Recorder:
    made.optimiser = recorder = Recorder(made.weights, made.optimiser.epsilons)
    return recorder


def plain(layout: Layout, flat: Tensor, inputs: Tensor) -> Tensor:
    """Outputs (out,) of one network with rectified hidden layers, for one input, as a textbook writes them."""
    hidden = inputs
    for layer, (weight, bias) in enumerate(zip(layout.weights(flat[None]), layout.biases(flat[None]), strict=True)):
        hidden = hidden @ weight[0] + bias[0, 0]
        if layer < len(layout.layers) - 1:
            hidden = hidden.relu()
    return hidden


ONLINE = {(1, 0): {"up": (1, 0), "down": (0, 5)}, (0, 1): {"up": (3, 0), "down": (0, 1)}}
"""By weights (w', one reward alone) and action: values of both rewards, by the online network, in the next state."""
TARGET = {(1, 0): {"up": (10, 20), "down": (30, 40)}, (0, 1): {"up": (50, 60), "down": (70, 80)}}
"""The same by the target network."""


@pytest.mark.parametrize(
    ("target", "chosen"),
    [
        # For (1, 0), of its own values up is best, 1 > 0; of all, up as under (0, 1), 3.
        # For (0, 1), of its own values down is best, 1 > 0; of all, down as under (1, 0), 5.
        ("scalarized", {(1, 0): TARGET[1, 0]["up"], (0, 1): TARGET[0, 1]["down"]}),
        ("envelope", {(1, 0): TARGET[0, 1]["up"], (0, 1): TARGET[1, 0]["down"]}),
    ],
)
def test_the_target_is_the_one_worked_out_by_hand(target: str, chosen: dict[tuple[int, int], tuple[int, int]]) -> None:
    # A linear network whose observation weights are 0: what stands in the rows of the weights are the values.
    values = {"target": target, "depth": 0, "num_sample_w": 2, "batch_size": 1, "homotopy": False}
    made = population(values, values)
    layout = made.static.layout(made.spaces)
    for flat, table in ((made.weights, ONLINE), (made.target_weights, TARGET)):
        flat.zero_()
        for row, own in enumerate(table.values()):
            for action, name in enumerate(own):
                for reward in range(2):
                    layout.weights(flat)[0][:, 2 + row, reward * 4 + action] = own[name][reward]
            layout.weights(flat)[0][:, 2 + row, [2, 3, 6, 7]] = -9.0  # the other two of four actions
    recorder = recorded(made)
    batch = Transitions(
        observations=torch.zeros(2, 1, 2), actions=torch.ones(2, 1, 1), rewards=torch.tensor([[[0.5, -1.0]]] * 2),
        next_observations=torch.zeros(2, 1, 2), discounts=torch.full((2, 1), 0.9),
    )  # fmt: skip
    made.learn(batch, np.zeros((2, 1), np.int64), 0, EVERYBODY, {"weights": np.tile(np.eye(2), (2, 1, 1))})
    # Of the squared error's mean over two rewards and two vectors, the gradient is (Q - y) / 2: here of action 1, down.
    found = layout.weights(recorder.seen)[0][0]
    for row, weights in enumerate(chosen):
        for reward in range(2):
            wanted = (0.5, -1.0)[reward] + 0.9 * chosen[weights][reward]
            error = ONLINE[weights]["down"][reward] - wanted
            assert found[2 + row, reward * 4 + 1].item() == pytest.approx(error / 2, rel=1e-6)


@pytest.mark.parametrize("target", ["scalarized", "envelope"])
@pytest.mark.parametrize("homotopy", [False, True])
def test_the_gradient_is_that_of_the_papers_loss(target: str, homotopy: bool) -> None:
    shared = {"target": target, "homotopy": homotopy, "initial_homotopy_lambda": 0.3, "learning_starts": 0}
    made = population(
        {**shared, "reward_scale": "1 2 0.2", "final_homotopy_lambda": 1.0},
        {**shared, "final_homotopy_lambda": 0.5, "homotopy_decay_steps": 100},
        environment=MINECART,
    )
    made.iteration = 25  # 50 env steps of half the horizon's 1,000, and of the second agent's 100
    lambdas = [0.3 + 0.1 * 0.7, 0.3 + 0.5 * 0.2] if homotopy else [0.0, 0.0]
    scales = torch.tensor([[1.0, 2.0, 0.2], [1.0, 1.0, 1.0]])
    generator = torch.Generator().manual_seed(0)
    made.target_weights.add_(0.3 * torch.randn(made.weights.shape, generator=generator))
    recorder = recorded(made)
    drawn = np.random.default_rng(0).dirichlet([1, 1, 1], (2, 3)).astype(np.float32)
    actions = torch.arange(12).view(2, 6, 1) % 6
    batch = Transitions(
        torch.randn(2, 6, 7, generator=generator), actions.float(), torch.randn(2, 6, 3, generator=generator),
        torch.randn(2, 6, 7, generator=generator), torch.tensor([[0.9, 0.0, 0.8, 0.9, 0.9, 0.0]] * 2),
    )  # fmt: skip
    made.learn(batch, np.zeros((2, 6), np.int64), 0, EVERYBODY, {"weights": drawn})
    layout = made.static.layout(made.spaces)

    def values(flat: Tensor, seen: Tensor, weights: Tensor) -> Tensor:
        return plain(layout, flat, torch.cat([seen, weights])).view(3, 6)

    for row in range(2):
        flat = made.weights[row].clone().requires_grad_()
        vectors, losses, weighed_losses = torch.from_numpy(drawn[row]), [], []
        for number in range(6):
            following = batch.next_observations[row, number]
            for weights in vectors:
                candidates = vectors if target == "envelope" else weights[None]
                with torch.no_grad():
                    best = max(
                        ((other, action) for other in candidates for action in range(6)),
                        key=lambda pair: float(weights @ values(flat, following, pair[0])[:, pair[1]]),
                    )
                    next_value = values(made.target_weights[row], following, best[0])[:, best[1]]
                    wanted = batch.rewards[row, number] * scales[row] + batch.discounts[row, number] * next_value
                taken = values(flat, batch.observations[row, number], weights)[:, int(actions[row, number])]
                losses.append((taken - wanted).square().mean())
                weighed_losses.append((weights @ (taken - wanted)).square())
        share = lambdas[row]
        loss = (1 - share) * torch.stack(losses).mean() + share * torch.stack(weighed_losses).mean()
        (expected,) = torch.autograd.grad(loss, flat)
        torch.testing.assert_close(recorder.seen[row], expected, rtol=1e-4, atol=1e-6)


def test_priorities_are_the_errors_of_weighed_sums() -> None:
    values = {"prioritized_replay": True, "per_alpha": 0.5, "per_eps": 0.25, "buffer_size": 6, "depth": 0}
    made = population(values, {**values, "per_alpha": 1.0})
    assert made.priorities is not None
    made.weights.zero_()
    made.target_weights.zero_()
    recorded(made)
    rows = np.tile(np.arange(6), (2, 1))
    made.priorities.add(np.arange(6), np.array([0.5, 1.0]), EVERYBODY)
    rewards = torch.arange(12.0).view(6, 2)
    batch = Transitions(
        torch.zeros(2, 6, 2), torch.zeros(2, 6, 1), rewards.expand(2, -1, -1), torch.zeros(2, 6, 2), torch.ones(2, 6)
    )
    drawn = np.array([[[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]] * 2)
    made.learn(batch, rows, 0, EVERYBODY, {"weights": drawn})
    # All values are 0: the errors are the weighed rewards, whose mean over these vectors is that over the rewards.
    kept = made.priorities.tree[:, made.priorities.leaves : made.priorities.leaves + 6]
    np.testing.assert_allclose(kept[0], (rewards.numpy().mean(1) + 0.25) ** 0.5, rtol=1e-6)
    np.testing.assert_allclose(kept[1], rewards.numpy().mean(1) + 0.25, rtol=1e-6)


def test_epsilon_and_homotopy_move_linearly_once_learning_starts() -> None:
    values = {
        "learning_starts": 100, "initial_epsilon": 1.0, "final_epsilon": 0.2, "initial_homotopy_lambda": 0.0,
        "final_homotopy_lambda": 0.5,
    }  # fmt: skip
    made = population(
        {**values, "epsilon_decay_steps": 400}, {**values, "homotopy_decay_steps": 50, "initial_epsilon": 0.2}
    )
    found = [made.epsilons(step) for step in (0, 100, 300, 500, 900)]
    np.testing.assert_allclose(np.array(found), [[1.0, 0.2], [1.0, 0.2], [0.6, 0.2], [0.2, 0.2], [0.2, 0.2]])
    lambdas = [made.moved("homotopy_lambda", step) for step in (0, 125, 150, 600, 1100)]
    np.testing.assert_allclose(np.array(lambdas), [[0.0, 0.0], [0.025, 0.25], [0.05, 0.5], [0.5, 0.5], [0.5, 0.5]])


def test_target_networks_follow_at_every_step_or_are_copied_at_their_own_times() -> None:
    shared = {"learning_starts": 0, "learning_rate": 0.01}
    made = population({**shared, "tau": 0.25}, {**shared, "target_net_update_freq": 6})
    made.restart(0)
    made.advance(4)
    first = made.target_weights.clone(), made.weights.clone()
    made.advance(6)  # targets move before the step's update
    torch.testing.assert_close(made.target_weights[0], 0.75 * first[0][0] + 0.25 * first[1][0])
    assert torch.equal(made.target_weights[1], first[1][1])
    assert not torch.equal(first[0][1], first[1][1])
    before = made.target_weights[1].clone()
    made.advance(10)
    assert torch.equal(made.target_weights[1], before)


def test_an_episode_is_acted_under_one_weight_vector() -> None:
    made = population({}, {}, environment=Environment("deep-sea-treasure-v0", max_episode_steps=6))
    made.restart(0)
    changed, ended = [], []
    for mark in range(2, 102, 2):
        before = made.sought.copy()
        made.advance(mark)
        changed.append((made.sought != before).any(2))
        ended.append(made.replay.data[:, made.iteration - 1, :, -1].numpy() > 0)
    assert changed[0].all()
    assert (np.array(changed[1:]) == np.array(ended[:-1])).all()
    assert 0.1 < np.mean(ended) < 0.5
    np.testing.assert_allclose(made.sought.sum(2), 1)
    made.restart(100)
    before = made.sought.copy()
    made.advance(102)
    assert (made.sought != before).any(2).all(), "a restart ends all episodes"


def test_a_weight_means_the_rewards_as_the_environment_gives_them() -> None:
    made = population({"reward_scale": "1 0.2"}, {})
    made.weights[1] = made.weights[0]
    check_that_weights_mean_unscaled_rewards(made)


def test_updates_are_counted_as_planned() -> None:
    made = population(
        {"learning_starts": 10, "gradient_updates": 3},
        {"learning_starts": 0, "train_freq": 4, "gradient_updates": 1},
    )
    made.restart(0)
    made.advance(40)
    # After vector steps 6 to 20, three each; after 4, 8, ..., 20.
    assert [costs.gradient_updates for costs in made.costs()] == [45, 5]
    configurations = [MODQN.configure(agent.configuration) for agent in made.agents]
    assert [one.plan(made.spaces, 40).gradient_updates for one in configurations] == [45, 5]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"target": "ddqn"}, "target: 'ddqn' is none of envelope, scalarized"),
        ({"num_sample_w": 0}, "num_sample_w: 0 must be at least 1"),
        ({"epsilon_decay_steps": 0}, "epsilon_decay_steps: 0 must be at least 1"),
        ({"final_homotopy_lambda": 1.5}, "final_homotopy_lambda: 1.5 must be"),
        ({"homotopy": 1}, "homotopy: 1 is neither"),
        ({"depth": 5}, "depth: 5 must be at least 0 and at most 4"),
        ({"reward_scale": "a"}, "reward_scale: 'a' is no text"),
        ({"weight_concentration": -1.0}, "weight_concentration: -1.0 must be above 0"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        MODQN(**values)


@pytest.mark.parametrize(
    ("environment", "values", "message"),
    [
        ("CartPole-v1", {}, "MODQN trades several rewards off"),
        ("mo-mountaincarcontinuous-v0", {}, "MODQN acts in Discrete spaces, not in Box"),
        ("minecart-v0", {"reward_scale": "1 0.2"}, "'1 0.2' has 2 numbers, and the environment 3 rewards"),
    ],
)
def test_what_it_cannot_learn_in_is_refused_before_training(
    environment: str, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        MODQN(**values).plan(Environment(environment).spaces(), 1000)
