"""Successive halving carried out by hand."""

from __future__ import annotations

import pytest

from autorl.errors import InvalidInput
from autorl.schedules.halving import Halving, sizes
from tests.schedules.playing import play


def identity(trial: int, seed: int, mark: int) -> float:
    return float(trial)


def test_sizes_shrink_by_eta() -> None:
    assert sizes(81, 3, 5) == (81, 27, 9, 3, 1)
    assert sizes(90, 3, 4) == (90, 30, 10, 3)
    assert sizes(5, 3, 3) == (5, 1, 1)
    assert sizes(66, 6.6, 2) == (66, 10)


def test_the_best_share_goes_on_and_all_are_told_together() -> None:
    played = play(Halving(eta=3, min_env_steps=100, seeds=[5]), identity, 11)
    assert played.asked == [9, 2, 0]
    assert played.marks == [
        (100, 5, [*range(9)]),
        (300, 5, [0, 1, 2]),
        (900, 5, [0]),
        (100, 5, [9, 10]),
        (300, 5, [9]),
        (900, 5, [9]),
    ]
    assert played.told == [tuple(range(9)), (9, 10)]


def test_by_default_two_of_eight_get_more_seeds_and_one_gets_all() -> None:
    assert play(Halving(), identity, 8).marks == [(900, 1, [*range(8)]), (900, 3, [0, 1]), (900, 5, [0])]


def test_with_shorter_rungs_one_of_sixteen_gets_every_seed() -> None:
    assert play(Halving(min_env_steps=0.5), identity, 16).marks == [
        (450, 1, [*range(16)]),
        (900, 1, [0, 1, 2, 3]),
        (900, 5, [0]),
    ]


def test_rungs_may_add_seeds_alone() -> None:
    schedule = Halving(configurations=8, eta=2, min_env_steps=450, seeds=[1, 1, 3, 5])
    played = play(schedule, lambda trial, seed, mark: -float(trial), 8)
    assert played.marks == [(450, 1, [*range(8)]), (900, 1, [7, 6, 5, 4]), (900, 3, [7, 6]), (900, 5, [7])]


def test_it_promotes_by_what_a_rung_showed() -> None:
    """Trial 2 is best at first, trial 1 at the second rung."""

    def loss(trial: int, seed: int, mark: int) -> float:
        return {(2, 300): -2.0, (1, 300): -1.0, (2, 600): 0.0, (1, 600): -9.0}.get((trial, mark), float(trial))

    played = play(Halving(configurations=4, eta=2, min_env_steps=300, seeds=[5]), loss, 4)
    assert played.marks == [(300, 5, [0, 1, 2, 3]), (600, 5, [2, 1]), (900, 5, [1])]


def test_failures_are_never_promoted_and_leave_their_place_empty() -> None:
    def loss(trial: int, seed: int, mark: int) -> float | None:
        return 1.0 if trial == 5 else None

    played = play(Halving(configurations=9, eta=3, min_env_steps=100, seeds=[5]), loss, 9)
    assert played.marks == [(100, 5, [*range(9)]), (300, 5, [5]), (900, 5, [5])]
    played = play(Halving(configurations=9, eta=3, min_env_steps=100, seeds=[5]), lambda trial, seed, mark: None, 9)
    assert played.marks == [(100, 5, [*range(9)])]
    assert played.told == [tuple(range(9))]


def test_several_objectives_promote_fronts() -> None:
    losses = {0: (5.0, 5.0), 1: (0.0, 9.0), 2: (9.0, 0.0), 3: (6.0, 6.0)}
    played = play(Halving(configurations=4, eta=2, min_env_steps=450, seeds=[5]), lambda trial, *_: losses[trial], 4)
    assert played.marks[1] == (900, 5, [1, 2])  # 0 is on the front too, and less lonely


def test_fewer_configurations_than_one_are_refused() -> None:
    with pytest.raises(InvalidInput, match="configurations: 0 must be at least 1"):
        Halving(configurations=0)
