"""Who goes on is a function of the completions in their order."""

from __future__ import annotations

import random

import pytest

from autorl.records import Status, Trial
from autorl.schedules import Frame
from autorl.schedules.asha import Asha, Board
from tests.schedules.playing import FRAME, complete, play


def decisions(completions: list[tuple[int, Trial]], rungs: int = 3, eta: float = 3) -> list[bool]:
    board = Board(rungs, eta)
    return [board.complete(rung, trial) for rung, trial in completions]


def test_a_trial_goes_on_if_it_is_among_the_best_third_so_far() -> None:
    losses = [5.0, 6.0, 4.0, 4.5, 9.0, 4.2]  # of 1 to 5 the best one goes on, of 6 the best two
    table = [(0, complete(number, loss)) for number, loss in enumerate(losses)]
    assert decisions(table) == [True, False, True, False, False, True]


def test_rungs_are_judged_apart_and_the_last_one_ends() -> None:
    table = [
        (0, complete(0, 5.0)),
        (1, complete(0, 1.0)),
        (0, complete(1, 4.0)),
        (1, complete(1, 2.0)),
        (2, complete(0, 0.0)),
    ]
    assert decisions(table) == [True, True, True, False, False]


def test_the_order_of_completion_decides() -> None:
    first, second = (0, complete(0, 1.0)), (0, complete(1, 2.0))
    assert decisions([first, second]) == [True, False]
    assert decisions([second, first]) == [True, True]


def test_failures_never_go_on_and_count_as_completed() -> None:
    failed = [(0, Trial(number, {}, Status.DIVERGED)) for number in range(5)]
    assert decisions([*failed, (0, complete(5, 9.0)), (0, complete(6, 8.0)), (0, complete(7, 10.0))]) == [
        *[False] * 5, True, True, False
    ]  # fmt: skip


def test_several_objectives_go_by_front() -> None:
    table = [
        (0, complete(0, 5.0, 5.0)),
        (0, complete(1, 6.0, 6.0)),
        (0, complete(2, 4.0, 4.0)),
        (0, complete(3, 5.0, 5.0)),
    ]
    assert decisions(table) == [True, False, True, False]


def test_workers_stay_busy_and_promotions_go_first() -> None:
    played = play(Asha(eta=3, min_env_steps=100, seeds=[5]), lambda trial, seed, mark: -float(trial), 6, FRAME)
    marks = [[(one.trial, one.mark) for one in launched] for launched in played.trained]
    assert marks[0] == [(0, 100), (1, 100), (2, 100), (3, 100)]
    assert marks[1] == [(0, 300)]  # the first one to complete goes on; three others are still in training
    assert marks[2:4] == [[(1, 300)], [(2, 300)]]  # each is better than all before it
    assert [count for count in played.asked if count] == [4, 1, 1]
    assert sorted(number for told in played.told for number in told) == list(range(6))


@pytest.mark.parametrize("slowest_first", [False, True])
def test_every_trial_is_told_once_whatever_the_order(slowest_first: bool) -> None:
    losses = {number: random.Random(number).random() for number in range(40)}
    schedule = Asha(eta=3, min_env_steps=100, seeds=[1, 1, 2, 4])
    played = play(schedule, lambda trial, *_: losses[trial], 40, FRAME, slowest_first)
    assert sorted(number for told in played.told for number in told) == list(range(40))
    reached = [(trial.rung, len(trial.runs)) for trial in played.last.values()]
    assert max(reached) == (900, 4)
    assert reached.count((100, 1)) > 20


def test_the_same_completions_bring_the_same_requests() -> None:
    frame = Frame(horizon=900, seeds=(0, 1), batch=3, objectives=1)
    one, other = (play(Asha(eta=2, min_env_steps=100), lambda trial, *_: (trial * 7) % 5, 12, frame) for _ in range(2))
    assert one.trained == other.trained
    assert (
        play(Asha(eta=2, min_env_steps=100), lambda trial, *_: (trial * 7) % 5, 12, frame, True).trained != one.trained
    )


def test_failures_alone_end() -> None:
    played = play(Asha(eta=3, min_env_steps=100, seeds=[5]), lambda trial, seed, mark: None, 7, FRAME)
    assert {one.mark for launched in played.trained for one in launched} == {100}
    assert sorted(number for told in played.told for number in told) == list(range(7))
