"""Whole-number observations as indicators, so that a network tells the cells of a grid apart from the first step on."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box, MultiDiscrete

from autorl.errors import InvalidInput

__all__ = ["OneHot"]

MAX_VALUES = 10_000


class OneHot(gymnasium.ObservationWrapper[npt.NDArray[np.int64], Any, npt.NDArray[Any]]):
    """Makes bounded whole numbers categories, which every backend flattens to an indicator a value.

    Two numbers from 0 to 10 become 22 indicators. Name it as `autorl.environment.one_hot:OneHot` among an environment's
    wrappers.

    Args:
        env: Its observations are a Box of whole numbers with bounds.

    Raises:
        InvalidInput: If they are something else, or take more than 10,000 values in all.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, Box) or not np.issubdtype(space.dtype, np.integer):
            raise InvalidInput(f"OneHot: {space} is no Box of whole numbers, whose values could be told apart")
        self._low = space.low.astype(np.int64).reshape(-1)
        counts = space.high.astype(np.int64).reshape(-1) - self._low + 1
        if not 0 < counts.sum() <= MAX_VALUES:
            raise InvalidInput(
                f"OneHot: {space} takes {counts.sum()} values in all; at most {MAX_VALUES} become inputs"
            )
        self.observation_space = MultiDiscrete(counts)

    def observation(self, observation: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Counts each number from its lower bound."""
        numbers: npt.NDArray[np.int64] = np.asarray(observation).astype(np.int64).reshape(-1)
        return numbers - self._low
