"""The executor's seam: groups in, what became of them out, in whatever order they end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from autorl.objective import Group, Objective
from autorl.records import Segment, Status

__all__ = ["Done", "Executor", "Lost"]


@dataclass(frozen=True)
class Done:
    """A group that ran to its end, or whose agents failed each by itself.

    Attributes:
        group: The group; possibly a part of one that was handed in.
        segments: Per agent the segments trained, oldest first; a failed one ends the chain.
    """

    group: Group
    segments: tuple[tuple[Segment, ...], ...]


@dataclass(frozen=True)
class Lost:
    """One configuration that its worker did not survive, or that overran its limit, alone and more than once.

    Attributes:
        group: The agents of the configuration.
        status: TIMED_OUT or FAILED.
        reason: One sentence.
    """

    group: Group
    status: Status
    reason: str


class Executor(ABC):
    """Trains groups somewhere; one subclass per way, found by its `name`.

    Args:
        jobs: Groups trained at the same time.
        checkpoints: The folder of states.

    Attributes:
        name: What a study file calls it.
        summary: One line for lists.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""

    def __init__(self, jobs: int, checkpoints: Path) -> None:
        self.jobs, self.checkpoints = jobs, checkpoints

    @abstractmethod
    def run(self, objective: Objective, groups: deque[Group], seconds: float) -> Iterator[Done | Lost]:
        """Trains groups, at most `jobs` at a time, started in the order given, until none is left.

        Args:
            objective: The black box.
            groups: What to train; emptied. Whoever takes the results may put more at its end between two of them.
            seconds: Wall seconds allowed per configuration of a group.
        """

    @abstractmethod
    def close(self) -> None:
        """Ends all workers at once, whatever they are doing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
