"""Natural values: kept in their plain type, compared with it, and shown as one canonical text."""

from __future__ import annotations

import json
import math

from autorl.documents import as_number, looks_like_number
from autorl.errors import InvalidInput
from autorl.records import Value

__all__ = ["integral", "is_number", "key", "label", "natural", "plain", "show"]


def plain(value: object, where: str) -> Value:
    """The value as a plain Python bool, int, float, str or None; NumPy scalars are converted.

    Raises:
        InvalidInput: If it is anything else, or not finite.
    """
    if not isinstance(value, (bool, int, float, str)) and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidInput(f"{where}: {value!r} is not finite")
        return float(value)
    if isinstance(value, str):
        return str(value)
    raise InvalidInput(f"{where}: {value!r} is no value of a hyperparameter (true, false, null, a number or text)")


def natural(value: object, where: str, number: bool = False) -> Value:
    """A value written in a file, with text such as `1e-5` taken as the number where one belongs.

    Args:
        value: What was read.
        where: The file and key it stands in.
        number: Whether a number belongs there.

    Raises:
        InvalidInput: If it is no value, or text in exponent notation where a number does not clearly belong.
    """
    found = plain(value, where)
    if isinstance(found, str) and looks_like_number(found):
        if number:
            return as_number(found, where)
        raise InvalidInput(f"{where}: YAML reads {found} as text; write {_dotted(found)} for the number")
    return found


def _dotted(text: str) -> str:
    """The number as YAML 1.1 reads it: with a dot and a signed exponent."""
    mantissa, exponent = text.strip().lower().split("e")
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}e{exponent if exponent[0] in '+-' else '+' + exponent}"


def is_number(value: Value) -> bool:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def integral(value: int | float) -> int | None:
    """The whole number a number stands for, or None."""
    if isinstance(value, int):
        return value
    return int(value) if value.is_integer() else None


def key(value: Value) -> tuple[bool, Value]:
    """What two values share exactly if they are the same: 1 and 1.0 are, 1 and True are not."""
    return isinstance(value, bool), value


def label(value: Value) -> str:
    """One text per value, different for different values: text stands bare unless it reads as something else."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return value
    return json.dumps(value, ensure_ascii=False)


def show(value: object) -> str:
    """A value as text for tables and messages."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(show(entry) for entry in value)
    return str(value)
