"""Image observations: convolutional layers for every agent, before whatever perceptron follows.

Agents are taken one after the other here, with autograd: weight gradients of grouped convolutions depend on company.
Images stay whole numbers from 0 to 255 until a network sees them, and are divided by 255 there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import torch
from gymnasium.spaces import Box
from torch import Tensor
from torch.nn import functional

from autorl.agents.networks import LANES, Layout, StackedMLP, initial_weights, stacked_layers
from autorl.errors import InvalidInput

__all__ = ["ImageLayout", "ImageMLP", "ImageShape", "StackedCNN", "image_shape", "refuse_images"]

NATURE = ((32, 8, 4), (64, 4, 2), (64, 3, 1))
"""Channels, side and stride of each layer (Mnih et al., 2015), as in Stable-Baselines3's `NatureCNN`."""
SMALL = ((16, 2, 1), (32, 2, 1), (64, 2, 1))
"""For images too small for those: what MiniGrid's documentation gives to Stable-Baselines3 for its 7 x 7 views."""
NATURE_SIDE, SMALL_SIDE = 36, 4
"""Shortest sides that the layers leave anything of."""
CHUNK = 256
"""Images that pass at once where nothing is learned from them."""


@dataclass(frozen=True)
class ImageShape:
    """An image and the convolutional layers that look at it.

    Attributes:
        channels: Colours, or frames.
        height: Pixels.
        width: Pixels.
        channels_first: Whether an image lies as (channels, height, width), not (height, width, channels).
    """

    channels: int
    height: int
    width: int
    channels_first: bool

    @property
    def layers(self) -> tuple[tuple[int, int, int], ...]:
        """Channels, side and stride of each layer."""
        return NATURE if min(self.height, self.width) >= NATURE_SIDE else SMALL

    @property
    def features(self) -> int:
        """Outputs of the linear layer behind the convolutions."""
        return 512 if self.layers is NATURE else 128

    @property
    def sizes(self) -> tuple[tuple[int, int, int], ...]:
        """Channels, height and width of the image and of every layer's output."""
        found = [(self.channels, self.height, self.width)]
        for channels, side, stride in self.layers:
            _, height, width = found[-1]
            found.append((channels, (height - side) // stride + 1, (width - side) // stride + 1))
        return tuple(found)

    @property
    def weights(self) -> tuple[tuple[int, ...], ...]:
        """Shape of the weights of every layer, the linear one last; a bias per first axis goes with each."""
        before = [channels for channels, _, _ in self.sizes]
        convolutions = [(o, i, side, side) for i, (o, side, _) in zip(before, self.layers, strict=False)]
        return (*convolutions, (self.features, math.prod(self.sizes[-1])))

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return sum(math.prod(shape) + shape[0] for shape in self.weights)

    @property
    def operations(self) -> int:
        """Products of one image's pass forward."""
        places = [height * width for _, height, width in self.sizes[1:]] + [1]
        return sum(math.prod(shape) * count for shape, count in zip(self.weights, places, strict=True))

    @property
    def activations(self) -> int:
        """Numbers that a pass forward leaves."""
        return sum(math.prod(size) for size in self.sizes) + self.features

    def initial(self, generator: np.random.Generator, *, ortho_init: bool) -> npt.NDArray[np.float32]:
        """Initial weights and biases of one network, as they lie in its row."""
        made = []
        for shape in self.weights:
            sizes = (math.prod(shape[1:]), shape[0])
            ((weight, bias),) = initial_weights(sizes, [math.sqrt(2)], generator, ortho_init=ortho_init)
            made += [weight.T.reshape(-1), bias]
        return np.concatenate(made).astype(np.float32)


def image_shape(space: gymnasium.Space[Any]) -> ImageShape | None:
    """The image that observations of a space are, or None: an image has three axes of bytes.

    The shortest axis holds the channels, as in Stable-Baselines3.

    Args:
        space: Of observations.

    Raises:
        InvalidInput: If bytes have two axes or four, the shortest of three is the middle one, or the image is smaller
            than 4 x 4.
    """
    if not (isinstance(space, Box) and space.dtype == np.uint8):
        return None
    if len(space.shape) in (2, 4) and space.high.max() == np.iinfo(np.uint8).max:
        raise InvalidInput(
            f"images of shape {space.shape} are not understood: an image has three axes, of which the shortest, first "
            f"or last, holds the channels; wrappers: [FlattenObservation] makes them vectors"
        )
    if len(space.shape) != 3:
        return None
    first = space.shape[0] <= min(space.shape[1:])
    channels, height, width = space.shape if first else (space.shape[2], *space.shape[:2])
    if channels > min(height, width) or min(height, width) < SMALL_SIDE:
        raise InvalidInput(
            f"images of shape {space.shape} are not understood: the shortest axis, first or last, holds the channels, "
            f"and the sides have at least {SMALL_SIDE} pixels; wrappers: [FlattenObservation] makes them vectors"
        )
    return ImageShape(channels, height, width, first)


def refuse_images(space: gymnasium.Space[Any], who: str) -> None:
    """For algorithms that have no convolutional layers.

    Raises:
        InvalidInput: If observations are images.
    """
    if image_shape(space) is not None:
        raise InvalidInput(
            f"{who} has no convolutional layers, and observations of {space} are images; ppo, mdpo and dqn have some, "
            f"and wrappers: [FlattenObservation] makes them vectors"
        )


@dataclass(frozen=True)
class ImageLayout:
    """Where the layers of a network for images lie in its row: a perceptron's, then the convolutional ones.

    Attributes:
        image: The convolutional layers.
        head: The perceptron, whose inputs are their features.
    """

    image: ImageShape
    head: Layout

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units of the perceptron's layers."""
        return self.head.sizes

    @property
    def parameters(self) -> int:
        """Weights and biases of all layers."""
        return self.head.parameters + self.image.parameters

    @property
    def operations(self) -> int:
        """Products of one pass forward, a bias counting as one."""
        return self.head.parameters + self.image.operations

    @property
    def activations(self) -> int:
        """Numbers that a pass forward of one image takes and leaves."""
        return self.image.activations + self.head.activations

    @property
    def length(self) -> int:
        """Floats of a row, padding included."""
        return self.head.length + math.ceil(self.image.parameters / LANES) * LANES

    def split(self, flat: Tensor) -> tuple[Tensor, Tensor]:
        """Views of both parts of rows (networks, P)."""
        end = self.head.length + self.image.parameters
        return flat[:, : self.head.length], flat[:, self.head.length : end]

    def initial(self, generator: np.random.Generator) -> Tensor:
        """Initial weights of one network (1, P), as torch's layers have them."""
        made = torch.zeros(1, self.length)
        head, image = self.split(made)
        head.copy_(stacked_layers(self.head, generator))
        image[0] = torch.from_numpy(self.image.initial(generator, ortho_init=False))
        return made

    def network(self, flat: Tensor, activation: str, gradients: Tensor | None = None) -> ImageMLP:
        """The networks whose rows these are; the arguments are those of `StackedMLP`."""
        return ImageMLP(self, flat, activation, gradients)


class StackedCNN:
    """Convolutional layers of one shape, an agent's after another's.

    Args:
        image: Their common shape.
        flat: Their parameters (M, P); may be rows of a larger tensor. Written by an optimiser, read here.
        gradients: Where `backward` writes, laid out as the parameters; None for networks that only act.
    """

    def __init__(self, image: ImageShape, flat: Tensor, gradients: Tensor | None = None) -> None:
        self.image, self._flat, self._gradients = image, flat, gradients
        self._passed: list[tuple[Tensor, Tensor]] = []

    def forward(self, observations: Tensor, learning: bool = False) -> Tensor:
        """Features (M, batch, features) of images (M, batch, pixels).

        Args:
            observations: Whole numbers from 0 to 255, flattened as the environment has them.
            learning: Whether `backward` may follow; never of networks that only act.
        """
        if not learning or self._gradients is None:
            parts = torch.split(observations, CHUNK, 1)
            with torch.no_grad():
                seen = [[self._features(*pair) for pair in zip(part, self._flat, strict=True)] for part in parts]
            return torch.cat([torch.stack(part) for part in seen], 1)
        leaves = [row.detach().clone().requires_grad_() for row in self._flat]
        with torch.enable_grad():
            found = [self._features(own, leaf) for own, leaf in zip(observations, leaves, strict=True)]
        self._passed = list(zip(found, leaves, strict=True))
        return torch.stack([features.detach() for features in found])

    def backward(self, gradient: Tensor) -> None:
        """Writes the gradient of the layers.

        Args:
            gradient: Of the loss with respect to the last `forward`, (M, batch, features).
        """
        assert self._gradients is not None
        for row, (features, leaf) in enumerate(self._passed):
            (self._gradients[row],) = torch.autograd.grad(features, leaf, gradient[row])
        self._passed = []

    def _features(self, observations: Tensor, row: Tensor) -> Tensor:
        """Of one agent's images (batch, pixels)."""
        image = self.image
        if image.channels_first:
            hidden = observations.view(-1, image.channels, image.height, image.width)
        else:
            hidden = observations.view(-1, image.height, image.width, image.channels).permute(0, 3, 1, 2)
        hidden = hidden.float() / 255
        parts = torch.split(row, [size for shape in image.weights for size in (math.prod(shape), shape[0])])
        layers = [(parts[2 * k].view(shape), parts[2 * k + 1]) for k, shape in enumerate(image.weights)]
        for (weight, bias), (_, _, stride) in zip(layers, image.layers, strict=False):
            hidden = functional.conv2d(hidden, weight, bias, stride).relu()
        weight, bias = layers[-1]
        return torch.addmm(bias, hidden.flatten(1), weight.T).relu()


class ImageMLP(StackedMLP):
    """Networks for images: convolutional layers, then a perceptron.

    Args:
        layout: Their common shape.
        flat: Their parameters (networks, P).
        activation: Of the perceptron.
        gradients: Where `backward` writes, laid out as the parameters; None for networks that only act.
    """

    def __init__(self, layout: ImageLayout, flat: Tensor, activation: str, gradients: Tensor | None = None) -> None:
        head, image = layout.split(flat)
        head_slopes, image_slopes = (None, None) if gradients is None else layout.split(gradients)
        super().__init__(layout.head, head, activation, head_slopes)
        self._features = StackedCNN(layout.image, image, image_slopes)

    def forward(self, inputs: Tensor, learning: bool = True) -> Tensor:
        """Outputs (networks, out, batch) for images (networks, batch, pixels)."""
        return super().forward(self._features.forward(inputs, learning), learning)

    def backward(self, output_gradient: Tensor) -> None:
        """Writes the gradient of all layers; the argument is that of `StackedMLP.backward`."""
        super().backward(output_gradient)
        self._features.backward(self.input_gradient(output_gradient, slice(None)))
