"""Optuna behind a few calls: the one file that imports it. Its modules load when a tuner of Optuna's is first built.

Samplers are subclassed for two reasons. The search space is known, so none is inferred from all past trials at every
ask. And NSGA-II, as it stands, cannot be rebuilt in the middle of a study.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from autorl.metrics import Direction
from autorl.space import SearchSpace

__all__ = [
    "BaseDistribution",
    "BaseSampler",
    "CategoricalDistribution",
    "FloatDistribution",
    "FrozenTrial",
    "IntDistribution",
    "NSGAIISampler",
    "OptunaStudy",
    "RandomSampler",
    "StorageError",
    "TPESampler",
    "TrialState",
    "create_trial",
    "distributions",
    "replace_study",
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


class StorageError(Exception):
    """A storage that cannot be opened, or a study in it that must not be replaced."""


def replace_study(
    name: str,
    storage: str,
    metric_names: Sequence[str],
    directions: Sequence[Direction],
    trials: Sequence[FrozenTrial],
    mark: str,
) -> None:
    """Makes a study of these trials in a storage, in place of one that carries the mark.

    Raises:
        StorageError: If the storage cannot be opened, or holds a study of that name without the mark.
    """
    with _quiet():
        try:
            found = optuna.storages.get_storage(storage)
            existing = {one.study_name: one for one in optuna.get_all_study_summaries(storage=found)}
        except Exception as error:  # the storage's own, SQLAlchemy's, or a driver's that is missing
            raise StorageError(str(error)) from error
        if name in existing:
            if mark not in existing[name].user_attrs:
                raise StorageError(f"it holds a study {name!r} that is no mirror, which is left alone")
            optuna.delete_study(study_name=name, storage=found)
        study = optuna.create_study(study_name=name, storage=found, directions=list(directions))
        study.set_user_attr(mark, "autorl")
        study.set_metric_names(list(metric_names))
        study.add_trials(trials)


@contextmanager
def _quiet() -> Iterator[None]:
    """That a study was made is news to Optuna's own users only."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)


class OptunaStudy:
    """One in-memory study over a fixed space; a trial is known by its place in the order of appending.

    Args:
        space: What to search.
        objectives: Number of losses, all minimised.
    """

    def __init__(self, space: SearchSpace, objectives: int) -> None:
        self.distributions = distributions(space)
        with _quiet():
            self._study = optuna.create_study(
                directions=["minimize"] * objectives,
                storage=optuna.storages.InMemoryStorage(),
                sampler=RandomSampler(seed=0),  # replaced at every ask; left out, it would seed itself
            )

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
