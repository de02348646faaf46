"""The order of preference, by hand."""

from __future__ import annotations

from autorl.records import Status, Trial
from autorl.schedules.ranking import order, ranked
from tests.schedules.playing import complete


def test_one_objective_goes_by_loss_then_number() -> None:
    table = [complete(3, 1.0), complete(0, 2.0), complete(1, 1.0)]
    assert [trial.number for trial in ranked(table)] == [1, 3, 0]


def test_of_equal_losses_none_is_lonelier() -> None:
    assert order([(1.0,)] * 4, [()] * 4) == [0, 1, 2, 3]


def test_only_complete_trials_are_ranked() -> None:
    table = [complete(1, 5.0), Trial(0, {}, Status.DIVERGED), Trial(2, {}, Status.FAILED, losses=(0.0,))]
    assert [trial.number for trial in ranked(table)] == [1]
    assert ranked([]) == []


def test_several_objectives_go_by_front_then_loneliness() -> None:
    front = [(0.0, 10.0), (1.0, 9.0), (5.0, 5.0), (10.0, 0.0)]  # inner distances: 5/10 + 5/10 and 9/10 + 9/10
    assert order([(6.0, 6.0), *front], [()] * 5) == [1, 4, 3, 2, 0]


def test_feasible_ones_come_first_and_do_not_compete_with_the_others() -> None:
    losses = [(0.0, 0.0), (1.0, 3.0), (3.0, 1.0), (4.0, 4.0), (9.0, 9.0)]
    violations = [(2.0,), (-1.0,), (0.0,), (-5.0,), (1.0,)]
    assert order(losses, violations) == [1, 2, 3, 4, 0]
