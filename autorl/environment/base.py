"""The environment's seam: a description that travels, and vector environments with same-step resets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from autorl.records import FloatArray

if TYPE_CHECKING:
    import gymnasium

__all__ = ["Backend", "Spaces", "Step", "VectorEnvironment"]


@dataclass(frozen=True)
class Spaces:
    """What an environment offers to a learner.

    Attributes:
        observation: Gymnasium space of one observation.
        action: Gymnasium space of one action as `VectorEnvironment.step` takes it; a Discrete one starts at 0.
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

    The arrays are never written again by the environment. `observations` may be the very array `next_observations`
    where no episode ended: read them, do not write.

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
            actions: Shape (N, *action). Discrete actions count from 0: an environment whose own actions start
                elsewhere is shifted by the backend. Continuous ones lie within the bounds: the caller clips.
            running: Sub-environments worth stepping, shape (N,); a backend may skip the others, whose rows are then
                zero rewards, no end, and the last observation. None steps all.
        """

    @abstractmethod
    def close(self) -> None:
        """Releases the sub-environments."""


class Backend(ABC):
    """Makes the environments of one description.

    Attributes:
        name: What a description calls it.

    Args:
        id: The environment's id as given.
        kwargs: Arguments of the environment's constructor.
        wrappers: Names and arguments of wrappers, innermost first.
        max_episode_steps: The time limit asked for, or None for the environment's own.

    Raises:
        InvalidInput: From any method, if the environment cannot be made as described.
    """

    name: ClassVar[str] = ""

    def __init__(
        self,
        id: str,
        kwargs: Mapping[str, Any],
        wrappers: Sequence[tuple[str, Mapping[str, Any]]],
        max_episode_steps: int | None,
    ) -> None:
        self.id, self.kwargs, self.wrappers, self.max_episode_steps = id, kwargs, wrappers, max_episode_steps

    @property
    def at_once(self) -> int | None:
        """Sub-environments of an agent that an evaluation keeps at once, one a policy at least; None for any number.

        A simulator can take a mebibyte, and agents, policies and episodes multiply.
        """
        return 64

    @abstractmethod
    def spaces(self) -> Spaces:
        """What the environment offers; built once, then remembered."""

    @abstractmethod
    def resolved(self) -> Mapping[str, object]:
        """Entries of the description that only the built environment knows, as plain JSON."""

    @abstractmethod
    def vector(self, seeds: Sequence[int]) -> VectorEnvironment:
        """One sub-environment a seed."""

    @abstractmethod
    def make(self) -> gymnasium.Env[Any, Any]:
        """One environment with Gymnasium's own interface, not yet reset."""

    def known_front(self, discount: float) -> FloatArray | None:
        """The environment's own true Pareto front of discounted returns, shape (n, rewards), or None if it has none.

        Dominated points are allowed: `Environment.known_front` leaves them out.
        """
        return None

    @abstractmethod
    def versions(self) -> Mapping[str, str]:
        """Versions of the distributions that change the environment's numbers."""
