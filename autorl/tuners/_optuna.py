"""Optuna behind a few calls: the one file that imports it. Its modules load when a tuner of Optuna's is first built."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import optuna
from optuna._transform import _SearchSpaceTransform as SearchSpaceTransform
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.distributions import _get_single_value as get_single_value
from optuna.samplers import BaseGASampler, BaseSampler, BruteForceSampler, CmaEsSampler, GridSampler, RandomSampler
from optuna.samplers._gp import sampler as _gp
from optuna.samplers._lazy_random_state import LazyRandomState
from optuna.samplers._tpe.sampler import _split_trials as split_trials
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from autorl.metrics import Direction
from autorl.space import SearchSpace

__all__ = [
    "BaseDistribution",
    "BaseGASampler",
    "BaseSampler",
    "BruteForceSampler",
    "CategoricalDistribution",
    "CmaEsSampler",
    "FloatDistribution",
    "FrozenTrial",
    "GridSampler",
    "IntDistribution",
    "LazyRandomState",
    "OptunaStudy",
    "RandomSampler",
    "SearchSpaceTransform",
    "StorageError",
    "Study",
    "TrialState",
    "acquisitions",
    "create_trial",
    "distributions",
    "get_single_value",
    "optuna",
    "quiet",
    "replace_study",
    "split_trials",
]

acquisitions = _gp.acqf_module  # type: ignore[attr-defined]  # loads, and torch with it, when first looked into


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
    with quiet():
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
def quiet() -> Iterator[None]:
    """That a study was made, or that a sampler is called experimental, is news to Optuna's own users only."""
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
        with quiet():
            self._study = optuna.create_study(
                directions=["minimize"] * objectives,
                storage=optuna.storages.InMemoryStorage(),
                sampler=RandomSampler(seed=0),  # every ask brings its own; left out, one would seed itself
            )

    @property
    def attributes(self) -> Mapping[str, object]:
        """What samplers keep in the study rather than in a trial."""
        return self._study._storage.get_study_system_attrs(self._study._study_id)

    def set_attributes(self, attributes: Mapping[str, object]) -> None:
        """Puts back what `attributes` gave."""
        for key, value in attributes.items():
            self._study._storage.set_study_system_attr(self._study._study_id, key, value)  # type: ignore[arg-type]  # JSON

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

    def tell(
        self,
        place: int,
        losses: Sequence[float],
        violations: Sequence[float] = (),
        sampler: BaseSampler | None = None,
    ) -> None:
        """Ends a running trial as complete.

        Args:
            place: Of the trial.
            losses: One per objective, finite.
            violations: One per constraint, finite, at most 0 where it holds.
            sampler: Is shown the end of the trial; None if it would not look.
        """
        for index, violation in enumerate(violations):  # as `Trial.set_constraint` does, which needs the object asked
            self._study._storage.set_trial_system_attr(place, f"constraints:{index}", float(violation))
        values = [float(loss) for loss in losses]
        if sampler is None:  # without a look at the trial, which `Study.tell` copies for it several times
            self._study._storage.set_trial_state_values(place, TrialState.COMPLETE, values)
        else:
            self._study.sampler = sampler
            self._study.tell(place, values, state=TrialState.COMPLETE)
