"""Checks of single values that arrive from outside with any type."""

from __future__ import annotations

import math

from autorl.errors import InvalidInput

__all__ = ["finite_number", "whole_number"]


def whole_number(value: object, what: str, least: int) -> int:
    """The value, if it is a whole number of at least `least`.

    Raises:
        InvalidInput: If it is not; a truth value is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidInput(f"{what}: {value!r} is no whole number of at least {least}")
    return value


def finite_number(value: object, what: str) -> float:
    """The value as a float, if it is a finite number.

    Raises:
        InvalidInput: If it is not; a truth value is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidInput(f"{what}: {value!r} is no finite number")
    return float(value)
