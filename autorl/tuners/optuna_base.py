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

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

from autorl.errors import InvalidInput
from autorl.seeds import integer_seed
from autorl.space import SearchSpace
from autorl.tuners.base import Outcome, Proposal
from autorl.tuners.checked import CheckedTuner
from autorl.tuners.vectors import plain_vector

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


class OptunaTuner(CheckedTuner):
    """A tuner that asks a sampler of Optuna's; a subclass says which.

    Raises:
        InvalidInput: If the number of objectives is below 1.
    """

    def __init__(self, space: SearchSpace, objectives: int, seed: int) -> None:
        super().__init__(space, objectives, seed)
        from autorl.tuners._optuna import OptunaStudy

        self.study = OptunaStudy(space, objectives)
        self._places: dict[int, int] = {}  # trial number -> place in Optuna's study, which has no gaps

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

    def observer(self, number: int) -> BaseSampler | None:
        """The sampler that is shown the end of a trial; None where it would not look."""
        return None

    def propose(self, number: int) -> Proposal:
        """What the sampler of this ask chooses; it stands in the study at once."""
        trial = self.study.ask(self.sampler(number))
        self._places[number] = trial.number
        return Proposal(number, plain_vector(trial.params, self.space), self.attributes(trial))

    def take_up(self, proposal: Proposal) -> None:
        """Appends what the sampler did not just choose.

        Raises:
            InvalidInput: If the attributes are none that this tuner gives.
        """
        if proposal.number not in self._places:
            self.study.add(proposal.vector, self.restored(proposal.attributes))
            self._places[proposal.number] = len(self._places)

    def learn(self, proposal: Proposal, outcome: Outcome) -> None:
        """Ends the trial; a failure counts as a finished one with the losses and violations given."""
        violations = outcome.violations if self.uses_constraints else ()
        self.study.tell(self._places[outcome.number], outcome.losses, violations, self.observer(outcome.number))
