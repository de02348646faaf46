"""Rung arithmetic and its refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from autorl.errors import InvalidInput
from autorl.schedules import build_schedule
from autorl.schedules.rungs import Rung, RungSchedule, geometric
from tests.schedules.playing import FRAME

NAMES = ("halving", "rolling_halving", "hyperband", "asha")


def build(name: str = "halving", **options: object) -> RungSchedule:
    schedule = build_schedule({"name": name, **options})
    assert isinstance(schedule, RungSchedule)
    return schedule


def test_marks_grow_by_eta_to_the_last() -> None:
    assert geometric(1, 81, 3) == (1, 3, 9, 27, 81)
    assert geometric(40, 100, 3) == (40, 100)
    assert geometric(100, 100, 3) == (100,)
    assert geometric(3333, 10_000, 3) == (3333, 10_000), "9,999 is no rung of its own"
    assert geometric(10, 100, 1.5) == (10, 15, 22, 33, 50, 75, 100)


@pytest.mark.parametrize("name", NAMES)
def test_rungs_list_every_mark_and_the_horizon(name: str) -> None:
    assert build(name, min_env_steps=100, eta=2).rungs(900) == (100, 200, 400, 800, 900)
    assert build(name, min_env_steps=100, eta=3).rungs(900) == (100, 300, 900)
    assert build(name, min_env_steps=100, eta=3, max_env_steps=300).rungs(900) == (100, 300, 900)
    assert build(name, min_env_steps=900).rungs(900) == (900,)


@pytest.mark.parametrize("name", NAMES)
def test_without_a_first_mark_rungs_add_seeds_alone(name: str) -> None:
    schedule = build(name, min_env_steps=None)
    assert schedule.rungs(900) == (900,)
    assert schedule.ladder(FRAME) == (Rung(900, 1), Rung(900, 3), Rung(900, 5))
    assert schedule.ladder(replace(FRAME, seeds=(3, 4))) == (Rung(900, 1), Rung(900, 2))
    assert schedule.ladder(replace(FRAME, seeds=(3,))) == (Rung(900, 1),)
    assert build("halving").ladder(FRAME) == schedule.ladder(FRAME)
    assert build(name, min_env_steps=None, seeds=[2, 4]).ladder(FRAME) == (Rung(900, 2), Rung(900, 4))


def test_a_share_is_of_the_last_mark() -> None:
    assert build(min_env_steps=1 / 9, eta=3).rungs(900) == (100, 300, 900)
    assert build(min_env_steps=0.5, max_env_steps=300, eta=4).rungs(900) == (150, 300, 900)


def test_seeds_grow_with_the_rungs_and_may_add_rungs() -> None:
    ladder = build(min_env_steps=300, seeds=[1, 2]).ladder(FRAME)
    assert ladder == (Rung(300, 1), Rung(900, 2))
    assert build(min_env_steps=300, seeds=[1, 1, 4]).ladder(FRAME) == (Rung(300, 1), Rung(900, 1), Rung(900, 4))
    assert build(min_env_steps=100, eta=3, seeds=[2]).ladder(FRAME) == (Rung(100, 2), Rung(300, 2), Rung(900, 2))
    assert build("asha").ladder(FRAME) == (Rung(450, 1), Rung(900, 1), Rung(900, 5))
    assert build("asha").ladder(replace(FRAME, seeds=(3,))) == (Rung(450, 1), Rung(900, 1))
    assignment = Rung(300, 2).assignment(7, FRAME)
    assert (assignment.trial, assignment.seeds, assignment.mark) == (7, (10, 11), 300)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"eta": 1}, "eta: 1 must be above 1"),
        ({"eta": 0.5}, "eta: 0.5 must be above 1"),
        ({"min_env_steps": 0}, "min_env_steps: 0 must be above 0"),
        ({"min_env_steps": 100.5}, "min_env_steps: 100.5 is no whole number"),
        ({"max_env_steps": 0}, "max_env_steps: 0 must be at least 1"),
        ({"max_env_steps": 0.5}, "max_env_steps: 0.5 is no whole number"),
        ({"seeds": []}, "seeds: .* is no list"),
        ({"seeds": 3}, "seeds: 3 is no list"),
        ({"seeds": [0, 2]}, "seeds: 0 must be at least 1"),
        ({"seeds": [1, 3, 2]}, r"seeds: \[1, 3, 2\] must not decrease"),
    ],
)
def test_impossible_options_are_refused(name: str, options: Mapping[str, object], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        build(name, **options)


@pytest.mark.parametrize("name", NAMES)
def test_options_that_do_not_fit_the_study_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"min_env_steps: 901 puts the first rung at 901"):
        build(name, min_env_steps=901).rungs(900)
    with pytest.raises(InvalidInput, match=r"min_env_steps: 0\.001 puts the first rung at 0"):
        build(name, min_env_steps=0.001).rungs(900)
    with pytest.raises(InvalidInput, match=r"min_env_steps: 500 puts .* between 1 and the last rung at 300"):
        build(name, min_env_steps=500, max_env_steps=300).rungs(900)
    with pytest.raises(InvalidInput, match=r"max_env_steps: 1000 must be at most budget\.env_steps, which is 900"):
        build(name, max_env_steps=1000).rungs(900)
    with pytest.raises(InvalidInput, match=r"seeds: \[1, 6\] asks for 6 seeds .* has 5 tuning seeds"):
        build(name, seeds=[1, 6]).check(FRAME)
    build(name, seeds=[1, 5]).check(FRAME)
