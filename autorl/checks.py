"""Checks of single values from outside, hyperparameters among them; a message names field, value and rule."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection

from autorl.errors import InvalidInput

__all__ = ["check_choice", "check_finite", "check_flag", "check_number", "check_whole"]


def check_number(
    name: str,
    value: object,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    above: bool = False,
    optional: bool = False,
) -> None:
    """Refuses what is no number in the range.

    Args:
        name: What it is.
        value: What it was set to.
        low: Smallest value.
        high: Largest value.
        above: Whether `low` itself is refused.
        optional: Whether None is taken.

    Raises:
        InvalidInput: If the value is no number, not a number, or out of range.
    """
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidInput(f"{name}: {value!r} is no number{' (or None)' if optional else ''}")
    if not (low < value if above else low <= value) or not value <= high:
        lower = f"above {low:g}" if above else f"at least {low:g}"
        upper = {math.inf: "", sys.float_info.max: " and finite"}.get(high, f" and at most {high:g}")
        raise InvalidInput(f"{name}: {value!r} must be {lower}{upper}")


def check_whole(name: str, value: object, low: int, high: int | None = None) -> None:
    """Refuses what is no whole number in the range.

    Raises:
        InvalidInput: As said.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(f"{name}: {value!r} is no whole number")
    if value < low or (high is not None and value > high):
        upper = "" if high is None else f" and at most {high}"
        raise InvalidInput(f"{name}: {value!r} must be at least {low}{upper}")


def check_finite(name: str, value: object) -> None:
    """Refuses what is no finite number.

    Raises:
        InvalidInput: As said; a truth value is no number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidInput(f"{name}: {value!r} is no finite number")


def check_flag(name: str, value: object) -> None:
    """Refuses what is neither true nor false.

    Raises:
        InvalidInput: As said.
    """
    if not isinstance(value, bool):
        raise InvalidInput(f"{name}: {value!r} is neither true nor false")


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Refuses what is none of the choices.

    Raises:
        InvalidInput: As said.
    """
    if value not in choices:
        raise InvalidInput(f"{name}: {value!r} is none of {', '.join(choices)}")
