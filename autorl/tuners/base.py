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
    """

    number: int
    losses: tuple[float, ...]
    complete: bool = True


class Tuner(ABC):
    """Proposes vectors; one subclass per method, found by its `name`.

    Args:
        space: What to search.
        objectives: How many losses a trial has, at least 1.
        seed: The tuner's seed.

    Raises:
        InvalidInput: If the tuner cannot handle the space or the number of objectives, with the reason.

    Attributes:
        name: The name it is found by.
        summary: One line for `autorl list tuners`.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""

    def __init__(self, space: SearchSpace, objectives: int, seed: int) -> None:
        self.space, self.objectives, self.seed = space, objectives, seed

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
