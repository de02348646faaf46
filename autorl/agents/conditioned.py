"""Networks whose outputs depend on an observation and on a command of what is to be achieved from there."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from autorl.agents.networks import Layout, StackedMLP, stacked_layers

__all__ = ["ConditionedLayout", "ConditionedNetwork"]


@dataclass(frozen=True)
class ConditionedLayout:
    """The shape of a network of Pareto Conditioned Networks (Reymond et al. 2022).

    Observation and command are each embedded by a linear layer and a sigmoid; a perceptron maps the product of the two
    embeddings to the outputs.

    Attributes:
        inputs: Length of an observation.
        command: Length of a command.
        width: Units of the embeddings and of every hidden layer.
        depth: Hidden layers behind the product.
        outputs: Length of an output.
    """

    inputs: int
    command: int
    width: int
    depth: int
    outputs: int

    @property
    def parts(self) -> tuple[Layout, Layout, Layout]:
        """Of the observation's embedding, of the command's, and of what follows."""
        hidden = (self.width,) * (self.depth + 1)
        return Layout((self.inputs, self.width)), Layout((self.command, self.width)), Layout((*hidden, self.outputs))

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return sum(part.parameters for part in self.parts)

    @property
    def length(self) -> int:
        """Floats of a row, padding included."""
        return sum(part.length for part in self.parts)

    def initial(self, generator: np.random.Generator) -> Tensor:
        """Initial weights of one network (1, P), as torch's linear layers have them."""
        return torch.cat([stacked_layers(part, generator) for part in self.parts], 1)

    def split(self, flat: Tensor) -> list[Tensor]:
        """Views of the three parts of (networks, P)."""
        ends = np.cumsum([0, *(part.length for part in self.parts)])
        return [flat[:, start:end] for start, end in itertools.pairwise(ends)]


class ConditionedNetwork:
    """Networks of one layout, side by side, with gradients by hand.

    Args:
        layout: Their common shape.
        flat: Their parameters (networks, P).
        activation: "tanh" or "relu", of the hidden layers.
        gradients: Where `backward` writes, laid out as the parameters.
    """

    def __init__(self, layout: ConditionedLayout, flat: Tensor, activation: str, gradients: Tensor) -> None:
        rows = zip(layout.parts, layout.split(flat), layout.split(gradients), strict=True)
        self._observation, self._command, self._head = (
            StackedMLP(part, weights, activation, gradient) for part, weights, gradient in rows
        )
        self._mixing = self._head.weights[0]
        self._embedded = (flat.new_empty(0), flat.new_empty(0))
        self._one, self._half = flat.new_tensor(1.0), flat.new_tensor(0.5)
        self._buffers: dict[tuple[str, int], Tensor] = {}

    def forward(self, observations: Tensor, commands: Tensor) -> Tensor:
        """Outputs (networks, outputs, batch) for observations (networks, batch, inputs) and commands."""
        seen = self._sigmoid(self._observation.forward(observations))
        wanted = self._sigmoid(self._command.forward(commands))
        self._embedded = seen, wanted
        mixed = torch.mul(seen, wanted, out=self._buffer("mixed", seen))
        return self._head.forward(mixed.transpose(1, 2))

    def backward(self, output_gradient: Tensor) -> None:
        """Writes the gradient of all parameters.

        Args:
            output_gradient: Gradient of the loss with respect to the last `forward`, (networks, outputs, batch).
        """
        seen, wanted = self._embedded
        self._head.backward(output_gradient)
        gradient = self._head.first_gradient(output_gradient).transpose(1, 2)
        # Laid out as the embeddings are: what follows took four times as long on a transposed tensor.
        through = torch.bmm(self._mixing, gradient, out=self._buffer("through", seen))
        through.mul_(seen).mul_(wanted)  # d sigmoid(z) / dz = sigmoid(z) (1 - sigmoid(z))
        slope = self._buffer("slope", seen)
        for part, embedded in ((self._observation, seen), (self._command, wanted)):
            part.backward(torch.sub(self._one, embedded, out=slope).mul_(through))

    def _sigmoid(self, values: Tensor) -> Tensor:
        """By tanh, whose bits do not depend on a value's place in a tensor as those of `torch.sigmoid` do."""
        values.mul_(0.5).tanh_()
        return torch.add(self._half, values, alpha=0.5, out=values)

    def _buffer(self, what: str, like: Tensor) -> Tensor:
        """Memory of an embedding's shape, used again and again, since fresh pages take long."""
        key = (what, like.shape[2])
        if key not in self._buffers:
            self._buffers[key] = torch.empty_like(like)
        return self._buffers[key]
