"""Stacked multi-layer perceptrons: many networks of one shape in one tensor program, gradients by hand.

The weights of all layers of one network lie in one row of a flat matrix (networks, P), so that an optimiser step or a
norm is one operation over everything. Layer k is a batched matrix product of (networks, batch, in) with
(networks, in, out).

Gradients are written by hand. A small network spends its time in call overhead, and autograd calls about three times
as much; the tests hold autograd beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["Layout", "StackedMLP", "initial_weights", "orthogonal"]

LANES = 32
"""Floats an agent's row is padded to: torch's `sigmoid` has other bits in the last elements of a tensor that are no
multiple of it, and these would belong to another agent in another company."""

aten = torch.ops.aten


@dataclass(frozen=True)
class Layout:
    """Where the layers of one network lie in its row.

    Attributes:
        sizes: Units a layer: inputs, hidden ones, outputs.
        extra: Free parameters behind the layers (a state-independent log standard deviation).
    """

    sizes: tuple[int, ...]
    extra: int = 0

    @property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of every layer."""
        return tuple(zip(self.sizes[:-1], self.sizes[1:], strict=True))

    @property
    def length(self) -> int:
        """Floats of a row, padding included."""
        used = sum(inputs * outputs + outputs for inputs, outputs in self.layers) + self.extra
        return math.ceil(used / LANES) * LANES

    def weights(self, flat: Tensor) -> list[Tensor]:
        """Views of the weights, each (networks, in, out)."""
        return [flat[:, at : at + i * o].view(-1, i, o) for at, (i, o) in zip(self._starts, self.layers, strict=True)]

    def biases(self, flat: Tensor) -> list[Tensor]:
        """Views of the biases, each (networks, 1, out)."""
        starts = [at + i * o for at, (i, o) in zip(self._starts, self.layers, strict=True)]
        return [flat[:, at : at + o].view(-1, 1, o) for at, (_, o) in zip(starts, self.layers, strict=True)]

    def extras(self, flat: Tensor) -> Tensor:
        """View of the free parameters, (networks, extra)."""
        start = sum(inputs * outputs + outputs for inputs, outputs in self.layers)
        return flat[:, start : start + self.extra]

    @property
    def _starts(self) -> list[int]:
        sizes = [inputs * outputs + outputs for inputs, outputs in self.layers]
        return [sum(sizes[:k]) for k in range(len(sizes))]


class StackedMLP:
    """Networks of one layout, side by side.

    Args:
        layout: Their common shape.
        flat: Their parameters (networks, P); may be rows of a larger tensor. Written by an optimiser, read here.
        activation: "tanh" or "relu", after every layer but the last.
    """

    def __init__(self, layout: Layout, flat: Tensor, activation: str) -> None:
        self.layout, self.activation = layout, activation
        self.weights, self.biases, self.extras = layout.weights(flat), layout.biases(flat), layout.extras(flat)
        self._kept: list[Tensor] = []

    def forward(self, inputs: Tensor, *, keep: bool = False) -> Tensor:
        """Outputs (networks, batch, out) for inputs (networks, batch, in).

        Args:
            inputs: Must not be written before `backward`.
            keep: Whether a `backward` follows.
        """
        kept, hidden = [inputs], inputs
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = self._activated(bias, hidden, weight)
            kept.append(hidden)
        if keep:
            self._kept = kept
        return torch.baddbmm(self.biases[-1], hidden, self.weights[-1])

    def backward(self, output_gradient: Tensor, gradients: Tensor) -> None:
        """Writes the gradient of the layers.

        Args:
            output_gradient: Gradient of the loss with respect to the last `forward(..., keep=True)`.
            gradients: Where to write, laid out as the parameters (networks, P).
        """
        weights, biases = self.layout.weights(gradients), self.layout.biases(gradients)
        gradient = output_gradient
        for layer in reversed(range(len(weights))):
            hidden = self._kept[layer]
            weights[layer].copy_(torch.bmm(hidden.transpose(1, 2), gradient))
            torch.sum(gradient, 1, keepdim=True, out=biases[layer])
            if layer:
                gradient = torch.bmm(gradient, self.weights[layer].transpose(1, 2))
                if self.activation == "relu":
                    gradient = aten.threshold_backward(gradient, hidden, 0)
                else:
                    gradient = aten.tanh_backward.grad_input(gradient, hidden, grad_input=gradient)

    def _activated(self, bias: Tensor, inputs: Tensor, weight: Tensor) -> Tensor:
        if self.activation == "relu":
            return torch.baddbmm(bias, inputs, weight).clamp_min_(0)
        if inputs.shape[1] * weight.shape[2] % LANES:
            return torch.baddbmm(bias, inputs, weight).tanh_()
        # tanh z = 2 sigmoid(2 z) - 1 takes a third of the time; `sigmoid` is safe here, with whole vectors a network.
        return torch.baddbmm(bias, inputs, weight, beta=2, alpha=2).sigmoid_().mul_(2).sub_(1)


def orthogonal(shape: tuple[int, int], gain: float, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """A random matrix with orthonormal rows or columns times a gain (Saxe et al., 2014).

    Args:
        shape: Inputs and outputs.
        gain: The factor.
        generator: Where the normal draws come from.
    """
    rows, columns = max(shape), min(shape)
    q, r = np.linalg.qr(generator.standard_normal((rows, columns)))
    q = q * np.sign(np.diag(r))
    return gain * (q if shape[0] >= shape[1] else q.T)


def initial_weights(
    sizes: Sequence[int], gains: Sequence[float], generator: np.random.Generator, *, ortho_init: bool
) -> list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Weight (in, out) and bias (out) of every layer.

    Args:
        sizes: Units a layer: inputs, hidden ones, outputs.
        gains: One a layer; used with orthogonal weights only.
        generator: Where the draws come from.
        ortho_init: Orthogonal weights and zero biases; otherwise torch's default for a linear layer, everything
            uniform within 1 / sqrt(in).
    """
    made = []
    for inputs, outputs, gain in zip(sizes[:-1], sizes[1:], gains, strict=True):
        if ortho_init:
            made.append((orthogonal((inputs, outputs), gain, generator), np.zeros(outputs)))
        else:
            bound = 1 / math.sqrt(inputs)
            weight = generator.uniform(-bound, bound, (inputs, outputs))
            made.append((weight, generator.uniform(-bound, bound, outputs)))
    return made
