"""What batches of Gymnasium's classic control tasks share: seeds, time limits, and resets within a step."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.utils import seeding

from autorl.environment.base import Spaces, Step, VectorEnvironment
from autorl.records import FloatArray

__all__ = ["ClassicControlVector"]


class ClassicControlVector(VectorEnvironment):
    """N systems of one kind in lock-step; a subclass says how they begin, move and are seen.

    Args:
        original: Gymnasium's environment, from which the constants are read.
        seeds: One a system; only initial states are drawn.
        spaces: What it offers.
    """

    def __init__(self, original: Any, seeds: Sequence[int], spaces: Spaces) -> None:
        assert spaces.max_episode_steps is not None  # the backend looked
        self.rules, self._seeds, self._limit = original, list(seeds), spaces.max_episode_steps

    @abstractmethod
    def drawn(self, generator: np.random.Generator) -> npt.NDArray[Any]:
        """A first state, of the type that Gymnasium keeps it in until the first step."""

    @abstractmethod
    def moved(
        self, states: FloatArray, actions: npt.NDArray[np.int64]
    ) -> tuple[FloatArray, FloatArray, npt.NDArray[Any]]:
        """What actions (N) make of states (numbers, N): the next ones, rewards (N), and whether they are final (N)."""

    @abstractmethod
    def seen(self, states: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Observations (N, inputs) of states (numbers, N)."""

    def reset(self) -> npt.NDArray[Any]:
        """Draws every system's first state."""
        self._generators = [seeding.np_random(seed)[0] for seed in self._seeds]
        self._elapsed = np.zeros(len(self._seeds), dtype=np.int64)
        states = self._begun(range(len(self._seeds)))
        self._states, self._observations = states.astype(np.float64), self.seen(states)
        return self._observations

    def _begun(self, rows: Sequence[int]) -> npt.NDArray[Any]:
        """First states (numbers, rows) of the rows' next episodes."""
        return np.stack([self.drawn(self._generators[row]) for row in rows], 1)

    def step(self, actions: npt.NDArray[Any], running: npt.NDArray[np.bool_] | None = None) -> Step:
        """Moves every system, or those that run."""
        states, rewards, over = self.moved(self._states, np.asarray(actions, dtype=np.int64).reshape(-1))
        arrived = self.seen(states)
        self._elapsed += 1 if running is None else running
        late = self._elapsed >= self._limit
        if running is not None:
            states = np.where(running, states, self._states)
            arrived = np.where(running[:, None], arrived, self._observations)
            rewards, over, late = np.where(running, rewards, 0.0), over & running, late & running
        ended, observations = over | late, arrived
        if np.count_nonzero(ended):  # `any` takes several times as long on so few
            rows = np.flatnonzero(ended)
            begun = self._begun(rows.tolist())
            observations = arrived.copy()
            states[:, rows], observations[rows] = begun, self.seen(begun)
            self._elapsed[rows] = 0
        self._states, self._observations = states, observations
        return Step(arrived, rewards[:, None], over, late & ~over, observations)

    def close(self) -> None:
        """Nothing to release."""
