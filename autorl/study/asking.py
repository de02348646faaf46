"""Which configurations are tried: the default, those to start from, then the tuner's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autorl.errors import InvalidInput
from autorl.records import Configuration
from autorl.storage.truth import Asked, Truth
from autorl.study.resolved import ResolvedStudy
from autorl.tuners import Outcome, Proposal, Tuner

__all__ = ["EVENT", "Asking"]

EVENT = "event"
"""The kind of input that holds what was asked and told from outside, in order."""


class Asking:
    """Answers requests for configurations; those answered before are answered the same way again.

    Args:
        study: The study.
        truth: Where every answer is stored before it is given.
        tuner: Who proposes; None only reads.
    """

    def __init__(self, study: ResolvedStudy, truth: Truth, tuner: Tuner | None) -> None:
        self._study, self._truth, self._tuner = study, truth, tuner
        self._told = 0
        self._tells_stored = 0 if tuner is None else truth.tells_stored()
        self._requests = 0
        self._stored: dict[int, list[Asked]] = {}
        for one in truth.trials():
            self._stored.setdefault(one.request, []).append(one)
        self.asked: list[Asked] = []

    @property
    def request(self) -> int:
        """The number of the next request."""
        return self._requests

    @property
    def stored(self) -> bool:
        """Whether the next request was answered before."""
        return self._requests in self._stored

    @property
    def answered(self) -> Iterator[Asked]:
        """Everything that requests brought in earlier sessions, in order."""
        return (one for answer in self._stored.values() for one in answer)

    def ask(self, count: int) -> list[Asked]:
        """The answer to the next request: stored already, or made now. An empty one is none and uses no number."""
        if self.stored:
            answer = self._stored[self._requests]
            if self._tuner is not None:
                for one in answer:
                    self._tuner.accept(one.proposal)
        elif self._tuner is not None and count > 0:
            answer = self._new(self._tuner, range(len(self.asked), len(self.asked) + count))
            self._truth.store_trials(answer)
        else:
            return []
        self._requests += 1
        self.asked.extend(answer)
        return answer

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Tells the tuner, and notes what it was told."""
        if self._tuner is None or not outcomes:
            return
        self._tuner.tell(outcomes)
        new = outcomes[max(0, self._tells_stored - self._told) :]  # a resumed session tells again what was told
        if new:
            self._truth.store_tells(self._told + len(outcomes) - len(new), new)
        self._told += len(outcomes)

    def _new(self, tuner: Tuner, numbers: Sequence[int]) -> list[Asked]:
        given = list(self._given(numbers))
        for proposal in given:
            tuner.accept(proposal)
        own = [number for number in numbers if number >= 1 + len(self._study.start_from)]
        proposals = [*given, *(tuner.ask(own) if own else [])]
        return [Asked(proposal, self._decoded(proposal), self._requests) for proposal in proposals]

    def _decoded(self, proposal: Proposal) -> Configuration:
        try:
            return self._study.space.decode(proposal.vector)
        except InvalidInput as error:
            name = type(self._tuner).__name__
            raise InvalidInput(f"tuner {name}: its proposal for trial {proposal.number}: {error}") from error

    def _given(self, numbers: Sequence[int]) -> Iterator[Proposal]:
        space = self._study.space
        known = [("default", space.default()), *(("start_from", entry) for entry in self._study.start_from)]
        for number in numbers:
            if number < len(known):
                origin, configuration = known[number]
                yield Proposal(number, space.encode(configuration), origin=origin)
