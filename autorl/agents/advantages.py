"""Generalised advantage estimation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["generalized_advantages"]

Array = npt.NDArray[Any]


def generalized_advantages(
    rewards: Array,
    values: Array,
    next_values: Array,
    terminated: Array,
    ended: Array,
    gamma: Array,
    gae_lambda: Array,
) -> npt.NDArray[np.float64]:
    """GAE (Schulman et al., 2016) for every agent, with its own discount and lambda.

    A terminated step has no future; a truncated one has the value of the observation it led to, but no later
    step's advantage, since that belongs to the next episode.

    Args:
        rewards: Shape (M, steps, N); several rewards, (M, steps, N, rewards), have an advantage each.
        values: Value of the observation acted on, shaped as the rewards.
        next_values: Value of the observation the action led to (the final one where an episode ended).
        terminated: Where the task's own rule ended the episode, shape (M, steps, N).
        ended: Where the episode ended, by rule or by cutting.
        gamma: Discounts (M).
        gae_lambda: Mixing coefficients (M).

    Returns:
        The advantages, shaped as the rewards.
    """
    trailing = [1] * (rewards.ndim - 1)
    going, unbroken = (~flags.reshape(*flags.shape, *trailing[2:]) for flags in (terminated, ended))
    gamma, gae_lambda = (column.astype(np.float64).reshape(-1, *trailing) for column in (gamma, gae_lambda))
    errors = rewards + gamma * next_values * going - values
    carries = gamma * gae_lambda * unbroken
    # Steps first, so that a step of all agents is one contiguous block.
    errors, carries = (np.ascontiguousarray(np.moveaxis(array, 1, 0)) for array in (errors, carries))
    for step in range(len(errors) - 2, -1, -1):
        errors[step] += carries[step] * errors[step + 1]
    return np.ascontiguousarray(np.moveaxis(errors, 0, 1))
