"""MO-Gymnasium's Four-Room for any number of walkers in lock-step.

The maze is read off `mo_gymnasium.envs.four_room` (Barreto et al. 2017, Successor features for transfer), one step from
every cell. Its states, a cell and what was collected, are too many for tables of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autorl.environment.base import Spaces, Step, VectorEnvironment

__all__ = ["FourRoomVector"]

MOVES = 4


class FourRoomVector(VectorEnvironment):
    """N walkers in one maze.

    Args:
        original: MO-Gymnasium's environment; its maze has one initial cell, so that nothing is drawn.
        seeds: One a walker; of no effect.
        spaces: What it offers.
    """

    def __init__(self, original: Any, seeds: Sequence[int], spaces: Spaces) -> None:
        assert spaces.max_episode_steps is not None  # the backend looked
        self._count, self._limit = len(seeds), spaces.max_episode_steps
        self._width = original.width
        self._start, self._goal = self._cell(original.initial[0]), self._cell(original.goal)
        nothing = (0,) * len(original.shape_ids)
        cells = original.height * original.width
        self._targets = np.empty((cells, MOVES), dtype=np.int64)
        for cell in range(cells):
            for move in range(MOVES):
                original.state = (divmod(cell, self._width), nothing)
                original.step(move)
                self._targets[cell, move] = self._cell(original.state[0])
        self._shapes, self._types = np.full(cells, -1), np.zeros(len(nothing), dtype=np.int64)
        for place, shape in original.shape_ids.items():
            self._shapes[self._cell(place)] = shape
            self._types[shape] = original.all_shapes[original.maze[place]]
        self._rewards = len(original.all_shapes)

    def _cell(self, place: tuple[int, int]) -> int:
        return int(place[0] * self._width + place[1])

    def reset(self) -> npt.NDArray[Any]:
        """Puts every walker at the start."""
        self._cells = np.full(self._count, self._start)
        self._collected = np.zeros((self._count, len(self._types)), dtype=np.bool_)
        self._elapsed = np.zeros(self._count, dtype=np.int64)
        return self._seen()

    def step(self, actions: npt.NDArray[Any], running: npt.NDArray[np.bool_] | None = None) -> Step:
        """Moves everybody, or those that run."""
        rows = np.arange(self._count)
        going = np.ones(self._count, dtype=np.bool_) if running is None else running
        before = self._cells
        self._cells = np.where(going, self._targets[before, np.asarray(actions).reshape(-1)], before)
        moved = self._cells != before
        shapes = self._shapes[self._cells]
        found = np.flatnonzero(moved & (shapes >= 0) & ~self._collected[rows, shapes])
        rewards = np.zeros((self._count, self._rewards))
        rewards[found, self._types[shapes[found]]] = 1.0
        self._collected[found, shapes[found]] = True
        over = moved & (self._cells == self._goal)
        rewards[over] = 1.0
        self._elapsed += going
        ended = over | (going & (self._elapsed >= self._limit))
        arrived = self._seen()
        observations = arrived
        if ended.any():
            self._cells[ended], self._collected[ended], self._elapsed[ended] = self._start, False, 0
            observations = self._seen()
        return Step(arrived, rewards, over, ended & ~over, observations)

    def _seen(self) -> npt.NDArray[np.int32]:
        place = np.stack(np.divmod(self._cells, self._width), axis=1)
        return np.concatenate([place, self._collected], axis=1, dtype=np.int32)

    def close(self) -> None:
        """Nothing to release."""
