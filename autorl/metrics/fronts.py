"""What all metrics of fronts share: the front of a run, and the front that it is compared with.

A front is an array (n, rewards) of mean discounted returns, one row a policy, all to be maximised as an environment
gives them; dominated policies and copies are left out. Means are taken over a policy's episodes first: a front of
single episodes would hold lucky ones.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np

from autorl.checks import check_finite
from autorl.documents import as_number, looks_like_number
from autorl.errors import InvalidInput
from autorl.metrics.evaluations import EvaluationMetric
from autorl.pareto import undominated
from autorl.records import FloatArray, Run

if TYPE_CHECKING:
    from autorl.environment import Environment

__all__ = ["KNOWN", "ComparedFront", "FrontMetric", "number_list", "run_front"]

KNOWN = "known"
"""What stands in a study file for the true front, as the environment states it."""


def run_front(run: Run) -> FloatArray:
    """The front of one run, over the means of its policies at the last evaluation.

    Returns:
        Shape (n, rewards); n is 0 where a return is not finite or nothing was evaluated.
    """
    return _front(run.final)


def _front(returns: FloatArray) -> FloatArray:
    """The front of one evaluation, returns of shape (policies, episodes, rewards)."""
    means = returns.mean(axis=1) if returns.size else np.empty((0, returns.shape[-1]))
    return undominated(means) if np.isfinite(means).all() else means[:0]


def number_list(name: str, given: object) -> tuple[float, ...]:
    """An option that is a list of finite numbers.

    Raises:
        InvalidInput: If it is something else.
    """
    if isinstance(given, str) or not isinstance(given, (Sequence, np.ndarray)) or not len(given):
        raise InvalidInput(f"{name}: {given!r} is no list of numbers")
    numbers = given.tolist() if isinstance(given, np.ndarray) else list(given)
    read = [as_number(one, name) if isinstance(one, str) and looks_like_number(one) else one for one in numbers]
    for number in read:
        check_finite(name, number)
    return tuple(float(number) for number in read)


@dataclass(frozen=True, kw_only=True)
class FrontMetric(EvaluationMetric):
    """A metric of the front of a run with several rewards."""

    rewards: ClassVar[Literal["scalar", "vector", "any"]] = "vector"

    def check(self, run: Run, returns: FloatArray) -> None:
        """Refuses one reward, and a run that was not evaluated."""
        if returns.shape[-1] < 2 or not returns.size:
            raise InvalidInput(
                f"metric {self.label!r} needs policies evaluated for several rewards; the run of seed {run.seed} holds "
                f"returns of shape {returns.shape} (policies, episodes, rewards), status {run.status.value!r}"
            )

    def of_returns(self, returns: FloatArray) -> float:
        """The value of the front; nan where a return is not finite."""
        front = _front(returns)
        return self.of_front(front) if len(front) else float("nan")

    @abstractmethod
    def of_front(self, front: FloatArray) -> float:
        """The value of a front, shape (n, rewards), n at least 1, without dominated points."""


@dataclass(frozen=True, kw_only=True)
class ComparedFront(FrontMetric):
    """A metric that compares with a front which is the environment's or the study's, never one of the runs.

    Attributes:
        front: "known", the true front as the environment states it at the evaluation discount; or the points, each a
            list of discounted returns.

    Raises:
        InvalidInput: If the points are no lists of finite numbers of one length.
    """

    front: str | tuple[tuple[float, ...], ...] = KNOWN
    _points: FloatArray | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        given: object = self.front
        if given == KNOWN:
            return
        if isinstance(given, str) or not isinstance(given, (Sequence, np.ndarray)) or not len(given):
            raise InvalidInput(f"metric {self.name!r}: front {given!r} is neither {KNOWN!r} nor a list of points")
        points = tuple(number_list(f"metric {self.name!r}: front[{index}]", row) for index, row in enumerate(given))
        lengths = sorted({len(point) for point in points})
        if len(lengths) > 1:
            raise InvalidInput(f"metric {self.name!r}: front has points of {lengths} numbers; all need as many")
        object.__setattr__(self, "front", points)
        object.__setattr__(self, "_points", undominated(np.array(points)))

    def suited(self, environment: Environment, discount: float) -> Self:
        """The metric with the environment's front, where it is to be taken from there.

        Raises:
            InvalidInput: If the environment states no front, or the points have another length than its reward.
        """
        fitted = copy.copy(super().suited(environment, discount))
        if self.front == KNOWN:
            known = environment.known_front(discount)
            if known is None:
                raise InvalidInput(
                    f"metric {self.name!r}: front {KNOWN!r} asks for the true front, which environment "
                    f"{environment.id!r} does not state; write the points, front: [[...], ...]"
                )
            object.__setattr__(fitted, "_points", known)
        count = environment.spaces().rewards
        if fitted.target.shape[1] != count:
            raise InvalidInput(
                f"metric {self.name!r}: front has points of {fitted.target.shape[1]} numbers for a reward of {count}"
            )
        return fitted

    @property
    def target(self) -> FloatArray:
        """The front compared with, shape (n, rewards).

        Raises:
            InvalidInput: If it is to be taken from an environment and was not.
        """
        if self._points is None:
            raise InvalidInput(
                f"metric {self.name!r}: front {self.front!r} is taken from an environment; call suited(...) first"
            )
        return self._points
