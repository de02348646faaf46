"""What a tuner is told, and in which order.

Losses at different rungs are not comparable, and a tuner knows of no rungs. So of trials that are told together none
of a shorter training, or of one on fewer seeds, is told a better value than the worst of the longer ones: who went on
was preferred to those who did not, and the tuner is told so. On the recorded landscapes (`benchmarks.landscapes`) this
was as good as telling raw losses with `tpe`, and better with `gp` where rungs add seeds alone. What a configuration
fixes by itself (`parameters`, say) is told as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from autorl.errors import InvalidInput
from autorl.records import Trial
from autorl.study.resolved import ResolvedStudy
from autorl.study.selection import reached
from autorl.tuners import Outcome

__all__ = ["Telling", "known_in_advance", "penalty"]


def penalty(complete: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """What a failure is told with: per column worst + max(range, 0.1 |worst|, 1e-6) over complete trials.

    Args:
        complete: Losses, then violations of the complete trials told so far, shape (n, objectives + constraints), at
            least one row.
    """
    table = np.asarray(complete, dtype=np.float64)
    worst = table.max(axis=0)
    with np.errstate(over="ignore"):  # the largest float is a penalty too
        spread = worst - table.min(axis=0)
        told = worst + np.maximum(np.maximum(spread, 0.1 * np.abs(worst)), 1e-6)
    return tuple(float(number) for number in np.minimum(told, np.finfo(np.float64).max))


def known_in_advance(study: ResolvedStudy, trial: Trial) -> list[float | None]:
    """Per objective the loss, then per constraint the violation that a configuration fixes before training, or None."""
    try:
        algorithm = study.algorithm.configure(study.full(trial.configuration))
        plan = algorithm.plan(study.environment.spaces(), study.description.budget.env_steps)
    except InvalidInput:  # the algorithm cannot run it, so there is nothing to know
        return [None] * (len(study.criteria) + len(study.constraints))
    measures = [(one.metric, one.loss) for one in study.criteria]
    measures += [(one.metric, one.violation) for one in study.constraints]
    known = [(measure, metric.known(plan)) for metric, measure in measures]
    return [None if value is None else measure(value) for measure, value in known]


class Telling:
    """Turns trials that are done into outcomes: complete ones first, then failures with a finite penalty.

    Complete ones are told values that compare (see the module), and penalties are derived from these.
    While no trial is complete there is nothing to derive a penalty from, so failures wait, pending for the tuner.

    Args:
        known: Per objective the loss, then per constraint the violation that a failed trial's configuration fixes by
            itself (`parameters`, say), or None.
    """

    def __init__(self, known: Callable[[Trial], Sequence[float | None]]) -> None:
        self._known = known
        self._complete: list[tuple[float, ...]] = []
        self._waiting: list[Trial] = []
        self._objectives = 0

    def outcomes(self, trials: Sequence[Trial]) -> list[Outcome]:
        """What to tell now that these trials are done, in order."""
        ordered = sorted(trials, key=lambda trial: trial.number)
        complete = [trial for trial in ordered if trial.complete]
        self._waiting += [trial for trial in ordered if not trial.complete]
        told: list[Outcome] = []
        for trial, row in zip(complete, self._comparable(complete), strict=True):
            self._complete.append(row)
            self._objectives = len(trial.losses or ())
            told.append(Outcome(trial.number, row[: self._objectives], violations=row[self._objectives :]))
        if not self._complete or not self._waiting:
            return told
        penalties = penalty(self._complete)
        for trial in sorted(self._waiting, key=lambda trial: trial.number):
            known = self._known(trial)
            merged = tuple(worst if own is None else own for worst, own in zip(penalties, known, strict=True))
            losses, violations = merged[: self._objectives], merged[self._objectives :]
            told.append(Outcome(trial.number, losses, complete=False, violations=violations))
        self._waiting = []
        return told

    def _comparable(self, complete: Sequence[Trial]) -> list[tuple[float, ...]]:
        """Losses, then violations of complete trials, of those less far no better than of those further."""
        rows: dict[int, tuple[float, ...]] = {}
        worst: list[float] = []  # of the longer trainings, per column
        for length in sorted(set(map(reached, complete)), reverse=True):
            for trial in complete:
                if reached(trial) == length:
                    rows[trial.number] = self._at_least(worst, trial)
            worst = [max(column) for column in zip(*rows.values(), strict=True)]
        return [rows[trial.number] for trial in complete]

    def _at_least(self, worst: Sequence[float], trial: Trial) -> tuple[float, ...]:
        own = (*(trial.losses or ()), *trial.violations)
        if not worst:
            return own
        known = self._known(trial)
        columns = zip(own, worst, known, strict=True)
        return tuple(max(value, bound) if fixed is None else value for value, bound, fixed in columns)
