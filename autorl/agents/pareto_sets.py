"""Sets of vectors per state and action, as padded arrays: the tables of Pareto Q-learning."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autorl.agents.episodes import crowding
from autorl.pareto import hypervolume
from autorl.records import FloatArray

__all__ = ["ParetoTable", "cardinalities", "hypervolumes", "spread", "undominated"]

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

REFERENCE = 1.1
"""The reference of a state's hypervolumes, in every reward, on losses scaled to [0, 1] over all of its vectors."""


def undominated(vectors: FloatArray, valid: Flags) -> Flags:
    """Which vectors of each set no other one of it dominates; of equal ones the first.

    Args:
        vectors: Shape (sets, n, rewards).
        valid: Which of them there are (sets, n).

    Returns:
        Shape (sets, n).
    """
    left, right = vectors[:, :, None], vectors[:, None]
    nowhere_worse: Flags = np.all(right >= left, axis=3)  # the second nowhere worse than the first
    equal = nowhere_worse & np.swapaxes(nowhere_worse, 1, 2)
    earlier = np.tri(vectors.shape[1], k=-1, dtype=np.bool_)
    beaten = nowhere_worse & (~equal | earlier) & valid[:, None]
    kept: Flags = valid & ~beaten.any(2)
    return kept


def spread(vectors: FloatArray, count: int) -> FloatArray:
    """At most so many vectors (n, rewards) of a front, the least crowded ones first."""
    low, span = vectors.min(0), np.ptp(vectors, axis=0)
    apart = crowding((vectors - low) / np.where(span > 0, span, 1.0))
    return vectors[np.argsort(-apart, kind="stable")[:count]]


def hypervolumes(vectors: FloatArray, valid: Flags) -> FloatArray:
    """The hypervolume of every action's set.

    Args:
        vectors: Of one state (actions, n, rewards).
        valid: Which of them there are (actions, n).

    Returns:
        Shape (actions,); 0 for an empty set.
    """
    values, every = np.zeros(len(vectors)), vectors[valid]
    if len(every):
        high, span = every.max(0), np.ptp(every, axis=0)
        losses = (high - vectors) / np.where(span > 0, span, 1.0)
        reference = np.full(vectors.shape[2], REFERENCE)
        values[:] = [hypervolume(own[there], reference) for own, there in zip(losses, valid, strict=True)]
    return values


def cardinalities(vectors: FloatArray, valid: Flags) -> FloatArray:
    """How many vectors of every action's set no vector of any action dominates; as `hypervolumes` otherwise."""
    flat = undominated(vectors.reshape(1, -1, vectors.shape[2]), valid.reshape(1, -1))
    counts: FloatArray = flat.reshape(valid.shape).sum(1).astype(np.float64)
    return counts


class ParetoTable:
    """For each of M agents, S states and A actions: the mean reward, and what may follow, up to K vectors.

    Args:
        size: Agents, a lone one's copy among them (M).
        states: S.
        actions: A.
        capacity: K.
        rewards: Length of a vector.

    Attributes:
        following: Undominated returns from the next state on, shape (M, S, A, K, rewards).
        counts: How many of them there are (M, S, A); 0 for an action not yet tried.
        rewards: Mean reward, shape (M, S, A, rewards).
        visits: How often it was tried (M, S, A).
    """

    def __init__(self, size: int, states: int, actions: int, capacity: int, rewards: int) -> None:
        self.following = np.zeros((size, states, actions, capacity, rewards))
        self.counts, self.visits = (np.zeros((size, states, actions), dtype=np.int64) for _ in range(2))
        self.rewards = np.zeros((size, states, actions, rewards))

    def values(self, rows: Ints, states: Ints, gammas: FloatArray) -> tuple[FloatArray, Flags]:
        """The sets Q(s, a) = mean reward + gamma * what may follow.

        Args:
            rows: Whose (n,).
            states: Where (n,).
            gammas: Discounts (n,).

        Returns:
            Vectors (n, A, longest, rewards), and which of them there are (n, A, longest).
        """
        counts = self.counts[rows, states]
        longest = max(1, int(counts.max(initial=0)))
        following = self.following[rows, states, :, :longest]
        vectors = self.rewards[rows, states][:, :, None] + gammas[:, None, None, None] * following
        return vectors, np.arange(longest) < counts[:, :, None]

    def learn(
        self,
        rows: Ints,
        states: Ints,
        actions: Ints,
        rewards: FloatArray,
        arrived: Ints,
        over: Flags,
        gammas: FloatArray,
    ) -> None:
        """Takes up one transition of each of some agents (Van Moffaert and Nowe 2014, algorithm 2).

        What may follow is the undominated part of the union of the sets of the next state's actions; nothing but the
        zero vector where the episode is over, or where no action was tried yet.

        Args:
            rows: Whose, each once (n,).
            states: Acted in (n,).
            actions: Taken (n,).
            rewards: Earned (n, rewards).
            arrived: The next states (n,).
            over: Where the task's own rule ended the episode (n,).
            gammas: Discounts (n,).
        """
        self.visits[rows, states, actions] += 1
        mean = self.rewards[rows, states, actions]
        mean += (rewards - mean) / self.visits[rows, states, actions][:, None]
        self.rewards[rows, states, actions] = mean
        vectors, valid = self.values(rows, arrived, gammas)
        flat, kept = vectors.reshape(len(rows), -1, vectors.shape[3]), valid.reshape(len(rows), -1)
        kept = undominated(flat, kept & ~over[:, None])
        found = kept.sum(1)
        capacity = self.following.shape[3]
        front = np.argsort(~kept, axis=1, kind="stable")[:, :capacity]
        following = np.zeros((len(rows), capacity, flat.shape[2]))  # whole, so that no old vector stays behind
        following[:, : front.shape[1]] = np.take_along_axis(flat, front[:, :, None], 1)
        for row in np.flatnonzero(found > capacity):
            following[row] = spread(flat[row, kept[row]], capacity)
        following[np.arange(capacity) >= found[:, None]] = 0.0
        self.following[rows, states, actions] = following
        self.counts[rows, states, actions] = found.clip(1, capacity)

    def front(self, row: int, state: int, gamma: float) -> FloatArray:
        """Undominated returns of an agent from a state on (n, rewards); empty where no action was tried."""
        vectors, valid = self.values(np.array([row]), np.array([state]), np.array([gamma]))
        flat = vectors.reshape(1, -1, vectors.shape[3])
        return flat[undominated(flat, valid.reshape(1, -1))]

    def track(self, row: int, states: Ints, targets: FloatArray, gamma: float) -> tuple[Ints, FloatArray]:
        """Actions of an agent that lead to a return, and what is left to be reached behind them.

        The vector nearest to the target says both, by the sum of absolute differences as in morl-baselines.

        Args:
            row: Whose.
            states: Where (n,).
            targets: Returns to be reached from there on (n, rewards).
            gamma: Discount.
        """
        vectors, valid = self.values(np.full(len(states), row), states, np.full(len(states), gamma))
        distances = np.where(valid, np.abs(vectors - targets[:, None, None]).sum(3), np.inf).reshape(len(states), -1)
        actions, numbers = np.divmod(distances.argmin(1), valid.shape[2])
        return actions, self.following[row, states, actions, numbers]

    def states(self) -> dict[str, Array]:
        """What continues at a rung, live."""
        return {"following": self.following, "counts": self.counts, "mean_rewards": self.rewards, "visits": self.visits}
