"""Stacked multi-layer perceptrons: many networks of one shape in one tensor program, gradients by hand.

The weights of all layers of one network lie in one row of a flat matrix (networks, P), so that an optimiser step or a
norm is one operation over everything. Layer k is a batched matrix product of (networks, batch, in) with
(networks, in, out).

Gradients are written by hand. A small network spends its time in call overhead, and autograd calls about three times
as much; the tests hold autograd beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["Layout", "StackedMLP", "initial_weights", "orthogonal", "stacked_layers"]

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
    def parameters(self) -> int:
        """Weights and biases of the layers."""
        return sum(inputs * outputs + outputs for inputs, outputs in self.layers)

    @property
    def operations(self) -> int:
        """Products of one pass forward, a bias counting as one."""
        return self.parameters

    @property
    def activations(self) -> int:
        """Numbers that a pass forward of one input takes and leaves."""
        return sum(self.sizes)

    @property
    def length(self) -> int:
        """Floats of a row, padding included."""
        return math.ceil((self.parameters + self.extra) / LANES) * LANES

    def weights(self, flat: Tensor) -> list[Tensor]:
        """Views of the weights, each (networks, in, out).

        The last layer's lie the other way round: with few outputs, products are faster that read them along rows.
        """
        parts = [flat[:, at : at + i * o] for at, (i, o) in zip(self._starts, self.layers, strict=True)]
        views = [part.view(-1, i, o) for part, (i, o) in zip(parts[:-1], self.layers[:-1], strict=True)]
        return [*views, parts[-1].view(-1, *self.layers[-1][::-1]).transpose(1, 2)]

    def biases(self, flat: Tensor) -> list[Tensor]:
        """Views of the biases, each (networks, 1, out)."""
        starts = [at + i * o for at, (i, o) in zip(self._starts, self.layers, strict=True)]
        return [flat[:, at : at + o].view(-1, 1, o) for at, (_, o) in zip(starts, self.layers, strict=True)]

    def extras(self, flat: Tensor) -> Tensor:
        """View of the free parameters, (networks, extra)."""
        return flat[:, self.parameters : self.parameters + self.extra]

    def initial(self, generator: np.random.Generator) -> Tensor:
        """Initial weights of one network (1, P), as torch's layers have them."""
        return stacked_layers(self, generator)

    def network(self, flat: Tensor, activation: str, gradients: Tensor | None = None) -> StackedMLP:
        """The networks whose rows these are; the arguments are those of `StackedMLP`."""
        return StackedMLP(self, flat, activation, gradients)

    @property
    def _starts(self) -> list[int]:
        sizes = [inputs * outputs + outputs for inputs, outputs in self.layers]
        return [sum(sizes[:k]) for k in range(len(sizes))]


class StackedMLP:
    """Networks of one layout, side by side.

    The outputs have the batch as last axis, (networks, out, batch): with few outputs the products of the last layer
    take a quarter of the time that way, and a softmax over (networks, out, batch) a fifth.

    Args:
        layout: Their common shape.
        flat: Their parameters (networks, P); may be rows of a larger tensor. Written by an optimiser, read here.
        activation: "tanh" or "relu", after every layer but the last.
        gradients: Where `backward` writes, laid out as the parameters; None for networks that only act.
    """

    def __init__(self, layout: Layout, flat: Tensor, activation: str, gradients: Tensor | None = None) -> None:
        self.activation = activation
        self.weights, self.biases = layout.weights(flat), layout.biases(flat)
        self._last, self._last_bias = self.weights[-1].transpose(1, 2), self.biases[-1].transpose(1, 2)
        if gradients is not None:
            self._weight_gradients = layout.weights(gradients)
            self._bias_gradients = layout.biases(gradients)
        self._inputs = flat.new_empty(0)
        self._minus_one = flat.new_tensor(-1.0)
        self._buffers: dict[tuple[str, int, int], Tensor] = {}

    def forward(self, inputs: Tensor, learning: bool = True) -> Tensor:  # for networks of more parts
        """Outputs (networks, out, batch) for inputs (networks, batch, in).

        Args:
            inputs: Must not be written before `backward`.
            learning: Whether `backward` may follow; without, networks for images keep nothing for it.
        """
        self._inputs = hidden = inputs
        for layer, bias in enumerate(self.biases[:-1]):
            hidden = self._activated(bias, hidden, self.weights[layer], self._hidden(layer, inputs.shape[1]))
        return torch.baddbmm(self._last_bias, self._last, hidden.transpose(1, 2))

    def backward(self, output_gradient: Tensor) -> None:
        """Writes the gradient of the layers.

        Args:
            output_gradient: Gradient of the loss with respect to the last `forward`, (networks, out, batch).
        """
        weights, biases = self._weight_gradients, self._bias_gradients
        batch = output_gradient.shape[2]
        last = len(weights) - 1
        hidden = self._hidden(last - 1, batch) if last else self._inputs
        weights[last].transpose(1, 2).copy_(torch.bmm(output_gradient, hidden))
        torch.sum(output_gradient[:, None], 3, out=biases[last])
        for layer, gradient in self._hidden_gradients(output_gradient):
            hidden = self._hidden(layer - 1, batch) if layer else self._inputs
            product = self._buffer("product", layer, hidden.shape[2])
            weights[layer].copy_(torch.bmm(hidden.transpose(1, 2), gradient, out=product))
            torch.sum(gradient, 1, keepdim=True, out=biases[layer])

    def input_gradient(self, output_gradient: Tensor, columns: slice) -> Tensor:
        """The gradient with respect to some of the inputs (networks, batch, columns); the layers' is left as it is.

        Args:
            output_gradient: Gradient of the loss with respect to the last `forward`, (networks, out, batch).
            columns: Which inputs.
        """
        return torch.bmm(self.first_gradient(output_gradient), self.weights[0][:, columns].transpose(1, 2))

    def first_gradient(self, output_gradient: Tensor) -> Tensor:
        """The gradient with respect to what the first layer adds up, (networks, batch, units).

        Args:
            output_gradient: Gradient of the loss with respect to the last `forward`, (networks, out, batch).
        """
        gradient = output_gradient.transpose(1, 2)
        for _, through in self._hidden_gradients(output_gradient):
            gradient = through
        return gradient

    def _hidden_gradients(self, output_gradient: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Gradients before the activation of every hidden layer, the last layer first."""
        batch = output_gradient.shape[2]
        gradient, following = output_gradient.transpose(1, 2), self._last
        for layer in range(len(self.weights) - 2, -1, -1):
            output = self._hidden(layer, batch)
            gradient = torch.bmm(gradient, following, out=self._buffer("gradient", layer, batch))
            if self.activation == "relu":
                aten.threshold_backward.grad_input(gradient, output, 0, grad_input=gradient)
            else:
                aten.tanh_backward.grad_input(gradient, output, grad_input=gradient)
            yield layer, gradient
            following = self.weights[layer].transpose(1, 2)

    def _activated(self, bias: Tensor, inputs: Tensor, weight: Tensor, out: Tensor) -> Tensor:
        if self.activation == "relu":
            return torch.baddbmm(bias, inputs, weight, out=out).clamp_min_(0)
        if inputs.shape[1] * weight.shape[2] % LANES:
            return torch.baddbmm(bias, inputs, weight, out=out).tanh_()
        # tanh z = 2 sigmoid(2 z) - 1 takes a third of the time; `sigmoid` is safe here, with whole vectors a network.
        torch.baddbmm(bias, inputs, weight, beta=2, alpha=2, out=out).sigmoid_()
        return torch.add(self._minus_one, out, alpha=2, out=out)

    def _hidden(self, layer: int, batch: int) -> Tensor:
        """Outputs of a hidden layer, kept between `forward` and `backward`."""
        return self._buffer("hidden", layer, batch)

    def _buffer(self, what: str, layer: int, rows: int) -> Tensor:
        """Memory as wide as a layer, used again and again: fresh pages for every call took a fifth of the time."""
        key = (what, layer, rows)
        if key not in self._buffers:
            weight = self.weights[layer]
            self._buffers[key] = weight.new_empty(weight.shape[0], rows, weight.shape[2])
        return self._buffers[key]


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


def stacked_layers(layout: Layout, generator: np.random.Generator, networks: int = 1) -> Tensor:
    """Initial weights as torch's linear layers have them, (networks, P).

    Args:
        layout: Of one network.
        generator: Where the draws come from.
        networks: How many, one after the other.
    """
    made = torch.zeros(networks, layout.length)
    gains = [1.0] * len(layout.layers)
    for row in range(networks):
        layers = initial_weights(layout.sizes, gains, generator, ortho_init=False)
        for views, position in ((layout.weights(made), 0), (layout.biases(made), 1)):
            for view, layer in zip(views, layers, strict=True):
                view[row] = torch.from_numpy(layer[position])
    return made
