"""How many points a front has, and how evenly they lie; neither says how good they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from autorl.metrics.base import Direction
from autorl.metrics.fronts import FrontMetric
from autorl.records import FloatArray

__all__ = ["Cardinality", "Sparsity"]


@dataclass(frozen=True, kw_only=True)
class Cardinality(FrontMetric):
    """Mean over seeds of the number of distinct points that no other dominates.

    Unit: points. At most the number of policies evaluated. Source: Van Veldhuizen 1999, Multiobjective evolutionary
    algorithms: classifications, analyses, and new innovations.
    """

    name: ClassVar[str] = "cardinality"
    summary: ClassVar[str] = "mean over seeds of the number of points on the front"
    unit: ClassVar[str] = "points"
    caution: ClassVar[str] = "it counts points however poor they are"

    def of_front(self, front: FloatArray) -> float:
        """The number of points."""
        return float(len(front))


@dataclass(frozen=True, kw_only=True)
class Sparsity(FrontMetric):
    """Mean over seeds of 1 / (n - 1) sum_i sum_k (s_i(k + 1) - s_i(k))^2, s_i the sorted i-th rewards of the n points.

    0 for a single point, which makes it the best of all fronts: never optimise or report it alone. Unit: return
    squared. Source: Xu et al. 2020, Prediction-guided multi-objective reinforcement learning for continuous robot
    control.
    """

    name: ClassVar[str] = "sparsity"
    summary: ClassVar[str] = "mean over seeds of the mean squared gap of the front, 0 for a single point (never alone)"
    unit: ClassVar[str] = "return^2"
    direction: ClassVar[Direction] = "minimize"
    caution: ClassVar[str] = "a front of a single point has the best value, 0"

    def of_front(self, front: FloatArray) -> float:
        """The mean squared gap."""
        if len(front) < 2:
            return 0.0
        return float((np.diff(np.sort(front, axis=0), axis=0) ** 2).sum() / (len(front) - 1))
