"""Squashed normal draws, critics and their gradients beside autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from autorl.agents.networks import Layout, StackedMLP, stacked_layers
from autorl.agents.squashed import SquashedGaussian
from autorl.agents.twin_critics import TwinCritics


def test_log_probabilities_are_those_of_a_transformed_normal() -> None:
    generator = torch.Generator().manual_seed(0)
    outputs, noise = torch.randn(2, 4, 5, generator=generator), torch.randn(2, 5, 2, generator=generator)
    drawn = SquashedGaussian(outputs, noise)
    means, log_std = outputs[:, :2].transpose(1, 2), outputs[:, 2:].transpose(1, 2)
    normal = torch.distributions.Normal(means, log_std.exp())
    squashed = torch.distributions.TransformedDistribution(normal, [torch.distributions.TanhTransform()])
    before = means + log_std.exp() * noise
    torch.testing.assert_close(drawn.actions, before.tanh())
    expected = squashed.log_prob(before.tanh().clamp(-1 + 1e-7, 1 - 1e-7))  # type: ignore[no-untyped-call]  # torch's
    torch.testing.assert_close(drawn.log_prob, expected.sum(2), rtol=1e-3, atol=1e-3)


def test_gradients_through_draws_are_autograds_and_stop_at_the_bounds() -> None:
    generator = torch.Generator().manual_seed(1)
    outputs = (3 * torch.randn(3, 4, 7, generator=generator, dtype=torch.float64)).requires_grad_()
    with torch.no_grad():
        outputs[0, 2, 0], outputs[0, 3, 1] = 5.0, -30.0  # beyond both bounds of the log standard deviation
    noise = torch.randn(3, 7, 2, generator=generator, dtype=torch.float64)
    weights = torch.tensor([[0.3], [0.0], [2.0]], dtype=torch.float64)
    direction = torch.randn(3, 7, 2, generator=generator, dtype=torch.float64)
    drawn = SquashedGaussian(outputs, noise)
    total = (weights * drawn.log_prob).sum() + (direction * drawn.actions).sum()
    total.backward()  # type: ignore[no-untyped-call]  # torch's
    assert outputs.grad is not None
    torch.testing.assert_close(drawn.gradient(weights, direction), outputs.grad)
    assert outputs.grad[0, 2, 0] == outputs.grad[0, 3, 1] == 0


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_the_gradient_of_inputs_is_autograds(activation: str, depth: int) -> None:
    layout = Layout((5, *[8] * depth, 2))
    weights = stacked_layers(layout, np.random.default_rng(0), 3)
    network = StackedMLP(layout, weights, activation)
    inputs = torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    hidden = inputs
    for layer, (weight, bias) in enumerate(zip(layout.weights(weights), layout.biases(weights), strict=True)):
        hidden = hidden @ weight + bias
        if layer < depth:
            hidden = hidden.relu() if activation == "relu" else hidden.tanh()
    outputs = network.forward(inputs.detach())
    torch.testing.assert_close(outputs, hidden.detach().transpose(1, 2))
    direction = torch.randn(3, 2, 6, generator=torch.Generator().manual_seed(1))
    hidden.backward(direction.transpose(1, 2))  # type: ignore[no-untyped-call]  # torch's
    assert inputs.grad is not None
    torch.testing.assert_close(network.input_gradient(direction, slice(3, 5)), inputs.grad[:, :, 3:5])


def test_next_values_are_the_smaller_targets_and_action_gradients_sum_over_critics() -> None:
    critics = TwinCritics(2, Layout((3 + 1, 8, 1)), 1, "relu", "cpu")
    critics.initialise([np.random.default_rng(seed) for seed in range(2)])
    generator = torch.Generator().manual_seed(0)
    observations, actions = torch.randn(2, 5, 3, generator=generator), torch.randn(2, 5, 1, generator=generator)
    values = critics.values(observations, actions)
    assert values.shape == (2, 2, 5)
    assert not torch.equal(values[:, 0], values[:, 1]), "two critics, not one twice"
    torch.testing.assert_close(critics.next_values(observations, actions), values.min(1).values)
    gradient = torch.zeros_like(values)
    gradient[:, 0] = 1.0
    slope = critics.action_gradient(gradient)
    small = 1e-2
    above = critics.values(observations, actions + small)[:, 0]
    below = critics.values(observations, actions - small)[:, 0]
    numerical = (above - below) / (2 * small)
    close = (slope[:, :, 0] - numerical).abs() < 1e-3
    assert close.float().mean() > 0.8, "equal but where a unit switches in between"
