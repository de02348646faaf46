"""Optuna's evolutionary samplers as the tuners use them: one object an ask, restored from plain data.

Parents and the state of CMA-ES are functions of which trials were told when a generation began.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from autorl.tuners._optuna import (
    BaseDistribution,
    BaseGASampler,
    CategoricalDistribution,
    FrozenTrial,
    LazyRandomState,
    RandomSampler,
    SearchSpaceTransform,
    Study,
    optuna,
    quiet,
)
from autorl.tuners._optuna_samplers import Space, relative

__all__ = ["CmaEsSampler", "NSGAIIISampler", "NSGAIISampler", "Replaying"]

CROSSOVER_ETA, MUTATION_ETA = 2.0, 20.0
"""Distribution indices of crossover and mutation; smaller is wider."""


def _operators() -> dict[str, Any]:
    """How children are made; the stock samplers redraw every number they mutate, so on a line they draw at random."""
    operators = optuna.samplers.nsgaii
    return {
        "crossover": operators.SBXCrossover(eta=CROSSOVER_ETA),
        "mutation": operators.PolynomialMutation(MUTATION_ETA),
    }


class _KeptParents(BaseGASampler):
    """A genetic sampler whose parents come in the order of trial numbers and are kept by the caller.

    The stock samplers keep them in their study, in the order of selection at first and by number later, so that a
    rebuilt study bred other children. They also draw crossovers and new labels from two generators of one seed. Built
    anew for each ask these stay in step: the first number a label is drawn by is the one that chose the crossover.
    """

    def _keep(self, space: Space, mutation_seed: int, parents: dict[int, tuple[int, ...]]) -> None:
        self._random_sampler = RandomSampler(seed=mutation_seed)
        self._space = relative(space)
        self._parents = parents

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """What is bred from parents."""
        return self._space

    def select_parent(self, study: Study, generation: int) -> list[FrozenTrial]:
        """The elite of the generation before and of its parents, by number."""
        elite = super().select_parent(study, generation)  # type: ignore[safe-super]  # of the sampler mixed in after
        return sorted(elite, key=lambda trial: trial.number)

    def get_parent_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        """The parents of a generation, by number; the first has none."""
        if generation == 0:
            return []
        if generation not in self._parents:
            self._parents[generation] = tuple(trial.number for trial in self.select_parent(study, generation))
        trials = study.get_trials(deepcopy=False)
        return [trials[number] for number in self._parents[generation]]


class NSGAIISampler(_KeptParents, optuna.samplers.NSGAIISampler):  # Optuna prefixes its attributes with the name
    """NSGA-II.

    Args:
        space: Every distribution of the study.
        population_size: Trials of a generation.
        seeds: One for crossover and one for drawing coordinates, each in [0, 2**32).
        parents: Generation -> places of its parents, filled in when the first trial of a generation is asked.
    """

    def __init__(
        self, space: Space, population_size: int, seeds: tuple[int, int], parents: dict[int, tuple[int, ...]]
    ) -> None:
        with quiet():
            optuna.samplers.NSGAIISampler.__init__(self, population_size=population_size, seed=seeds[0], **_operators())
        self._keep(space, seeds[1], parents)


class NSGAIIISampler(_KeptParents, optuna.samplers.NSGAIIISampler):  # Optuna prefixes its attributes with the name
    """NSGA-III.

    Args:
        space: Every distribution of the study.
        population_size: Trials of a generation.
        divisions: Of each axis between the reference points.
        seeds: One for selection and crossover and one for drawing coordinates, each in [0, 2**32).
        parents: Generation -> places of its parents, filled in when the first trial of a generation is asked.
    """

    def __init__(
        self,
        space: Space,
        population_size: int,
        divisions: int,
        seeds: tuple[int, int],
        parents: dict[int, tuple[int, ...]],
    ) -> None:
        with quiet():
            optuna.samplers.NSGAIIISampler.__init__(
                self, population_size=population_size, seed=seeds[0], dividing_parameter=divisions, **_operators()
            )
        self._keep(space, seeds[1], parents)


class Replaying(optuna.samplers.CmaEsSampler):
    """CMA-ES that computes its state again where Optuna's reads it from a pickle in a trial's attributes.

    A trial that begins a generation names the trials the optimiser was told for it, and the trial that began the one
    before. The state is a function of these. Equal to Optuna's sampler, bit by bit.
    """

    _memory: dict[int, Any]
    """Place of a trial -> the optimiser as it stood when that trial was asked; a cache."""

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As Optuna's."""
        self._study, self._searched = study, search_space
        return super().sample_relative(study, trial, search_space)

    def _restore_optimizer(self, completed_trials: list[FrozenTrial]) -> Any:
        self._before = next((one.number for one in reversed(completed_trials) if self._key in one.system_attrs), None)
        if self._before is None:
            return None
        optimizer = copy.deepcopy(self._optimizer(self._before))
        self._size = optimizer.population_size
        return optimizer

    def _init_optimizer(self, *arguments: Any) -> Any:
        optimizer = super()._init_optimizer(*arguments)
        self._size = optimizer.population_size
        return optimizer

    def _get_solution_trials(self, trials: list[FrozenTrial], generation: int) -> list[FrozenTrial]:
        found = super()._get_solution_trials(trials, generation)
        self._told = [trial.number for trial in found[: self._size]]
        return found

    def _split_optimizer_str(self, optimizer_str: str) -> dict[str, Any]:
        """What is stored of the optimiser in the place of its pickle."""
        return {self._key: {"before": self._before, "told": self._told}}

    @property
    def _key(self) -> str:
        return f"{self._attr_prefix}solutions"

    def _optimizer(self, place: int) -> Any:
        """The optimiser as it stood when a trial that began a generation was asked."""
        trials = self._study.get_trials(deepcopy=False)
        missing: list[int] = []
        ancestor: int | None = place
        while ancestor is not None and ancestor not in self._memory:
            missing.append(ancestor)
            ancestor = trials[ancestor].system_attrs[self._key]["before"]
        transform = SearchSpaceTransform(self._searched, transform_step=not self._with_margin, transform_0_1=True)
        optimizer = self._first(transform) if ancestor is None else self._memory[ancestor]
        for number in reversed(missing):
            optimizer = copy.deepcopy(optimizer)
            told = [trials[one] for one in trials[number].system_attrs[self._key]["told"]]
            optimizer.tell([(self._solution(one, transform), one.value) for one in told])
            self._memory[number] = optimizer
        return optimizer

    def _first(self, transform: SearchSpaceTransform) -> Any:
        """The optimiser before the first generation; what it draws is not missing from this ask's generator."""
        kept, self._cma_rng = self._cma_rng, LazyRandomState(0)
        try:
            return super()._init_optimizer(transform, self._study.direction)
        finally:
            self._cma_rng = kept

    def _solution(self, trial: FrozenTrial, transform: SearchSpaceTransform) -> Any:
        if self._with_margin:
            return np.array(trial.system_attrs["x_for_tell"])
        return transform.transform(trial.params)


class CmaEsSampler(Replaying):
    """CMA-ES over the numbers and ordered choices; unordered choices are drawn uniformly.

    Args:
        space: Every distribution of the study.
        population_size: Trials of a generation; None for 4 + floor(3 ln dimensions).
        seeds: One for the normal draws and one for the uniform ones, each in [0, 2**32).
        memory: Optimisers computed before, filled in.
    """

    def __init__(
        self, space: Space, population_size: int | None, seeds: tuple[int, int], memory: dict[int, Any]
    ) -> None:
        super().__init__(
            popsize=population_size,
            seed=seeds[0],
            independent_sampler=RandomSampler(seed=seeds[1]),
            warn_independent_sampling=False,
        )
        self._memory = memory
        self._space = {
            name: one for name, one in relative(space).items() if not isinstance(one, CategoricalDistribution)
        }

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """What is drawn from the normal distribution."""
        return self._space
