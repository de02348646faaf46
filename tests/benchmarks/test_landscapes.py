from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from autorl.errors import InvalidInput
from autorl.records import Status
from autorl.seeds import stream
from autorl.study.selection import best_trials
from autorl.tuners import build_tuner
from benchmarks.landscape_cells import Cell, Cells, compute, surrogate
from benchmarks.landscape_choice import choose_elsewhere
from benchmarks.landscape_data import landscape_names, read_landscape, recorded_space
from benchmarks.landscape_lookup import look_up
from benchmarks.landscape_simulation import Entry, Method, Replay, play, seed_halves
from benchmarks.landscape_surrogate import Surrogate, counted_scores, draw_vector
from benchmarks.landscape_table import Sample, mean_interval, ratio_interval
from benchmarks.landscapes import main
from tests.benchmarks.landscape_toys import MARKS, SEEDS, Recorder, write_landscape

TOYS = "tests.benchmarks.landscape_toys"
ONCE, ALWAYS = 3, range(4, 10)
"""Configurations of which seed 2, or every seed, diverges at the second checkpoint."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("landscapes")
    write_landscape(folder, "exact")
    missing = [(ONCE, 1, 2), *((number, 1, seed) for number in ALWAYS for seed in range(SEEDS))]
    write_landscape(folder, "noisy", noise=0.3, diverged=missing)
    return folder


@pytest.fixture(scope="module")
def exact(folder: Path) -> Surrogate:
    return surrogate(folder, "exact")


@pytest.fixture(scope="module")
def noisy(folder: Path) -> Surrogate:
    return surrogate(folder, "noisy")


def replay(landscape: Surrogate, schedule: Entry = "full", budget: float = 96.0, tuner: Entry = "random") -> Replay:
    tuning, _ = seed_halves(landscape, 0)
    found = Replay(landscape, build_tuner(tuner, landscape.landscape.space, 1, 7), tuning, budget)
    found.run(schedule, 4)
    return found


# The record


def test_the_space_is_read_off_the_record(exact: Surrogate) -> None:
    rows = {row.name: row for row in exact.landscape.space.rows()}
    assert [(row.kind, row.scale, row.condition) for row in rows.values()] == [
        ("float", "log", ""),
        ("ordered", "", ""),
        ("choice", "", ""),
        ("float", "linear", "use_momentum = true"),
    ]
    assert rows["batch_size"].range == "16, 32, 64"
    assert len(exact.landscape.configurations) == 40


def test_whole_numbers_are_a_range_of_whole_numbers() -> None:
    space = recorded_space([{"width": float(width)} for width in range(10, 30)])
    assert [(row.kind, row.range) for row in space.rows()] == [("int", "[10, 29]")]


def test_a_hyperparameter_that_comes_and_goes_by_itself_is_refused() -> None:
    with pytest.raises(InvalidInput, match="momentum: 1 cells are empty"):
        recorded_space([{"on": True, "momentum": 0.5}, {"on": True}, {"on": False, "momentum": 0.1}])


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds no file"):
        landscape_names(tmp_path)
    write_landscape(tmp_path, "short")
    np.savez(tmp_path / "short.scores.npz", scores=np.zeros((39, 4, 6)), env_steps=MARKS, seeds=range(6))
    with pytest.raises(InvalidInput, match=r"\(39, 4, 6\) beside 40 configurations"):
        read_landscape(tmp_path, "short")


def test_a_run_stays_diverged(noisy: Surrogate) -> None:
    missing = np.isnan(noisy.landscape.scores)
    assert missing[ONCE, :, 2].tolist() == [False, True, True, True]
    assert missing.sum() == 3 * (1 + len(ALWAYS) * SEEDS)


# The surrogate


def test_diverged_runs_count_as_the_worst_configuration(noisy: Surrogate) -> None:
    scores = noisy.landscape.scores
    counted = counted_scores(scores)
    completed = np.delete(scores[:, -1], list(ALWAYS), axis=0)
    floor = np.nanmin(np.nanmean(completed, axis=1))
    assert counted[ALWAYS[0], -1].tolist() == pytest.approx([floor] * SEEDS)
    assert counted[ONCE, -1, 2] == pytest.approx(floor)
    np.testing.assert_array_equal(counted[np.isfinite(scores)], scores[np.isfinite(scores)])


def test_all_forests_at_once_predict_as_the_library_does(exact: Surrogate) -> None:
    from sklearn.ensemble import RandomForestRegressor  # type: ignore[import-untyped]  # ships no types

    from benchmarks.landscape_surrogate import Forests

    places = exact.landscape.features
    targets = exact.landscape.scores.mean(axis=2)
    forests = [RandomForestRegressor(7, random_state=seed).fit(places, targets[:, seed]) for seed in (0, 3)]
    probes = stream(0, "probes").random((50, places.shape[1]))
    found = [Forests(forests).predict(place) for place in probes]
    np.testing.assert_allclose(found, np.stack([one.predict(probes) for one in forests], axis=1), rtol=1e-12)


def test_the_mean_over_all_seeds_is_the_truth(noisy: Surrogate) -> None:
    generator = stream(0, "configurations")
    space = noisy.landscape.space
    for _ in range(20):
        found = noisy.simulate(space.decode(draw_vector(space.coordinates, generator)))
        np.testing.assert_allclose(found.counted.mean(axis=1), found.truth, rtol=0, atol=1e-12)


def test_a_seed_lends_its_whole_residual_curve(noisy: Surrogate) -> None:
    recorded = noisy.landscape.scores[12]
    found = noisy.simulate(noisy.landscape.configurations[12])
    residuals = recorded - recorded.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found.scores - found.truth[:, np.newaxis], residuals, rtol=0, atol=1e-12)
    assert residuals.std() > 0.1


def test_a_seed_diverges_where_the_lenders_did(noisy: Surrogate) -> None:
    found = noisy.simulate(noisy.landscape.configurations[ONCE])
    assert np.isnan(found.scores).sum(axis=0).tolist() == [0, 0, 3, 0, 0, 0]
    assert np.isfinite(found.counted).all()


def test_regret_is_zero_at_the_best_and_one_at_the_worst(exact: Surrogate) -> None:
    generator, space = stream(1, "configurations"), exact.landscape.space
    drawn = [exact.simulate(space.decode(draw_vector(space.coordinates, generator))) for _ in range(300)]
    regrets = [exact.regret(float(one.truth[-1])) for one in drawn]
    assert -1e-9 <= min(regrets) < 0.1
    assert 0.8 < max(regrets) <= 1.001
    assert exact.regret(exact.best) == 0


def test_a_landscape_without_differences_is_refused(tmp_path: Path) -> None:
    lost = [(number, 0, seed) for number in range(1, 40) for seed in range(SEEDS)]
    write_landscape(tmp_path, "flat", diverged=lost)
    with pytest.raises(InvalidInput, match="flat: every configuration has the truth"):
        Surrogate(read_landscape(tmp_path, "flat"))


# The simulation


def test_the_halves_are_disjoint_and_drawn_per_repetition(exact: Surrogate) -> None:
    halves = [seed_halves(exact, repetition) for repetition in range(10)]
    assert all(sorted([*tuning, *unseen]) == list(range(SEEDS)) for tuning, unseen in halves)
    assert all(len(tuning) == len(unseen) for tuning, unseen in halves)
    assert len({frozenset(tuning) for tuning, _ in halves}) > 3


def test_full_training_charges_one_a_seed(exact: Surrogate) -> None:
    found = replay(exact, budget=36)
    assert found.spent == 36
    assert sorted(found.results) == list(range(12))
    assert all(trial.rung == MARKS[-1] for trial in found.results.values())


def test_a_promotion_pays_the_difference_and_a_seed_more_pays_in_full(exact: Surrogate) -> None:
    found = replay(exact, f"{TOYS}:Promoting", budget=6)
    # 4 trials x 2 seeds x 1/4 (the mark 999 is trained to 1000), then 2 x 2 x 3/4, then 1 x 1.
    assert found.spent == 2 + 3 + 1
    assert [trial.rung for trial in found.results.values()] == [4000, 4000, 999, 999]
    assert [len(trial.runs) for trial in found.results.values()] == [3, 2, 2, 2]
    assert best_trials(list(found.results.values()), 9)[-1].rung == MARKS[-1]


def test_the_budget_is_hard(exact: Surrogate) -> None:
    found = replay(exact, f"{TOYS}:Promoting", budget=5.9)
    assert found.spent == 5
    assert len(found.results[0].runs) == 2


@pytest.mark.parametrize(
    ("schedule", "spent"),
    [
        # 9 x 1/4, 3 of them x 3/4, 1 of them with 2 seeds more; then the 2 that the budget still allows
        ({"name": "halving", "configurations": 9, "min_env_steps": 0.25, "eta": 4, "seeds": [1, 1, 3]}, 6.5),
        ({"name": "racing", "first_seeds": 3}, 12.0),
    ],
)
def test_bundled_schedules_are_carried_out(exact: Surrogate, schedule: Entry, spent: float) -> None:
    found = replay(exact, schedule, budget=spent)
    assert found.spent == spent


def test_what_is_launched_completes_in_order(exact: Surrogate) -> None:
    found = replay(exact, {"name": "asha", "min_env_steps": 0.25, "seeds": [1, 1, 3]}, budget=20)
    assert 19 <= found.spent <= 20
    trained = [trial for trial in found.results.values() if trial.rung]
    assert {len(trial.runs) for trial in trained} == {1, 3}
    assert best_trials(list(found.results.values()), 1)[0].rung == MARKS[-1]


def test_a_schedule_that_does_not_fit_is_refused(exact: Surrogate) -> None:
    with pytest.raises(InvalidInput, match=r"seeds: \[1, 4\] asks for 4 seeds"):
        replay(exact, {"name": "halving", "seeds": [1, 4]})


def test_a_tuner_is_not_asked_beyond_its_end(exact: Surrogate) -> None:
    found = replay(exact, tuner=f"{TOYS}:Three")
    assert (len(found.results), found.spent) == (3, 9)


def test_a_trial_with_a_diverged_seed_fails_and_is_told_a_penalty(noisy: Surrogate) -> None:
    Recorder.built.clear()
    found = replay(noisy, budget=300, tuner=f"{TOYS}:Recorder")
    lent = [
        number
        for number, one in found.simulated.items()
        if np.isnan(one.scores[-1, list(seed_halves(noisy, 0)[0])]).any()
    ]
    failed = [trial.number for trial in found.results.values() if trial.status is Status.DIVERGED]
    assert lent == failed
    assert failed
    told = {one.number: one for one in Recorder.built[0].told}
    worst = max(one.losses[0] for one in told.values() if one.complete)
    assert all(told[number].losses[0] > worst for number in failed if number == max(told))
    assert {number for number, one in told.items() if not one.complete} == set(failed)


def test_losses_are_means_over_the_tuning_seeds(noisy: Surrogate) -> None:
    found = replay(noisy, budget=30)
    seeds = list(seed_halves(noisy, 0)[0])
    for number, trial in found.results.items():
        if trial.losses is not None:
            assert trial.losses[0] == -found.simulated[number].scores[-1, seeds].mean()
            assert [run.final.item() for run in trial.runs] == found.simulated[number].scores[-1, seeds].tolist()


def test_without_noise_the_winner_is_the_best_tried_and_optimism_is_zero(exact: Surrogate) -> None:
    found = replay(exact, budget=90)
    regrets = [exact.regret(float(one.truth[-1])) for one in found.simulated.values()]
    outcome = play(exact, Method(f"{TOYS}:Recorder", seeds=3, budget=90), 0)
    assert outcome.optimism == pytest.approx(0, abs=1e-6)  # scores are stored with seven digits
    assert outcome.regret == pytest.approx(outcome.unseen_regret, abs=1e-6)
    winner = best_trials(list(found.results.values()), 1)[0]
    assert exact.regret(float(found.simulated[winner.number].truth[-1])) == min(regrets)


def test_with_noise_fewer_seeds_are_more_optimistic(noisy: Surrogate) -> None:
    optimism = {
        seeds: np.mean([play(noisy, Method("random", seeds=seeds), one).optimism or 0.0 for one in range(10)])
        for seeds in (1, 3)
    }
    assert optimism[1] > optimism[3] > 0


def test_a_study_of_failures_alone_has_regret_one(tmp_path: Path) -> None:
    lost = [(number, 0, seed) for number in range(4, 40) for seed in range(SEEDS)]
    write_landscape(tmp_path, "broken", diverged=lost)
    broken = Surrogate(read_landscape(tmp_path, "broken"))
    found = [play(broken, Method("random", budget=9), repetition) for repetition in range(3)]
    assert any(one.failures == 3 and (one.regret, one.optimism) == (1.0, None) for one in found)


def test_methods_meet_the_same_random_numbers(noisy: Surrogate) -> None:
    Recorder.built.clear()
    tuner = f"{TOYS}:Recorder"
    for method in (Method(tuner, seeds=3), Method(tuner, seeds=1, batch=1)):
        play(noisy, method, 4)
    first, second = Recorder.built
    assert first.seed == second.seed
    assert [one.vector for one in first.proposed] == [one.vector for one in second.proposed][: len(first.proposed)]
    play(noisy, Method(tuner), 5)
    assert Recorder.built[2].seed != first.seed


@pytest.mark.parametrize("seeds", [0, 4])
def test_seeds_beyond_the_tuning_half_are_refused(exact: Surrogate, seeds: int) -> None:
    with pytest.raises(InvalidInput, match=f"{seeds} tuning seeds wanted; exact has 1 to 3"):
        play(exact, Method("random", seeds=seeds), 0)


def test_a_tuner_without_a_proposal_cannot_be_measured(exact: Surrogate) -> None:
    with pytest.raises(InvalidInput, match="proposes 0 configurations"):
        play(exact, Method(f"{TOYS}:Nothing"), 0)


# Cells


def test_a_stopped_run_goes_on_to_the_same_outcomes(folder: Path, tmp_path: Path) -> None:
    landscapes = {name: read_landscape(folder, name) for name in landscape_names(folder)}
    wanted = [Cell(name, Method("random", budget=9), one) for name in landscapes for one in range(3)]

    def computed(cells: Cells) -> dict[tuple[str, int], object]:
        found = compute(folder, landscapes, wanted, cells, 1)
        return {(cell.landscape, cell.repetition): dataclasses.replace(one, seconds_per_ask=0) for cell, one in found}

    whole = computed(Cells(tmp_path))
    assert len(whole) == 6
    assert computed(Cells(tmp_path)) == {}
    kept = tmp_path / "cells.jsonl"
    lines = kept.read_text().splitlines(keepends=True)
    kept.write_text("".join([*lines[:4], lines[4][:50]]))  # killed in the middle of a line
    again = computed(Cells(tmp_path))
    assert len(again) == 2
    assert again.items() <= whole.items()
    assert computed(Cells(tmp_path)) == {}


def test_cells_depend_on_the_method_and_the_record(folder: Path) -> None:
    landscapes = {name: read_landscape(folder, name) for name in landscape_names(folder)}
    cells = Cells(None)
    cell = Cell("exact", Method("random", budget=9), 0)
    outcome = next(compute(folder, landscapes, [cell], cells, 1))[1]
    assert cells.find(cell, landscapes["exact"]) == outcome
    assert cells.find(cell, landscapes["noisy"]) is None
    other = dataclasses.replace(cell.method, tuner={"name": "random"})
    assert cells.find(dataclasses.replace(cell, method=other), landscapes["exact"]) is None


# Figures


def test_paired_ratios() -> None:
    values = stream(0, "values").random((3, 8)) + 0.1
    same = ratio_interval(values, values, landscapes=True)
    assert (same.value, same.low, same.high) == (1, 1, 1)
    half = ratio_interval(values / 2, values, landscapes=False)
    assert [half.low, half.high] == pytest.approx([0.5, 0.5])


def test_resampled_landscapes_widen_the_interval() -> None:
    baseline = np.ones((5, 30))
    ours = np.linspace(0.2, 1.0, 5)[:, np.newaxis] + 0.05 * stream(0, "noise").standard_normal((5, 30))
    within, anywhere = (ratio_interval(ours, baseline, landscapes=one) for one in (False, True))
    assert within.value == anywhere.value == pytest.approx(0.6, abs=0.02)
    assert within.high - within.low < 0.02 < 0.3 < anywhere.high - anywhere.low


def test_a_mean_interval_leaves_missing_values_out() -> None:
    values = np.array([[1.0, math.nan, 3.0], [4.0, 4.0, 4.0]])
    assert mean_interval(values).value == 3.0


def sample(regret: list[list[float]], landscapes: tuple[str, ...] = ("a", "b")) -> Sample:
    values = np.array(regret)
    return Sample(landscapes, *[values] * 6)


def test_a_choice_is_made_on_one_half_and_reported_on_the_other() -> None:
    baseline = sample([[1.0, 1.0], [1.0, 1.0]])
    lucky = sample([[0.2, 0.2], [2.0, 2.0]])
    steady = sample([[0.5, 0.5], [0.5, 0.5]])
    found = choose_elsewhere([baseline, lucky, steady], baseline)
    assert found is not None
    # chosen on a: the lucky one, 2 on b; chosen on b: the steady one, 0.5 on a
    assert (found.ratio, found.splits, found.chosen) == (1.25, 2, {1: 1, 2: 1})
    assert found.fixed == {0: 1.0, 1: pytest.approx(1.1), 2: 0.5}


def test_a_choice_needs_two_methods_and_two_landscapes() -> None:
    one = sample([[1.0]], ("a",))
    assert choose_elsewhere([one, one], one) is None
    two = sample([[1.0], [1.0]])
    assert choose_elsewhere([two, one], two) is None


def test_looking_up_a_table_without_noise_finds_the_best(folder: Path) -> None:
    assert look_up(read_landscape(folder, "exact"), 500, 3, 5) == pytest.approx((0, 0), abs=1e-6)
    regret, optimism = look_up(read_landscape(folder, "noisy"), 16, 1, 30)
    assert regret > 0.02
    assert optimism > 0.02


# The command


def test_the_page_shows_every_method(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(folder), "--cells", str(tmp_path), "--repetitions", "2", "--jobs", "1", "--tuners", "random"]
    main([*arguments, "{name: tpe, n_startup_trials: 4}", "--seeds", "3", "1"])
    shown = capsys.readouterr().out
    for method in ("random, 3 seeds", "random, 1 seeds", "tpe (n_startup_trials: 4), 3 seeds"):
        assert f"| {method} | 2 x 2 |" in shown
    assert "1.000 (1.000 to 1.000)" in shown
    main([*arguments[:-2], "--methods", "{tuner: random, schedule: {name: halving, seeds: [1, 2]}, seeds: 2}"])
    shown = capsys.readouterr().out
    assert "| random, halving (seeds: [1, 2]), 2 seeds | 2 x 2 |" in shown
    assert "| tpe" not in shown
    main([*arguments, "--lookup"])
    assert "| 32 x 3 |" in capsys.readouterr().out


def test_a_tuner_that_takes_no_landscape_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="unknown tuner 'randomm'"):
        main([str(folder), "--tuners", "randomm", "--repetitions", "1", "--jobs", "1"])
