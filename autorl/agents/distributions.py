"""Distributions over actions: log-probabilities, entropies and their gradients, for every agent at once."""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import torch
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from torch import Tensor

from autorl.errors import InvalidInput

__all__ = ["Actions", "CategoricalActions", "GaussianActions", "Policy", "SeveralCategoricalActions", "actions_for"]

Array = npt.NDArray[Any]


class Policy(ABC):
    """The distribution a network's outputs describe, for a batch of taken actions.

    Attributes:
        log_prob: Log-probability of the actions taken, shape (M, batch).
        entropy: Shape (M, batch), or (M, 1) where it does not depend on the observation.
    """

    log_prob: Tensor
    entropy: Tensor

    @abstractmethod
    def gradient(self, log_prob_gradient: Tensor, entropy_gradient: Tensor) -> tuple[Tensor, Tensor | None]:
        """Gradients with respect to the outputs (M, heads, batch) and to the log standard deviations, if any.

        Args:
            log_prob_gradient: Gradient of the loss with respect to `log_prob`, shape (M, batch).
            entropy_gradient: That with respect to the entropy of each of the batch, shape (M, 1).
        """

    @abstractmethod
    def add_kl_gradient(
        self, gradients: tuple[Tensor, Tensor | None], heads: Tensor, log_std: Tensor, kl_gradient: Tensor
    ) -> None:
        """Adds the gradients through KL(this policy || another), in closed form.

        Args:
            gradients: As `gradient` gives them; written in place.
            heads: The other policy's outputs, shape (M, heads, batch).
            log_std: Its log standard deviations (M, log_stds).
            kl_gradient: Gradient of the loss with respect to the divergence of each of the batch, shape (M, 1).
        """


class Actions(ABC):
    """What kind of actions a population takes.

    Attributes:
        heads: Outputs a policy network needs.
        log_stds: Free log standard deviations it needs.
        stored: Shape of one action in a rollout.
    """

    heads: int
    log_stds: int
    stored: tuple[int, ...]

    @abstractmethod
    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """What `sample` needs for `shape` actions, float32 of shape (*shape, heads)."""

    @abstractmethod
    def sample(self, heads: Array, log_std: Array, noise: Array) -> Array:
        """Actions as the algorithm stores them, shape (M, N, *stored), for outputs (M, N, heads)."""

    @abstractmethod
    def for_environment(self, actions: Array) -> Array:
        """Actions as the environment takes them, shape (M, N, *action); what is not finite becomes zero."""

    @abstractmethod
    def mode(self, heads: Array) -> Array:
        """The likeliest actions, as the environment takes them."""

    @abstractmethod
    def policy(self, heads: Tensor, log_std: Tensor, actions: Tensor) -> Policy:
        """The distribution behind outputs (M, heads, batch), for the actions taken (M, batch, *stored)."""


class _CategoricalPolicy(Policy):
    def __init__(self, logits: Tensor, actions: Tensor) -> None:
        self._log_probs = torch.log_softmax(logits, 1)
        self._taken = actions[:, None]
        self._probs = self._log_probs.exp()
        self.log_prob = self._log_probs.gather(1, self._taken)[:, 0]
        self.entropy = -(self._probs * self._log_probs).sum(1)

    def gradient(self, log_prob_gradient: Tensor, entropy_gradient: Tensor) -> tuple[Tensor, Tensor | None]:
        # d log p_a / d z_j = [a = j] - p_j   and   d H / d z_j = -p_j (log p_j + H)
        through = log_prob_gradient[:, None]
        inner = (self._log_probs + self.entropy[:, None]).mul_(entropy_gradient[:, None]).add_(through)
        return inner.mul_(self._probs).neg_().scatter_add_(1, self._taken, through), None

    def add_kl_gradient(
        self, gradients: tuple[Tensor, Tensor | None], heads: Tensor, log_std: Tensor, kl_gradient: Tensor
    ) -> None:
        # d KL / d z_j = p_j (log p_j - log q_j - KL)
        log_ratio = self._log_probs - torch.log_softmax(heads, 1)
        kl = (self._probs * log_ratio).sum(1, keepdim=True)
        gradients[0].add_((log_ratio - kl).mul_(self._probs).mul_(kl_gradient[:, None]))


class CategoricalActions(Actions):
    """One of several actions, by logits.

    Args:
        space: The environment's action space.
    """

    def __init__(self, space: Discrete) -> None:
        self.heads, self.log_stds, self.stored = int(space.n), 0, ()

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Gumbel noise: the largest of logits plus Gumbel noise is a draw from the softmax."""
        return _gumbel(generator, (*shape, self.heads))

    def sample(self, heads: Array, log_std: Array, noise: Array) -> Array:
        """Draws actions; Gumbel-max trick."""
        drawn: Array = (heads + noise).argmax(-1)
        return drawn

    def for_environment(self, actions: Array) -> Array:
        """The action's number, int64."""
        return actions

    def mode(self, heads: Array) -> Array:
        """The action of the largest logit; of the first of them on a tie."""
        likeliest: Array = heads.argmax(-1)
        return likeliest

    def policy(self, heads: Tensor, log_std: Tensor, actions: Tensor) -> Policy:
        """A softmax."""
        return _CategoricalPolicy(heads, actions)


class _SeveralCategoricalPolicy(Policy):
    """Independent choices: log-probabilities, entropies and divergences add up."""

    def __init__(self, logits: Tensor, counts: list[int], actions: Tensor) -> None:
        self._counts = counts
        self._parts = [
            _CategoricalPolicy(part, actions[:, :, n]) for n, part in enumerate(torch.split(logits, counts, 1))
        ]
        # One after the other, so that the order of the sum does not depend on how many agents there are.
        self.log_prob = functools.reduce(torch.add, [part.log_prob for part in self._parts])
        self.entropy = functools.reduce(torch.add, [part.entropy for part in self._parts])

    def gradient(self, log_prob_gradient: Tensor, entropy_gradient: Tensor) -> tuple[Tensor, Tensor | None]:
        return torch.cat([part.gradient(log_prob_gradient, entropy_gradient)[0] for part in self._parts], 1), None

    def add_kl_gradient(
        self, gradients: tuple[Tensor, Tensor | None], heads: Tensor, log_std: Tensor, kl_gradient: Tensor
    ) -> None:
        own, others = torch.split(gradients[0], self._counts, 1), torch.split(heads, self._counts, 1)
        for part, gradient, other in zip(self._parts, own, others, strict=True):
            part.add_kl_gradient((gradient, None), other, log_std, kl_gradient)


class SeveralCategoricalActions(Actions):
    """Several independent choices in one action, each by its own logits, as Stable-Baselines3 has them.

    Args:
        space: The environment's action space; a `MultiBinary` one is many choices between two.
    """

    def __init__(self, space: MultiDiscrete | MultiBinary) -> None:
        counts = space.nvec if isinstance(space, MultiDiscrete) else np.full(space.shape, 2)
        self.space, self.counts = space, [int(count) for count in counts.ravel()]
        self.heads, self.log_stds, self.stored = sum(self.counts), 0, (len(self.counts),)

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Gumbel noise, as for one choice."""
        return _gumbel(generator, (*shape, self.heads))

    def sample(self, heads: Array, log_std: Array, noise: Array) -> Array:
        """Draws every choice; Gumbel-max trick."""
        return self._largest(heads + noise)

    def for_environment(self, actions: Array) -> Array:
        """The choices' numbers, in the action space's own shape and type."""
        shaped: Array = actions.reshape(*actions.shape[:-1], *self.space.shape).astype(self.space.dtype)
        return shaped

    def mode(self, heads: Array) -> Array:
        """The largest logit of every choice; the first of them on a tie."""
        return self.for_environment(self._largest(heads))

    def policy(self, heads: Tensor, log_std: Tensor, actions: Tensor) -> Policy:
        """A softmax for every choice."""
        return _SeveralCategoricalPolicy(heads, self.counts, actions)

    def _largest(self, scores: Array) -> Array:
        """Number of the largest score of every choice, int64 of shape (M, N, choices)."""
        parts = np.split(scores, np.cumsum(self.counts)[:-1], axis=-1)
        return np.stack([part.argmax(-1) for part in parts], axis=-1)


def _gumbel(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    noise: Array = generator.gumbel(size=shape).astype(np.float32)
    return noise


class _GaussianPolicy(Policy):
    def __init__(self, means: Tensor, log_std: Tensor, actions: Tensor) -> None:
        self._means, self._log_std = means, log_std
        self._inverse_std = (-log_std).exp()[:, :, None]
        self._scaled = (actions.transpose(1, 2) - means) * self._inverse_std
        constant = log_std.sum(1, keepdim=True) + 0.5 * math.log(2 * math.pi) * log_std.shape[1]
        self.log_prob = self._scaled.square().sum(1).mul_(-0.5).sub_(constant)
        self.entropy = constant + 0.5 * log_std.shape[1]

    def gradient(self, log_prob_gradient: Tensor, entropy_gradient: Tensor) -> tuple[Tensor, Tensor | None]:
        # d log p / d mean = (a - mean) / std^2,  d log p / d log std = ((a - mean) / std)^2 - 1,  d H / d log std = 1
        through = log_prob_gradient[:, None]
        weighted = self._scaled * through
        log_std = (weighted * self._scaled).sub_(through).sum(2).add_(entropy_gradient * log_prob_gradient.shape[1])
        return weighted.mul_(self._inverse_std), log_std

    def add_kl_gradient(
        self, gradients: tuple[Tensor, Tensor | None], heads: Tensor, log_std: Tensor, kl_gradient: Tensor
    ) -> None:
        # KL = log(s' / s) + (s^2 + (m - m')^2) / (2 s'^2) - 1/2:
        # d KL / d m = (m - m') / s'^2   and   d KL / d log s = s^2 / s'^2 - 1
        mean_gradient, log_std_gradient = gradients
        assert log_std_gradient is not None
        mean_gradient.add_((self._means - heads) * (kl_gradient * (-2 * log_std).exp())[:, :, None])
        log_std_gradient.add_(((2 * (self._log_std - log_std)).exp() - 1) * (kl_gradient * heads.shape[2]))


class GaussianActions(Actions):
    """Independent normal coordinates with standard deviations that do not depend on the observation.

    The action drawn is stored as it is and clipped to the bounds for the environment, as Stable-Baselines3 does.

    Args:
        space: The environment's action space.
    """

    def __init__(self, space: Box) -> None:
        self.space = space
        self.heads = self.log_stds = int(np.prod(space.shape, dtype=np.int64))
        self.stored = (self.heads,)

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Standard normal noise."""
        return generator.standard_normal((*shape, self.heads), dtype=np.float32)

    def sample(self, heads: Array, log_std: Array, noise: Array) -> Array:
        """Mean plus scaled noise."""
        std: Array = torch.from_numpy(log_std).exp().numpy()
        drawn: Array = heads + std[:, None] * noise
        return drawn

    def for_environment(self, actions: Array) -> Array:
        """Clipped to the bounds, in the action space's own shape and type."""
        shaped: Array = np.nan_to_num(actions).reshape(*actions.shape[:-1], *self.space.shape)
        clipped: Array = shaped.clip(self.space.low, self.space.high).astype(self.space.dtype)
        return clipped

    def mode(self, heads: Array) -> Array:
        """The mean."""
        return self.for_environment(heads)

    def policy(self, heads: Tensor, log_std: Tensor, actions: Tensor) -> Policy:
        """A diagonal Gaussian."""
        return _GaussianPolicy(heads, log_std, actions)


def actions_for(space: gymnasium.Space[Any], who: str) -> Actions:
    """The kind of actions an action space asks for.

    Args:
        space: `Discrete`, `MultiDiscrete`, `MultiBinary`, or `Box` of floats.
        who: The algorithm, for the message.

    Raises:
        InvalidInput: For any other space.
    """
    if isinstance(space, Discrete):
        return CategoricalActions(space)
    if isinstance(space, (MultiDiscrete, MultiBinary)):
        return SeveralCategoricalActions(space)
    if isinstance(space, Box) and np.issubdtype(space.dtype, np.floating):
        return GaussianActions(space)
    raise InvalidInput(f"{who} acts in discrete spaces and in Box spaces of floats, not in {space}")
