"""Population based training carried out by hand."""

from __future__ import annotations

import functools
import itertools
from dataclasses import replace

import pytest

from autorl.errors import InvalidInput
from autorl.records import Status, Stretch, Trial
from autorl.schedules import Assignment, Frame, build_schedule
from autorl.schedules.pbt import PBT
from autorl.space import SearchSpace
from tests.schedules.populations import Grown, best_fixed, drawn, drifting, grow

SPACE = SearchSpace.load({"learning_rate": {"float": [1e-5, 1e-1], "log": True, "default": 1e-3}})
FRAME = Frame(horizon=300, seeds=(3, 4), batch=4, objectives=1, space=SPACE, seed=7)
START = [{"learning_rate": 1e-3 * (1 + number)} for number in range(20)]
THIRDS = {"population": 4, "interval": 100}


def by_number(trial: Trial) -> tuple[float]:
    return (float(trial.number),)


def pbt(**options: object) -> PBT:
    built = build_schedule({"name": "pbt", **THIRDS, **options})
    assert isinstance(built, PBT)
    return built


def play(losses: object = by_number, start: int = 4, **options: object) -> Grown:
    return grow(pbt(**options), FRAME, START[:start], losses)  # type: ignore[arg-type]  # any way to score


def test_intervals_divide_the_horizon() -> None:
    assert PBT().rungs(1000) == tuple(range(100, 1001, 100))
    assert PBT(interval=250).rungs(1000) == (250, 500, 750, 1000)
    assert PBT(interval=1 / 3).rungs(1000) == (333, 666, 1000)
    for interval, horizon in ((300, 1000), (0.3, 1000), (1000, 1000), (2000, 1000), (0.1, 5)):
        with pytest.raises(InvalidInput, match=f"interval: {interval}"):
            PBT(interval=interval).rungs(horizon)


def test_the_worst_goes_on_from_the_best_with_its_hyperparameters_changed() -> None:
    grown = play()
    first, second, third = grown.trained
    assert list(first.values()) == [Assignment(number, (3, 4), 100) for number in range(4)]
    for number in range(3):
        assert second[number] == Assignment(number, (3, 4), 200, START[number])
    copy = second[3]
    assert (copy.seeds, copy.mark, copy.lineage) == ((3, 4), 200, "3@100")
    assert copy.earlier == (Stretch(100, START[0]),)
    assert copy.configuration is not None
    assert copy.configuration["learning_rate"] in (pytest.approx(1.2e-3), pytest.approx(0.8e-3))
    # It is the worst again, and what it copied is in its past no more.
    assert third[3].earlier == (Stretch(200, START[0]),)
    assert third[3].lineage == "3@200"
    assert grown.told == [(0, 1, 2, 3)]


def test_a_copy_of_a_copy_has_the_whole_past() -> None:
    """Member 3 is the worst, copies 0, becomes the best, and is copied by 2."""

    def losses(trial: Trial) -> tuple[float]:
        return (-1.0,) if trial.lineage == "3@100" else (float(trial.number),)

    _, second, third = play(losses).trained
    copied = second[3].configuration
    assert copied is not None
    assert third[3] == replace(second[3], mark=300)  # it goes on as it is
    assert third[2].earlier == (Stretch(100, START[0]), Stretch(200, copied, "3@100"))
    assert third[2].lineage == "2@200"


def test_a_quantile_copies_and_is_copied() -> None:
    grown = play(start=8, population=8)
    moved = {number: one.earlier[-1].configuration for number, one in grown.trained[1].items() if one.earlier}
    assert set(moved) == {6, 7}
    seen = {
        tuple(one.earlier[-1].configuration.values())
        for seed in range(20)
        for one in grow(pbt(population=8), replace(FRAME, seed=seed), START[:8], by_number).trained[1].values()
        if one.earlier
    }
    assert seen == {(1e-3,), (2e-3,)}, "both of the best are copied now and then"


def test_members_that_fail_are_replaced_and_never_copied() -> None:
    def losses(trial: Trial) -> tuple[float] | None:
        return None if trial.number in (0, 1) and not trial.earlier else (float(trial.number),)

    _, second, _ = play(losses).trained
    assert {number for number, one in second.items() if one.earlier} == {0, 1}, "they fill the quantile"
    assert {tuple(one.earlier[0].configuration.items()) for one in second.values() if one.earlier} == {
        tuple(START[2].items())
    }


def test_where_everybody_fails_nobody_is_copied() -> None:
    grown = play(lambda trial: None)
    assert not any(one.earlier for request in grown.trained for one in request.values())
    assert all(trial.status is Status.DIVERGED for trial in grown.trials[-1].values())
    assert grown.told == [(0, 1, 2, 3)]


def test_the_best_of_a_larger_random_set_are_the_population() -> None:
    grown = play(start=6, init_size=6)
    assert grown.asked == [6, 0]
    assert grown.told == [(4, 5), (0, 1, 2, 3)]
    assert list(grown.trained[1]) == [0, 1, 2, 3]
    grown = play(lambda trial: None if trial.number < 4 and not trial.earlier else (0.0,), start=6, init_size=6)
    assert grown.told[0] == (2, 3), "who completed comes first"
    assert all(grown.trained[1][number].earlier for number in (0, 1))


def test_populations_follow_each_other_and_the_last_may_be_small() -> None:
    grown = play(start=9)
    assert grown.asked == [4, 4, 1, 0]
    assert [sorted(one) for one in grown.trained[::3]] == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    assert grown.trained[4][7].earlier[0].configuration == START[4]
    assert not any(one.earlier for request in grown.trained[6:] for one in request.values())


def test_draws_belong_to_member_rung_and_seed() -> None:
    first, again = play(start=8, population=8), play(start=8, population=8)
    assert first.trained == again.trained
    # The others' fate changes nothing: member 5 now copies in place of 6.
    other = play(lambda trial: None if trial.number == 5 else by_number(trial), start=8, population=8)
    assert {number for number, one in other.trained[1].items() if one.earlier} == {5, 7}
    assert other.trained[1][7] == first.trained[1][7]
    copies = [grow(pbt(resample=1.0), replace(FRAME, seed=seed), START[:4], by_number).trained for seed in range(5)]
    changed = [one[rung][3].configuration for one in copies for rung in (1, 2)]
    assert len({str(one) for one in changed}) == 10


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"population": 1}, "population: 1 must be at least 2"),
        ({"quantile": 0.6}, "quantile: 0.6"),
        ({"resample": 1.5}, "resample: 1.5"),
        ({"interval": 0}, "interval: 0"),
        ({"init_size": 3}, "init_size: 3 must be at least 4"),
        ({"perturb": []}, "perturb: \\[\\] is no list"),
        ({"perturb": "1.2"}, "perturb: '1.2' is no list"),
        ({"perturb": [1.2, -1]}, "perturb: -1 must be above 0"),
        ({"perturb": [1.2, 1]}, "the factor 1, which would change nothing"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        pbt(**options)


def test_what_cannot_be_copied_is_refused() -> None:
    space = SearchSpace.load(
        {
            "learning_rate": {"float": [1e-5, 1e-1], "log": True, "default": 1e-3},
            "n_envs": {"constant": 8},
            "n_steps": {"int": [32, 256], "pow2": True, "default": 128},
            "width": {"ordered": [16, 32], "default": 32},
        }
    )
    frame = replace(FRAME, space=space, static=frozenset({"n_steps", "width", "n_envs", "depth"}))
    with pytest.raises(InvalidInput, match=r"'n_steps', 'width' cannot .* fixed: \{n_steps: 128, width: 32\}"):
        pbt().check(frame)
    pbt().check(replace(frame, static=frozenset({"n_envs", "depth"})))  # a constant does not change
    switched = SearchSpace.load(
        {"gae": {"choice": [True, False], "default": True}, "width": {"constant": 16, "when": {"gae": True}}}
    )
    with pytest.raises(InvalidInput, match="'width' cannot change"):
        pbt().check(replace(FRAME, space=switched, static=frozenset({"width"})))
    with pytest.raises(InvalidInput, match="checkpoints 'none'"):
        pbt().check(replace(FRAME, checkpoints="none"))
    with pytest.raises(InvalidInput, match="the space is None"):
        pbt().check(replace(FRAME, space=None))


@pytest.mark.parametrize("seed", range(3))
def test_it_beats_the_best_fixed_value_where_the_best_value_changes(seed: int) -> None:
    frame = replace(FRAME, horizon=200, seed=seed)
    grown = grow(PBT(interval=10), frame, drawn(SPACE, 16, seed), functools.partial(drifting, horizon=200))
    assert grown.best < 1.5 * best_fixed(200) < 0
    winner = min(grown.trials[-1].values(), key=lambda trial: trial.losses or ())
    rates = [float(settings["learning_rate"] or 0) for _, settings in winner.schedule]
    assert rates[-1] < rates[0] / 3, "it follows the best value down"
    begins = [begin for begin, _ in winner.schedule]
    assert begins[0] == 0
    assert all(one < other for one, other in itertools.pairwise(begins))
