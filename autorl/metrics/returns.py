"""Metrics of the last evaluation: how good the trained policy is, and how much that depends on the seed.

Returns are at the study's evaluation discount, of the deterministic policy, on the last checkpoint's episodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from autorl.metrics.base import Direction, Metric, final_returns
from autorl.records import Run
from autorl.statistics import iqm

__all__ = ["Return", "ReturnIQM", "ReturnStd", "WorstReturn"]


class _FinalReturn(Metric):
    """Per run: the mean of G_e over the episodes e of the last evaluation; what differs is the aggregate."""

    unit: ClassVar[str] = "return"
    rewards: ClassVar[Literal["scalar", "vector", "any"]] = "scalar"

    def per_run(self, run: Run) -> float:
        """The mean return over the episodes of the last evaluation."""
        return float(final_returns(run, self).mean())


class Return(_FinalReturn):
    """Mean over seeds s of R_s, where R_s is the mean return over the episodes of the last evaluation.

    Unit: return.
    """

    name: ClassVar[str] = "return"
    summary: ClassVar[str] = "mean over seeds of the mean return of the last evaluation"


class ReturnIQM(_FinalReturn):
    """Interquartile mean over seeds s of R_s: the mean without the lowest and highest quarter of the seeds.

    A quarter is rounded down to whole seeds, so that it differs from `return` from 4 seeds on. Unit: return.
    Source: Agarwal et al. 2021, Deep reinforcement learning at the edge of the statistical precipice.
    """

    name: ClassVar[str] = "return_iqm"
    summary: ClassVar[str] = "interquartile mean over seeds of the mean return of the last evaluation"

    def over_seeds(self, values: Sequence[float]) -> float:
        """The mean without the lowest and highest quarter."""
        return iqm(values)


class ReturnStd(_FinalReturn):
    """Sample standard deviation over seeds s of R_s: sqrt(sum_s (R_s - mean)^2 / (n - 1)), 0 for a single seed.

    Unit: return. A policy that learns nothing may have none of it: never the only objective.
    """

    name: ClassVar[str] = "return_std"
    summary: ClassVar[str] = "standard deviation over seeds (n - 1) of the mean return of the last evaluation"
    direction: ClassVar[Direction] = "minimize"

    def over_seeds(self, values: Sequence[float]) -> float:
        """The standard deviation with n - 1, exactly 0 for one value or equal ones."""
        if min(values) == max(values):  # np.std may give a rounding here
            return 0.0
        return float(np.std(values, ddof=1))


class WorstReturn(_FinalReturn):
    """Minimum over seeds s of R_s.

    Unit: return. It falls as seeds are added, so compare equal numbers of seeds only; its bootstrap interval never
    reaches below the worst seed seen.
    """

    name: ClassVar[str] = "worst_return"
    summary: ClassVar[str] = "minimum over seeds of the mean return of the last evaluation"

    def over_seeds(self, values: Sequence[float]) -> float:
        """The minimum."""
        return float(np.min(values))
