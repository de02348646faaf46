"""Scales of numbers: from the unit interval to natural values and back.

A float is rounded to about twelve digits on its scale. Without that, a unit value could not name a natural value
exactly (between 0.5 and 1 neighbouring unit values lie further apart than neighbouring small floats), so decoding an
encoded configuration would change its last bits.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

from autorl.errors import InvalidInput

__all__ = ["FLOAT_SCALES", "INT_SCALES", "LARGEST_INT", "FloatScale", "IntScale"]

LARGEST_INT = 10**12
"""Beyond this a unit value no longer tells neighbouring whole numbers apart on the log scale."""


class FloatScale(ABC):
    """How a float's range is laid out over the unit interval."""

    name: ClassVar[str]

    def check(self, lower: float, upper: float, where: str) -> None:
        """Raises InvalidInput if the scale cannot hold the bounds; a linear one holds any."""
        return

    @abstractmethod
    def stretch(self, value: float) -> float:
        """The monotone transform in which the scale is linear."""

    @abstractmethod
    def shrink(self, stretched: float) -> float:
        """The inverse of `stretch`."""

    def decimals(self, lower: float, upper: float) -> int:
        """How many decimals make about twelve digits between the bounds, where the scale counts decimals."""
        return 0

    @abstractmethod
    def rounded(self, value: float, decimals: int) -> float:
        """The nearest value with about twelve digits on this scale."""

    def times(self, value: float, factor: float) -> float:
        """The value times a factor, in what the scale counts."""
        return value * factor

    def from_unit(self, unit: float, lower: float, upper: float) -> float:
        """The natural value, before rounding."""
        low, high = self.stretch(lower), self.stretch(upper)
        return self.shrink(low + unit * (high - low))

    def to_unit(self, value: float, lower: float, upper: float) -> float:
        """The unit value of a natural value inside the bounds; 0.5 where they are equal."""
        low, high = self.stretch(lower), self.stretch(upper)
        return 0.5 if low == high else (self.stretch(value) - low) / (high - low)


class _Linear(FloatScale):
    name = "linear"

    def stretch(self, value: float) -> float:
        return value

    def shrink(self, stretched: float) -> float:
        return stretched

    def decimals(self, lower: float, upper: float) -> int:
        return 12 - math.ceil(math.log10(max(abs(lower), abs(upper))))

    def rounded(self, value: float, decimals: int) -> float:
        return round(value, decimals)


class _Log(FloatScale):
    name = "log"

    def check(self, lower: float, upper: float, where: str) -> None:
        if lower <= 0:
            raise InvalidInput(f"{where}: the lower bound {lower!r} of a log scale must be above 0")

    def stretch(self, value: float) -> float:
        return math.log(value)

    def shrink(self, stretched: float) -> float:
        return math.exp(stretched)

    def rounded(self, value: float, decimals: int) -> float:
        return float(f"{value:.12g}")


class _ReverseLog(FloatScale):
    name = "reverse_log"

    def check(self, lower: float, upper: float, where: str) -> None:
        if not 0 <= lower < upper < 1:
            raise InvalidInput(f"{where}: the bounds [{lower!r}, {upper!r}] of a reverse_log scale must lie in [0, 1)")

    def stretch(self, value: float) -> float:
        return -math.log(1 - value)

    def shrink(self, stretched: float) -> float:
        return 1 - math.exp(-stretched)

    def times(self, value: float, factor: float) -> float:
        return 1 - (1 - value) * factor

    def rounded(self, value: float, decimals: int) -> float:
        # Digits count from one downwards; a float near 1 has sixteen decimals and no more.
        return round(1 - float(f"{1 - value:.12g}"), 15)


class IntScale(ABC):
    """How a whole number's allowed values are laid out over the unit interval, one cell each."""

    name: ClassVar[str]

    def check(self, lower: int, upper: int, where: str) -> None:
        """Raises InvalidInput if the scale cannot hold the bounds; a linear one holds any."""
        return

    def allows(self, value: int) -> bool:
        """Whether the value lies on the scale's grid."""
        return True

    def at_most(self, bound: float) -> int:
        """The largest allowed value up to a bound."""
        return math.floor(bound)

    def at_least(self, bound: float) -> int:
        """The smallest allowed value from a bound on."""
        return math.ceil(bound)

    def values(self, lower: int, upper: int) -> list[int]:
        """All allowed values between allowed bounds."""
        return list(range(lower, upper + 1))

    def count(self, lower: int, upper: int) -> int:
        """How many allowed values lie between allowed bounds."""
        return upper - lower + 1

    def times(self, value: int, factor: float) -> int:
        """The value times a factor, rounded; at least one step up for a factor above 1, else one step down."""
        moved = math.floor(value * factor + 0.5)
        return moved if moved != value else value + (1 if factor > 1 else -1)

    @abstractmethod
    def from_unit(self, unit: float, lower: int, upper: int) -> int:
        """The value whose cell holds the unit value; the last cell is closed."""

    @abstractmethod
    def to_unit(self, value: int, lower: int, upper: int) -> float:
        """The centre of the value's cell."""

    @abstractmethod
    def edges(self, value: int, lower: int, upper: int) -> tuple[float, float]:
        """Where the value's cell begins and ends."""


class _LinearInt(IntScale):
    name = "linear"

    def from_unit(self, unit: float, lower: int, upper: int) -> int:
        count = upper - lower + 1
        return lower + min(math.floor(unit * count), count - 1)

    def to_unit(self, value: int, lower: int, upper: int) -> float:
        return (value - lower + 0.5) / (upper - lower + 1)

    def edges(self, value: int, lower: int, upper: int) -> tuple[float, float]:
        count = upper - lower + 1
        return (value - lower) / count, (value - lower + 1) / count


class _LogInt(IntScale):
    """Cells end half-way between neighbours and are as wide as they are on the log scale."""

    name = "log"

    def check(self, lower: int, upper: int, where: str) -> None:
        if lower <= 0:
            raise InvalidInput(f"{where}: the lower bound {lower!r} of a log scale must be above 0")

    def from_unit(self, unit: float, lower: int, upper: int) -> int:
        low, high = math.log(lower - 0.5), math.log(upper + 0.5)
        return min(max(math.floor(math.exp(low + unit * (high - low)) + 0.5), lower), upper)

    def to_unit(self, value: int, lower: int, upper: int) -> float:
        low, high = math.log(lower - 0.5), math.log(upper + 0.5)
        return ((math.log(value - 0.5) + math.log(value + 0.5)) / 2 - low) / (high - low)

    def edges(self, value: int, lower: int, upper: int) -> tuple[float, float]:
        low, high = math.log(lower - 0.5), math.log(upper + 0.5)
        begin, end = ((math.log(edge) - low) / (high - low) for edge in (value - 0.5, value + 0.5))
        return begin, end


class _PowerOfTwo(IntScale):
    name = "pow2"

    def check(self, lower: int, upper: int, where: str) -> None:
        for bound in (lower, upper):
            if not self.allows(bound):
                raise InvalidInput(f"{where}: the bound {bound!r} of a pow2 scale must be a power of two")

    def allows(self, value: int) -> bool:
        return value >= 1 and value & (value - 1) == 0

    def at_most(self, bound: float) -> int:
        return 1 << (math.floor(bound).bit_length() - 1) if bound >= 1 else 0

    def at_least(self, bound: float) -> int:
        return 1 << (math.ceil(bound) - 1).bit_length() if bound > 1 else 1

    def values(self, lower: int, upper: int) -> list[int]:
        return [1 << exponent for exponent in range(lower.bit_length() - 1, upper.bit_length())]

    def count(self, lower: int, upper: int) -> int:
        return upper.bit_length() - lower.bit_length() + 1

    def times(self, value: int, factor: float) -> int:
        return 2 * value if factor > 1 else value // 2

    def from_unit(self, unit: float, lower: int, upper: int) -> int:
        count = self.count(lower, upper)
        return lower << min(math.floor(unit * count), count - 1)

    def to_unit(self, value: int, lower: int, upper: int) -> float:
        return (value.bit_length() - lower.bit_length() + 0.5) / self.count(lower, upper)

    def edges(self, value: int, lower: int, upper: int) -> tuple[float, float]:
        place, count = value.bit_length() - lower.bit_length(), self.count(lower, upper)
        return place / count, (place + 1) / count


FLOAT_SCALES: dict[str, FloatScale] = {scale.name: scale for scale in (_Linear(), _Log(), _ReverseLog())}
INT_SCALES: dict[str, IntScale] = {scale.name: scale for scale in (_LinearInt(), _LogInt(), _PowerOfTwo())}
