"""How far a front F is from the true front Z."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from autorl.metrics.base import Direction
from autorl.metrics.fronts import ComparedFront
from autorl.records import FloatArray

__all__ = ["Epsilon", "InvertedDistance", "InvertedDistancePlus"]


@dataclass(frozen=True, kw_only=True)
class InvertedDistance(ComparedFront):
    """Mean over seeds and z in Z of min over v in F of the Euclidean distance of v and z: IGD.

    Rewards are not scaled, so the one with the largest range dominates it. Unit: return. Source: Coello Coello and
    Reyes Sierra 2004, A study of the parallelization of a coevolutionary multi-objective evolutionary algorithm.
    """

    name: ClassVar[str] = "igd"
    summary: ClassVar[str] = "mean over seeds and points of the true front of the distance to the nearest point"
    unit: ClassVar[str] = "return"
    direction: ClassVar[Direction] = "minimize"

    def of_front(self, front: FloatArray) -> float:
        """The mean distance."""
        return float(np.linalg.norm(self.target[:, None] - front, axis=2).min(axis=1).mean())


@dataclass(frozen=True, kw_only=True)
class InvertedDistancePlus(ComparedFront):
    """Mean over seeds and z in Z of min over v in F of sqrt(sum_i max(z_i - v_i, 0)^2): IGD+.

    Unlike `igd` it does not punish being better than z, and never prefers a dominated front. Unit: return. Source:
    Ishibuchi et al. 2015, Modified distance calculation in generational distance and inverted generational distance.
    """

    name: ClassVar[str] = "igd_plus"
    summary: ClassVar[str] = "mean over seeds and points of the true front of how far the front falls short of it"
    unit: ClassVar[str] = "return"
    direction: ClassVar[Direction] = "minimize"

    def of_front(self, front: FloatArray) -> float:
        """The mean shortfall."""
        short = np.maximum(self.target[:, None] - front, 0.0)
        return float(np.linalg.norm(short, axis=2).min(axis=1).mean())


@dataclass(frozen=True, kw_only=True)
class Epsilon(ComparedFront):
    """Mean over seeds of max over z in Z of min over v in F of max over i of (z_i - v_i): additive epsilon.

    The least number that, added to every reward of F, makes it at least as good as Z; 0 for the true front. Unit:
    return. Source: Zitzler et al. 2003, Performance assessment of multiobjective optimizers: an analysis and review.
    """

    name: ClassVar[str] = "epsilon"
    summary: ClassVar[str] = "mean over seeds of the least number that added to every reward covers the true front"
    unit: ClassVar[str] = "return"
    direction: ClassVar[Direction] = "minimize"

    def of_front(self, front: FloatArray) -> float:
        """The least such number."""
        return float((self.target[:, None] - front).max(axis=2).min(axis=1).max())
