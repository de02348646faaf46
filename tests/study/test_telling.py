"""What a tuner is told: order, and penalties by hand."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from autorl.records import Run, Status, Trial
from autorl.study.telling import Telling, penalty

CURVE = np.zeros((1, 1, 1, 1))
RUN = Run(
    0, Status.COMPLETE, 90, (90,), CURVE, CURVE[-1], env_steps=90, evaluation_steps=0, train_seconds=0.0,
    gradient_updates=0, flops=0.0, parameters=0,
)  # fmt: skip


def complete(number: int, *losses: float, violations: tuple[float, ...] = (), rung: int = 0) -> Trial:
    return Trial(number, {}, Status.COMPLETE, losses=losses, violations=violations, rung=rung)


def failed(number: int) -> Trial:
    return Trial(number, {}, Status.DIVERGED)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([(1.0,), (3.0,), (2.0,)], (5.0,)),  # the range is 2
        ([(-10.0,)], (-9.0,)),  # no range: a tenth of the worst
        ([(0.0,)], (1e-6,)),  # neither
        ([(0.0, 5.0), (4.0, 5.0)], (8.0, 5.5)),
        ([(1e308,), (-1e308,)], (sys.float_info.max,)),  # finite, whatever they are
    ],
)
def test_penalty_by_hand(table: list[tuple[float, ...]], expected: tuple[float, ...]) -> None:
    assert penalty(table) == pytest.approx(expected)


def test_complete_ones_are_told_first_then_failures_by_number() -> None:
    telling = Telling(lambda trial: [None])
    told = telling.outcomes([failed(2), complete(3, 1.0), failed(0), complete(1, 3.0)])
    assert [(outcome.number, outcome.losses, outcome.complete) for outcome in told] == [
        (1, (3.0,), True),
        (3, (1.0,), True),
        (0, (5.0,), False),
        (2, (5.0,), False),
    ]


def test_failures_wait_until_a_trial_is_complete() -> None:
    telling = Telling(lambda trial: [None])
    assert telling.outcomes([failed(0), failed(1)]) == []
    told = telling.outcomes([failed(2), complete(3, 2.0)])
    assert [outcome.number for outcome in told] == [3, 0, 1, 2]


def test_penalties_are_frozen_and_known_objectives_keep_their_value() -> None:
    telling = Telling(lambda trial: [None, 42.0])
    first = telling.outcomes([complete(0, 1.0, 10.0), failed(1)])
    later = telling.outcomes([complete(2, 101.0, 10.0), failed(3)])
    assert first[1].losses == pytest.approx((1.1, 42.0))
    assert later[1].losses == pytest.approx((201.0, 42.0))


def test_violations_are_told_and_a_failure_gets_penalties_by_the_same_rule() -> None:
    telling = Telling(lambda trial: [None, None, None, -7.0])
    told = telling.outcomes([
        complete(0, 1.0, violations=(-4.0, 5.0, 1.0)), failed(1), complete(2, 3.0, violations=(2.0, 5.0, 1.0))
    ])  # fmt: skip
    assert [(one.number, one.complete) for one in told] == [(0, True), (2, True), (1, False)]
    assert [one.violations for one in told[:2]] == [(-4.0, 5.0, 1.0), (2.0, 5.0, 1.0)]
    assert told[2].losses == pytest.approx((5.0,))
    assert told[2].violations == pytest.approx((8.0, 5.5, -7.0))  # 2 + 6, 5 + 0.5, and known


def test_without_constraints_nobody_is_told_of_violations() -> None:
    told = Telling(lambda trial: [None]).outcomes([complete(0, 1.0), failed(1)])
    assert [one.violations for one in told] == [(), ()]


def test_a_shorter_training_is_told_no_better_than_the_worst_longer_one() -> None:
    told = Telling(lambda trial: [None]).outcomes([
        complete(0, 1.0, rung=10), complete(1, 5.0, rung=30), complete(2, 9.0, rung=10), complete(3, 2.0, rung=90),
        complete(4, 3.0, rung=90), complete(5, 1.0, rung=30),
    ])  # fmt: skip
    assert [one.losses for one in told] == [(5.0,), (5.0,), (9.0,), (2.0,), (3.0,), (3.0,)]


def test_a_training_on_fewer_seeds_is_told_no_better_than_the_worst_on_more() -> None:
    def on(seeds: int, number: int, loss: float) -> Trial:
        return replace(complete(number, loss, rung=90), runs=(RUN,) * seeds)

    told = Telling(lambda trial: [None]).outcomes([on(1, 0, 1.0), on(3, 1, 4.0), on(5, 2, 3.0), on(1, 3, 6.0)])
    assert [one.losses for one in told] == [(4.0,), (4.0,), (3.0,), (6.0,)]


def test_only_trials_told_together_are_compared() -> None:
    telling = Telling(lambda trial: [None])
    telling.outcomes([complete(0, 9.0, rung=90)])
    assert telling.outcomes([complete(1, 1.0, rung=10)])[0].losses == (1.0,)


def test_every_objective_and_violation_is_bounded_unless_it_is_known() -> None:
    telling = Telling(lambda trial: [None, 7.0, None])
    told = telling.outcomes([
        complete(0, 5.0, 8.0, violations=(2.0,), rung=90), complete(1, 1.0, 7.0, violations=(-3.0,), rung=10)
    ])  # fmt: skip
    assert [(one.losses, one.violations) for one in told] == [((5.0, 8.0), (2.0,)), ((5.0, 7.0), (2.0,))]


def test_penalties_follow_what_was_told() -> None:
    told = Telling(lambda trial: [None]).outcomes([complete(0, 1.0, rung=9), complete(1, 3.0, rung=90), failed(2)])
    assert told[2].losses == pytest.approx((3.3,))
