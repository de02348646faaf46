"""Parts of decomposition (MORL/D): scalarisations, neighbourhoods, adapted weight vectors, what policies earned."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autorl.pareto import non_dominated
from autorl.records import FloatArray

__all__ = ["SCALARIZATIONS", "Earnings", "neighborhoods", "psa", "sources", "utilities", "worths"]

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

SCALARIZATIONS = ("linear", "chebyshev")


def utilities(values: Tensor, weights: Tensor, utopia: Tensor, scalarization: str) -> Tensor:
    """What values are worth, to be maximised.

    Args:
        values: Shape (policies, rewards, ...).
        weights: One vector a policy (policies, rewards).
        utopia: The point that Chebyshev's distance is taken from (policies, rewards).
        scalarization: "linear" is the weighed sum; "chebyshev" the largest weighed shortfall from the point, negated.
            A value beyond the point is better still: no absolute value is taken.

    Returns:
        Shape (policies, ...).
    """
    shape = (*weights.shape, *[1] * (values.dim() - 2))
    spread = weights.view(shape)
    if scalarization == "linear":
        return (spread * values).sum(1)
    return -(spread * (utopia.view(shape) - values)).amax(1)


def neighborhoods(vectors: FloatArray, size: int) -> Ints:
    """The policies with the nearest weight vectors, nearest first; of equally near ones the first.

    Args:
        vectors: Weight vectors (K, rewards).
        size: Neighbours of a policy, below K.

    Returns:
        Shape (K, size).
    """
    distances = np.square(vectors[:, None] - vectors).sum(2)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1, kind="stable")[:, :size].astype(np.int64)


def psa(vectors: FloatArray, returns: FloatArray, known: Flags, fresh: Flags, delta: float) -> FloatArray:
    """Weight vectors moved away from the nearest policy of the front (Czyzak and Jaszkiewicz, 1998).

    A policy's weight of a reward grows by the factor 1 + delta where it earns no less than that policy, and shrinks by
    it elsewhere; the vector is then divided by its sum. Equal returns are no neighbours.

    Args:
        vectors: Weight vectors (K, rewards), each adding up to 1.
        returns: What the policies earn (K, rewards).
        known: Of which policies that is known and finite (K); nobody heeds the others.
        fresh: Which of them ended an episode since they were moved last (K); the others keep their vectors.
        delta: Size of the step.

    Returns:
        Shape (K, rewards).
    """
    moved, there = vectors.copy(), np.flatnonzero(known)
    if not len(there):
        return moved
    front = returns[there[non_dominated(-returns[there])]]
    for policy in np.flatnonzero(known & fresh):
        distances = np.square(front - returns[policy]).sum(1)
        if (distances > 0).any():
            nearest = front[np.where(distances > 0, distances, np.inf).argmin()]
            factors = np.where(returns[policy] >= nearest, 1 + delta, 1 / (1 + delta))
            moved[policy] *= factors
            moved[policy] /= moved[policy].sum()
    return moved


def sources(worth: FloatArray, known: Flags, fresh: Flags, near: Ints) -> Ints:
    """Whose network a policy goes on with: the neighbour's that is worth most to it, if more than its own.

    Args:
        worth: Utility of the returns of a policy (second axis) under the weights of another (first axis), (K, K).
        known: Which policies' returns are known and finite (K).
        fresh: Which of them ended an episode with the network they have (K); only those may get another one.
        near: Neighbours (K, n).

    Returns:
        Policies, mostly the own number (K).
    """
    chosen = np.arange(len(worth))
    for policy in np.flatnonzero(known & fresh):
        best = worth[policy, policy]
        for other in near[policy]:
            if known[other] and worth[policy, other] > best:
                chosen[policy], best = other, worth[policy, other]
    return chosen


class Earnings:
    """What the policies of every agent earn in training: the mean discounted return of episodes since an exchange.

    Args:
        size: Agents, a lone one's copy among them (M).
        policies: Policies of one agent (K).
        environments: Sub-environments of one policy; those of the first come first.
        rewards: Length of a return.

    Attributes:
        means: Of the last exchange before which an episode of the policy ended (M, K, rewards).
        known: Whether any did, with the network that the policy has (M, K).
        best: Largest return of an episode of any policy, in every reward (M, rewards); minus infinity at first.
    """

    def __init__(self, size: int, policies: int, environments: int, rewards: int) -> None:
        self._environments = environments
        self._earned = np.zeros((size, policies * environments, rewards))
        self._weights = np.ones((size, policies * environments))
        self._sums, self._counts = np.zeros((size, policies, rewards)), np.zeros((size, policies), dtype=np.int64)
        self.means, self.known = np.zeros((size, policies, rewards)), np.zeros((size, policies), dtype=np.bool_)
        self.best = np.full((size, rewards), -np.inf)

    def reset(self, rows: Flags) -> None:
        """Forgets all that some agents (M) earned: it was discounted otherwise than what they will."""
        self._sums[rows], self._counts[rows], self.known[rows], self.best[rows] = 0.0, 0, False, -np.inf

    def forget(self, running: Flags) -> None:
        """Begins all episodes of some agents (M) anew; those under way count for nothing."""
        self._earned[running], self._weights[running] = 0.0, 1.0

    def add(self, rewards: FloatArray, ended: Flags, gammas: FloatArray, running: Flags) -> None:
        """Takes up a step.

        Args:
            rewards: Shape (M, N, rewards).
            ended: Which episodes are over (M, N).
            gammas: Discounts (M).
            running: Whose step it was (M).
        """
        self._earned[running] += (self._weights[:, :, None] * rewards)[running]
        self._weights[running] *= gammas[running, None]
        for row, place in np.argwhere(ended & running[:, None]):  # one by one: a sum's order must not be NumPy's choice
            policy, earned = place // self._environments, self._earned[row, place]
            self._sums[row, policy] += earned
            self._counts[row, policy] += 1
            self.best[row] = np.maximum(self.best[row], earned)
            self._earned[row, place], self._weights[row, place] = 0.0, 1.0

    def exchange(self, rows: Flags) -> Flags:
        """Ends a period of some agents (M): means are taken, and sums begin anew.

        Returns:
            Which policies ended an episode in it (M, K). The means of the others are old news: without the difference
            a policy would be moved for the same episode at one exchange after another.
        """
        fresh: Flags = rows[:, None] & (self._counts > 0)
        self.means[fresh] = self._sums[fresh] / self._counts[fresh][:, None]
        self.known |= fresh
        self._sums[rows], self._counts[rows] = 0.0, 0
        return fresh

    def states(self) -> dict[str, Array]:
        """What continues at a rung, live."""
        return {
            "earned": self._earned,
            "earned_weights": self._weights,
            "earned_sums": self._sums,
            "earned_counts": self._counts,
            "earned_means": self.means,
            "earned_known": self.known,
            "earned_best": self.best,
        }


def worths(returns: FloatArray, weights: FloatArray, utopia: FloatArray, scalarization: str) -> FloatArray:
    """Utility of every return (K, rewards) under every weight vector (K, rewards): shape (vectors, returns)."""
    values = torch.from_numpy(returns.T.copy()).expand(len(weights), -1, -1)
    points = torch.from_numpy(np.broadcast_to(utopia, weights.shape).copy())
    worth: FloatArray = utilities(values, torch.from_numpy(weights), points, scalarization).numpy()
    return worth
