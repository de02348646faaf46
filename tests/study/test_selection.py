"""Who is chosen, on tables made by hand."""

from __future__ import annotations

from autorl.records import Status, Trial
from autorl.study.selection import best_trials, chosen_front, selectable


def trial(number: int, *losses: float, rung: int = 10, status: Status = Status.COMPLETE, x: float = 0.0) -> Trial:
    return Trial(number, {"x": x or float(number)}, status, losses=losses if losses else None, rung=rung)


def test_the_best_is_of_the_top_rung_ties_by_number() -> None:
    table = [trial(0, 2.0), trial(1, 1.0), trial(2, 0.0, rung=5), trial(3, 1.0), trial(4, status=Status.FAILED)]
    assert [one.number for one in best_trials(table, 2)] == [1, 3]


def test_equal_configurations_count_once() -> None:
    assert [one.number for one in selectable([trial(0, 1.0, x=7.0), trial(1, 1.0, x=7.0), trial(2, 2.0)])] == [0, 2]


def test_the_front_is_chosen_extremes_first() -> None:
    table = [trial(0, 0.0, 4.0), trial(1, 4.0, 0.0), trial(2, 1.0, 1.0), trial(3, 3.9, 0.1), trial(4, 4.0, 4.0)]
    assert [one.number for one in chosen_front(table, 3)] == [0, 1, 2]
    assert [one.number for one in chosen_front(table, 10)] == [0, 1, 2, 3]


def test_nothing_complete_nothing_chosen() -> None:
    failed = [trial(0, status=Status.DIVERGED)]
    assert selectable(failed) == []
    assert best_trials(failed, 1) == []
    assert chosen_front(failed, 3) == []
