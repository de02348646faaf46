"""That a tuner which learns is better than random draws; these, and one that is stuck, are the negative controls.

Slow tuners are tried by `make contract` alone.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.tuner_quality import (
    MIXED_ZDT1,
    RANDOM,
    WINS,
    ZDT1,
    Contestant,
    Problem,
    contestants,
    regret_ratio,
    volume,
    wins,
)

pytestmark = pytest.mark.slow
two_objectives = pytest.mark.parametrize("problem", [ZDT1, MIXED_ZDT1], ids=lambda problem: problem.name)
STUCK = Contestant("tests.contract.broken_tuners:Stuck")
HALF, SEEDS = 0.5, 15
"""Of the regret of random draws, by medians over so many seeds."""


def learners(objectives: int) -> list[Any]:
    """Those that take so many objectives; the slow ones are left out of CI."""
    slow = [pytest.mark.extended, pytest.mark.timeout(0)]
    return [
        pytest.param(one, id=str(one), marks=slow if one.slow else []) for one in contestants() if one.takes(objectives)
    ]


@pytest.mark.parametrize("one", learners(1))
def test_half_the_regret_of_random_draws_on_a_line(one: Contestant) -> None:
    assert regret_ratio(one, SEEDS) <= HALF


@two_objectives
@pytest.mark.parametrize("one", learners(2))
def test_more_hypervolume_than_random_draws_in_paired_seeds(one: Contestant, problem: Problem) -> None:
    assert len(wins(one, problem)) >= WINS


@pytest.mark.parametrize("one", [RANDOM, STUCK], ids=str)
def test_who_does_not_learn_is_found_out(one: Contestant) -> None:
    assert regret_ratio(one, SEEDS) > HALF
    for problem in (ZDT1, MIXED_ZDT1):
        assert len(wins(one, problem)) < WINS


def test_hypervolumes_lie_below_that_of_the_whole_front() -> None:
    """The front covers 1.1 * 6 - integral of (1 - sqrt f) over [0, 1] = 6.6 - 1/3."""
    for problem in (ZDT1, MIXED_ZDT1):
        assert 0 < volume(RANDOM, problem, 0) < 6.6 - 1 / 3
