"""Numbers over seeds: an aggregate, the interval around it, and how it was made.

A mean over fewer than 20 seeds carries a Student's t interval. Any other aggregate, and a mean over 20 seeds or
more, carries a percentile bootstrap (Efron 1979). Both cover 95 % only where their assumptions hold: with two-peaked
returns and 5 seeds a t interval covered 64 %, so that results of fewer than 10 seeds carry a warning.

A bootstrap draws from a stream of its own, over the sorted values: the same values give the same interval, in
whatever order the seeds stand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autorl.errors import InvalidInput
from autorl.records import FloatArray
from autorl.seeds import stream

__all__ = ["Difference", "Estimate", "difference", "estimate", "iqm", "stratified_bootstrap", "student_half_width"]

CONFIDENCE = 0.95
BOOTSTRAP_FROM = 20
"""Seeds from which on a mean is bootstrapped."""
WARN_BELOW = 10
MEAN_RESAMPLES = 10_000
OTHER_RESAMPLES = 2_000
"""Fewer where the aggregate is a Python call per resample; its Monte Carlo error stays well below the interval."""
_TAIL = (1 - CONFIDENCE) / 2


@dataclass(frozen=True)
class Estimate:
    """An aggregate over seeds with its 95 % interval.

    Attributes:
        mean: The aggregate: the mean, or what the metric aggregates by.
        low: Lower end of the interval; nan if there is none.
        high: Upper end of the interval; nan if there is none.
        per_seed: The values, one per seed, in the order of the seeds.
        n: How many seeds.
        method: "Student's t", "percentile bootstrap (R resamples)" or "none".
        warning: What a reader must know before trusting the interval, or None.
    """

    mean: float
    low: float
    high: float
    per_seed: tuple[float, ...]
    n: int
    method: str
    warning: str | None


@dataclass(frozen=True)
class Difference:
    """A difference of two aggregates with its 95 % interval.

    Attributes:
        mean: Ours minus theirs: of the means, or of what the metric aggregates by.
        low: Lower end of the two-sided interval, so the true difference lies below it in 2.5 % of cases; or nan.
        high: Upper end of the interval; nan if there is none.
        n: How many values on either side.
        method: "Welch's t", "percentile bootstrap (R resamples)" or "none".
    """

    mean: float
    low: float
    high: float
    n: tuple[int, int]
    method: str


def iqm(values: Sequence[float] | FloatArray) -> float:
    """Interquartile mean: the mean without the lowest and the highest quarter (`scipy.stats.trim_mean(values, 0.25)`).

    A quarter is rounded down to whole values, so that fewer than four values give their mean (Agarwal et al. 2021).

    Args:
        values: At least one.

    Raises:
        InvalidInput: If there is none.
    """
    ordered = np.sort(_values(values))
    cut = len(ordered) // 4
    return float(np.mean(ordered[cut : len(ordered) - cut]))


def estimate(
    values: Sequence[float], over_seeds: Callable[[Sequence[float]], float], *, is_mean: bool, seed: int
) -> Estimate:
    """Aggregates values over seeds and puts a 95 % interval around the result.

    One value carries no interval, and neither do values of which one is not finite: both say so in the warning.

    Args:
        values: One per seed, at least one.
        over_seeds: The aggregate; must not depend on the order of the values.
        is_mean: Whether the aggregate is the mean.
        seed: Of the bootstrap's stream.

    Raises:
        InvalidInput: If there are no values.
    """
    array = _values(values)
    per_seed = tuple(array.tolist())
    n = len(per_seed)
    with np.errstate(invalid="ignore"):  # infinite values of both signs: the result is nan, and the warning says why
        centre = float(over_seeds(per_seed))
    nan = math.nan
    if bad := n - int(np.isfinite(array).sum()):
        return Estimate(centre, nan, nan, per_seed, n, "none", f"{bad} of {n} values not finite: no interval")
    if n == 1:
        return Estimate(centre, nan, nan, per_seed, n, "none", "a single seed: no interval")
    if is_mean and n < BOOTSTRAP_FROM:
        half = student_half_width(per_seed)
        low, high, method = centre - half, centre + half, "Student's t"
    else:
        resamples = MEAN_RESAMPLES if is_mean else OTHER_RESAMPLES

        def aggregate(drawn: tuple[FloatArray, ...]) -> FloatArray:
            if is_mean:
                means: FloatArray = drawn[0].mean(axis=1)
                return means
            return np.array([over_seeds(row) for row in drawn[0].tolist()])

        low, high = stratified_bootstrap([array], aggregate, resamples=resamples, seed=seed)
        if math.isnan(low):
            return Estimate(centre, nan, nan, per_seed, n, "none", "the aggregate is undefined for some resamples")
        method = f"percentile bootstrap ({resamples} resamples)"
    few = f"only {n} seeds: the interval may cover far less than 95 %" if n < WARN_BELOW else None
    return Estimate(centre, low, high, per_seed, n, method, few)


def difference(
    ours: Sequence[float],
    theirs: Sequence[float],
    over_seeds: Callable[[Sequence[float]], float] | None = None,
    *,
    seed: int,
) -> Difference:
    """How far our aggregate lies above theirs, for two independent samples, with a 95 % interval.

    For means Welch's t (unequal variances, Welch 1947) where either side has fewer than 20 values; otherwise a
    percentile bootstrap that resamples each side on its own. A side of one value, or one that is not finite, leaves no
    interval.

    Args:
        ours: At least one value.
        theirs: At least one value.
        over_seeds: The aggregate; must not depend on the order of the values. None is the mean.
        seed: Of the bootstrap's stream.

    Raises:
        InvalidInput: If either side has no values.
    """
    first, second = _values(ours), _values(theirs)
    sizes = (len(first), len(second))
    with np.errstate(invalid="ignore"):
        centre = float(first.mean() - second.mean()) if over_seeds is None else over_seeds(ours) - over_seeds(theirs)
    if min(sizes) == 1 or not (np.isfinite(first).all() and np.isfinite(second).all()):
        return Difference(centre, math.nan, math.nan, sizes, "none")
    if over_seeds is not None or min(sizes) >= BOOTSTRAP_FROM:
        resamples = MEAN_RESAMPLES if over_seeds is None else OTHER_RESAMPLES

        def aggregate(drawn: tuple[FloatArray, ...]) -> FloatArray:
            sides = [
                side.mean(axis=1) if over_seeds is None else np.array([over_seeds(row) for row in side.tolist()])
                for side in drawn
            ]
            apart: FloatArray = sides[0] - sides[1]
            return apart

        low, high = stratified_bootstrap([first, second], aggregate, resamples=resamples, seed=seed)
        method = "none" if math.isnan(low) else f"percentile bootstrap ({resamples} resamples)"
        return Difference(centre, low, high, sizes, method)
    parts = [_spread(side) ** 2 / len(side) for side in (first, second)]
    total = sum(parts)
    if total == 0:
        return Difference(centre, centre, centre, sizes, "Welch's t")
    freedom = 1 / sum((part / total) ** 2 / (size - 1) for part, size in zip(parts, sizes, strict=True))
    half = _t_quantile(freedom) * math.sqrt(total)
    return Difference(centre, centre - half, centre + half, sizes, "Welch's t")


def stratified_bootstrap(
    samples: Sequence[FloatArray],
    aggregate: Callable[[tuple[FloatArray, ...]], FloatArray],
    *,
    resamples: int,
    seed: int,
    tail: float = _TAIL,
) -> tuple[float, float]:
    """The ends of a percentile interval, resampling within each sample.

    Args:
        samples: One array per stratum (task, side of a comparison), shape (n_t,).
        aggregate: Takes one array of shape (resamples, n_t) per stratum, gives one number per resample.
        resamples: How many.
        seed: Of the stream drawn from; sample t uses its index t.
        tail: Probability left out at each end; the interval has 95 % if it is not given.

    Returns:
        The quantiles `tail` and `1 - tail`; both nan if the aggregate is not finite for some resample.
    """
    drawn = []
    for index, sample in enumerate(samples):
        rows = stream(seed, "bootstrap", index=index).integers(0, len(sample), size=(resamples, len(sample)))
        drawn.append(np.sort(sample)[rows])
    numbers = aggregate(tuple(drawn))
    if not np.isfinite(numbers).all():
        return math.nan, math.nan
    low, high = np.quantile(numbers, [tail, 1 - tail])
    return float(low), float(high)


def student_half_width(values: Sequence[float], *, tail: float = _TAIL) -> float:
    """Half the width of the Student's t interval of the mean.

    Args:
        values: At least two, finite.
        tail: Probability left out at each end; the interval has 95 % if it is not given.

    Raises:
        InvalidInput: If there are fewer than two values.
    """
    array = _values(values)
    if len(array) < 2:
        raise InvalidInput(f"values {array.tolist()} received; an interval of the mean needs at least two")
    return _t_quantile(len(array) - 1, tail) * _spread(array) / math.sqrt(len(array))


def _values(values: npt.ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise InvalidInput(f"values of shape {array.shape} received; at least one value per seed is needed")
    return array


def _spread(values: FloatArray) -> float:
    """Sample standard deviation, exactly 0 for equal values (their mean may be off by a rounding)."""
    return 0.0 if values.min() == values.max() else float(values.std(ddof=1))


def _t_quantile(freedom: float, tail: float = _TAIL) -> float:
    from scipy.special import stdtrit  # a third of the time that loading scipy.stats takes

    return float(stdtrit(freedom, 1 - tail))
