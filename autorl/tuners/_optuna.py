"""Optuna behind a few calls: the one file that imports it. Its modules load when a tuner of Optuna's is first built.

Samplers are subclassed for two reasons. The search space is known, so none is inferred from all past trials at every
ask. And NSGA-II, as it stands, cannot be rebuilt in the middle of a study.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from autorl.space import SearchSpace

__all__ = [
    "BaseSampler",
    "FrozenTrial",
    "NSGAIISampler",
    "OptunaStudy",
    "RandomSampler",
    "TPESampler",
    "distributions",
]


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """One fixed distribution per coordinate, in space order."""
    found: dict[str, BaseDistribution] = {}
    for coordinate in space.coordinates:
        if coordinate.kind == "unit":
            found[coordinate.name] = FloatDistribution(0.0, 1.0)
        elif coordinate.kind == "index":
            found[coordinate.name] = IntDistribution(0, coordinate.size - 1)
        else:
            found[coordinate.name] = CategoricalDistribution(coordinate.labels)
    return found


class OptunaStudy:
    """One in-memory study over a fixed space; a trial is known by its place in the order of appending.

    Args:
        space: What to search.
        objectives: Number of losses, all minimised.
    """

    def __init__(self, space: SearchSpace, objectives: int) -> None:
        self.distributions = distributions(space)
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # that a study was made is news to Optuna's own users only
        try:
            self._study = optuna.create_study(
                directions=["minimize"] * objectives,
                storage=optuna.storages.InMemoryStorage(),
                sampler=RandomSampler(seed=0),  # replaced at every ask; left out, it would seed itself
            )
        finally:
            optuna.logging.set_verbosity(verbosity)

    def ask(self, sampler: BaseSampler) -> FrozenTrial:
        """Appends a trial of the sampler's choice, running."""
        self._study.sampler = sampler
        self._study.ask(fixed_distributions=self.distributions)
        return self._study.get_trials(deepcopy=False)[-1]

    def add(self, vector: Mapping[str, object], system_attributes: Mapping[str, object]) -> None:
        """Appends a trial from elsewhere, running."""
        self._study.add_trial(
            create_trial(
                state=TrialState.RUNNING,
                params=dict(vector),
                distributions=self.distributions,
                system_attrs=dict(system_attributes),
            )
        )

    def tell(self, place: int, losses: Sequence[float]) -> None:
        """Ends a running trial as complete."""
        self._study.tell(place, [float(loss) for loss in losses], state=TrialState.COMPLETE)


def _relative(space: Mapping[str, BaseDistribution]) -> dict[str, BaseDistribution]:
    return {name: distribution for name, distribution in space.items() if not distribution.single()}


class TPESampler(optuna.samplers.TPESampler):
    """TPE at Optuna's defaults, the two that changed with its version 5 written out.

    Args:
        space: Every distribution of the study.
        objectives: With one the estimator is joint over all coordinates, with several it takes one at a time.
        n_startup_trials: Trials to finish before the first that is not drawn at random.
        seed: In [0, 2**32).
    """

    def __init__(
        self, space: Mapping[str, BaseDistribution], objectives: int, n_startup_trials: int, seed: int
    ) -> None:
        joint = objectives == 1
        super().__init__(n_startup_trials=n_startup_trials, seed=seed, multivariate=joint, constant_liar=True)
        self._space = _relative(space) if joint else {}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """What is sampled jointly."""
        return self._space


class NSGAIISampler(optuna.samplers.NSGAIISampler):  # the name matters: Optuna prefixes its attributes with it
    """NSGA-II whose parents come in the order of trial numbers and are kept by the caller.

    The stock sampler keeps them in its study, in the order of selection at first and by number later, so that a rebuilt
    study bred other children. It also draws crossover and mutation from two generators of one seed. Built anew for each
    ask these stay in step: the first mutated coordinate of a child of two parents is then the number that, being below
    0.9, chose the crossover, and never lies above.

    Args:
        space: Every distribution of the study.
        population_size: Trials of a generation.
        seeds: One for crossover and one for drawing coordinates, each in [0, 2**32).
        parents: Generation -> places of its parents, filled in when the first trial of a generation is asked.
    """

    def __init__(
        self,
        space: Mapping[str, BaseDistribution],
        population_size: int,
        seeds: tuple[int, int],
        parents: dict[int, tuple[int, ...]],
    ) -> None:
        super().__init__(population_size=population_size, seed=seeds[0])
        self._random_sampler = RandomSampler(seed=seeds[1])
        self._space = _relative(space)
        self._parents = parents

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """What is bred from parents."""
        return self._space

    def select_parent(self, study: Study, generation: int) -> list[FrozenTrial]:
        """The elite of the generation before and of its parents, by number."""
        return sorted(super().select_parent(study, generation), key=lambda trial: trial.number)

    def get_parent_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        """The parents of a generation, by number; the first has none."""
        if generation == 0:
            return []
        if generation not in self._parents:
            self._parents[generation] = tuple(trial.number for trial in self.select_parent(study, generation))
        trials = study.get_trials(deepcopy=False)
        return [trials[number] for number in self._parents[generation]]
