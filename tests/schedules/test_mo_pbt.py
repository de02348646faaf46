"""Population based training of a front."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from autorl.records import Trial
from autorl.schedules.mo_pbt import MOPBT, scattering
from autorl.schedules.pbt import PBT
from tests.schedules.playing import complete
from tests.schedules.populations import drawn, grow
from tests.schedules.test_pbt import FRAME, SPACE, START, by_number


def test_a_front_is_taken_ends_first_and_then_by_distance() -> None:
    # Ends 0 and 4; on the scaled front 2 is farthest from both, then 3 (0.35 from 2) before 1 (0.14 from 0).
    losses = np.array([[0.0, 10.0], [1.0, 9.0], [5.0, 5.0], [7.5, 2.5], [10.0, 0.0]])
    assert np.argsort(-scattering(losses)).tolist() == [0, 4, 2, 3, 1]


def test_scattering_compares_within_a_front_alone() -> None:
    losses = np.array([[5.0, 5.0], [0.0, 1.0], [1.0, 0.0], [6.0, 4.0]])
    early = scattering(losses)
    assert early[1] > early[2]
    assert early[0] > early[3]


def test_copies_and_constant_objectives_are_taken_by_number() -> None:
    assert np.argsort(-scattering(np.array([[1.0, 2.0]] * 4))).tolist() == [0, 1, 2, 3]


def test_ranks_go_first_then_scattering() -> None:
    front = [(0.0, 10.0), (1.0, 9.0), (5.0, 5.0), (7.5, 2.5), (10.0, 0.0)]
    trials = [complete(0, 11.0, 11.0), *(complete(number, *losses) for number, losses in enumerate(front, 1))]
    assert [trial.number for trial in MOPBT().rank(trials)] == [1, 5, 3, 4, 2, 0]
    # To crowding, 2 and 4 are as lonely: each has neighbours half the front apart.
    assert [trial.number for trial in PBT().rank(trials)] == [1, 5, 3, 2, 4, 0]


def test_a_trial_that_breaks_a_constraint_comes_after_those_that_do_not() -> None:
    trials = [complete(0, 0.0, 0.0, violations=(1.0,)), complete(1, 5.0, 5.0, violations=(0.0,))]
    assert [trial.number for trial in MOPBT().rank(trials)] == [1, 0]


def test_with_one_objective_it_is_pbt() -> None:
    start = drawn(SPACE, 12, 1)

    def losses(trial: Trial) -> tuple[float]:
        return (float(trial.configuration["learning_rate"] or 0) * (1 + trial.number % 3),)

    found = [grow(kind(population=12, interval=60), FRAME, start, losses).trained for kind in (PBT, MOPBT)]
    assert found[0] == found[1]


def test_those_behind_the_front_copy_its_members() -> None:
    # Members 0 to 3 are the front; 4 to 7 are dominated by all of them.
    def losses(trial: Trial) -> tuple[float, float]:
        return (float(trial.number), -float(trial.number)) if trial.number < 4 else (100.0 + trial.number, 100.0)

    frame = replace(FRAME, objectives=2)
    grown = grow(MOPBT(population=8, interval=100, quantile=0.5), frame, START[:8], losses)
    moved = {number: one.earlier[0].configuration for number, one in grown.trained[1].items() if one.earlier}
    assert set(moved) == {4, 5, 6, 7}
    assert all(one in START[:4] for one in moved.values())
    one = grow(MOPBT(population=8, interval=100), FRAME, START[:8], by_number)
    assert {number for number, entry in one.trained[1].items() if entry.earlier} == {6, 7}
