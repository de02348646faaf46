"""The schedule's seam: a generator of requests, so that a schedule's file reads like its pseudocode.

A schedule decides how much training each configuration gets and how many are asked at once. It yields `Ask`, `Train`
and `Tell` and receives what they brought; the study's loop carries them out and charges them. It must be a pure
function of what it receives.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar, cast

from autorl.records import Configuration, Stretch, Trial
from autorl.space import SearchSpace

__all__ = [
    "Answer",
    "Ask",
    "Assignment",
    "Await",
    "Frame",
    "Launch",
    "Part",
    "Request",
    "Requests",
    "Schedule",
    "Tell",
    "Train",
    "ask",
    "tell",
    "train",
]


@dataclass(frozen=True)
class Frame:
    """What a schedule knows of its study.

    Attributes:
        horizon: Full budget per agent in env steps.
        seeds: The tuning seeds.
        batch: Configurations asked at once, where the schedule has no number of its own.
        objectives: Number of losses.
        space: What is searched; None where nothing is known of it.
        seed: The tuner's seed, from which a schedule's own random streams are derived.
        not_means: Labels of the objectives whose aggregate over seeds is not their mean.
        static: Names of hyperparameters that cannot change in training.
        checkpoints: "exact" if agents go on from saved states, "none" if they can only be trained from zero.
    """

    horizon: int
    seeds: tuple[int, ...]
    batch: int
    objectives: int
    space: SearchSpace | None = None
    seed: int = 0
    not_means: tuple[str, ...] = ()
    static: frozenset[str] = frozenset()
    checkpoints: Literal["exact", "none"] = "exact"


@dataclass(frozen=True)
class Ask:
    """Asks for configurations; the answer is a tuple of trial numbers, shorter or empty at the budget's end."""

    count: int


@dataclass(frozen=True)
class Assignment:
    """Train one trial on these seeds up to a rung's mark.

    Attributes:
        trial: Its number.
        seeds: One agent each, those it has been trained on before included.
        mark: In env steps.
        configuration: The tuned hyperparameters it has from now on; None for those that were asked.
        earlier: What it trained under before. It may be another trial's past: then it goes on from that one's weights.
        lineage: Names the agents' random streams from now on; "" as from initial weights.
    """

    trial: int
    seeds: tuple[int, ...]
    mark: int
    configuration: Configuration | None = None
    earlier: tuple[Stretch, ...] = ()
    lineage: str = ""


@dataclass(frozen=True)
class Train:
    """Trains assignments together; the answer is a tuple of `Trial`, one per assignment, at that rung.

    Attributes:
        assignments: Who trains.
        leaving: Trials that will never go on from where they stand, so that their states need not be kept.
    """

    assignments: tuple[Assignment, ...]
    leaving: tuple[int, ...] = ()


@dataclass(frozen=True)
class Tell:
    """Ends trials: each is told once, at its last rung; the answer is an empty tuple."""

    trials: tuple[int, ...]


@dataclass(frozen=True)
class Launch:
    """Starts assignments without waiting for them; the answer is an empty tuple."""

    assignments: tuple[Assignment, ...]


@dataclass(frozen=True)
class Await:
    """Waits until a launched assignment is done.

    The answer is a tuple of `Trial`, one for each that is done by then and was not answered before, in the order of
    completion. Whoever answers before all are done takes that order from the clock: it is then an input of the study,
    stored and replayed.
    """


Request = Ask | Train | Tell | Launch | Await
Answer = tuple[int, ...] | tuple[Trial, ...]
T = TypeVar("T")
Part = Generator[Request, Answer, T]
"""A part of a schedule's loop, run by `yield from`; it returns something."""
Requests = Part[None]


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

    def top(self, frame: Frame) -> tuple[int, int]:
        """Where winners come from if all goes well: the last rung's mark, and on how many seeds."""
        return frame.horizon, len(frame.seeds)

    def largest_ask(self, frame: Frame) -> int:
        """The most configurations that are in training at once; those of the first request, unless it is overridden."""
        request = next(self.requests(frame))
        return request.count if isinstance(request, Ask) else frame.batch

    def constant_metrics(self) -> frozenset[str]:
        """Names of metrics that are equal for all configurations under this schedule."""
        return frozenset()

    def check(self, frame: Frame) -> None:  # noqa: B027  # most schedules fit every study
        """Compares the options with a study, before anything is trained.

        Raises:
            InvalidInput: If they do not fit it.
        """


def ask(count: int) -> Part[tuple[int, ...]]:
    """Requests trials, and returns their numbers."""
    return cast("tuple[int, ...]", (yield Ask(count)))


def train(assignments: Iterable[Assignment], leaving: Iterable[int] = ()) -> Part[tuple[Trial, ...]]:
    """Requests training, and returns the trials; those leaving will never go on."""
    return cast("tuple[Trial, ...]", (yield Train(tuple(assignments), tuple(leaving))))


def tell(trials: Iterable[int]) -> Part[None]:
    """Tells, unless there is nobody to tell of."""
    if numbers := tuple(trials):
        yield Tell(numbers)
