"""`pb2`: population based training whose explorers ask a bandit, so that a few members are enough.

Source: J. Parker-Holder et al. 2020, Provably efficient online hyperparameter optimization with population-based
bandits (arXiv 2002.02518). A Gaussian process that varies in time models what an interval under some hyperparameters
gains, and a member that copied takes those with the best upper confidence bound. Deviations: those of `pbt`; gains are
standardised within each interval, since the same hyperparameters gain less and less, and then the first interval, with
nothing before it to compare with, counts too; the bound is mean plus root of beta times the standard deviation, where
the authors' code takes the variance. Choices, ordered or not, are explored as `pbt` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from autorl.errors import InvalidInput
from autorl.records import Configuration, FloatArray, Trial
from autorl.schedules.base import Frame
from autorl.schedules.pbt import PBT, Interval
from autorl.space import SearchSpace

__all__ = ["PB2", "gains"]

CLIPPED = 2.0
"""Standardised gains beyond this are as good as this, as in the authors' code."""


class PB2(PBT):
    """Populations that share a bandit; the options are those of `pbt`, the last three for choices alone."""

    name: ClassVar[str] = "pb2"
    summary: ClassVar[str] = "population based training that explores numbers with a time-varying Gaussian process"

    def check(self, frame: Frame) -> None:
        """Refuses several objectives besides what `pbt` refuses."""
        if frame.objectives != 1:
            raise InvalidInput(
                f"schedule {self.name!r} models one gain, and the study has {frame.objectives} objectives; take "
                "'mo_pbt'"
            )
        super().check(frame)

    def changed(
        self, frame: Frame, intervals: Sequence[Interval], sources: Mapping[int, Trial], rung: int
    ) -> dict[int, Configuration]:
        """Explore: choices as `pbt` does, numbers by the bandit, one member after the other."""
        found = super().changed(frame, intervals, sources, rung)
        space = self.space(frame)
        numbers = [coordinate.name for coordinate in space.coordinates if coordinate.kind == "unit"]
        if not numbers or not found:
            return found
        from autorl.schedules._bandit import Bandit  # scikit-learn takes a second to load

        times = [time for time, one in enumerate(intervals) for _ in one.trials]
        rows = [_units(space, trial.configuration, numbers) for one in intervals for trial in one.trials]
        bandit = Bandit(np.column_stack([times, rows]), np.concatenate([gains(one) for one in intervals]))
        for number in sorted(found):
            units = bandit.choose(len(intervals), self.draws(frame, number, rung, "bandit"))
            vector = {**space.encode(found[number]), **dict(zip(numbers, units, strict=True))}
            found[number] = space.decode(vector)
        return found


def gains(interval: Interval) -> FloatArray:
    """By how much each member's loss fell in an interval, standardised over its members, larger is better.

    Whoever did not complete gained as little as the worst one.

    Args:
        interval: Of trials with one loss.

    Returns:
        Shape (members,), in [-2, 2].
    """
    gained = np.full(len(interval.trials), np.nan)
    for row, trial in enumerate(interval.trials):
        begun = interval.begun.get(trial.number)
        before = (0.0,) if begun is None else begun.losses
        if trial.losses is not None and before is not None:
            gained[row] = before[0] - trial.losses[0]
    known = gained[np.isfinite(gained)]
    if not known.size or np.ptp(known) == 0:
        return np.zeros(len(gained))
    gained = np.where(np.isfinite(gained), gained, known.min())
    standard: FloatArray = ((gained - gained.mean()) / gained.std()).clip(-CLIPPED, CLIPPED)
    return standard


def _units(space: SearchSpace, configuration: Configuration, names: Sequence[str]) -> list[float]:
    vector = space.encode(configuration)
    return [float(vector[name]) for name in names]
