"""The bookkeeping of a tuner that proposes one vector at a time and learns one trial at a time."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence

from autorl.errors import InvalidInput
from autorl.space import SearchSpace
from autorl.tuners.base import Outcome, Proposal, Tuner
from autorl.tuners.vectors import checked_vector

__all__ = ["CheckedTuner"]


class CheckedTuner(Tuner):
    """Checks everything at the seam; a subclass says what it proposes, takes up and learns.

    Args:
        space: What to search.
        objectives: Number of losses.
        seed: The tuner's seed.
    """

    def __init__(self, space: SearchSpace, objectives: int, seed: int) -> None:
        super().__init__(space, objectives, seed)
        self._last = -1
        self._pending: dict[int, Proposal] = {}
        self._constraints: int | None = None  # known from the first outcome

    @abstractmethod
    def propose(self, number: int) -> Proposal:
        """The proposal of one ask; it is taken up next."""

    @abstractmethod
    def take_up(self, proposal: Proposal) -> None:
        """Notes a proposal that is pending from now on: one just made, a restored one, or one from elsewhere.

        Raises:
            InvalidInput: If the attributes are none that this tuner gives.
        """

    @abstractmethod
    def learn(self, proposal: Proposal, outcome: Outcome) -> None:
        """Takes in how a pending proposal ended."""

    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        """As the seam says; within a call, the earlier proposals are pending to the later ones.

        Raises:
            InvalidInput: If a number does not lie beyond all seen.
        """
        proposals = []
        for number in numbers:
            self._check_number(number)
            proposals.append(self.propose(number))
            self._note(proposals[-1])
        return proposals

    def accept(self, proposal: Proposal) -> None:
        """As the seam says.

        Raises:
            InvalidInput: If the number does not lie beyond all seen, or the vector does not fit the space.
        """
        self._check_number(proposal.number)
        vector = checked_vector(proposal.vector, self.space, f"tuner {self.name!r}: trial {proposal.number}")
        self._note(Proposal(proposal.number, vector, proposal.attributes, proposal.origin))

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """As the seam says; a failure counts as a finished trial with the penalties given.

        Raises:
            InvalidInput: If a trial is not pending, its losses are not finite or not as many as the objectives, or its
                violations are not finite or not as many as those of the trials before.
        """
        for outcome in outcomes:
            self._check(outcome)
            self.learn(self._pending.pop(outcome.number), outcome)

    def _note(self, proposal: Proposal) -> None:
        self.take_up(proposal)
        self._last = proposal.number
        self._pending[proposal.number] = proposal

    def _check_number(self, number: int) -> None:
        if number <= self._last:
            raise InvalidInput(
                f"tuner {self.name!r}: trial {number} comes after trial {self._last}; numbers must increase"
            )

    def _check(self, outcome: Outcome) -> None:
        if outcome.number not in self._pending:
            raise InvalidInput(f"tuner {self.name!r}: trial {outcome.number} is told but is not pending")
        if len(outcome.losses) != self.objectives or not all(map(math.isfinite, outcome.losses)):
            raise InvalidInput(
                f"tuner {self.name!r}: trial {outcome.number} has the losses {outcome.losses}; "
                f"{self.objectives} finite number(s) are needed"
            )
        if self._constraints is None:
            self._constraints = len(outcome.violations)
        if len(outcome.violations) != self._constraints or not all(map(math.isfinite, outcome.violations)):
            raise InvalidInput(
                f"tuner {self.name!r}: trial {outcome.number} has the violations {outcome.violations}; "
                f"{self._constraints} finite number(s) are needed, as told before"
            )
