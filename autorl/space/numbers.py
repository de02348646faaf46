"""Hyperparameters that are numbers between two bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from autorl.errors import InvalidInput
from autorl.records import Value
from autorl.space.conditions import Condition
from autorl.space.hyperparameters import Coordinate, Hyperparameter
from autorl.space.priors import Prior
from autorl.space.scales import FLOAT_SCALES, INT_SCALES, LARGEST_INT, FloatScale, IntScale
from autorl.space.values import integral

__all__ = ["Float", "Int"]


_SMALLEST, _LARGEST = math.nextafter(0.0, 1.0), math.nextafter(1.0, 0.0)


def _bounded(name: str, kind: str, lower: float, upper: float) -> None:
    if not lower < upper:
        raise InvalidInput(f"{name}.{kind}: the lower bound {lower!r} must be below the upper bound {upper!r}")


def _unit(name: str, position: Any) -> float:
    try:
        if 0.0 <= position <= 1.0:
            return float(position)
    except TypeError:
        pass
    raise InvalidInput(f"{name}: the position {position!r} must be a unit value in [0, 1]")


FROM_ZERO = 0.1
"""Share of the range that stands for the size of a value that is 0, where it is perturbed by a factor."""


@dataclass(frozen=True)
class Float(Hyperparameter[tuple[float, float]]):
    """A real number between two bounds, both included.

    Attributes:
        lower: The lower bound.
        upper: The upper bound.
        scale: "linear", "log", or "reverse_log" (1 - x on the log scale).
        prior: Where the best value is believed to lie, or None.

    Raises:
        InvalidInput: If the bounds are out of order or unfit for the scale, or the default or the prior lies outside.
    """

    name: str
    lower: float
    upper: float
    default: float
    scale: str = "linear"
    conditions: tuple[Condition, ...] = ()
    prior: Prior | None = None
    _scale: FloatScale = field(init=False, repr=False, compare=False)
    _decimals: int = field(init=False, repr=False, compare=False)
    _rounded_default: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _bounded(self.name, self.kind, self.lower, self.upper)
        if not max(abs(self.lower), abs(self.upper)) <= 1e100:
            raise InvalidInput(f"{self.name}.float: [{self.lower!r}, {self.upper!r}] must lie within 1e100 of zero")
        scale = FLOAT_SCALES[self.scale]
        scale.check(self.lower, self.upper, f"{self.name}.float")
        if not self.lower <= self.default <= self.upper:
            raise InvalidInput(
                f"{self.name}.default: {self.default!r} lies outside the range [{self.lower!r}, {self.upper!r}]"
            )
        if self.prior is not None:
            self.prior.check(self.lower, self.upper, f"{self.name}.prior")
        object.__setattr__(self, "_scale", scale)
        object.__setattr__(self, "_decimals", scale.decimals(self.lower, self.upper))
        object.__setattr__(self, "_rounded_default", scale.rounded(self.default, self._decimals))

    @property
    def kind(self) -> str:
        """The kind."""
        return "float"

    @property
    def range(self) -> tuple[float, float]:
        """The bounds."""
        return self.lower, self.upper

    def coordinate(self) -> Coordinate:
        """A unit value."""
        return Coordinate(self.name, "unit")

    def decode(self, position: Any, allowed: tuple[float, float]) -> float:
        """The value at a unit position; the bounds and the default come out exactly."""
        unit = _unit(self.name, position)
        lower, upper = allowed
        if unit == 0.0 or lower == upper:
            return lower
        if unit == 1.0:
            return upper
        value = self._scale.rounded(self._from_unit(unit, lower, upper), self._decimals)
        if value == self._rounded_default:
            value = self.default
        return min(max(value, lower), upper)

    def encode(self, value: Value, allowed: tuple[float, float]) -> float:
        """The unit position of a value."""
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise InvalidInput(f"{self.name}: {value!r} is no number")
        lower, upper = allowed
        inside = min(max(float(value), lower), upper)
        unit = self._to_unit(inside, lower, upper)
        if lower < inside < upper:  # the ends of the unit interval belong to the bounds alone
            return min(max(unit, _SMALLEST), _LARGEST)
        return unit

    def _from_unit(self, unit: float, lower: float, upper: float) -> float:
        if self.prior is None:
            return self._scale.from_unit(unit, lower, upper)
        centre = self._position(self.prior.mean)
        first, last = (self.prior.share(self._position(end), centre) for end in (lower, upper))
        position = self.prior.position(first + unit * (last - first), centre)
        return self._scale.from_unit(position, self.lower, self.upper)

    def _to_unit(self, value: float, lower: float, upper: float) -> float:
        if self.prior is None or lower == upper:
            return self._scale.to_unit(value, lower, upper)
        centre = self._position(self.prior.mean)
        first, share, last = (self.prior.share(self._position(one), centre) for one in (lower, value, upper))
        return (share - first) / (last - first)

    def _position(self, value: float) -> float:
        """The place of a value on the whole range."""
        return self._scale.to_unit(value, self.lower, self.upper)

    def narrow(self, low: float, high: float) -> tuple[float, float] | None:
        """The bounds, moved inwards."""
        lower, upper = max(self.lower, float(low)), min(self.upper, float(high))
        return (lower, upper) if lower <= upper else None

    def perturbed(self, value: Value, factor: float) -> float:
        """The value times a factor (on a reverse_log scale 1 - value), within the bounds; of 0, a step away from it."""
        moved = self._scale.times(float(value or 0), factor)
        if value == 0 and moved == 0:  # or it would stay there for ever
            moved = FROM_ZERO * (factor - 1) * (self.upper - self.lower)
        return min(max(moved, self.lower), self.upper)

    def contains(self, value: Value, allowed: tuple[float, float]) -> bool:
        """Whether a number lies within the allowed bounds."""
        return isinstance(value, (int, float)) and not isinstance(value, bool) and allowed[0] <= value <= allowed[1]

    def some_values(self, allowed: tuple[float, float], limit: int) -> tuple[list[Value], bool]:
        """Both ends."""
        lower, upper = allowed
        return ([lower], True) if lower == upper else ([lower, upper], False)

    def spread(self) -> str:
        """The bounds."""
        return f"[{self.lower!r}, {self.upper!r}]"


@dataclass(frozen=True)
class Int(Hyperparameter[tuple[int, int]]):
    """A whole number between two bounds, both included.

    Attributes:
        lower: The lower bound.
        upper: The upper bound.
        scale: "linear", "log", or "pow2" (powers of two only).
        prior: Where the best value is believed to lie, or None.

    Raises:
        InvalidInput: If the bounds are out of order or unfit for the scale, or the default or the prior lies outside.
    """

    name: str
    lower: int
    upper: int
    default: int
    scale: str = "linear"
    conditions: tuple[Condition, ...] = ()
    prior: Prior | None = None
    _scale: IntScale = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _bounded(self.name, self.kind, self.lower, self.upper)
        for bound in (self.lower, self.upper):
            if abs(bound) > LARGEST_INT:
                raise InvalidInput(f"{self.name}.int: the bound {bound!r} must lie within {LARGEST_INT} of zero")
        scale = INT_SCALES[self.scale]
        scale.check(self.lower, self.upper, f"{self.name}.int")
        if not self.lower <= self.default <= self.upper:
            raise InvalidInput(
                f"{self.name}.default: {self.default!r} lies outside the range [{self.lower!r}, {self.upper!r}]"
            )
        if not scale.allows(self.default):
            raise InvalidInput(f"{self.name}.default: {self.default!r} on a pow2 scale must be a power of two")
        if self.prior is not None:
            self.prior.check(self.lower, self.upper, f"{self.name}.prior")
            mean = integral(self.prior.mean)
            if mean is None or not scale.allows(mean):
                raise InvalidInput(f"{self.name}.prior.mean: {self.prior.mean!r} is no value of the {self.scale} scale")
        object.__setattr__(self, "_scale", scale)

    @property
    def kind(self) -> str:
        """The kind."""
        return "int"

    @property
    def range(self) -> tuple[int, int]:
        """The bounds."""
        return self.lower, self.upper

    def coordinate(self) -> Coordinate:
        """A unit value."""
        return Coordinate(self.name, "unit")

    def decode(self, position: Any, allowed: tuple[int, int]) -> int:
        """The value whose cell holds the unit position; the last cell is closed."""
        unit = _unit(self.name, position)
        if self.prior is None:
            return self._scale.from_unit(unit, *allowed)
        centre = self._centre(int(self.prior.mean))
        first, last = (
            self.prior.share(self._edges(allowed[0])[0], centre),
            self.prior.share(self._edges(allowed[1])[1], centre),
        )
        place = self.prior.position(first + unit * (last - first), centre)
        return min(max(self._scale.from_unit(place, self.lower, self.upper), allowed[0]), allowed[1])

    def encode(self, value: Value, allowed: tuple[int, int]) -> float:
        """The centre of the value's cell."""
        whole = integral(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
        if whole is None:
            raise InvalidInput(f"{self.name}: {value!r} is no whole number")
        inside = min(max(whole, allowed[0]), allowed[1])
        if self.prior is None:
            return self._scale.to_unit(inside, *allowed)
        centre, (begin, end) = self._centre(int(self.prior.mean)), self._edges(inside)
        places = self._edges(allowed[0])[0], begin, end, self._edges(allowed[1])[1]
        first, below, above, last = (self.prior.share(place, centre) for place in places)
        return ((below + above) / 2 - first) / (last - first)

    def _edges(self, value: int) -> tuple[float, float]:
        """Where a value's cell begins and ends on the whole range."""
        return self._scale.edges(value, self.lower, self.upper)

    def _centre(self, value: int) -> float:
        return self._scale.to_unit(value, self.lower, self.upper)

    def narrow(self, low: float, high: float) -> tuple[int, int] | None:
        """The bounds, moved inwards to allowed values."""
        lower = self.lower if low <= self.lower else self._scale.at_least(low) if low <= self.upper else self.upper + 1
        upper = (
            self.upper if high >= self.upper else self._scale.at_most(high) if high >= self.lower else self.lower - 1
        )
        return (lower, upper) if self.lower <= lower <= upper <= self.upper else None

    def perturbed(self, value: Value, factor: float) -> int:
        """The value times a factor, rounded and at least a step away (on a pow2 scale a step), within the bounds."""
        return min(max(self._scale.times(int(value or 0), factor), self.lower), self.upper)

    def contains(self, value: Value, allowed: tuple[int, int]) -> bool:
        """Whether a whole number lies within the allowed bounds and on the grid."""
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not allowed[0] <= value <= allowed[1]:
            return False
        whole = integral(value)
        return whole is not None and self._scale.allows(whole)

    def some_values(self, allowed: tuple[int, int], limit: int) -> tuple[list[Value], bool]:
        """Every value of a short range, or both ends."""
        if self._scale.count(*allowed) <= limit:
            return list(self._scale.values(*allowed)), True
        return [*allowed], False

    def spread(self) -> str:
        """The bounds."""
        return f"[{self.lower}, {self.upper}]"
