"""Batches by hand, and the same decisions as `asha` where completions come in the order of launching."""

from __future__ import annotations

import random

from autorl.records import Status
from autorl.schedules.asha import Board
from autorl.schedules.rolling_halving import RollingHalving
from tests.schedules.playing import FRAME, play


def test_whoever_goes_on_trains_with_the_next_batch() -> None:
    played = play(RollingHalving(eta=2, min_env_steps=300, seeds=[5]), lambda trial, *_: float(trial), 6)
    marks = [[(one.trial, one.mark) for one in batch] for batch in played.trained]
    # The first trial is the best; of four two may go on, but 1 was passed over before there were so many.
    assert marks == [[(0, 300), (1, 300), (2, 300), (3, 300)], [(0, 600), (4, 300), (5, 300)], [(0, 900)]]
    assert played.told == [(1, 2, 3), (4, 5), (0,)]
    assert [count for count in played.asked if count] == [4, 2]


def test_a_batch_may_be_full_of_who_goes_on() -> None:
    played = play(RollingHalving(eta=2, min_env_steps=300, seeds=[5]), lambda trial, *_: -float(trial), 4)
    assert [one.mark for one in played.trained[1]] == [600] * 4  # each was better than all before it
    assert played.asked[0] == 4


def test_every_trial_is_told_once_and_goes_as_far_as_a_board_says() -> None:
    losses = {number: random.Random(number).random() for number in range(40)}
    played = play(RollingHalving(eta=3, min_env_steps=None), lambda trial, *_: losses[trial], 40)
    assert sorted(number for told in played.told for number in told) == list(range(40))
    board, rungs = Board(3, 3), {1: 0, 3: 1, 5: 2}
    for batch, following in zip(played.trained, [*played.trained[1:], ()], strict=True):
        trials = [played.last[one.trial] for one in batch]
        going_on = [
            one.number for one, entry in zip(trials, batch, strict=True) if board.complete(rungs[len(entry.seeds)], one)
        ]
        assert [entry.trial for entry in following][: len(going_on)] == going_on


def test_failures_never_go_on() -> None:
    played = play(RollingHalving(eta=3, min_env_steps=300, seeds=[5]), lambda *_: None, 7, FRAME)
    assert {one.mark for batch in played.trained for one in batch} == {300}
    assert {trial.status for trial in played.last.values()} == {Status.DIVERGED}
