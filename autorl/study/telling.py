"""What a tuner is told, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from autorl.errors import InvalidInput
from autorl.records import Status, Trial
from autorl.study.resolved import ResolvedStudy
from autorl.tuners import Outcome

__all__ = ["Telling", "known_losses", "penalty"]


def penalty(complete: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """The losses of a failure: per objective worst + max(range, 0.1 |worst|, 1e-6) over complete trials.

    Args:
        complete: Losses of the complete trials told so far, shape (n, objectives), at least one.
    """
    table = np.asarray(complete, dtype=np.float64)
    worst = table.max(axis=0)
    spread = worst - table.min(axis=0)
    found: list[float] = (worst + np.maximum(np.maximum(spread, 0.1 * np.abs(worst)), 1e-6)).tolist()
    return tuple(found)


def known_losses(study: ResolvedStudy, trial: Trial) -> list[float | None]:
    """Per objective the loss that a trial's configuration fixes before any training, or None."""
    try:
        algorithm = study.algorithm.configure(study.full(trial.configuration))
        plan = algorithm.plan(study.environment.spaces(), study.description.budget.env_steps)
    except InvalidInput:  # the algorithm cannot run it, so there is nothing to know
        return [None] * len(study.criteria)
    known = [(one, one.metric.known(plan)) for one in study.criteria]
    return [None if value is None else one.loss(value) for one, value in known]


class Telling:
    """Turns trials that are done into outcomes: complete ones first, then failures with a finite penalty.

    While no trial is complete there is nothing to derive a penalty from, so failures wait, pending for the tuner.

    Args:
        known: Per objective the loss that a failed trial's configuration fixes by itself (`parameters`, say), or None.
    """

    def __init__(self, known: Callable[[Trial], Sequence[float | None]]) -> None:
        self._known = known
        self._complete: list[tuple[float, ...]] = []
        self._waiting: list[Trial] = []

    def outcomes(self, trials: Sequence[Trial]) -> list[Outcome]:
        """What to tell now that these trials are done, in order."""
        ordered = sorted(trials, key=lambda trial: trial.number)
        told: list[Outcome] = []
        for trial in ordered:
            if trial.status is Status.COMPLETE and trial.losses is not None:
                self._complete.append(trial.losses)
                told.append(Outcome(trial.number, trial.losses))
            else:
                self._waiting.append(trial)
        if not self._complete:
            return []
        losses = penalty(self._complete)
        for trial in sorted(self._waiting, key=lambda trial: trial.number):
            known = self._known(trial)
            merged = tuple(worst if own is None else own for worst, own in zip(losses, known, strict=True))
            told.append(Outcome(trial.number, merged, complete=False))
        self._waiting = []
        return told
