"""From outcomes to numbers with intervals.

Intervals are 95 % percentile bootstraps of 10,000 resamples. A ratio divides two means over landscapes and repetitions,
the method's and random search's, over the same landscapes and repetitions. Stratified: repetitions are resampled
within each landscape, the same ones on both sides, since they are paired. Hierarchical: landscapes are resampled
first; this is the interval for a landscape that is not among the recorded ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autorl.records import FloatArray
from autorl.seeds import stream

__all__ = ["Figures", "Interval", "Sample", "figures", "mean_interval", "ratio_interval"]

RESAMPLES = 10_000
_ENDS = (0.025, 0.975)


@dataclass(frozen=True)
class Interval:
    """A number and the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True, eq=False)
class Sample:
    """What one method came to.

    Attributes:
        landscapes: Names of those it can search.
        regret: Shape (landscapes, repetitions), like all that follow.
        unseen_regret: Against the mean over the unseen half of the seeds.
        optimism: nan where there was no winner.
        failures: Share of configurations that diverged.
        trials: Configurations trained.
        seconds_per_ask: Wall time.
    """

    landscapes: tuple[str, ...]
    regret: FloatArray
    unseen_regret: FloatArray
    optimism: FloatArray
    failures: FloatArray
    trials: FloatArray
    seconds_per_ask: FloatArray


@dataclass(frozen=True)
class Figures:
    """A method's line in the table.

    Attributes:
        landscapes: How many it can search.
        repetitions: Of each.
        regret: Mean, stratified.
        unseen_regret: Mean.
        optimism: Mean, stratified.
        ratio: Of mean regrets to random search, stratified.
        ratio_anywhere: The same, hierarchical.
        wins: Landscapes with a lower mean regret than random search's.
        losses: Landscapes with a higher one.
        failures: Share of configurations that diverged.
        trials: Mean number of configurations trained.
        seconds_per_ask: Wall time, median over studies.
    """

    landscapes: int
    repetitions: int
    regret: Interval
    unseen_regret: float
    optimism: Interval
    ratio: Interval
    ratio_anywhere: Interval
    wins: int
    losses: int
    failures: float
    trials: float
    seconds_per_ask: float


def figures(ours: Sample, baseline: Sample) -> Figures:
    """One method beside the baseline, which has at least its landscapes and repetitions."""
    rows = [baseline.landscapes.index(name) for name in ours.landscapes]
    repetitions = ours.regret.shape[1]
    theirs = baseline.regret[rows, :repetitions]
    difference = ours.regret.mean(axis=1) - theirs.mean(axis=1)
    return Figures(
        landscapes=len(ours.landscapes),
        repetitions=repetitions,
        regret=mean_interval(ours.regret),
        unseen_regret=float(ours.unseen_regret.mean()),
        optimism=mean_interval(ours.optimism),
        ratio=ratio_interval(ours.regret, theirs, landscapes=False),
        ratio_anywhere=ratio_interval(ours.regret, theirs, landscapes=True),
        wins=int((difference < 0).sum()),
        losses=int((difference > 0).sum()),
        failures=float(ours.failures.mean()),
        trials=float(ours.trials.mean()),
        seconds_per_ask=float(np.median(ours.seconds_per_ask)),
    )


def mean_interval(values: FloatArray) -> Interval:
    """The mean over landscapes of means over repetitions, stratified.

    Args:
        values: Shape (landscapes, repetitions); nan is left out.
    """
    return _interval(lambda pick: _means(values, pick).mean(axis=-1), values.shape, landscapes=False)


def ratio_interval(ours: FloatArray, theirs: FloatArray, *, landscapes: bool) -> Interval:
    """Our mean as a share of theirs.

    Args:
        ours: Shape (landscapes, repetitions).
        theirs: The same shape, of the same landscapes and repetitions.
        landscapes: Whether landscapes are resampled too.
    """
    return _interval(
        lambda pick: _means(ours, pick).mean(axis=-1) / _means(theirs, pick).mean(axis=-1),
        ours.shape,
        landscapes=landscapes,
    )


Pick = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Rows and columns, broadcast to (..., landscapes, repetitions)."""


def _means(values: FloatArray, pick: Pick) -> FloatArray:
    picked = values[pick]
    known = ~np.isnan(picked)
    means: FloatArray = np.where(known, picked, 0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)
    return means


def _interval(statistic: Callable[[Pick], FloatArray], shape: tuple[int, ...], *, landscapes: bool) -> Interval:
    """A statistic of the whole table, and its quantiles over resampled ones."""
    rows, columns = np.arange(shape[0])[:, np.newaxis], np.arange(shape[1])
    value = float(statistic((rows, columns)))
    generator = stream(0, "landscape bootstrap")
    drawn_columns = generator.integers(shape[1], size=(RESAMPLES, *shape))
    drawn_rows = generator.integers(shape[0], size=(RESAMPLES, shape[0], 1)) if landscapes else rows
    low, high = np.quantile(statistic((drawn_rows, drawn_columns)), _ENDS)
    return Interval(value, float(low), float(high))
