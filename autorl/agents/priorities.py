"""Priorities of replayed transitions in sum trees, one per agent, walked for all agents at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Priorities"]

Float64 = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


class Priorities:
    """Proportional prioritised replay (Schaul et al., 2016).

    A transition is drawn with probability p_i^alpha / sum_j p_j^alpha. New ones have the largest priority met so far.
    Node k of a tree has the children 2 k and 2 k + 1; leaves begin at node `leaves`.

    Args:
        size: Agents, a lone one's copy among them (M).
        rows: Transitions an agent can hold.

    Attributes:
        tree: Sums of p^alpha, shape (M, 2 leaves), float64; node 1 holds the total.
        largest: The largest p met (M), 1 at first.
        alphas: The exponents that the leaves have (M), nan at first. Where others are given, the leaves follow.
    """

    def __init__(self, size: int, rows: int) -> None:
        self.leaves = self.leaf_count(rows)
        self.tree = np.zeros((size, 2 * self.leaves))
        self.largest = np.ones(size)
        self.alphas = np.full(size, np.nan)
        self._agents = np.arange(size)[:, None]

    @staticmethod
    def leaf_count(rows: int) -> int:
        """Leaves of a tree over so many transitions: the next power of two."""
        return 1 << max(0, (rows - 1).bit_length())

    @classmethod
    def tree_bytes(cls, rows: int) -> int:
        """Memory of one agent's tree."""
        return 16 * cls.leaf_count(rows)

    def add(self, rows: Rows, alphas: Float64, running: npt.NDArray[np.bool_]) -> None:
        """Gives new transitions the largest priority met.

        Args:
            rows: Their row numbers, the same for all agents (n,).
            alphas: Exponents (M,).
            running: Whose transitions are new (M).
        """
        self._follow(alphas)
        values = np.where(running, self.largest**alphas, 0.0)[:, None]
        given = np.where(running[:, None], values, self.tree[:, self.leaves + rows])
        self._write(np.broadcast_to(rows, given.shape), given)

    def update(self, rows: Rows, priorities: Float64, alphas: Float64, learning: npt.NDArray[np.bool_]) -> None:
        """Sets the priorities of transitions just learned from; of a row that stands twice, one of them counts.

        Args:
            rows: Row numbers (M, batch).
            priorities: Above zero, shape (M, batch).
            alphas: Exponents (M,).
            learning: Whose priorities change (M).
        """
        self._follow(alphas)
        if not learning.all():
            kept = self.tree[self._agents, self.leaves + rows]
            self._write(rows, np.where(learning[:, None], priorities ** alphas[:, None], kept))
        else:
            self._write(rows, priorities ** alphas[:, None])
        self.largest = np.where(learning, np.maximum(self.largest, priorities.max(1)), self.largest)

    def draw(self, units: Float64) -> Rows:
        """Rows drawn in proportion to p^alpha, one from each of as many equal parts of the total (M, batch).

        Args:
            units: Uniform draws (M, batch) in [0, 1).
        """
        batch = units.shape[1]
        rest = (np.arange(batch) + units) / batch * self.tree[:, 1:2]
        nodes = np.ones(units.shape, dtype=np.int64)
        while nodes[0, 0] < self.leaves:
            nodes = 2 * nodes
            left = self.tree[self._agents, nodes]
            # Rounding may ask for more than a subtree holds: an empty right child is never entered.
            right = (rest >= left) & (self.tree[self._agents, nodes + 1] > 0)
            rest = np.where(right, rest - left, rest)
            nodes = nodes + right
        return nodes - self.leaves

    def weights(self, rows: Rows, filled: int, betas: Float64) -> npt.NDArray[np.float32]:
        """Importance weights (n P(i))^-beta, scaled so that the largest of a batch is 1; shape (M, batch).

        Args:
            rows: As drawn (M, batch).
            filled: Transitions an agent holds (n).
            betas: How much of the bias is corrected (M,).
        """
        shares = self.tree[self._agents, self.leaves + rows] / self.tree[:, 1:2]
        weights: Any = (filled * shares) ** -betas[:, None]
        scaled: npt.NDArray[np.float32] = (weights / weights.max(1, keepdims=True)).astype(np.float32)
        return scaled

    def _follow(self, alphas: Float64) -> None:
        """Raises leaves from old exponents to new ones; of an exponent of 0, which forgot p, all take the largest."""
        changed = alphas != self.alphas
        if not changed.any():
            return
        for row in np.flatnonzero(changed & ~np.isnan(self.alphas)):
            leaves, old = self.tree[row, self.leaves :], self.alphas[row]
            raised = leaves ** (alphas[row] / old) if old > 0 else self.largest[row] ** alphas[row]
            leaves[...] = np.where(leaves > 0, raised, 0.0)
            level = self.leaves
            while level > 1:
                level //= 2
                self.tree[row, level : 2 * level] = self.tree[row, 2 * level : 4 * level].reshape(-1, 2).sum(1)
        self.alphas = alphas.copy()

    def _write(self, rows: Rows, values: Float64) -> None:
        nodes = self.leaves + rows
        self.tree[self._agents, nodes] = values
        while nodes.shape[1] and nodes[0, 0] > 1:
            nodes = nodes // 2
            self.tree[self._agents, nodes] = self.tree[self._agents, 2 * nodes] + self.tree[self._agents, 2 * nodes + 1]
