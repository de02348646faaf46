"""A policy and a value function for every agent, with or without a common trunk."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autorl.agents.networks import Layout, StackedMLP, initial_weights
from autorl.seeds import stream

__all__ = ["ActorCritic", "ActorCriticShape"]

HIDDEN_GAIN, POLICY_GAIN, VALUE_GAIN = math.sqrt(2), 0.01, 1.0
"""Gains of the orthogonal initial weights, as in Stable-Baselines3."""


@dataclass(frozen=True)
class ActorCriticShape:
    """What the networks of a population have in common.

    Attributes:
        inputs: Length of an observation.
        heads: Outputs of the policy: logits, or means.
        log_stds: Length of the state-independent log standard deviation; 0 for discrete actions.
        width: Units of a hidden layer.
        depth: Hidden layers; 0 is a linear policy and a linear value function.
        share_trunk: Whether policy and value share the hidden layers.
        activation: "tanh" or "relu".
        values: Outputs of the value function, one a reward.
    """

    inputs: int
    heads: int
    log_stds: int
    width: int
    depth: int
    share_trunk: bool
    activation: str
    values: int = 1

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of the inputs and the hidden layers."""
        return (self.inputs, *[self.width] * self.depth)

    @property
    def networks(self) -> int:
        """Networks per agent: a common one, or one each."""
        return 1 if self.share_trunk else 2

    @property
    def layout(self) -> Layout:
        """Of one network: the policy's outputs, then the values.

        Policy and value network have the same layout, so that both are rows of one batched product. The outputs a
        network does not use keep zero weights: their gradient is exactly zero.
        """
        return Layout((*self.hidden, self.heads + self.values), self.log_stds)

    def parameters(self, outputs: int) -> int:
        """Parameters of the trunk and a head."""
        sizes = (*self.hidden, outputs)
        return sum(i * o + o for i, o in itertools.pairwise(sizes))

    @property
    def acting_parameters(self) -> int:
        """Parameters of the acting network: trunk, policy head, log standard deviations."""
        return self.parameters(self.heads) + self.log_stds

    @property
    def learning_parameters(self) -> int:
        """Parameters that are trained."""
        if self.share_trunk:
            return self.parameters(self.heads + self.values) + self.log_stds
        return self.acting_parameters + self.parameters(self.values)

    @property
    def row(self) -> tuple[int, int]:
        """Shape of one agent's parameters: a row a network."""
        return self.networks, self.layout.length

    @property
    def extra_operations(self) -> int:
        """Products of a pass forward beyond one a parameter."""
        return 0

    @property
    def observation_bytes(self) -> int:
        """Memory an observation of a rollout takes: as collected, repeated for every network, and shuffled."""
        return 4 * self.inputs * (1 + 2 * self.networks)

    @property
    def activations(self) -> int:
        """Numbers that a row of a minibatch leaves, forward and backward."""
        return self.networks * (3 * self.width * self.depth + 4 * (self.heads + self.values))

    def network(self, parameters: Tensor) -> ActorCritic:
        """The networks of M agents with these parameters (M, *row)."""
        return ActorCritic(self, parameters)

    def initial(self, seed: int, lineage: str, *, ortho_init: bool) -> npt.NDArray[np.float32]:
        """One agent's initial parameters, of shape `row`, from its stream "weights"."""
        generator = stream(seed, "weights", lineage=lineage)
        layout = self.layout
        flat = torch.zeros(self.networks, layout.length)
        weights, biases = layout.weights(flat), layout.biases(flat)
        owned = [(0, slice(0, self.heads), POLICY_GAIN), (self.networks - 1, slice(self.heads, None), VALUE_GAIN)]
        for number, (network, columns, gain) in enumerate(owned):
            count = self.heads if number == 0 else self.values
            trunk = self.hidden if number == 0 or not self.share_trunk else self.hidden[-1:]
            gains = [HIDDEN_GAIN] * (len(trunk) - 1) + [gain]
            made = initial_weights((*trunk, count), gains, generator, ortho_init=ortho_init)
            for layer, (weight, bias) in enumerate(made[:-1]):
                weights[layer][network] = torch.from_numpy(weight)
                biases[layer][network, 0] = torch.from_numpy(bias)
            weights[-1][network][:, columns] = torch.from_numpy(made[-1][0])
            biases[-1][network, 0, columns] = torch.from_numpy(made[-1][1])
        return flat.numpy()


class ActorCritic:
    """The networks of M agents.

    Args:
        shape: What they have in common.
        parameters: Shape (M, networks, P), contiguous; an optimiser writes it in place.
    """

    def __init__(self, shape: ActorCriticShape, parameters: Tensor) -> None:
        self.shape, self.parameters = shape, parameters
        self.gradients = torch.zeros_like(parameters)
        layout, length = shape.layout, shape.layout.length
        flat, gradients = parameters.view(-1, length), self.gradients.view(-1, length)
        self._all = StackedMLP(layout, flat, shape.activation, gradients)
        self._policy = StackedMLP(layout, parameters[:, 0], shape.activation)
        self._value = StackedMLP(layout, parameters[:, -1], shape.activation)
        self.log_std = layout.extras(parameters[:, 0])
        self._log_std_gradient = layout.extras(self.gradients[:, 0])
        self._outputs: dict[int, Tensor] = {}

    def heads(self, observations: Tensor) -> Tensor:
        """The policies' outputs (M, batch, heads) for observations (M, batch, inputs)."""
        return self._policy.forward(observations)[:, : self.shape.heads].transpose(1, 2)

    def values(self, observations: Tensor) -> Tensor:
        """The values of observations (M, batch, inputs): (M, batch), or (M, batch, values) if they are several."""
        return self._values(self._value.forward(observations))

    def spread(self, observations: Tensor) -> Tensor:
        """Observations (M, batch, inputs) repeated for every network: (M, networks, batch, inputs)."""
        return observations[:, None].expand(-1, self.shape.networks, -1, -1).contiguous()

    def forward(self, observations: Tensor, learning: bool = True) -> tuple[Tensor, Tensor]:
        """Policy outputs (M, heads, batch), and values as `values` gives them, for observations from `spread`.

        Args:
            observations: Shape (M, networks, batch, inputs).
            learning: Whether `backward` follows.
        """
        agents, networks, batch, inputs = observations.shape
        outputs = self._all.forward(observations.view(agents * networks, batch, inputs))
        outputs = outputs.view(agents, networks, -1, batch)
        return outputs[:, 0, : self.shape.heads], self._values(outputs[:, -1])

    def backward(self, head_gradient: Tensor, log_std_gradient: Tensor | None, value_gradient: Tensor) -> None:
        """Fills `gradients` from the gradients of the last `forward`'s outputs."""
        agents, heads, batch = head_gradient.shape
        if batch not in self._outputs:  # what a network does not use stays zero
            sizes = (agents, self.shape.networks, heads + self.shape.values, batch)
            self._outputs[batch] = head_gradient.new_zeros(sizes)
        outputs = self._outputs[batch]
        outputs[:, 0, :heads] = head_gradient
        self._values(outputs[:, -1]).copy_(value_gradient)
        self._all.backward(outputs.flatten(0, 1))
        if log_std_gradient is not None:
            self._log_std_gradient.copy_(log_std_gradient)

    def _values(self, outputs: Tensor) -> Tensor:
        """View of the values in outputs (M, heads + values, batch)."""
        values = outputs[:, self.shape.heads :]
        return values[:, 0] if self.shape.values == 1 else values.transpose(1, 2)
