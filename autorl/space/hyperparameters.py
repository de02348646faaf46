"""What every kind of hyperparameter can do: its range, its default, and its place in a tuner's vector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from autorl.records import Value
from autorl.space.conditions import Condition

__all__ = ["Coordinate", "Hyperparameter", "Position"]

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
    def perturbed(self, value: Value, factor: float) -> Value:
        """Another value nearby, within the whole range: a number times a factor, on its own scale.

        Args:
            value: One of the range.
            factor: Above 0; of what has no size, only whether it is above 1 counts.
        """

    @abstractmethod
    def contains(self, value: Value, allowed: R) -> bool:
        """Whether a value lies in an allowed range and on its grid."""

    @abstractmethod
    def some_values(self, allowed: R, limit: int) -> tuple[list[Value], bool]:
        """Values of a range, its ends among them, and whether they are all of it; at most about `limit`."""

    @abstractmethod
    def spread(self) -> str:
        """The range as text."""
