"""Vectors at the border to a library: plain Python on the way out, checked on the way in."""

from __future__ import annotations

from collections.abc import Mapping

from autorl.errors import InvalidInput
from autorl.space import SearchSpace
from autorl.tuners.base import Vector

__all__ = ["checked_vector", "plain_vector"]


def plain_vector(values: Mapping[str, object], space: SearchSpace) -> dict[str, float | int | str]:
    """A library's values as plain Python, one per coordinate, in space order.

    Args:
        values: Coordinate name -> unit value, index or label, of whatever numeric type.
        space: The space whose coordinates these are.
    """
    plain: dict[str, float | int | str] = {}
    for coordinate in space.coordinates:
        value = values[coordinate.name]
        if coordinate.kind == "label":
            plain[coordinate.name] = str(value)
        else:
            number = float(value)  # type: ignore[arg-type]  # a number, by the coordinate's kind
            plain[coordinate.name] = number if coordinate.kind == "unit" else int(number)
    return plain


def checked_vector(vector: Vector, space: SearchSpace, where: str) -> dict[str, float | int | str]:
    """A vector from elsewhere, as `plain_vector` returns it.

    Raises:
        InvalidInput: If a coordinate is missing, one too many, or out of its range; `where` opens the message.
    """
    names = [coordinate.name for coordinate in space.coordinates]
    if set(vector) != set(names):
        raise InvalidInput(f"{where}: the vector has the coordinates {sorted(vector)}, the space {sorted(names)}")
    for coordinate in space.coordinates:
        value = vector[coordinate.name]
        if coordinate.kind == "label":
            allowed, rule = value in coordinate.labels, f"one of {list(coordinate.labels)}"
        elif coordinate.kind == "index":
            allowed, rule = _whole(value) and 0 <= value < coordinate.size, f"a whole number in [0, {coordinate.size})"  # type: ignore[operator]  # whole, so a number
        else:
            allowed, rule = isinstance(value, (int, float)) and 0 <= value <= 1, "a number in [0, 1]"
        if not allowed:
            raise InvalidInput(f"{where}: coordinate {coordinate.name!r} is {value!r}; it must be {rule}")
    return plain_vector(vector, space)


def _whole(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
