"""Tuners with an end: they go through a list of vectors, and learn nothing from what they are told."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from autorl.errors import InvalidInput
from autorl.tuners.base import Outcome, Proposal, Tuner, Vector

__all__ = ["Default", "FiniteTuner"]


class FiniteTuner(Tuner):
    """Proposes the vectors a subclass lists, each once. Its place in the list is how many of its own were proposed."""

    _proposed = 0

    @property
    @abstractmethod
    def vectors(self) -> Sequence[Vector]:
        """What it proposes, in order."""

    @property
    def size(self) -> int:
        """How many vectors it lists."""
        return len(self.vectors)

    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        """The next vectors of the list.

        Raises:
            InvalidInput: If fewer are left.
        """
        start, self._proposed = self._proposed, self._proposed + len(numbers)
        if self._proposed > self.size:
            raise InvalidInput(
                f"tuner {self.name!r}: {len(numbers)} proposals are asked for, but {self.size - start} of its "
                f"{self.size} are left"
            )
        vectors = self.vectors[start : self._proposed]
        return [Proposal(number, dict(vector)) for number, vector in zip(numbers, vectors, strict=True)]

    def accept(self, proposal: Proposal) -> None:
        """Counts a proposal of its own from before a resume; those from elsewhere change nothing."""
        self._proposed += proposal.origin == "tuner"

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Changes nothing."""


class Default(FiniteTuner):
    """Proposes nothing, so that a study tries its default and what it starts from, and tests the best of them."""

    name: ClassVar[str] = "default"
    summary: ClassVar[str] = "proposes nothing: only the default and `start_from` are tried"

    @property
    def vectors(self) -> Sequence[Vector]:
        """None."""
        return ()
