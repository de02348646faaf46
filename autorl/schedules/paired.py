"""One-sided paired t-tests on shared seeds, with standard deviations that borrow from each other.

A few seeds say little about a standard deviation. So each pair's variance is shrunk to the pooled one of all other
pairs raced so far, which weighs as much as some degrees of freedom, but never more than those pairs have (Smyth 2004,
Linear models and empirical Bayes methods, section 3, with a fixed prior weight where the original estimates it). A
pair's own differences are left out of what it is shrunk to: otherwise a first pair would confirm itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autorl.records import FloatArray

__all__ = ["PairedTests"]


class PairedTests:
    """The pairs of a race, and what they tell about each other's noise.

    Args:
        prior_weight: Degrees of freedom that the pooled variance counts for.
    """

    def __init__(self, prior_weight: float) -> None:
        self.prior_weight = prior_weight
        self._squares: dict[tuple[int, int], FloatArray] = {}  # per pair the sum over seeds, shape (objectives,)
        self._freedom: dict[tuple[int, int], int] = {}

    def compare(self, pairs: Sequence[tuple[int, int]], differences: FloatArray) -> FloatArray:
        """P-values of "the first is not worse in every objective", after taking these pairs into the pooled variance.

        Of several objectives the largest p-value counts. A difference without variance, its own and pooled, counts by
        its sign, so that an objective without noise decides; equal differences alone do not where others vary. On one
        seed the pooled variance stands for the own. Where nothing is known of the noise a p-value is 1.

        Args:
            pairs: Numbers of a trial and of an incumbent; a pair compared before, in either order, is pooled with its
                new differences in place of the old ones.
            differences: The first one's losses minus the second one's, shape (pairs, seeds, objectives).

        Returns:
            Shape (pairs,).
        """
        from scipy.special import stdtr

        count = differences.shape[1]
        mean = differences.mean(axis=1)
        squares: FloatArray = ((differences - mean[:, np.newaxis]) ** 2).sum(axis=1)
        if count > 1:
            keys = [(min(pair), max(pair)) for pair in pairs]
            self._squares |= dict(zip(keys, squares, strict=True))
            self._freedom |= dict.fromkeys(keys, count - 1)
        others = sum(self._freedom.values()) - (count - 1)
        prior = min(self.prior_weight, others)
        freedom = count - 1 + prior
        if freedom == 0:
            return np.ones(len(pairs))
        pooled = (np.sum(list(self._squares.values()), axis=0) - squares) / others if others else 0.0
        variance = (squares + prior * pooled) / freedom
        certain = variance == 0
        t = mean / np.sqrt(np.where(certain, 1.0, variance) / count)
        p_values: FloatArray = np.where(certain, np.where(mean > 0, 0.0, 1.0), stdtr(freedom, -t)).max(axis=1)
        return p_values
