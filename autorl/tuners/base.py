"""The tuner's seam: ask for vectors, tell losses.

A tuner proposes one fixed vector over all hyperparameters of the space, inactive ones included, and is told the
vector it proposed; `SearchSpace.decode` turns vectors into configurations. What it proposes is a function of (tuner
seed, ask index, told history, pending asks) and of nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from autorl.errors import InvalidInput
from autorl.space import SearchSpace

__all__ = ["Outcome", "Proposal", "Tuner", "Vector"]

Vector = Mapping[str, float | int | str]
"""Hyperparameter name -> unit value (numbers), index (ordered choices) or label (unordered choices)."""


@dataclass(frozen=True)
class Proposal:
    """One vector asked of a tuner, or brought to it from elsewhere.

    Attributes:
        number: The trial's number = its ask index, from 0 over the whole study.
        vector: Over all hyperparameters of the space.
        attributes: What the tuner wants handed back when the proposal is restored; JSON data.
        origin: "tuner" if it proposed the vector itself, else "default", "start_from" or "user".
    """

    number: int
    vector: Vector
    attributes: Mapping[str, object] = field(default_factory=dict)
    origin: str = "tuner"


@dataclass(frozen=True)
class Outcome:
    """What a tuner is told of one trial.

    Attributes:
        number: The trial's number.
        losses: Finite, minimised, in the study's order; of a failure, the stated penalties.
        complete: Whether the losses were measured; False for a failure.
        violations: Per constraint of the study, in its order, by how much it is broken; 0 or below if it holds. Empty
            without constraints. Finite; of a failure, the stated penalties.
    """

    number: int
    losses: tuple[float, ...]
    complete: bool = True
    violations: tuple[float, ...] = ()


class Tuner(ABC):
    """Proposes vectors; one subclass per method, found by its `name`. Options are keyword-only arguments.

    Args:
        space: What to search.
        objectives: How many losses a trial has, at least 1.
        seed: The tuner's seed.

    Raises:
        InvalidInput: If the tuner cannot handle the space or the number of objectives, with the reason.

    Attributes:
        name: The name it is found by.
        summary: One line for `autorl list tuners`.
        least_objectives: The fewest objectives it takes.
        most_objectives: The most objectives it takes; None without a limit.
        instead: Whom to take with another number of objectives, for the message.
        uses_constraints: Whether it looks at `Outcome.violations`. Selection ranks feasible trials first in any case.
        swift_until: Trials up to which a proposal takes about a second at most; None without a limit.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    least_objectives: ClassVar[int] = 1
    most_objectives: ClassVar[int | None] = None
    instead: ClassVar[str] = ""
    uses_constraints: ClassVar[bool] = False
    swift_until: ClassVar[int | None] = None

    def __init__(self, space: SearchSpace, objectives: int, seed: int) -> None:
        self.space, self.objectives, self.seed = space, objectives, seed
        self._check_objectives()

    @property
    def size(self) -> int | None:
        """How many vectors it can propose over a whole study; None without end. It is never asked for more."""
        return None

    @classmethod
    def examples(cls, space: SearchSpace) -> Sequence[Mapping[str, object]]:
        """Option sets to see the tuner at work with within a few trials of a space; the contract suite runs each."""
        return ({},)

    @abstractmethod
    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        """Proposes one vector per trial number (increasing, beyond all seen); they are pending until told."""

    @abstractmethod
    def accept(self, proposal: Proposal) -> None:
        """Takes up, as pending, a proposal it did not just make: from elsewhere, or its own from before a resume.

        Called in the order of trial numbers; a restored one carries the attributes the tuner gave it.
        """

    @abstractmethod
    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Ends pending proposals, in the order given; each is told once."""

    def close(self) -> None:  # noqa: B027  # most tuners hold nothing
        """Releases what the tuner holds, such as a process; it is not used afterwards."""

    def _check_objectives(self) -> None:
        low, high = self.least_objectives, self.most_objectives
        if self.objectives < low or (high is not None and self.objectives > high):
            rule = f"at least {low}" if high is None else f"{low}" if low == high else f"{low} to {high}"
            hint = f"; take {self.instead}" if self.instead else ""
            raise InvalidInput(
                f"tuner {self.name!r}: the number of objectives is {self.objectives}; it takes {rule}{hint}"
            )
