"""Conditioned networks beside autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from autorl.agents.conditioned import ConditionedLayout, ConditionedNetwork


def plain(layout: ConditionedLayout, flat: Tensor, seen: Tensor, told: Tensor, activation: str) -> Tensor:
    """Outputs (batch, out) of one network, as a textbook writes them."""
    first, second, head = (
        list(zip(part.weights(rows), part.biases(rows), strict=True))
        for part, rows in zip(layout.parts, layout.split(flat[None]), strict=True)
    )
    (seen_weight, seen_bias), (told_weight, told_bias) = first[0], second[0]
    hidden = torch.sigmoid(seen @ seen_weight[0] + seen_bias[0]) * torch.sigmoid(told @ told_weight[0] + told_bias[0])
    for layer, (weight, bias) in enumerate(head):
        hidden = hidden @ weight[0] + bias[0]
        if layer < len(head) - 1:
            hidden = hidden.relu() if activation == "relu" else hidden.tanh()
    return hidden


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_outputs_and_gradients_are_autograds(depth: int, activation: str) -> None:
    layout = ConditionedLayout(4, 3, 8, depth, 5)
    generator = torch.Generator().manual_seed(0)
    flat = torch.cat([layout.initial(np.random.default_rng(seed)) for seed in range(2)])
    gradients = torch.zeros_like(flat)
    network = ConditionedNetwork(layout, flat, activation, gradients)
    seen, told, through = (torch.randn(2, *shape, generator=generator) for shape in ((6, 4), (6, 3), (5, 6)))
    outputs = network.forward(seen, told)
    network.backward(through)
    assert layout.parameters == 4 * 8 + 8 + 3 * 8 + 8 + depth * (8 * 8 + 8) + 8 * 5 + 5
    for row in range(2):
        own = flat[row].clone().requires_grad_()
        wanted = plain(layout, own, seen[row], told[row], activation)
        torch.testing.assert_close(outputs[row].T, wanted)
        (expected,) = torch.autograd.grad((wanted * through[row].T).sum(), own)
        torch.testing.assert_close(gradients[row], expected, rtol=1e-4, atol=1e-6)
