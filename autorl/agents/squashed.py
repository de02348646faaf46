"""Normal draws squashed by tanh into (-1, 1), with their log-probabilities and gradients."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["SquashedGaussian"]

LOG_STD_LOW, LOG_STD_HIGH = -20.0, 2.0
EPSILON = 1e-6
"""Keeps the logarithm of 1 - a^2 finite; all three are Stable-Baselines3's."""


class SquashedGaussian:
    """Actions a = tanh(mean + std noise) (Haarnoja et al., 2018, appendix C).

    Args:
        outputs: Of the actor: means, then log standard deviations, cut to [-20, 2]; shape (M, 2 length, batch).
        noise: Standard normal draws (M, batch, length).

    Attributes:
        actions: In (-1, 1), shape (M, batch, length).
        log_prob: Their log-probabilities (M, batch).
    """

    def __init__(self, outputs: Tensor, noise: Tensor) -> None:
        length = noise.shape[2]
        means, raw = outputs[:, :length].transpose(1, 2), outputs[:, length:].transpose(1, 2)
        log_std = raw.clamp(LOG_STD_LOW, LOG_STD_HIGH)
        self._inside = raw == log_std
        self._spread = log_std.exp() * noise
        self._unsquashed = means + self._spread
        self.actions = self._unsquashed.tanh()
        self._slope = 1 - self.actions.square()
        normal = noise.square().mul(0.5).add(log_std).add_(0.5 * math.log(2 * math.pi))
        self.log_prob = -(normal + (self._slope + EPSILON).log()).sum(2)

    def gradient(
        self, log_prob_gradient: Tensor, action_gradient: Tensor, unsquashed_gradient: Tensor | None = None
    ) -> Tensor:
        """Gradient of a loss with respect to the actor's outputs (M, 2 length, batch).

        Args:
            log_prob_gradient: That with respect to the log-probability of each of the batch (M, 1).
            action_gradient: That with respect to the actions (M, batch, length), where they matter otherwise.
            unsquashed_gradient: That with respect to the draws before tanh (M, batch, length), where those do.
        """
        # With u = mean + std noise:  d log p / d u = 2 a (1 - a^2) / (1 - a^2 + eps),  d log p / d log std = -1
        weight = log_prob_gradient[:, :, None]
        means = weight * self._volume_gradient() + action_gradient * self._slope
        if unsquashed_gradient is not None:
            means = means + unsquashed_gradient
        log_stds = (means * self._spread - weight) * self._inside
        return torch.cat([means, log_stds], 2).transpose(1, 2)

    def gradient_under(self, outputs: Tensor) -> Tensor:
        """Gradient of the log-probabilities these actions have under another policy, (M, batch, length).

        It is that with respect to the draws before tanh, where the other density is a normal one: nothing has to be
        unsquashed.

        Args:
            outputs: Of the other policy's actor, as the own ones; shape (M, 2 length, batch).
        """
        # d log q / d u = -(u - mean') / std'^2 + 2 a (1 - a^2) / (1 - a^2 + eps)
        length = self.actions.shape[2]
        means, log_std = outputs[:, :length].transpose(1, 2), outputs[:, length:].transpose(1, 2)
        log_std = log_std.clamp(LOG_STD_LOW, LOG_STD_HIGH)
        return self._volume_gradient() - (self._unsquashed - means) * (-2 * log_std).exp()

    def _volume_gradient(self) -> Tensor:
        """Gradient of -log(1 - a^2 + eps) with respect to the draws before tanh (M, batch, length)."""
        return 2 * self.actions * self._slope / (self._slope + EPSILON)
