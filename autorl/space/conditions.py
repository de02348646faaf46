"""Conditions: a hyperparameter is active only while each of its parents is active and holds one of some values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from autorl.records import Value
from autorl.space.values import key, show

__all__ = ["Condition", "holds"]


@dataclass(frozen=True)
class Condition:
    """One parent and the values it must hold; several conditions of a hyperparameter are joined by And.

    Attributes:
        parent: The name of a hyperparameter listed earlier.
        values: The parent's values under which the child is active; at least one.
        listed: How the values were written, which decides how they are written again: a single one (""), a "list" or,
            by ConfigSpace, a "tuple".
    """

    parent: str
    values: tuple[Value, ...]
    listed: Literal["", "list", "tuple"] = field(default="", compare=False)
    _keys: frozenset[tuple[bool, Value]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_keys", frozenset(key(value) for value in self.values))

    def allows(self, value: Value) -> bool:
        """Whether the parent's value makes the child active; 1 and true differ."""
        return (isinstance(value, bool), value) in self._keys

    def __str__(self) -> str:
        if len(self.values) == 1:
            return f"{self.parent} = {show(self.values[0])}"
        return f"{self.parent} in {show(self.values)}"


def holds(conditions: tuple[Condition, ...], active: Mapping[str, Value]) -> bool:
    """Whether all conditions hold; a parent that is not among the active names is inactive, and so is its child."""
    return all(condition.parent in active and condition.allows(active[condition.parent]) for condition in conditions)
