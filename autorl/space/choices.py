"""Hyperparameters that take listed values: choices, ordered or not, and constants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from autorl.errors import InvalidInput
from autorl.records import Value
from autorl.space.conditions import Condition
from autorl.space.hyperparameters import Coordinate, Hyperparameter, Position
from autorl.space.values import is_number, key, label, show

__all__ = ["Categorical", "Constant"]


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

    def perturbed(self, value: Value, factor: float) -> Value:
        """The next choice in the order for a factor above 1, else the one before; without an order the value itself."""
        if not self.ordered:
            return value
        place = self._index[key(value)] + (1 if factor > 1 else -1)
        return self.choices[min(max(place, 0), len(self.choices) - 1)]

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

    def perturbed(self, value: Value, factor: float) -> Value:
        """The value."""
        return self.value

    def contains(self, value: Value, allowed: tuple[Value, ...]) -> bool:
        """Whether a value is the constant's."""
        return key(value) == key(self.value)

    def some_values(self, allowed: tuple[Value, ...], limit: int) -> tuple[list[Value], bool]:
        """The value."""
        return [self.value], True

    def spread(self) -> str:
        """The value."""
        return show(self.value)
