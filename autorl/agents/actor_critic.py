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
    """

    inputs: int
    heads: int
    log_stds: int
    width: int
    depth: int
    share_trunk: bool
    activation: str

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
        """Of one network: the policy's outputs, then the value.

        Policy and value network have the same layout, so that both are rows of one batched product. The outputs a
        network does not use keep zero weights: their gradient is exactly zero.
        """
        return Layout((*self.hidden, self.heads + 1), self.log_stds)

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
            return self.parameters(self.heads + 1) + self.log_stds
        return self.acting_parameters + self.parameters(1)

    def initial(self, seed: int, lineage: str, *, ortho_init: bool) -> npt.NDArray[np.float32]:
        """One agent's initial parameters (networks, P), from its stream "weights"."""
        generator = stream(seed, "weights", lineage=lineage)
        layout = self.layout
        flat = torch.zeros(self.networks, layout.length)
        weights, biases = layout.weights(flat), layout.biases(flat)
        owned = [(0, slice(0, self.heads), POLICY_GAIN), (self.networks - 1, slice(self.heads, None), VALUE_GAIN)]
        for number, (network, columns, gain) in enumerate(owned):
            count = self.heads if number == 0 else 1
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

    def heads(self, observations: Tensor) -> Tensor:
        """The policies' outputs (M, batch, heads) for observations (M, batch, inputs)."""
        return self._policy.forward(observations)[:, : self.shape.heads].transpose(1, 2)

    def values(self, observations: Tensor) -> Tensor:
        """The values (M, batch) of observations (M, batch, inputs)."""
        return self._value.forward(observations)[:, self.shape.heads]

    def spread(self, observations: Tensor) -> Tensor:
        """Observations (M, batch, inputs) repeated for every network: (M, networks, batch, inputs)."""
        return observations[:, None].expand(-1, self.shape.networks, -1, -1).contiguous()

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Policy outputs (M, heads, batch) and values (M, batch) for observations as `spread` gives them."""
        agents, networks, batch, inputs = observations.shape
        outputs = self._all.forward(observations.view(agents * networks, batch, inputs))
        outputs = outputs.view(agents, networks, -1, batch)
        return outputs[:, 0, :-1], outputs[:, -1, -1]

    def backward(self, head_gradient: Tensor, log_std_gradient: Tensor | None, value_gradient: Tensor) -> None:
        """Fills `gradients` from the gradients of the last `forward`'s outputs."""
        agents, heads, batch = head_gradient.shape
        outputs = head_gradient.new_zeros(agents, self.shape.networks, heads + 1, batch)
        outputs[:, 0, :-1] = head_gradient
        outputs[:, -1, -1] = value_gradient
        self._all.backward(outputs.view(-1, heads + 1, batch))
        if log_std_gradient is not None:
            self._log_std_gradient.copy_(log_std_gradient)
