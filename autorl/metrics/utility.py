"""What a front is worth to somebody who weighs the rewards: utilities w.v over weight vectors w."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from autorl.checks import check_whole
from autorl.metrics.base import Direction
from autorl.metrics.fronts import ComparedFront, FrontMetric
from autorl.records import FloatArray
from autorl.simplex import MAX_VECTORS, lattice_at_least, simplex_weights

if TYPE_CHECKING:
    from autorl.environment import Environment

__all__ = ["ExpectedUtility", "MaxUtilityLoss"]

VECTORS = 50


def _check(name: str, weights: int | None, least: int = 2) -> None:
    if weights is not None:
        check_whole(f"metric {name!r}: weights", weights, least, MAX_VECTORS)


def _vectors(weights: int | None, rewards: int) -> FloatArray:
    return lattice_at_least(VECTORS, rewards) if weights is None else simplex_weights(weights, rewards)


@dataclass(frozen=True, kw_only=True)
class _Weighed(FrontMetric):
    """What both have: weight vectors, at least one for each reward."""

    weights: int | None = None

    def suited(self, environment: Environment, discount: float) -> Self:
        """The metric, once there is a weight vector for each reward.

        Raises:
            InvalidInput: If there are fewer, or it cannot measure in the environment.
        """
        _check(self.name, self.weights, environment.spaces().rewards)
        return super().suited(environment, discount)


@dataclass(frozen=True, kw_only=True)
class ExpectedUtility(_Weighed):
    """Mean over seeds and weight vectors w of max over v in F of w.v.

    Unit: return. Source: Zintgraf et al. 2015, Quality assessment of MORL algorithms: a utility-based approach.

    Attributes:
        weights: How many evenly spread weight vectors; None takes the smallest lattice of at least 50.

    Raises:
        InvalidInput: If it is no number of vectors.
    """

    name: ClassVar[str] = "expected_utility"
    summary: ClassVar[str] = "mean over seeds and weight vectors of the best weighted return on the front"
    unit: ClassVar[str] = "return"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.name, self.weights)

    def of_front(self, front: FloatArray) -> float:
        """The mean of the best utilities."""
        return float((_vectors(self.weights, front.shape[1]) @ front.T).max(axis=1).mean())


@dataclass(frozen=True, kw_only=True)
class MaxUtilityLoss(_Weighed, ComparedFront):
    """Mean over seeds of max over w of [max over z in Z of w.z - max over v in F of w.v], Z the true front.

    How much somebody with the worst weights for F loses by having F instead of Z; below 0 where F is better than Z for
    every weight vector, which an evaluation of few episodes can be. Unit: return. Source: Zintgraf et al. 2015, as
    above; there maximal regret.

    Attributes:
        weights: How many evenly spread weight vectors; None takes the smallest lattice of at least 50.

    Raises:
        InvalidInput: If an option is no such thing.
    """

    name: ClassVar[str] = "max_utility_loss"
    summary: ClassVar[str] = "mean over seeds of the largest loss of weighted return against the true front"
    unit: ClassVar[str] = "return"
    direction: ClassVar[Direction] = "minimize"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.name, self.weights)

    def of_front(self, front: FloatArray) -> float:
        """The largest loss."""
        vectors = _vectors(self.weights, front.shape[1])
        best, reached = (vectors @ self.target.T).max(axis=1), (vectors @ front.T).max(axis=1)
        return float((best - reached).max())
