"""Aggregates and intervals: by hand, against SciPy, and by simulation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from autorl.errors import InvalidInput
from autorl.statistics import difference, estimate, iqm, stratified_bootstrap, student_half_width


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _minimum(values: Sequence[float]) -> float:
    return min(values)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_iqm_is_scipys_trimmed_mean(values: list[float]) -> None:
    assert iqm(values) == pytest.approx(scipy.stats.trim_mean(values, 0.25), rel=1e-12, abs=1e-9)


def test_iqm_by_hand() -> None:
    assert iqm([100.0, 1.0, 2.0, 3.0]) == 2.5
    assert iqm([1.0, 2.0, 9.0]) == 4.0
    assert iqm([7.0]) == 7.0


def test_t_interval_by_hand() -> None:
    # mean 3, s = sqrt(2.5), t(4, .975) = 2.7764451: half width 2.7764451 * sqrt(2.5 / 5)
    result = estimate([5.0, 1.0, 2.0, 3.0, 4.0], _mean, is_mean=True, seed=0)
    assert result.mean == 3.0
    assert result.high - 3.0 == pytest.approx(1.9632432, abs=1e-6)
    assert 3.0 - result.low == pytest.approx(1.9632432, abs=1e-6)
    assert (result.per_seed, result.n, result.method) == ((5.0, 1.0, 2.0, 3.0, 4.0), 5, "Student's t")
    assert result.warning is not None
    assert "only 5 seeds" in result.warning


def test_half_width_at_another_level_by_hand() -> None:
    # s = sqrt(2.5), t(4, .99) = 3.7469474
    assert student_half_width([5.0, 1.0, 2.0, 3.0, 4.0], tail=0.01) == pytest.approx(3.7469474 * 0.5**0.5, abs=1e-6)
    assert student_half_width([0.1, 0.1, 0.1]) == 0.0
    with pytest.raises(InvalidInput, match=r"values \[3\.0\] received"):
        student_half_width([3.0])


@pytest.mark.parametrize(
    ("n", "is_mean", "method", "warned"),
    [
        (2, True, "Student's t", True),
        (9, True, "Student's t", True),
        (10, True, "Student's t", False),
        (19, True, "Student's t", False),
        (20, True, "percentile bootstrap (10000 resamples)", False),
        (9, False, "percentile bootstrap (2000 resamples)", True),
        (10, False, "percentile bootstrap (2000 resamples)", False),
    ],
)
def test_which_interval_when(n: int, is_mean: bool, method: str, warned: bool) -> None:
    values = np.random.default_rng(n).normal(size=n).tolist()
    result = estimate(values, _mean, is_mean=is_mean, seed=0)
    assert result.method == method
    assert (result.warning is not None) == warned
    assert result.low < result.mean < result.high


def test_bootstrap_agrees_with_scipy() -> None:
    values = np.random.default_rng(1).exponential(size=30)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=10_000, rng=np.random.default_rng(2)
    ).confidence_interval
    ours = estimate(values.tolist(), _mean, is_mean=True, seed=0)
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.05 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.05 * width)


def test_bootstrap_goes_through_the_aggregate() -> None:
    # Of 12 resamples' minima, the smallest value is the minimum in 1 - (11/12)^12 = .65: low and high are known ranks.
    values = [float(value) for value in range(12)]
    result = estimate(values, _minimum, is_mean=False, seed=0)
    assert result.mean == 0.0
    # P(minimum >= 3) = (9/12)^12 = .032 and P(minimum >= 4) = (8/12)^12 = .008: the 97.5 % quantile is 3.
    assert (result.low, result.high) == (0.0, 3.0)


def test_same_values_same_interval_in_any_order_and_by_seed() -> None:
    values = np.random.default_rng(3).normal(size=25).tolist()
    first = estimate(values, _mean, is_mean=True, seed=7)
    assert estimate(values, _mean, is_mean=True, seed=7) == first
    turned = estimate(values[::-1], _mean, is_mean=True, seed=7)
    assert (turned.low, turned.high) == (first.low, first.high)
    assert estimate(values, _mean, is_mean=True, seed=8).low != first.low


def test_global_random_state_is_neither_read_nor_moved() -> None:
    values = np.random.default_rng(3).normal(size=25).tolist()
    before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002  # the global generator is the point
    first = estimate(values, _mean, is_mean=True, seed=7)
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]  # noqa: NPY002  # the global generator is the point
    np.random.seed(5)  # noqa: NPY002  # the global generator is the point
    assert estimate(values, _mean, is_mean=True, seed=7) == first


def test_one_seed_has_no_interval() -> None:
    result = estimate([4.0], _mean, is_mean=True, seed=0)
    assert (result.mean, result.method, result.n) == (4.0, "none", 1)
    assert math.isnan(result.low)
    assert math.isnan(result.high)
    assert result.warning == "a single seed: no interval"


@pytest.mark.parametrize("n", [3, 12, 40])
@pytest.mark.parametrize("is_mean", [True, False])
def test_equal_values_have_an_interval_without_width(n: int, is_mean: bool) -> None:
    result = estimate([0.1] * n, _mean, is_mean=is_mean, seed=0)
    assert result.low == pytest.approx(0.1, rel=1e-15)
    assert result.low == result.high
    assert result.method != "none"


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_not_finite_leave_no_interval(bad: float) -> None:
    result = estimate([1.0, bad, 2.0, bad], _mean, is_mean=True, seed=0)
    assert result.method == "none"
    assert math.isnan(result.low)
    assert result.warning == "2 of 4 values not finite: no interval"
    assert math.isnan(estimate([math.inf, -math.inf], _mean, is_mean=True, seed=0).mean)


def test_aggregate_undefined_for_a_resample_leaves_no_interval() -> None:
    def undefined(values: Sequence[float]) -> float:
        return math.nan if len(set(values)) < len(values) else 1.0

    result = estimate([1.0, 2.0, 3.0], undefined, is_mean=False, seed=0)
    assert (result.mean, result.method) == (1.0, "none")
    assert result.warning is not None


def test_no_values_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"shape \(0,\)"):
        estimate([], _mean, is_mean=True, seed=0)
    with pytest.raises(InvalidInput, match="at least one value"):
        iqm([])
    with pytest.raises(InvalidInput, match="at least one value"):
        difference([1.0], [], seed=0)


def test_t_interval_covers_normal_means_95_times_in_100() -> None:
    draws = np.random.default_rng(0).normal(3.0, 2.0, size=(4000, 5))
    results = [estimate(row, _mean, is_mean=True, seed=0) for row in draws.tolist()]
    covered = np.mean([result.low <= 3.0 <= result.high for result in results])
    assert abs(covered - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 4000)


def test_bootstrap_covers_normal_means_about_93_times_in_100() -> None:
    # The percentile bootstrap is narrow by sqrt((n - 1) / n): with n = 20 it covers about .93.
    draws = np.random.default_rng(0).normal(size=(300, 20))
    results = [estimate(row, _mean, is_mean=True, seed=number) for number, row in enumerate(draws.tolist())]
    covered = np.mean([result.low <= 0.0 <= result.high for result in results])
    assert 0.87 < covered < 0.98


def test_welch_interval_is_scipys() -> None:
    rng = np.random.default_rng(4)
    ours, theirs = rng.normal(1, 1, size=8), rng.normal(0, 3, size=30)
    expected = scipy.stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    result = difference(ours.tolist(), theirs.tolist(), seed=0)
    assert (result.low, result.high) == pytest.approx((expected.low, expected.high), rel=1e-10)
    assert (result.n, result.method) == ((8, 30), "Welch's t")
    assert result.mean == pytest.approx(ours.mean() - theirs.mean())


def test_difference_of_large_samples_is_bootstrapped_side_by_side() -> None:
    rng = np.random.default_rng(5)
    ours, theirs = rng.normal(1, 1, size=400), rng.normal(0, 2, size=400)
    result = difference(ours.tolist(), theirs.tolist(), seed=0)
    half = 1.96 * math.sqrt(ours.var(ddof=1) / 400 + theirs.var(ddof=1) / 400)
    assert result.method == "percentile bootstrap (10000 resamples)"
    assert result.mean - result.low == pytest.approx(half, rel=0.05)
    assert result.high - result.mean == pytest.approx(half, rel=0.05)
    # Both sides draw from streams of their own: equal samples would otherwise differ by nothing.
    same = difference(ours.tolist(), ours.tolist(), seed=0)
    assert same.low < 0 < same.high


def test_difference_of_other_aggregates_is_bootstrapped_however_few() -> None:
    ours, theirs = [1.0, 2.0, 3.0, 4.0, 90.0], [1.0, 2.0, 3.0]
    result = difference(ours, theirs, iqm, seed=0)
    assert (result.mean, result.n) == (3.0 - 2.0, (5, 3))  # the middle three of five, all of three
    assert result.method == "percentile bootstrap (2000 resamples)"
    assert result.low < 1.0 < result.high
    lowest = difference(ours, [1.0, 3.0], _minimum, seed=0)
    assert (lowest.mean, lowest.low) == (0.0, -2.0)  # 1 against 3 in one resample of six
    assert difference([2.0, 2.0], [0.5, 0.5], iqm, seed=0).high == 1.5


def test_difference_without_an_interval() -> None:
    for ours, theirs in (([1.0], [1.0, 2.0]), ([1.0, math.nan], [1.0, 2.0])):
        result = difference(ours, theirs, seed=0)
        assert result.method == "none"
        assert math.isnan(result.low)
    constant = difference([2.0, 2.0], [0.5, 0.5], seed=0)
    assert (constant.mean, constant.low, constant.high) == (1.5, 1.5, 1.5)


def test_stratified_bootstrap_resamples_within_each_stratum() -> None:
    strata = [np.zeros(5), np.ones(7)]
    seen: list[bool] = []

    def total(
        drawn: tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], ...],
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        seen.append([part.shape for part in drawn] == [(50, 5), (50, 7)])
        return np.asarray(np.concatenate(drawn, axis=1).sum(axis=1))

    assert stratified_bootstrap(strata, total, resamples=50, seed=0) == (7.0, 7.0)
    assert seen == [True]
