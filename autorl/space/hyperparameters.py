"""The kinds of hyperparameters, each with its range, its default, and its place in a tuner's vector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from autorl.errors import InvalidInput
from autorl.records import Value
from autorl.space.conditions import Condition
from autorl.space.scales import FLOAT_SCALES, INT_SCALES, LARGEST_INT, FloatScale, IntScale
from autorl.space.values import integral, is_number, key, label, show

__all__ = ["Categorical", "Constant", "Coordinate", "Float", "Hyperparameter", "Int"]

R = TypeVar("R")
Position = float | int | str
"""What a tuner's vector holds for one hyperparameter."""


@dataclass(frozen=True)
class Coordinate:
    """How one hyperparameter stands in a tuner's vector.

    Attributes:
        name: The hyperparameter.
        kind: "unit" (a float in [0, 1]), "index" (a whole number below `size`) or "label" (one of `labels`).
        size: The number of indices; 0 for a unit value.
        labels: The labels, in the order of the choices; empty unless the kind is "label".
    """

    name: str
    kind: Literal["unit", "index", "label"]
    size: int = 0
    labels: tuple[str, ...] = ()


class Hyperparameter(ABC, Generic[R]):
    """One hyperparameter; `R` is the form of its range, the whole one or one narrowed by relations.

    Attributes:
        name: Its name.
        default: Its default, a natural value.
        conditions: When it is active; all must hold.
    """

    name: str
    default: Value
    conditions: tuple[Condition, ...]

    @property
    @abstractmethod
    def kind(self) -> str:
        """The kind as it is written in a space file."""

    @property
    @abstractmethod
    def range(self) -> R:
        """The whole range."""

    @property
    def numeric(self) -> bool:
        """Whether every value is a number, so that relations may use it."""
        return True

    @abstractmethod
    def coordinate(self) -> Coordinate:
        """Its place in a tuner's vector."""

    @abstractmethod
    def decode(self, position: Any, allowed: R) -> Value:
        """The natural value of a position within an allowed range.

        Raises:
            InvalidInput: If the position is none of this hyperparameter.
        """

    @abstractmethod
    def encode(self, value: Value, allowed: R) -> Position:
        """The position of a value: its cell's centre, clipped to the allowed range.

        Raises:
            InvalidInput: If the value is of another kind or no choice.
        """

    @abstractmethod
    def narrow(self, low: float, high: float) -> R | None:
        """The part of the range within real bounds, or None if it is empty."""

    @abstractmethod
    def contains(self, value: Value, allowed: R) -> bool:
        """Whether a value lies in an allowed range and on its grid."""

    @abstractmethod
    def some_values(self, allowed: R, limit: int) -> tuple[list[Value], bool]:
        """Values of a range, its ends among them, and whether they are all of it; at most about `limit`."""

    @abstractmethod
    def spread(self) -> str:
        """The range as text."""


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


@dataclass(frozen=True)
class Float(Hyperparameter[tuple[float, float]]):
    """A real number between two bounds, both included.

    Attributes:
        lower: The lower bound.
        upper: The upper bound.
        scale: "linear", "log", or "reverse_log" (1 - x on the log scale).

    Raises:
        InvalidInput: If the bounds are out of order or unfit for the scale, or the default lies outside.
    """

    name: str
    lower: float
    upper: float
    default: float
    scale: str = "linear"
    conditions: tuple[Condition, ...] = ()
    _scale: FloatScale = field(init=False, repr=False, compare=False)
    _largest: float = field(init=False, repr=False, compare=False)
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
        object.__setattr__(self, "_scale", scale)
        object.__setattr__(self, "_largest", max(abs(self.lower), abs(self.upper)))
        object.__setattr__(self, "_rounded_default", scale.rounded(self.default, self._largest))

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
        value = self._scale.rounded(self._scale.from_unit(unit, lower, upper), self._largest)
        if value == self._rounded_default:
            value = self.default
        return min(max(value, lower), upper)

    def encode(self, value: Value, allowed: tuple[float, float]) -> float:
        """The unit position of a value."""
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise InvalidInput(f"{self.name}: {value!r} is no number")
        lower, upper = allowed
        return self._scale.to_unit(min(max(float(value), lower), upper), lower, upper)

    def narrow(self, low: float, high: float) -> tuple[float, float] | None:
        """The bounds, moved inwards."""
        lower, upper = max(self.lower, float(low)), min(self.upper, float(high))
        return (lower, upper) if lower <= upper else None

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

    Raises:
        InvalidInput: If the bounds are out of order or unfit for the scale, or the default lies outside.
    """

    name: str
    lower: int
    upper: int
    default: int
    scale: str = "linear"
    conditions: tuple[Condition, ...] = ()
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
        return self._scale.from_unit(_unit(self.name, position), *allowed)

    def encode(self, value: Value, allowed: tuple[int, int]) -> float:
        """The centre of the value's cell."""
        whole = integral(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
        if whole is None:
            raise InvalidInput(f"{self.name}: {value!r} is no whole number")
        return self._scale.to_unit(min(max(whole, allowed[0]), allowed[1]), *allowed)

    def narrow(self, low: float, high: float) -> tuple[int, int] | None:
        """The bounds, moved inwards to allowed values."""
        lower = self.lower if low <= self.lower else self._scale.at_least(low) if low <= self.upper else self.upper + 1
        upper = (
            self.upper if high >= self.upper else self._scale.at_most(high) if high >= self.lower else self.lower - 1
        )
        return (lower, upper) if self.lower <= lower <= upper <= self.upper else None

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


@dataclass(frozen=True)
class Categorical(Hyperparameter[tuple[Value, ...]]):
    """One of some values, ordered or not.

    Attributes:
        choices: The values, all different; their types are kept.
        ordered: Whether their order means something.

    Raises:
        InvalidInput: If there is no choice, one stands twice, or the default is none of them.
    """

    name: str
    choices: tuple[Value, ...]
    default: Value
    ordered: bool = False
    conditions: tuple[Condition, ...] = ()
    _index: dict[tuple[bool, Value], int] = field(init=False, repr=False, compare=False)
    _labels: dict[str, Value] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        place = f"{self.name}.{self.kind}"
        if not self.choices:
            raise InvalidInput(f"{place}: [] is empty; at least one value is needed")
        index: dict[tuple[bool, Value], int] = {}
        for number, choice in enumerate(self.choices):
            if key(choice) in index:
                raise InvalidInput(f"{place}: the choice {label(choice)} stands twice; each value must stand once")
            index[key(choice)] = number
        if key(self.default) not in index:
            known = ", ".join(map(label, self.choices))
            raise InvalidInput(f"{self.name}.default: {label(self.default)} is none of the choices {known}")
        object.__setattr__(self, "_index", index)
        object.__setattr__(self, "default", self.choices[index[key(self.default)]])
        object.__setattr__(self, "_labels", {label(choice): choice for choice in self.choices})

    @property
    def kind(self) -> str:
        """Ordered choices are a kind of their own."""
        return "ordered" if self.ordered else "choice"

    @property
    def range(self) -> tuple[Value, ...]:
        """The choices."""
        return self.choices

    @property
    def numeric(self) -> bool:
        """Whether every choice is a number."""
        return all(is_number(choice) for choice in self.choices)

    def coordinate(self) -> Coordinate:
        """An index if ordered, else a label."""
        if self.ordered:
            return Coordinate(self.name, "index", len(self.choices))
        return Coordinate(self.name, "label", len(self.choices), tuple(self._labels))

    def decode(self, position: Any, allowed: tuple[Value, ...]) -> Value:
        """The choice at an index or with a label; k allowed of n choices share the n indices in equal parts."""
        if not self.ordered:
            try:
                return self._labels[position]
            except (KeyError, TypeError):
                raise InvalidInput(f"{self.name}: {position!r} is none of {', '.join(self._labels)}") from None
        size = len(self.choices)
        try:
            if position == (number := int(position)) and 0 <= number < size:
                return allowed[(2 * number + 1) * len(allowed) // (2 * size)]
        except (TypeError, ValueError, OverflowError):
            pass
        raise InvalidInput(f"{self.name}: the position {position!r} must be an index from 0 to {size - 1}")

    def encode(self, value: Value, allowed: tuple[Value, ...]) -> int | str:
        """The label, or the index in the middle of those that mean this choice."""
        if key(value) not in self._index:
            raise InvalidInput(f"{self.name}: {value!r} is none of the choices {', '.join(map(label, self.choices))}")
        if not self.ordered:
            return label(self.choices[self._index[key(value)]])
        if len(allowed) == len(self.choices):
            return self._index[key(value)]
        places = {key(choice): number for number, choice in enumerate(allowed)}
        # A choice that relations exclude takes the nearest allowed one in the order.
        place = places.get(key(value))
        if place is None:
            wanted = self._index[key(value)]
            place = min(range(len(allowed)), key=lambda n: abs(self._index[key(allowed[n])] - wanted))
        return (2 * place + 1) * len(self.choices) // (2 * len(allowed))

    def narrow(self, low: float, high: float) -> tuple[Value, ...] | None:
        """The choices within the bounds."""
        return tuple(c for c in self.choices if isinstance(c, (int, float)) and low <= c <= high) or None

    def contains(self, value: Value, allowed: tuple[Value, ...]) -> bool:
        """Whether a value is an allowed choice."""
        return key(value) in {key(choice) for choice in allowed}

    def some_values(self, allowed: tuple[Value, ...], limit: int) -> tuple[list[Value], bool]:
        """Every allowed choice."""
        return list(allowed), True

    def spread(self) -> str:
        """The choices."""
        return show(self.choices)


@dataclass(frozen=True)
class Constant(Hyperparameter[tuple[Value, ...]]):
    """A hyperparameter held at one value; it has no coordinate.

    Attributes:
        value: The value.
    """

    name: str
    value: Value
    conditions: tuple[Condition, ...] = ()
    default: Value = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "default", self.value)

    @property
    def kind(self) -> str:
        """The kind."""
        return "constant"

    @property
    def range(self) -> tuple[Value, ...]:
        """The value alone."""
        return (self.value,)

    @property
    def numeric(self) -> bool:
        """Whether the value is a number."""
        return is_number(self.value)

    def coordinate(self) -> Coordinate:
        """Refused: a constant is not searched."""
        raise InvalidInput(f"{self.name}: the constant {self.value!r} has no coordinate")

    def decode(self, position: Any, allowed: tuple[Value, ...]) -> Value:
        """The value, whatever the position."""
        return self.value

    def encode(self, value: Value, allowed: tuple[Value, ...]) -> Position:
        """Refused: a constant is not searched."""
        raise InvalidInput(f"{self.name}: the constant {self.value!r} has no coordinate")

    def narrow(self, low: float, high: float) -> tuple[Value, ...] | None:
        """The value if it lies within the bounds."""
        inside = isinstance(self.value, (int, float)) and low <= self.value <= high
        return (self.value,) if inside else None

    def contains(self, value: Value, allowed: tuple[Value, ...]) -> bool:
        """Whether a value is the constant's."""
        return key(value) == key(self.value)

    def some_values(self, allowed: tuple[Value, ...], limit: int) -> tuple[list[Value], bool]:
        """The value."""
        return [self.value], True

    def spread(self) -> str:
        """The value."""
        return show(self.value)
