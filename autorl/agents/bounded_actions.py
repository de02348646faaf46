"""Continuous actions between bounds, kept and learned from on the scale [-1, 1]."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box

from autorl.errors import InvalidInput

__all__ = ["BoundedActions"]

Array = npt.NDArray[Any]


class BoundedActions:
    """An action space with finite bounds.

    Args:
        space: The environment's action space.
        who: The algorithm, for the message.

    Attributes:
        length: Floats of one action.

    Raises:
        InvalidInput: If the space is no Box of floats with finite bounds.
    """

    def __init__(self, space: gymnasium.Space[Any], who: str) -> None:
        if not (isinstance(space, Box) and np.issubdtype(space.dtype, np.floating)):
            raise InvalidInput(f"{who} acts in Box spaces of floats, not in {space}")
        if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
            raise InvalidInput(f"{who} needs finite bounds of actions; those of {space} are not")
        self.space = space
        self.length = int(np.prod(space.shape, dtype=np.int64))

    def for_environment(self, actions: Array) -> Array:
        """Actions (..., length) in [-1, 1] between the bounds, in the space's own shape and type; not finite is 0."""
        low, high = self.space.low.astype(np.float64), self.space.high.astype(np.float64)
        shaped = np.nan_to_num(actions, posinf=0.0, neginf=0.0).reshape(*actions.shape[:-1], *self.space.shape)
        scaled: Array = low + 0.5 * (shaped.astype(np.float64) + 1.0) * (high - low)
        return scaled.clip(low, high).astype(self.space.dtype)
