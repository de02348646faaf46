"""Every registered metric of one reward against values worked out by hand, and a check that the check can fail."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import pytest

from autorl.errors import InvalidInput
from autorl.metrics import Direction, Metric, bundled_metrics, criteria
from autorl.metrics.returns import Return
from autorl.records import Run, Status

OPTIONS: Mapping[str, Mapping[str, object]] = {"env_steps_to": {"return": 6.0}}

# Two configurations x 3 seeds; 2 checkpoints of 2 curve episodes and 4 last episodes each.
GOOD = (
    ([[2.0, 4.0], [8.0, 10.0]], [8.0, 10.0, 9.0, 13.0]),
    ([[6.0, 6.0], [7.0, 7.0]], [7.0, 7.0, 5.0, 9.0]),
    ([[0.0, 0.0], [2.0, 3.0]], [2.0, 3.0, 4.0, 3.0]),
)
POOR = (
    ([[0.0, 0.0], [0.0, 2.0]], [0.0, 2.0, 1.0, 1.0]),
    ([[1.0, 1.0], [1.0, 1.0]], [1.0, 1.0, 1.0, 1.0]),
    ([[0.0, 2.0], [8.0, 12.0]], [8.0, 12.0, 10.0, 14.0]),
)
# Last means: good 10, 7, 3; poor 1, 1, 11. Curve means: good (3, 9), (6, 7), (0, 2.5); poor (0, 1), (1, 1), (1, 10).
BY_HAND: Mapping[str, tuple[float, float, Direction]] = {
    "return": (20 / 3, 13 / 3, "maximize"),
    "return_iqm": (20 / 3, 13 / 3, "maximize"),
    "return_std": (math.sqrt(37 / 3), math.sqrt(100 / 3), "minimize"),
    "worst_return": (3.0, 1.0, "maximize"),
    "auc": ((6 + 6.5 + 1.25) / 3, (0.5 + 1 + 5.5) / 3, "maximize"),
    "env_steps_to(return=6)": ((100 + 50 + 200) / 3, (200 + 200 + 100) / 3, "minimize"),
    "env_steps": ((96 + 97 + 98) / 3, (100 + 101 + 102) / 3, "minimize"),
    "gradient_updates": (11.0, 21.0, "minimize"),
    "flops": (1.1e6, 2.1e6, "minimize"),
    "parameters": (17.0, 34.0, "minimize"),
    "train_seconds": (2.0, 3.5, "minimize"),
}


def make_run(
    curve: Sequence[Sequence[float]], final: Sequence[float], seed: int = 0, env_steps: int = 96, updates: int = 10,
    flops: float = 1e6, parameters: int = 17, seconds: float = 2.0,
) -> Run:  # fmt: skip
    points = np.array(curve, dtype=np.float64)[:, None, :, None]
    last = np.array(final, dtype=np.float64)[None, :, None]
    return Run(seed, Status.COMPLETE, 100, (50, 100), points, last, env_steps, 999, seconds, updates, flops, parameters)


def _good() -> list[Run]:
    return [
        make_run(curve, final, seed, 96 + seed, 10 + seed, 1e6 + seed * 1e5, 17, 1.0 + seed)
        for seed, (curve, final) in enumerate(GOOD)
    ]


def _poor() -> list[Run]:
    return [
        make_run(curve, final, seed, 100 + seed, 20 + seed, 2e6 + seed * 1e5, 34, 2.5 + seed)
        for seed, (curve, final) in enumerate(POOR)
    ]


def check(metric: Metric, by_hand: tuple[float, float, Direction]) -> None:
    """What the contract asks of a metric, given its values by hand on the good and the poor configuration."""
    good, poor, direction = by_hand
    assert metric.direction == direction
    assert metric.aggregate(_good()) == pytest.approx(good, rel=1e-12)
    assert metric.aggregate(_poor()) == pytest.approx(poor, rel=1e-12)
    assert (metric.aggregate(_good()) > metric.aggregate(_poor())) == (direction == "maximize")
    assert metric.aggregate(_good()[::-1]) == pytest.approx(good, rel=1e-12)
    assert isinstance(metric.aggregate(_good()[:1]), float)
    assert metric.aggregate(_good()[:1]) == pytest.approx(
        0.0 if metric.name == "return_std" else metric.per_run(_good()[0])
    )
    assert metric.summary
    assert metric.unit
    assert type(metric).__doc__ != Metric.__doc__


def _entries() -> list[object]:
    names = [name for name, metric in bundled_metrics().items() if metric.rewards != "vector"]
    return [{name: OPTIONS[name]} if name in OPTIONS else name for name in names]


@pytest.mark.parametrize("criterion", criteria(_entries()), ids=lambda criterion: str(criterion.label))
def test_registered_metric_has_its_value_by_hand(criterion: object) -> None:
    from autorl.metrics import Criterion

    assert isinstance(criterion, Criterion)
    check(criterion.metric, BY_HAND[criterion.label])
    losses = [criterion.loss(criterion.metric.aggregate(runs)) for runs in (_good(), _poor())]
    assert losses[0] < losses[1]


def test_every_value_by_hand_belongs_to_a_registered_metric() -> None:
    assert sorted(BY_HAND) == sorted(criterion.label for criterion in criteria(_entries()))


class _Summed(Return):
    name: ClassVar[str] = "summed"

    def over_seeds(self, values: Sequence[float]) -> float:
        return float(sum(values))


class _FirstEpisode(Return):
    name: ClassVar[str] = "first_episode"

    def per_run(self, run: Run) -> float:
        return float(run.final[0, 0, 0])


class _FirstSeed(Return):
    name: ClassVar[str] = "first_seed"

    def over_seeds(self, values: Sequence[float]) -> float:
        return values[0]


class _Upside(Return):
    name: ClassVar[str] = "upside"
    direction: ClassVar[Direction] = "minimize"


@pytest.mark.parametrize("broken", [_Summed(), _FirstEpisode(), _FirstSeed(), _Upside()])
def test_contract_fails_on_a_broken_metric(broken: Metric) -> None:
    with pytest.raises(AssertionError):
        check(broken, BY_HAND["return"])


def test_iqm_leaves_the_outer_quarters_out() -> None:
    metric = bundled_metrics()["return_iqm"]()
    assert metric.over_seeds([1.0, 2.0, 4.0, 100.0]) == 3.0


@pytest.mark.parametrize(
    ("name", "expected"),  # the means of both checkpoints: good 6, 6.5, 1.25
    [("return", 13.75 / 3), ("return_iqm", 13.75 / 3), ("worst_return", 1.25)],
)
def test_mean_over_the_last_checkpoints(name: str, expected: float) -> None:
    (criterion,) = criteria([{name: {"last_checkpoints": 2}}])
    assert criterion.label == f"{name}(last_checkpoints=2)"
    assert criterion.metric.aggregate(_good()) == pytest.approx(expected, rel=1e-12)


def test_std_of_equal_returns_is_exactly_zero() -> None:
    assert bundled_metrics()["return_std"]().over_seeds([0.1, 0.1, 0.1]) == 0.0


def test_which_aggregates_are_means() -> None:
    others = {name for name, metric in bundled_metrics().items() if metric.over_seeds is not Metric.over_seeds}
    assert others == {"return_iqm", "return_std", "worst_return"}
    assert bundled_metrics()["auc"]().is_mean
    assert not bundled_metrics()["worst_return"]().is_mean


def test_only_measured_seconds_are_not_reproducible() -> None:
    assert [name for name, metric in bundled_metrics().items() if not metric.reproducible] == ["train_seconds"]


@pytest.mark.parametrize(
    ("threshold", "expected"), [(3.0, 50.0), (3.0001, 100.0), (9.0, 100.0), (9.0001, 200.0), (-5, 50.0)]
)
def test_env_steps_to_reaches_includes_and_censors(threshold: float, expected: float) -> None:
    (criterion,) = criteria([{"env_steps_to": {"return": threshold}}])
    assert criterion.metric.per_run(_good()[0]) == expected


def test_env_steps_to_takes_the_first_crossing_even_if_lost_again() -> None:
    (criterion,) = criteria([{"env_steps_to": {"return": 5}}])
    assert criterion.metric.per_run(make_run([[9.0], [0.0]], [0.0])) == 50.0


def test_loss_flips_once_and_back_without_a_negative_zero() -> None:
    maximize, minimize = criteria(["return", "parameters"])
    assert (maximize.loss(3.0), minimize.loss(3.0)) == (-3.0, 3.0)
    assert maximize.loss(maximize.loss(3.0)) == 3.0
    assert math.copysign(1.0, maximize.loss(0.0)) == 1.0


@pytest.mark.parametrize("name", ["return", "return_iqm", "return_std", "worst_return", "auc", "env_steps_to"])
@pytest.mark.parametrize(("shape", "what"), [((2, 2, 3, 1), "2 policies"), ((2, 1, 3, 4), "4 rewards")])
def test_several_policies_or_rewards_are_refused_by_name(
    name: str, shape: tuple[int, int, int, int], what: str
) -> None:
    (criterion,) = criteria([{name: OPTIONS.get(name, {})}])
    run = Run(5, Status.COMPLETE, 100, (50, 100), np.zeros(shape), np.zeros(shape[1:]), 1, 1, 1.0, 1, 1.0, 1)
    with pytest.raises(InvalidInput, match=rf"metric '{name}.* seed 5 has {what}"):
        criterion.metric.per_run(run)


@pytest.mark.parametrize("name", ["return", "auc", "env_steps_to"])
def test_run_without_an_evaluation_is_refused(name: str) -> None:
    (criterion,) = criteria([{name: OPTIONS.get(name, {})}])
    run = Run(5, Status.FAILED, 100, (), np.empty((0, 1, 3, 1)), np.empty((1, 0, 1)), 1, 1, 1.0, 1, 1.0, 1)
    with pytest.raises(InvalidInput, match=r"seed 5 holds no evaluation .*'failed'"):
        criterion.metric.per_run(run)


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("parameters", make_run([[0.0]], [0.0], parameters=-1)),
        ("flops", make_run([[0.0]], [0.0], flops=math.nan)),
        ("gradient_updates", make_run([[0.0]], [0.0], updates=-2)),
    ],
)
def test_cost_an_algorithm_does_not_count_is_refused(name: str, run: Run) -> None:
    with pytest.raises(InvalidInput, match=rf"metric '{name}': .* seed 0 reports (-1|-2|nan); .* does not count"):
        bundled_metrics()[name]().per_run(run)


def test_no_runs_are_refused() -> None:
    with pytest.raises(InvalidInput, match="'return': 0 runs"):
        Return().aggregate([])
