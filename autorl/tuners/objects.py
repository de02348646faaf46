"""Tuners that somebody's own object stands for: how it enters a study's `tuner` entry, and how it is written down."""

from __future__ import annotations

import inspect
import operator
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import BuiltinFunctionType, FunctionType

from autorl.errors import InvalidInput
from autorl.tuners.bundled import bundled_tuners

__all__ = ["HANDED_OVER", "TakesObjects", "reference", "tuner_entry", "written"]

HANDED_OVER = "handed over in Python: "
"""Begins the text that stands for an object in a stored study; no other process can read it back."""


class TakesObjects(ABC):
    """A tuner whose library has objects of its own that a user may hand over in the place of a name."""

    @classmethod
    @abstractmethod
    def option_for(cls, value: object) -> str | None:
        """The option that takes such an object; None if it is of another kind."""


def tuner_entry(value: object) -> dict[str, object]:
    """The `tuner` entry of a study that an object or a class stands for.

    Raises:
        InvalidInput: If no bundled tuner takes it.
    """
    for name, tuner in bundled_tuners().items():
        if issubclass(tuner, TakesObjects) and (option := tuner.option_for(value)) is not None:
            return {"name": name, option: reference(value) or value}
    raise InvalidInput(f"{value!r} is neither a name, a mapping with the key 'name', nor an object that a tuner takes")


def reference(value: object) -> str | None:
    """`module:attribute` of a class that other processes find under it; None of all else."""
    if not isinstance(value, type) or value.__module__ not in sys.modules:
        return None
    try:
        found = operator.attrgetter(value.__qualname__)(sys.modules[value.__module__])
    except AttributeError:  # defined inside a function
        return None
    return f"{value.__module__}:{value.__qualname__}" if found is value else None


def written(entry: object) -> object:
    """A `tuner` entry as plain data: an object in it becomes a text for people, the same in every process."""
    if isinstance(entry, Mapping):
        return {name: written(value) for name, value in entry.items()}
    if isinstance(entry, (list, tuple)):
        return [written(value) for value in entry]
    if entry is None or isinstance(entry, (bool, int, float, str)):
        return entry
    return reference(entry) or f"{HANDED_OVER}{_call(entry)}"


def _call(value: object) -> str:
    """The call that would make an object, as far as its attributes tell: arguments at their default and seeds left out.

    An argument is looked for as the attribute of its name, with or without an underscore before it.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_call(name)}: {_call(one)}" for name, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_call, value)) + "]"
    if isinstance(value, (type, FunctionType, BuiltinFunctionType)):
        return f"{value.__module__}:{value.__qualname__}"
    try:
        parameters = inspect.signature(type(value)).parameters
    except ValueError:  # of a class that is not written in Python
        parameters = {}  # type: ignore[assignment]  # an empty mapping is one
    shown = []
    for name, parameter in parameters.items():
        held = getattr(value, f"_{name}", getattr(value, name, parameter.default))
        plain = type(held) is type(parameter.default) and held == parameter.default
        if name != "seed" and held is not parameter.default and not plain:
            shown.append(f"{name}={_call(held)}")
    return f"{type(value).__module__}:{type(value).__qualname__}({', '.join(shown)})"
