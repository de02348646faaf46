"""Population-based bandits: the gains, the kernel and the bound by hand, and a population that follows an optimum."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest

from autorl.errors import InvalidInput
from autorl.records import Configuration, Status, Trial
from autorl.schedules._bandit import LARGEST, Bandit, TimeVarying
from autorl.schedules.pb2 import PB2, gains
from autorl.schedules.pbt import PBT, Interval
from autorl.seeds import stream
from autorl.space import SearchSpace
from tests.schedules.playing import complete
from tests.schedules.populations import best_fixed, drawn, drifting, grow
from tests.schedules.test_pbt import FRAME, SPACE


def test_gains_are_falls_of_the_loss_since_the_interval_began() -> None:
    trials = (complete(0, 1.0), complete(1, 4.0), complete(2, 5.0))
    # Falls of 3, 2 and 1, the last one a copy's since where the copied one stood; their deviation is root of 2/3.
    begun = {0: complete(0, 4.0), 1: complete(1, 6.0), 2: complete(0, 6.0)}
    assert gains(Interval(trials, begun)) == pytest.approx([1.5**0.5, 0.0, -(1.5**0.5)])


def test_gains_of_the_first_interval_compare_the_losses() -> None:
    assert gains(Interval((complete(0, 1.0), complete(1, 3.0)), {})) == pytest.approx([1.0, -1.0])


def test_who_failed_gained_as_little_as_the_worst() -> None:
    failed = Trial(2, {}, Status.DIVERGED)
    found = gains(Interval((complete(0, 1.0), complete(1, 3.0), failed), {}))
    assert found[2] == found[1] < found[0]
    assert gains(Interval((failed,), {})).tolist() == [0.0]
    assert gains(Interval((complete(0, 1.0), complete(1, 1.0)), {})).tolist() == [0.0, 0.0]


def test_a_gain_far_out_counts_as_two_deviations() -> None:
    trials = tuple(complete(number, -100.0 if number == 0 else float(number % 2)) for number in range(30))
    assert gains(Interval(trials, {})).max() == 2.0


def test_the_kernel_by_hand() -> None:
    kernel = TimeVarying(length_scale=2.0, epsilon=0.19)
    points = np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 2.0]])
    # exp(-4 / 8) x 0.81^(2 / 2)
    assert kernel(points) == pytest.approx(np.array([[1.0, 0.81 * np.exp(-0.5)], [0.81 * np.exp(-0.5), 1.0]]))
    assert kernel(points[:1], points) == pytest.approx(kernel(points)[:1])
    assert kernel.diag(points).tolist() == [1.0, 1.0]


def test_the_kernels_gradient_is_its_slope() -> None:
    kernel = TimeVarying(length_scale=0.3, epsilon=0.2)
    points = stream(0, "points").random((6, 3)) * [5.0, 1.0, 1.0]
    _, gradient = kernel(points, eval_gradient=True)
    for place in range(2):
        step = np.zeros(2)
        step[place] = 1e-6
        high, low = (kernel.clone_with_theta(kernel.theta + sign * step)(points) for sign in (1, -1))
        assert gradient[:, :, place] == pytest.approx((high - low) / 2e-6, abs=1e-7)


def bandit(peak: float, times: int = 4) -> Bandit:
    """Knows gains that are largest at a peak."""
    points = [(time, place) for time in range(times) for place in np.linspace(0.05, 0.95, 10)]
    values = np.array([-((place - peak) ** 2) for _, place in points])
    return Bandit(np.array(points), (values - values.mean()) / values.std())


@pytest.mark.parametrize("peak", [0.2, 0.7])
def test_the_bandit_finds_the_peak(peak: float) -> None:
    (chosen,) = bandit(peak).choose(4, stream(0, "bandit"))
    assert chosen == pytest.approx(peak, abs=0.1)


def test_what_was_chosen_counts_as_tried() -> None:
    """Two points are known, equally good; the first choice leaves the other gap to the second."""
    one = Bandit(np.array([[0.0, 0.5], [0.0, 0.5], [0.0, 0.5], [0.0, 0.5], [0.0, 0.5]]), np.zeros(5))
    first, second = (one.choose(1, stream(0, "bandit"))[0] for _ in range(2))
    assert abs(first - 0.5) > 0.3
    assert abs(second - first) > 0.3


def test_the_model_is_fitted_to_the_newest_points() -> None:
    """Peaks at 0.9 long ago, at 0.1 of late."""
    count = LARGEST + 40
    places = stream(0, "places").random(count)
    peaks = np.where(np.arange(count) < 40, 0.9, 0.1)
    one = Bandit(np.column_stack([np.arange(count) // 8, places]), -((places - peaks) ** 2) * 5)
    (chosen,) = one.choose(count // 8, stream(0, "bandit"))
    assert chosen == pytest.approx(0.1, abs=0.1)


MIXED = SearchSpace.load(
    {
        "learning_rate": {"float": [1e-5, 1e-1], "log": True, "default": 1e-3},
        "n_epochs": {"int": [1, 8], "default": 4},
        "normalize": {"choice": [True, False], "default": True},
        "level": {"ordered": ["low", "mid", "high"], "default": "mid"},
        "alpha": {"float": [0.0, 1.0], "default": 0.5, "when": {"normalize": True}},
    }
)


def losses(trial: Trial) -> tuple[float]:
    return (abs(float(trial.configuration["n_epochs"] or 0) - 4) + trial.number / 100,)


def test_choices_are_explored_as_pbt_does_and_numbers_by_the_bandit() -> None:
    start: list[Configuration] = [
        {"learning_rate": 10.0 ** -(1 + n % 4), "n_epochs": 1 + n, "normalize": False, "level": "mid"} for n in range(8)
    ]
    frame = replace(FRAME, space=MIXED)
    bandits = grow(PB2(population=8, interval=100), frame, start, losses)
    perturbed = grow(PBT(population=8, interval=100), frame, start, losses)
    moved = [number for number, one in bandits.trained[1].items() if one.earlier]
    assert moved
    for number in moved:
        ours, theirs = bandits.trained[1][number].configuration, perturbed.trained[1][number].configuration
        assert ours is not None
        assert theirs is not None
        assert MIXED.check(ours) == ours
        assert [ours[name] for name in ("normalize", "level")] == [theirs[name] for name in ("normalize", "level")]
        assert ours["learning_rate"] != theirs["learning_rate"]
    assert grow(PB2(population=8, interval=100), frame, start, losses).trained == bandits.trained


def test_a_space_of_choices_alone_is_explored_as_pbt_does() -> None:
    space = SearchSpace.load({"level": {"ordered": ["low", "mid", "high"], "default": "mid"}})
    frame, start = replace(FRAME, space=space), list[Configuration]([{"level": "mid"}] * 4)
    found = [
        grow(kind(population=4, interval=100), frame, start, lambda trial: (float(trial.number),)).trained
        for kind in (PB2, PBT)
    ]
    assert found[0] == found[1]


def test_several_objectives_are_refused() -> None:
    with pytest.raises(InvalidInput, match="has 2 objectives; take 'mo_pbt'"):
        PB2().check(replace(FRAME, objectives=2))
    PB2().check(FRAME)


def test_it_follows_an_optimum_that_moves_with_few_members() -> None:
    frame = replace(FRAME, horizon=200)
    grown = grow(PB2(population=8), frame, drawn(SPACE, 8, 2), functools.partial(drifting, horizon=200))
    assert grown.best < 1.5 * best_fixed(200) < 0
