"""The environment's seam: a description that travels, and vector environments with same-step resets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autorl.records import FloatArray

if TYPE_CHECKING:
    import gymnasium

__all__ = ["Spaces", "Step", "VectorEnvironment"]


@dataclass(frozen=True)
class Spaces:
    """What an environment offers to a learner.

    Attributes:
        observation: Gymnasium space of one observation.
        action: Gymnasium space of one action.
        rewards: Length of the reward vector; 1 for a scalar reward.
        max_episode_steps: Steps after which an episode is truncated, or None.
    """

    observation: gymnasium.Space[Any]
    action: gymnasium.Space[Any]
    rewards: int
    max_episode_steps: int | None


@dataclass(frozen=True, eq=False)
class Step:
    """One step of N sub-environments, every row a real transition.

    Attributes:
        next_observations: What the action led to, the final observation included, shape (N, *observation).
        rewards: Shape (N, rewards), float64.
        terminated: The episode ended by the task's own rule: do not bootstrap; shape (N,), bool.
        truncated: The episode was cut (and not terminated): bootstrap from `next_observations`; shape (N,), bool.
        observations: Where to act next: the new episode's first observation where one ended, else as
            `next_observations`; shape (N, *observation).
    """

    next_observations: npt.NDArray[Any]
    rewards: FloatArray
    terminated: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]
    observations: npt.NDArray[Any]


class VectorEnvironment(ABC):
    """N sub-environments, one seed each, whose streams depend on nothing but their seed."""

    @abstractmethod
    def reset(self) -> npt.NDArray[Any]:
        """Starts the first episodes; called once. Observations of shape (N, *observation)."""

    @abstractmethod
    def step(self, actions: npt.NDArray[Any], running: npt.NDArray[np.bool_] | None = None) -> Step:
        """Steps every sub-environment; one whose episode ends is reset within the same step.

        Args:
            actions: Shape (N, *action).
            running: Sub-environments worth stepping, shape (N,); a backend may skip the others, whose rows are then
                zero rewards, no end, and the last observation. None steps all.
        """

    @abstractmethod
    def close(self) -> None:
        """Releases the sub-environments."""
