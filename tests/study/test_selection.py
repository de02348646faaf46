"""Who is chosen, on tables made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from autorl.records import Run, Status, Stretch, Trial
from autorl.schedules.ranking import order
from autorl.study.selection import best_trials, chosen_front, front_places, preferred, reached, selectable


def trial(
    number: int,
    *losses: float,
    rung: int = 10,
    status: Status = Status.COMPLETE,
    x: float = 0.0,
    seeds: int = 1,
    violations: tuple[float, ...] = (),
) -> Trial:
    configuration = {"x": x or float(number)}
    nothing = np.empty((0, 1, 1, 1))
    runs = tuple(Run(seed, status, 10, (), nothing, nothing[:, 0], 0, 0, 0.0, 0, 0.0, 0) for seed in range(seeds))
    return Trial(number, configuration, status, runs, losses or None, rung, violations=violations)


def test_the_best_is_of_the_top_rung_ties_by_number() -> None:
    table = [trial(0, 2.0), trial(1, 1.0), trial(2, 0.0, rung=5), trial(3, 1.0), trial(4, status=Status.FAILED)]
    assert [one.number for one in best_trials(table, 2)] == [1, 3]


def test_among_equal_rungs_only_those_on_most_seeds_can_win() -> None:
    table = [trial(0, 1.0, seeds=1), trial(1, 3.0, seeds=5), trial(2, 2.0, seeds=5), trial(3, 0.0, rung=5, seeds=9)]
    assert [one.number for one in best_trials(table, 9)] == [2, 1]
    assert [reached(one) for one in table] == [(10, 1), (10, 5), (10, 5), (5, 9)]


def test_equal_configurations_with_different_pasts_are_two() -> None:
    table = [trial(0, 1.0, x=7.0), trial(1, 1.0, x=7.0), trial(2, 1.0, x=7.0)]
    table[1] = replace(table[1], earlier=(Stretch(5, {"x": 3.0}),), lineage="1@5")
    assert [one.number for one in selectable(table)] == [0, 1]


def test_equal_configurations_count_once() -> None:
    assert [one.number for one in selectable([trial(0, 1.0, x=7.0), trial(1, 1.0, x=7.0), trial(2, 2.0)])] == [0, 2]


def test_the_front_is_chosen_extremes_first() -> None:
    table = [trial(0, 0.0, 4.0), trial(1, 4.0, 0.0), trial(2, 1.0, 1.0), trial(3, 3.9, 0.1), trial(4, 4.0, 4.0)]
    assert [one.number for one in chosen_front(table, 3)] == [0, 1, 2]
    assert [one.number for one in chosen_front(table, 10)] == [0, 1, 2, 3]


def test_feasible_trials_come_first_then_the_least_infeasible() -> None:
    table = [
        trial(0, 1.0, violations=(2.0, -1.0)),  # total 1/2
        trial(1, 9.0, violations=(0.0, -5.0)),  # holds both, one of them exactly
        trial(2, 0.0, violations=(1.0, 8.0)),  # total 1/4 + 1
        trial(3, 5.0, violations=(-1.0, -1.0)),
        trial(4, 2.0, violations=(4.0, -1.0)),  # total 1
        trial(5, -9.0, rung=5, violations=(-1.0, -1.0)),
        trial(6, status=Status.FAILED),
    ]
    assert [one.number for one in best_trials(table, 9)] == [3, 1, 0, 4, 2]


def test_equal_total_violations_go_by_loss_then_number() -> None:
    table = [trial(0, 2.0, violations=(3.0,)), trial(1, 1.0, violations=(3.0,)), trial(2, 1.0, violations=(3.0,))]
    assert [one.number for one in best_trials(table, 3)] == [1, 2, 0]
    assert order([(2.0,), (1.0,), (1.0,)], [(), (), ()]) == [1, 2, 0]
    assert order([], []) == []


def test_places_of_a_front_are_of_the_least_infeasible() -> None:
    losses = [(0.0, 0.0), (1.0, 3.0), (3.0, 1.0), (3.0, 3.0)]
    assert front_places(losses, [(), (), (), ()]) == [0]
    assert front_places(losses, [(0.1,), (0.0,), (-2.0,), (-9.0,)]) == [1, 2]
    assert front_places([], []) == []


def test_only_feasible_trials_enter_a_front() -> None:
    table = [
        trial(0, 0.0, 0.0, violations=(0.1,)),  # would dominate everything
        trial(1, 1.0, 3.0, violations=(0.0,)),
        trial(2, 3.0, 1.0, violations=(-2.0,)),
        trial(3, 4.0, 4.0, violations=(-9.0,)),
    ]
    assert [one.number for one in chosen_front(table, 10)] == [1, 2]


def test_a_front_without_a_feasible_trial_is_of_the_least_infeasible_alone() -> None:
    table = [
        trial(0, 0.0, 0.0, violations=(4.0, 1.0)),  # 1 + 1/2
        trial(1, 3.0, 5.0, violations=(2.0, -1.0)),  # 1/2
        trial(2, 5.0, 3.0, violations=(-1.0, 1.0)),  # 1/2
        trial(3, 6.0, 6.0, violations=(2.0, 0.0)),  # 1/2, and dominated by both
        trial(4, 0.0, 0.0, violations=(0.0, 2.0)),  # 1
    ]
    assert [one.number for one in preferred(table)] == [1, 2, 3]
    assert [one.number for one in chosen_front(table, 10)] == [1, 2]


def test_nothing_complete_nothing_chosen() -> None:
    failed = [trial(0, status=Status.DIVERGED)]
    assert selectable(failed) == []
    assert best_trials(failed, 1) == []
    assert chosen_front(failed, 3) == []
