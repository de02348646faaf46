"""Hypervolume of a front: as it is, and as a share of the true one."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from autorl.checks import check_finite
from autorl.errors import InvalidInput
from autorl.metrics.base import Metric
from autorl.metrics.fronts import KNOWN, ComparedFront, FrontMetric, number_list
from autorl.pareto import hypervolume
from autorl.records import FloatArray

if TYPE_CHECKING:
    from autorl.environment import Environment

__all__ = ["Hypervolume", "HypervolumeShare"]

DO_NOTHING = "do_nothing"
KNOWN_FRONT = "the environment's known front"
FLOOR_EPISODES = 20


def _volume(front: FloatArray, reference: tuple[float, ...]) -> float:
    return hypervolume(-front, -np.array(reference))


@functools.lru_cache(maxsize=16)
def _idle_returns(environment: Environment, discount: float) -> FloatArray:
    """What doing the same thing at every step brings: seconds of Minecart, so played once a process. Read only."""
    from autorl.environment.evaluation import constant_returns

    return constant_returns(environment, FLOOR_EPISODES, discount)


def _check_length(name: str, reference: tuple[float, ...], environment: Environment) -> None:
    """Refuses a reference point that does not fit the reward."""
    count = environment.spaces().rewards
    if len(reference) != count:
        raise InvalidInput(
            f"metric {name!r}: reference_point {list(reference)} has {len(reference)} numbers; environment "
            f"{environment.id!r} gives {count} rewards, and it takes one number a reward"
        )


def _check_below(name: str, reference: tuple[float, ...], front: FloatArray, whose: str) -> None:
    """Refuses a reference point that does not lie below a front."""
    shown, above = list(reference), (front >= np.array(reference)).all(axis=1)
    if not above.all():
        raise InvalidInput(
            f"metric {name!r}: reference_point {shown} must be dominated by every point of {whose}, but "
            f"{front[~above][0].tolist()} does not dominate it; choose lower numbers"
        )
    if not (front > np.array(reference)).all(axis=1).any():
        raise InvalidInput(
            f"metric {name!r}: reference_point {shown} leaves {whose} no volume, since none of its {len(front)} points "
            f"is better in every reward; choose lower numbers"
        )


@dataclass(frozen=True, kw_only=True)
class Hypervolume(FrontMetric):
    """Mean over seeds of the volume that a front F dominates above a reference point r.

    HV(F) = volume of the union over v in F of the boxes from r to v; points that are not better than r in every reward
    add nothing. Unit: product of the rewards' units. Source: Zitzler and Thiele 1999, Multiobjective evolutionary
    algorithms; computed by moocore (Fonseca et al. 2006). Values of different reference points or discounts do not
    compare.

    Attributes:
        reference_point: r, one number a reward.

    Raises:
        InvalidInput: If it is no list of finite numbers.
    """

    name: ClassVar[str] = "hypervolume"
    summary: ClassVar[str] = "mean over seeds of the volume that the front dominates above the reference point"
    unit: ClassVar[str] = "hypervolume"

    reference_point: tuple[float, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        where = f"metric {self.name!r}: reference_point"
        object.__setattr__(self, "reference_point", number_list(where, self.reference_point))

    def suited(self, environment: Environment, discount: float) -> Self:
        """The metric, once its reference point fits.

        Raises:
            InvalidInput: If the point has not one number a reward, or is not dominated by the known front.
        """
        fitted = super().suited(environment, discount)
        _check_length(self.name, self.reference_point, environment)
        known = environment.known_front(discount)
        if known is not None:
            _check_below(self.name, self.reference_point, known, KNOWN_FRONT)
        return fitted

    def beside(self, environment: Environment, discount: float) -> tuple[Metric, ...]:
        """The share of the true front's hypervolume, and above what doing nothing gives, where that front is known."""
        if environment.known_front(discount) is None:
            return ()
        share = HypervolumeShare(reference_point=self.reference_point, last_checkpoints=self.last_checkpoints)
        above = replace(share, floor=DO_NOTHING)
        return share.suited(environment, discount), above.suited(environment, discount)

    def of_front(self, front: FloatArray) -> float:
        """The volume."""
        return _volume(front, self.reference_point)


@dataclass(frozen=True, kw_only=True)
class HypervolumeShare(ComparedFront):
    """Mean over seeds of (HV(F) - floor) / (HV(Z) - floor), Z the true front and HV as in `hypervolume`.

    Without a floor, a policy that does nothing can have a large share (27 % in Minecart with reference point
    (-1, -1, -200)). Unit: share; 1 is the true front, 0 the floor. An evaluation of few episodes of a stochastic
    environment can exceed 1.

    Attributes:
        reference_point: One number a reward.
        floor: A hypervolume, or "do_nothing": the largest hypervolume of a policy that takes the same discrete action
            at every step (with continuous actions, zeros).

    Raises:
        InvalidInput: If an option is no such thing.
    """

    name: ClassVar[str] = "hypervolume_share"
    summary: ClassVar[str] = "mean over seeds of (hypervolume - floor) / (hypervolume of the true front - floor)"
    unit: ClassVar[str] = "share"

    reference_point: tuple[float, ...]
    floor: float | str = 0.0
    _floor: float = field(init=False, default=float("nan"), repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        where = f"metric {self.name!r}: reference_point"
        object.__setattr__(self, "reference_point", number_list(where, self.reference_point))
        if self.floor != DO_NOTHING:
            check_finite(f"metric {self.name!r}: floor (or {DO_NOTHING!r})", self.floor)
            object.__setattr__(self, "_floor", float(self.floor))

    def suited(self, environment: Environment, discount: float) -> Self:
        """The metric with the true front and the floor of the environment.

        Raises:
            InvalidInput: If the environment states no front, the reference point is not dominated by it, or the floor
                is not below the front's hypervolume.
        """
        fitted = super().suited(environment, discount)
        _check_length(self.name, self.reference_point, environment)
        whose = KNOWN_FRONT if self.front == KNOWN else "the front given"
        _check_below(self.name, self.reference_point, fitted.target, whose)
        if self.floor == DO_NOTHING:
            idle = _idle_returns(environment, discount)
            object.__setattr__(fitted, "_floor", max(_volume(point[None], self.reference_point) for point in idle))
        whole = _volume(fitted.target, self.reference_point)
        if fitted._floor >= whole:
            raise InvalidInput(
                f"metric {self.name!r}: floor {fitted._floor:.15g} is not below the hypervolume of the true front, "
                f"{whole:.15g}, at reference_point {list(self.reference_point)}"
            )
        return fitted

    def of_front(self, front: FloatArray) -> float:
        """The share above the floor."""
        whole = _volume(self.target, self.reference_point)
        return (_volume(front, self.reference_point) - self._floor) / (whole - self._floor)
