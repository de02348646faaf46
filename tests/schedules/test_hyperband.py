"""Brackets against the table of the paper."""

from __future__ import annotations

from autorl.schedules import Frame
from autorl.schedules.hyperband import Hyperband, bracket_size
from tests.schedules.playing import play

PAPER = {  # arXiv 1603.06560, table 1: R = 81, eta = 3; bracket s -> (n_i, r_i)
    4: [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
    3: [(34, 3), (11, 9), (3, 27), (1, 81)],
    2: [(15, 9), (5, 27), (1, 81)],
    1: [(8, 27), (2, 81)],
    0: [(5, 81)],
}
"""The paper prints 27, 9 and 6 for s = 3, 2 and 1; its own algorithm 1 gives these."""


def test_bracket_sizes_are_the_papers() -> None:
    assert [bracket_size(rungs, 5, 3) for rungs in (5, 4, 3, 2, 1)] == [81, 34, 15, 8, 5]


def test_brackets_start_at_every_rung_in_turn() -> None:
    frame = Frame(horizon=81, seeds=(0,), batch=4, objectives=1)
    played = play(Hyperband(eta=3, min_env_steps=1), lambda trial, *_: float(trial), 143 + 10, frame)
    rows = [row for s in (4, 3, 2, 1, 0) for row in PAPER[s]]
    assert [(len(trials), mark) for mark, _, trials in played.marks][: len(rows)] == rows
    assert played.asked == [81, 34, 15, 8, 5, 10, 0]
    assert [len(told) for told in played.told] == [81, 34, 15, 8, 5, 10]


def test_seeds_belong_to_the_rungs() -> None:
    frame = Frame(horizon=900, seeds=(0, 1, 2), batch=4, objectives=1)
    played = play(Hyperband(eta=3, min_env_steps=300, seeds=[1, 1, 3]), lambda trial, *_: float(trial), 17, frame)
    assert [(mark, seeds, len(trials)) for mark, seeds, trials in played.marks] == [
        (300, 1, 9), (900, 1, 3), (900, 3, 1), (900, 1, 5), (900, 3, 1), (900, 3, 3)
    ]  # fmt: skip


def test_the_largest_bracket_need_not_be_the_first() -> None:
    frame = Frame(horizon=1000, seeds=(0,), batch=4, objectives=1)
    slow = Hyperband(eta=1.2, min_env_steps=400)
    asked = play(slow, lambda trial, *_: float(trial), 60, frame).asked
    assert slow.largest_ask(frame) == max(asked) > asked[0]
    assert Hyperband(eta=3, min_env_steps=1).largest_ask(Frame(81, (0,), 4, 1)) == 81
