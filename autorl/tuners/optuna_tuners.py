"""`random`, `tpe` and `nsga2`: Optuna's samplers behind the tuner's seam.

One in-memory Optuna study lives as long as the tuner, and its trials are appended in the order of their numbers. Only
the sampler is built anew for each ask, seeded from (tuner seed, ask index): Optuna does not store its generators, so a
sampler that lived on could not be restored. What else Optuna remembers of a trial (its system attributes, and the
parents NSGA-II chose) travels in `Proposal.attributes` as JSON data.

Failures are told as finished trials with the penalties they come with. Pending trials are running ones to Optuna: TPE
keeps away from them ("constant liar"), the other two do not look at them.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from autorl.errors import InvalidInput
from autorl.seeds import integer_seed
from autorl.space import SearchSpace
from autorl.tuners.base import Outcome, Proposal, Tuner
from autorl.tuners.vectors import checked_vector, plain_vector

if TYPE_CHECKING:
    from autorl.tuners._optuna import BaseSampler, FrozenTrial

__all__ = ["NSGA2", "TPE", "OptunaTuner", "Random"]

GENERATION_KEY = "NSGAIISampler:generation"
"""Optuna's system attribute of a trial of NSGA-II: the sampler's class name, then the word."""


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
        """As the seam says; a failure counts as a finished trial with the losses given.

        Raises:
            InvalidInput: If a trial is not pending, or its losses are not finite or not as many as the objectives.
        """
        for outcome in outcomes:
            if outcome.number not in self._pending:
                raise InvalidInput(f"tuner {self.name!r}: trial {outcome.number} is told but is not pending")
            if len(outcome.losses) != self.objectives or not all(map(math.isfinite, outcome.losses)):
                raise InvalidInput(
                    f"tuner {self.name!r}: trial {outcome.number} has the losses {outcome.losses}; "
                    f"{self.objectives} finite number(s) are needed"
                )
            self.study.tell(self._places[outcome.number], outcome.losses)
            self._pending.remove(outcome.number)

    def _asked(self, number: int) -> Proposal:
        self._check_number(number)
        trial = self.study.ask(self.sampler(number))
        self._take_up(number)
        return Proposal(number, plain_vector(trial.params, self.space), self.attributes(trial))

    def _check_number(self, number: int) -> None:
        last = next(reversed(self._places), -1)
        if number <= last:
            raise InvalidInput(f"tuner {self.name!r}: trial {number} comes after trial {last}; numbers must increase")

    def _take_up(self, number: int) -> None:
        self._places[number] = len(self._places)
        self._pending.add(number)


class Random(OptunaTuner):
    """Draws every coordinate uniformly, whatever was told (Bergstra and Bengio 2012)."""

    name: ClassVar[str] = "random"
    summary: ClassVar[str] = "independent uniform draws"

    def sampler(self, number: int) -> BaseSampler:
        """Optuna's random sampler."""
        from autorl.tuners._optuna import RandomSampler

        return RandomSampler(seed=self.ask_seed(number))


class TPE(OptunaTuner):
    """Tree-structured Parzen estimator (Bergstra et al. 2011; several objectives: Ozaki et al. 2022).

    Args:
        space: What to search.
        objectives: Number of losses; with one the estimator is joint over all coordinates (Falkner et al. 2018), with
            several it takes one coordinate at a time.
        seed: The tuner's seed.
        n_startup_trials: Trials to finish before the first one that is not drawn at random, at least 1.

    Raises:
        InvalidInput: If `n_startup_trials` or the number of objectives is below 1.
    """

    name: ClassVar[str] = "tpe"
    summary: ClassVar[str] = "tree-structured Parzen estimator; one or several objectives"

    @classmethod
    def examples(cls, space: SearchSpace) -> Sequence[Mapping[str, object]]:
        """Past its start after four trials."""
        return ({"n_startup_trials": 4},)

    def __init__(self, space: SearchSpace, objectives: int, seed: int, *, n_startup_trials: int = 10) -> None:
        if n_startup_trials < 1:
            raise InvalidInput(f"tuner 'tpe': n_startup_trials is {n_startup_trials}; at least 1 is needed")
        super().__init__(space, objectives, seed)
        self.n_startup_trials = n_startup_trials

    def sampler(self, number: int) -> BaseSampler:
        """Optuna's TPE."""
        from autorl.tuners._optuna import TPESampler

        return TPESampler(self.study.distributions, self.objectives, self.n_startup_trials, self.ask_seed(number))


class NSGA2(OptunaTuner):
    """Non-dominated sorting genetic algorithm II (Deb et al. 2002).

    Deviations, all Optuna's: uniform crossover, mutation by drawing a coordinate anew, tournaments without crowding,
    and a generation that ends when enough of its trials are told. Trials from elsewhere belong to the first generation.

    Args:
        space: What to search.
        objectives: Number of losses.
        seed: The tuner's seed.
        population_size: Trials of a generation, at least 2.

    Raises:
        InvalidInput: If `population_size` is below 2 or the number of objectives below 1.
    """

    name: ClassVar[str] = "nsga2"
    summary: ClassVar[str] = "genetic algorithm by non-dominated rank and crowding; several objectives"

    @classmethod
    def examples(cls, space: SearchSpace) -> Sequence[Mapping[str, object]]:
        """Several generations within a few trials."""
        return ({"population_size": 5},)

    def __init__(self, space: SearchSpace, objectives: int, seed: int, *, population_size: int = 16) -> None:
        if population_size < 2:
            raise InvalidInput(f"tuner 'nsga2': population_size is {population_size}; at least 2 are needed")
        super().__init__(space, objectives, seed)
        self.population_size = population_size
        self._parents: dict[int, tuple[int, ...]] = {}  # generation -> places

    def sampler(self, number: int) -> BaseSampler:
        """Optuna's NSGA-II; mutation draws from a stream of its own."""
        from autorl.tuners._optuna import NSGAIISampler

        seeds = self.ask_seed(number), self.ask_seed(number, "mutation")
        return NSGAIISampler(self.study.distributions, self.population_size, seeds, self._parents)

    def attributes(self, trial: FrozenTrial) -> dict[str, object]:
        """The generation, and its parents: which these are depends on what was told when the generation began."""
        generation = trial.system_attrs.get(GENERATION_KEY, 0)
        return {**super().attributes(trial), "parents": list(self._parents.get(generation, ()))}

    def restored(self, attributes: Mapping[str, object]) -> dict[str, object]:
        """Takes up the parents; a trial without a generation joins the first, or it could never be a parent."""
        system = {GENERATION_KEY: 0, **super().restored(attributes)}
        parents, generation = attributes.get("parents"), system[GENERATION_KEY]
        if parents and isinstance(parents, Sequence) and isinstance(generation, int):
            self._parents.setdefault(generation, tuple(int(number) for number in parents))
        return system
