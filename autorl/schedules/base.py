"""The schedule's seam: a generator of requests, so that a schedule's file reads like its pseudocode.

A schedule decides how much training each configuration gets and how many are asked at once. It yields `Ask`, `Train`
and `Tell` and receives what they brought; the study's loop carries them out and charges them. It must be a pure
function of what it receives.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from typing import ClassVar

from autorl.records import Trial

__all__ = ["Ask", "Assignment", "Frame", "Request", "Requests", "Schedule", "Tell", "Train"]


@dataclass(frozen=True)
class Frame:
    """What a schedule knows of its study.

    Attributes:
        horizon: Full budget per agent in env steps.
        seeds: The tuning seeds.
        batch: Configurations asked at once, where the schedule has no number of its own.
        objectives: Number of losses.
    """

    horizon: int
    seeds: tuple[int, ...]
    batch: int
    objectives: int


@dataclass(frozen=True)
class Ask:
    """Asks for configurations; the answer is a tuple of trial numbers, shorter or empty at the budget's end."""

    count: int


@dataclass(frozen=True)
class Assignment:
    """Train one trial on these seeds up to a rung's mark."""

    trial: int
    seeds: tuple[int, ...]
    mark: int


@dataclass(frozen=True)
class Train:
    """Trains assignments together; the answer is a tuple of `Trial`, one per assignment, at that rung."""

    assignments: tuple[Assignment, ...]


@dataclass(frozen=True)
class Tell:
    """Ends trials: each is told once, at its last rung; the answer is an empty tuple."""

    trials: tuple[int, ...]


Request = Ask | Train | Tell
Requests = Generator[Request, tuple[int, ...] | tuple[Trial, ...], None]


class Schedule(ABC):
    """How much training each configuration gets; one subclass per method, found by its `name`.

    Attributes:
        name: The name it is found by.
        summary: One line for `autorl list schedules`.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""

    @abstractmethod
    def rungs(self, horizon: int) -> tuple[int, ...]:
        """Marks at which training environments restart, increasing, the horizon last, 0 left out."""

    @abstractmethod
    def requests(self, frame: Frame) -> Requests:
        """The loop, until an `Ask` brings nothing."""

    def constant_metrics(self) -> frozenset[str]:
        """Names of metrics that are equal for all configurations under this schedule."""
        return frozenset()
