"""What the tuners of Optuna's samplers have in common.

One in-memory Optuna study lives as long as the tuner, and its trials are appended in the order of their numbers. Only
the sampler is built anew for each ask, seeded from (tuner seed, ask index): Optuna does not store its generators, so a
sampler that lived on could not be restored. What else Optuna remembers of a trial (its system attributes, and the
parents NSGA-II chose) travels in `Proposal.attributes` as JSON data.

Failures are told as finished trials with the penalties they come with. Pending trials are running ones to Optuna: TPE
and the Gaussian process keep away from them, the others do not look at them. A restored tuner has exactly the trials
running that it was never told of.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from autorl.errors import InvalidInput
from autorl.seeds import integer_seed
from autorl.space import SearchSpace
from autorl.tuners.base import Outcome, Proposal, Tuner
from autorl.tuners.vectors import checked_vector, plain_vector

if TYPE_CHECKING:
    from autorl.tuners._optuna import BaseSampler, FrozenTrial

__all__ = ["OptunaTuner", "check_count"]


def check_count(tuner: str, option: str, value: object, low: int) -> None:
    """Refuses an option that is no whole number, or too small.

    Raises:
        InvalidInput: As said.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise InvalidInput(f"tuner {tuner!r}: {option} is {value!r}; it must be a whole number of at least {low}")


class OptunaTuner(Tuner):
    """A tuner that asks a sampler of Optuna's; a subclass says which.

    Raises:
        InvalidInput: If the number of objectives is below 1.
    """

    def __init__(self, space: SearchSpace, objectives: int, seed: int) -> None:
        super().__init__(space, objectives, seed)
        from autorl.tuners._optuna import OptunaStudy

        self.study = OptunaStudy(space, objectives)
        self._places: dict[int, int] = {}  # trial number -> place in Optuna's study, which has no gaps
        self._pending: set[int] = set()
        self._constraints: int | None = None  # as many as the first trial told has

    @abstractmethod
    def sampler(self, number: int) -> BaseSampler:
        """The sampler of one ask, seeded by `ask_seed`."""

    def ask_seed(self, number: int, use: str = "") -> int:
        """A seed in [0, 2**31) from (tuner seed, ask index) for one ask; another use gives another stream."""
        return integer_seed(self.seed, f"tuner {self.name} {use}".rstrip(), index=number)

    def attributes(self, trial: FrozenTrial) -> dict[str, object]:
        """What must come back with a trial just asked to go on from it: its system attributes, as JSON data."""
        return {"system": dict(trial.system_attrs)}

    def restored(self, attributes: Mapping[str, object]) -> dict[str, object]:
        """Takes up what `attributes` gave, nothing for a trial from elsewhere; returns the system attributes."""
        system = attributes.get("system", {})
        if not isinstance(system, Mapping):
            raise InvalidInput(f"tuner {self.name!r}: the attribute 'system' is {system!r}; it must be a mapping")
        return {str(name): value for name, value in system.items()}

    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        """As the seam says; within a call, the earlier proposals are pending to the later ones.

        Raises:
            InvalidInput: If a number does not lie beyond all seen.
        """
        return [self._asked(number) for number in numbers]

    def accept(self, proposal: Proposal) -> None:
        """As the seam says.

        Raises:
            InvalidInput: If the number does not lie beyond all seen, or the vector does not fit the space.
        """
        self._check_number(proposal.number)
        vector = checked_vector(proposal.vector, self.space, f"tuner {self.name!r}: trial {proposal.number}")
        self.study.add(vector, self.restored(proposal.attributes))
        self._take_up(proposal.number)

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """As the seam says; a failure counts as a finished trial with the losses and violations given.

        Raises:
            InvalidInput: If a trial is not pending, its losses are not as many as the objectives, its violations not as
                many as those of the first trial told, or a number is not finite.
        """
        for outcome in outcomes:
            self._check_outcome(outcome)
            violations = outcome.violations if self.uses_constraints else ()
            self.study.tell(self._places[outcome.number], outcome.losses, violations, self.observer(outcome.number))
            self._pending.remove(outcome.number)

    def observer(self, number: int) -> BaseSampler | None:
        """The sampler that is shown the end of a trial; None where it would not look."""
        return None

    def _asked(self, number: int) -> Proposal:
        self._check_number(number)
        trial = self.study.ask(self.sampler(number))
        self._take_up(number)
        return Proposal(number, plain_vector(trial.params, self.space), self.attributes(trial))

    def _check_number(self, number: int) -> None:
        last = next(reversed(self._places), -1)
        if number <= last:
            raise InvalidInput(f"tuner {self.name!r}: trial {number} comes after trial {last}; numbers must increase")

    def _check_outcome(self, outcome: Outcome) -> None:
        where = f"tuner {self.name!r}: trial {outcome.number}"
        if outcome.number not in self._pending:
            raise InvalidInput(f"{where} is told but is not pending")
        if len(outcome.losses) != self.objectives or not all(map(math.isfinite, outcome.losses)):
            raise InvalidInput(
                f"{where} has the losses {outcome.losses}; {self.objectives} finite number(s) are needed"
            )
        if self._constraints is None:
            self._constraints = len(outcome.violations)
        if len(outcome.violations) != self._constraints or not all(map(math.isfinite, outcome.violations)):
            raise InvalidInput(
                f"{where} has the violations {outcome.violations}; {self._constraints} finite number(s) are needed"
            )

    def _take_up(self, number: int) -> None:
        self._places[number] = len(self._places)
        self._pending.add(number)
