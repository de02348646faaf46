"""A policy and a value function that look at images through common convolutional layers."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autorl.agents.actor_critic import ActorCritic, ActorCriticShape
from autorl.agents.images import ImageShape, StackedCNN
from autorl.agents.networks import LANES, StackedMLP
from autorl.seeds import stream

__all__ = ["ImageActorCritic", "ImageActorCriticShape"]


@dataclass(frozen=True)
class ImageActorCriticShape(ActorCriticShape):
    """What the networks of a population have in common; `inputs` are the convolutional layers' features.

    Policy and value function share the convolutional layers, as in Stable-Baselines3, whether they share the hidden
    ones or not. Its `CnnPolicy` has no hidden layers: `depth` 0.

    Attributes:
        image: The convolutional layers; None only until `of` sets it.
    """

    image: ImageShape | None = None

    @classmethod
    def of(cls, shape: ActorCriticShape, image: ImageShape) -> ImageActorCriticShape:
        """A shape for vectors with convolutional layers before it."""
        entries = {entry.name: getattr(shape, entry.name) for entry in dataclasses.fields(shape)}
        return cls(**{**entries, "inputs": image.features}, image=image)

    @property
    def convolutions(self) -> ImageShape:
        """The convolutional layers."""
        assert self.image is not None
        return self.image

    @property
    def row(self) -> tuple[int, int]:
        """Shape of one agent's parameters: one row, both perceptrons before the convolutional layers."""
        return 1, self.networks * self.layout.length + math.ceil(self.convolutions.parameters / LANES) * LANES

    @property
    def acting_parameters(self) -> int:
        """Parameters of the acting network."""
        return super().acting_parameters + self.convolutions.parameters

    @property
    def learning_parameters(self) -> int:
        """Parameters that are trained."""
        shared = self.convolutions.parameters if self.share_trunk else 0  # else counted with the acting ones
        return super().learning_parameters + shared

    @property
    def extra_operations(self) -> int:
        """Products of a pass forward beyond one a parameter: a convolution's weights are used at many places."""
        return self.convolutions.operations - self.convolutions.parameters

    @property
    def observation_bytes(self) -> int:
        """Memory an observation of a rollout takes: bytes, as collected and shuffled."""
        return 2 * math.prod(self.convolutions.sizes[0])

    @property
    def activations(self) -> int:
        """Numbers that a row of a minibatch leaves, forward and backward."""
        return super().activations + 2 * self.convolutions.activations

    def network(self, parameters: Tensor) -> ImageActorCritic:
        """The networks of M agents with these parameters (M, *row)."""
        return ImageActorCritic(self, parameters)

    def initial(self, seed: int, lineage: str, *, ortho_init: bool) -> npt.NDArray[np.float32]:
        """One agent's initial parameters, of shape `row`; the convolutional ones from its stream "features"."""
        made = np.zeros(self.row, dtype=np.float32)
        perceptrons = super().initial(seed, lineage, ortho_init=ortho_init).reshape(-1)
        image = self.convolutions.initial(stream(seed, "features", lineage=lineage), ortho_init=ortho_init)
        made[0, : len(perceptrons)] = perceptrons
        made[0, len(perceptrons) : len(perceptrons) + len(image)] = image
        return made


class ImageActorCritic(ActorCritic):
    """The networks of M agents; observations are bytes (M, batch, pixels).

    Args:
        shape: What they have in common.
        parameters: Shape (M, 1, P), contiguous; an optimiser writes it in place.
    """

    def __init__(self, shape: ImageActorCriticShape, parameters: Tensor) -> None:
        self.shape, self.parameters = shape, parameters
        self.gradients = torch.zeros_like(parameters)
        layout, length, networks = shape.layout, shape.layout.length, shape.networks
        flat, slopes = parameters[:, 0], self.gradients[:, 0]
        parts = [slice(number * length, (number + 1) * length) for number in range(networks)]
        self._networks = [StackedMLP(layout, flat[:, part], shape.activation, slopes[:, part]) for part in parts]
        self._policy, self._value = self._networks[0], self._networks[-1]
        image = slice(networks * length, networks * length + shape.convolutions.parameters)
        self._features = StackedCNN(shape.convolutions, flat[:, image], slopes[:, image])
        self.log_std = layout.extras(flat[:, parts[0]])
        self._log_std_gradient = layout.extras(slopes[:, parts[0]])

    def heads(self, observations: Tensor) -> Tensor:
        """The policies' outputs (M, batch, heads) for observations (M, batch, pixels)."""
        return super().heads(self._features.forward(observations))

    def values(self, observations: Tensor) -> Tensor:
        """The values of observations (M, batch, pixels): (M, batch), or (M, batch, values) if they are several."""
        return super().values(self._features.forward(observations))

    def spread(self, observations: Tensor) -> Tensor:
        """Observations (M, batch, pixels) as (M, 1, batch, pixels): all networks look through the same layers."""
        return observations[:, None]

    def forward(self, observations: Tensor, learning: bool = True) -> tuple[Tensor, Tensor]:
        """Policy outputs (M, heads, batch), and values as `values` gives them, for observations from `spread`.

        Args:
            observations: Shape (M, 1, batch, pixels).
            learning: Whether `backward` follows.
        """
        features = self._features.forward(observations[:, 0], learning)
        outputs = [network.forward(features) for network in self._networks]
        return outputs[0][:, : self.shape.heads], self._values(outputs[-1])

    def backward(self, head_gradient: Tensor, log_std_gradient: Tensor | None, value_gradient: Tensor) -> None:
        """Fills `gradients` from the gradients of the last `forward`'s outputs."""
        agents, heads, batch = head_gradient.shape
        outputs = head_gradient.new_zeros(len(self._networks), agents, heads + self.shape.values, batch)
        outputs[0, :, :heads] = head_gradient
        self._values(outputs[-1]).copy_(value_gradient)
        through = head_gradient.new_zeros(())
        for network, gradient in zip(self._networks, outputs, strict=True):
            network.backward(gradient)
            through = through + network.input_gradient(gradient, slice(None))
        self._features.backward(through)
        if log_std_gradient is not None:
            self._log_std_gradient.copy_(log_std_gradient)
