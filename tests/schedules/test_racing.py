"""Races: the statistic by hand, who is ruled out, and the promise of the level by simulation."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from scipy.stats import t as student

from autorl.errors import InvalidInput
from autorl.records import FloatArray, Status, Trial
from autorl.schedules import Frame
from autorl.schedules.paired import PairedTests
from autorl.schedules.racing import Racing, rejected, survivors
from autorl.seeds import stream
from tests.schedules.playing import FRAME, Loss, play


def trial(number: int, *rows: float | tuple[float, ...], violations: tuple[float, ...] = ()) -> Trial:
    table = tuple(row if isinstance(row, tuple) else (row,) for row in rows)
    means = tuple(sum(column) / len(table) for column in zip(*table, strict=True))
    return Trial(number, {}, Status.COMPLETE, losses=means, seed_losses=table, violations=violations)


def recorded(losses: FloatArray) -> Loss:
    """Losses by number and seed."""
    return lambda number, seed, mark: float(losses[number, seed])


def numbers(trials: list[Trial]) -> list[int]:
    return [one.number for one in trials]


# The statistic


def p_value(tests: PairedTests, *rows: float | tuple[float, ...]) -> float:
    """Of one pair that no other knows of."""
    known = copy.deepcopy(tests)
    return float(known.compare([(98, 99)], np.array([rows], dtype=float).reshape(1, len(rows), -1))[0])


def noted(**pairs: list[float]) -> PairedTests:
    tests = PairedTests(prior_weight=4)
    for place, rows in enumerate(pairs.values()):
        tests.compare([(place, 50)], np.array(rows).reshape(1, -1, 1))
    return tests


def test_the_p_value_by_hand() -> None:
    tests = noted(a=[1.0, 3.0], b=[0.0, 3.0, 6.0])  # 1 degree of freedom and squares 2, then 2 and 18
    variance = (14 + 3 * 20 / 3) / 5  # of 2, 3, 7 with mean 4 and squares 14; the others weigh their 3 degrees, not 4
    assert p_value(tests, 2.0, 3.0, 7.0) == pytest.approx(student.sf(4 / math.sqrt(variance / 3), 5))
    assert p_value(tests, -2.0, -3.0, -7.0) == pytest.approx(student.cdf(4 / math.sqrt(variance / 3), 5))
    assert p_value(tests, 4.0) == pytest.approx(student.sf(4 / math.sqrt(20 / 3), 3))  # one seed alone


def test_the_others_weigh_no_more_than_the_prior_weight() -> None:
    tests = noted(a=[0.0, 3.0, 6.0], b=[0.0, 3.0, 6.0], c=[0.0, 3.0, 6.0])
    assert p_value(tests, 4.0, 6.0) == pytest.approx(student.sf(5 / math.sqrt((2 + 4 * 9) / 5 / 2), 5))


def test_a_first_pair_does_not_confirm_itself() -> None:
    assert p_value(PairedTests(4), 4.0, 6.0) == pytest.approx(student.sf(5, 1))


def test_a_pair_compared_again_counts_once() -> None:
    tests = PairedTests(prior_weight=4)
    for last in (9.0, 3.0):
        tests.compare([(0, 1)], np.array([[[1.0], [last]]]))
    assert p_value(tests, 2.0) == pytest.approx(student.sf(2 / math.sqrt(2), 1))


def test_without_any_variance_known_nothing_is_told() -> None:
    assert p_value(noted(a=[3.0]), 100.0) == 1.0


def test_a_difference_without_variance_counts_by_its_sign() -> None:
    tests = noted(a=[2.0, 2.0])
    assert [p_value(tests, one, one) for one in (0.01, 0.0, -1.0)] == [0, 1, 1]
    assert [p_value(tests, one) for one in (0.5, -0.5)] == [0, 1]


def test_equal_differences_decide_nothing_where_others_vary() -> None:
    tests = noted(a=[1.0, 3.0])  # squares 2 on 1 degree of freedom
    assert p_value(tests, 1.0, 1.0) == pytest.approx(student.sf(1 / math.sqrt(2 / 2 / 2), 2))


def test_a_pair_compared_the_other_way_round_is_the_same_pair() -> None:
    tests = PairedTests(prior_weight=4)
    tests.compare([(0, 1), (1, 0)], np.array([[[1.0], [9.0]], [[-1.0], [-9.0]]]))
    tests.compare([(1, 0)], np.array([[[-1.0], [-3.0]]]))
    assert p_value(tests, 2.0) == pytest.approx(student.sf(2 / math.sqrt(2), 1))


def test_several_objectives_must_all_be_worse() -> None:
    tests = PairedTests(prior_weight=4)
    found = tests.compare([(0, 1), (2, 1)], np.array([[[9.0, 0.5], [9.5, 1.5]], [[9.0, -1.0], [9.5, -1.5]]]))
    assert found[0] == pytest.approx(student.sf(1 / math.sqrt((0.5 + 0.125) / 2 / 2), 2))
    assert found[1] > 0.5


def test_holms_method_by_hand() -> None:
    assert rejected(np.array([0.02, 0.9, 0.01, 0.03]), 0.06) == [2, 0, 3]  # 0.015, 0.02, 0.03, 0.06
    assert rejected(np.array([0.02, 0.02, 0.02]), 0.05) == []


# Who is ruled out


def test_an_incumbent_rules_out_what_is_surely_worse() -> None:
    table = [trial(0, 0.0, 0.2), trial(1, 10.0, 10.1), trial(2, 0.1, 0.2)]
    assert numbers(survivors(table, [], PairedTests(4), 0.05)) == [0, 2]


def test_an_earlier_winner_rules_out_on_the_shared_seeds() -> None:
    winner = trial(7, 0.0, 0.2, 99.0)  # on two seeds it is better, over all of its seeds worse
    table = [trial(0, 10.0, 10.1), trial(1, -1.0, 0.1)]
    tests = PairedTests(4)
    assert numbers(survivors(table, [winner], tests, 0.05)) == [1]
    table = [trial(0, 10.0, 10.1), trial(1, 10.0, 10.2)]
    assert numbers(survivors(table, [winner], tests, 0.05)) == []


def test_failures_leave_and_rule_out_nobody() -> None:
    failed = Trial(0, {}, Status.DIVERGED)
    assert numbers(survivors([failed, trial(1, 5.0, 6.0)], [], PairedTests(4), 0.05)) == [1]
    assert survivors([failed], [], PairedTests(4), 0.05) == []


def test_of_several_objectives_one_incumbent_must_win_in_all() -> None:
    table = [
        trial(0, (0.0, 10.0), (0.1, 10.2)),
        trial(1, (10.0, 0.0), (10.2, 0.1)),
        trial(2, (5.0, 15.0), (5.3, 15.1)),  # 0 wins in both
        trial(3, (5.0, 5.0), (5.1, 5.3)),  # 0 and 1 win in one each
    ]
    assert numbers(survivors(table, [], PairedTests(4), 0.05)) == [0, 1, 3]


def test_who_breaks_a_constraint_rules_out_nobody() -> None:
    broken = trial(0, 0.0, 0.2, violations=(1.0,))
    assert numbers(survivors([broken, trial(1, 10.0, 10.1)], [], PairedTests(4), 0.05)) == [0, 1]
    assert numbers(
        survivors([trial(1, 10.0, 10.1, violations=(1.0,)), trial(2, 0.0, 0.2)], [], PairedTests(4), 0.05)
    ) == [2]


# The schedule


def test_a_race_goes_on_from_batch_to_batch() -> None:
    def loss(number: int, seed: int, mark: int) -> float:
        return 100.0 * (number % 4) - 50.0 * (number // 4) + (seed * (number + 1)) % 3

    played = play(Racing(first_seeds=2), loss, 8)
    assert played.asked == [4, 4, 0]
    assert played.told == [(0, 1, 2, 3), (4, 5, 6, 7)]
    assert [(seeds, trials) for _, seeds, trials in played.marks] == [
        (2, [0, 1, 2, 3]), (3, [0]), (4, [0]), (5, [0]),
        (2, [4, 5, 6, 7]), (3, [4]), (4, [4]), (5, [4]),
    ]  # fmt: skip
    assert {mark for mark, _, _ in played.marks} == {900}


def test_a_later_batch_is_ruled_out_by_an_earlier_winner() -> None:
    frame = Frame(horizon=900, seeds=(10, 11, 12, 13, 14), batch=1, objectives=1)
    played = play(Racing(), lambda number, seed, mark: 100.0 * number + (seed * (number + 1)) % 3, 2, frame)
    assert [(seeds, trials) for _, seeds, trials in played.marks] == [
        (2, [0]), (3, [0]), (4, [0]), (5, [0]), (2, [1])
    ]  # fmt: skip


def test_who_cannot_be_ruled_out_gets_every_seed() -> None:
    played = play(Racing(first_seeds=4), lambda number, seed, mark: float((seed * (number + 1)) % 7), 4)
    assert [(seeds, trials) for _, seeds, trials in played.marks] == [(4, [0, 1, 2, 3]), (5, [0, 1, 2, 3])]


def test_a_batch_of_failures_is_told_and_the_next_one_asked() -> None:
    played = play(Racing(), lambda number, seed, mark: None if number < 4 else 1.0, 8)
    assert played.told == [(0, 1, 2, 3), (4, 5, 6, 7)]


def test_it_has_no_rung_before_the_end() -> None:
    assert Racing().rungs(900) == (900,)
    assert Racing().constant_metrics() == {"env_steps"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"first_seeds": 0}, "first_seeds: 0 must be at least 1"),
        ({"alpha": 0.0}, "alpha: 0.0 must be above 0 and at most 0.5"),
        ({"alpha": 0.6}, "alpha: 0.6 must be above 0 and at most 0.5"),
        ({"prior_weight": -1.0}, "prior_weight: -1.0 must be at least 0"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, float], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        Racing(**options)  # type: ignore[arg-type]  # some are of the wrong kind


def test_what_does_not_fit_the_study_is_refused() -> None:
    with pytest.raises(InvalidInput, match="first_seeds: 6 must be at most the number of tuning seeds, which is 5"):
        Racing(first_seeds=6).check(FRAME)
    medians = Frame(900, (0, 1, 2), 4, 1, not_means=("median_return",))
    with pytest.raises(InvalidInput, match="'median_return' aggregates its seeds in another way"):
        Racing().check(medians)
    Racing(first_seeds=5).check(FRAME)


def test_the_best_of_sixteen_stays_and_seeds_are_saved() -> None:
    """In 1,000 races: at most a tenth lose the true best, and with a spread of 2 noises 40 % of the seeds are saved."""
    seeds, trials, races = 10, 16, 1000
    frame = Frame(horizon=1, seeds=tuple(range(seeds)), batch=trials, objectives=1)
    lost = trained = 0
    for race in range(races):
        generator = stream(race, "race")
        truth = 2 * generator.standard_normal(trials)
        losses = truth[:, np.newaxis] + generator.standard_normal((trials, seeds))
        played = play(Racing(), recorded(losses), trials, frame)
        lost += len(played.last[int(truth.argmin())].seed_losses) < seeds
        trained += played.seed_trainings
    assert lost <= 0.1 * races
    assert trained <= 0.6 * races * trials * seeds


def test_solved_or_not_is_noise_too() -> None:
    """Of equal configurations that solve a task on half of the seeds a given one is ruled out in few races."""
    frame = Frame(horizon=1, seeds=tuple(range(6)), batch=4, objectives=1)
    lost = 0
    for race in range(500):
        losses = stream(race, "solved race").integers(0, 2, (4, 6)).astype(float)
        played = play(Racing(), recorded(losses), 4, frame)
        lost += len(played.last[0].seed_losses) < 6
    assert lost <= 0.1 * 500


def test_the_level_holds_without_any_spread_too() -> None:
    """Of equal configurations a given one is ruled out in few races: where it is not the incumbent by luck."""
    frame = Frame(horizon=1, seeds=tuple(range(6)), batch=2, objectives=1)
    lost = 0
    for race in range(500):
        losses = stream(race, "null race").standard_normal((2, 6))
        played = play(Racing(), recorded(losses), 2, frame)
        lost += len(played.last[0].seed_losses) < 6
    assert lost <= 0.1 * 500
