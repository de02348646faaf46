"""A study as Optuna's tables, for those who look at it with Optuna's tools; nothing is ever read back from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autorl.errors import InvalidInput
from autorl.metrics import Direction
from autorl.records import Status, Trial
from autorl.space import Categorical, Float, Hyperparameter, Int, SearchSpace

if TYPE_CHECKING:
    from autorl.tuners._optuna import BaseDistribution

__all__ = ["mirror", "natural_distribution"]

MARK = "mirrored by"
"""The user attribute that tells a mirror from a study of somebody's own."""


def mirror(
    name: str,
    space: SearchSpace,
    directions: Mapping[str, Direction],
    trials: Sequence[Trial],
    values: Sequence[Mapping[str, float]],
    storage: str,
    rules: Sequence[str] = (),
) -> int:
    """Writes finished trials as an Optuna study; a mirror made before is replaced.

    Hyperparameters carry their natural values and ranges, objectives their natural sign, and complete trials their
    violations as constraints, so that Optuna's `best_trials` are feasible ones.

    Args:
        name: The study's name.
        space: What was searched.
        directions: Objective label -> "maximize" or "minimize", in the study's order.
        trials: What was tried.
        values: Per trial the objectives by label; empty unless complete.
        storage: A database URL that Optuna takes.
        rules: The constraints in words, in the order of `Trial.violations`.

    Returns:
        How many trials were written.

    Raises:
        InvalidInput: If the database cannot be opened, or holds a study of that name that is no mirror.
    """
    from autorl.tuners import _optuna

    known = {one.name: natural_distribution(one) for one in space.hyperparameters}
    frozen = []
    for trial, scores in zip(trials, values, strict=True):
        active = {key: value for key, value in trial.configuration.items() if known.get(key) is not None}
        distributions = {key: found for key in active if (found := known[key]) is not None}
        complete = trial.status is Status.COMPLETE
        frozen.append(
            _optuna.create_trial(
                params=active,
                distributions=distributions,
                values=[scores[label] for label in directions] if complete else None,
                state=_optuna.TrialState.COMPLETE if complete else _optuna.TrialState.FAIL,
                constraints=dict(zip(rules, trial.violations, strict=True)) if complete and rules else None,
                user_attrs={"status": trial.status.value, "origin": trial.origin, "reason": trial.reason},
            )
        )
    try:
        _optuna.replace_study(name, storage, list(directions), list(directions.values()), frozen, MARK)
    except _optuna.StorageError as error:
        raise InvalidInput(f"the database {storage!r} cannot be used: {str(error).splitlines()[0]}") from error
    return len(frozen)


def natural_distribution(hyperparameter: Hyperparameter[Any]) -> BaseDistribution | None:
    """A hyperparameter's natural range; None for a constant, which Optuna has no word for."""
    from autorl.tuners import _optuna

    if isinstance(hyperparameter, Float):
        log = hyperparameter.scale == "log"
        return _optuna.FloatDistribution(hyperparameter.lower, hyperparameter.upper, log=log)
    if isinstance(hyperparameter, Int):
        log = hyperparameter.scale in ("log", "pow2") and hyperparameter.lower > 0
        return _optuna.IntDistribution(hyperparameter.lower, hyperparameter.upper, log=log)
    if isinstance(hyperparameter, Categorical):
        return _optuna.CategoricalDistribution(hyperparameter.choices)
    return None
