"""Metrics of the last evaluation: how good the trained policy is, and how much that depends on the seed.

Returns are at the study's evaluation discount, of the deterministic policy. With the option `last_checkpoints` it is
the mean over several evaluations instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from autorl.metrics.base import Direction, check_scalar
from autorl.metrics.evaluations import EvaluationMetric
from autorl.records import FloatArray, Run
from autorl.statistics import iqm

__all__ = ["Return", "ReturnIQM", "ReturnStd", "WorstReturn"]


@dataclass(frozen=True, kw_only=True)
class _FinalReturn(EvaluationMetric):
    """Per run: the mean of G_e over the episodes e of an evaluation; what differs is the aggregate."""

    unit: ClassVar[str] = "return"
    rewards: ClassVar[Literal["scalar", "vector", "any"]] = "scalar"

    def check(self, run: Run, returns: FloatArray) -> None:
        """Refuses several policies or rewards, and a run that was not evaluated."""
        check_scalar(run, self, returns)

    def of_returns(self, returns: FloatArray) -> float:
        """The mean return over the episodes."""
        return float(returns[0, :, 0].mean())


@dataclass(frozen=True, kw_only=True)
class Return(_FinalReturn):
    """Mean over seeds s of R_s, where R_s is the mean return over the episodes of the last evaluation.

    Unit: return.
    """

    name: ClassVar[str] = "return"
    summary: ClassVar[str] = "mean over seeds of the mean return of the last evaluation"


@dataclass(frozen=True, kw_only=True)
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


@dataclass(frozen=True, kw_only=True)
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


@dataclass(frozen=True, kw_only=True)
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
