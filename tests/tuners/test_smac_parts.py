"""The parts of SMAC, in this process: that they are SMAC's, where they claim to be, and what becomes of its traps."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from smac import BlackBoxFacade, HyperparameterOptimizationFacade, RunHistory, Scenario

from autorl.tuners import _smac
from autorl.tuners._smac import Grid, gaussian, log_scaled, propose

MIXED = Grid(("unit", "index", "label", "unit", "label"), (0, 4, 3, 0, 2))
GRIDS = [MIXED, Grid(("unit",), (0,)), Grid(("label",), (5,)), Grid(("index", "unit"), (2, 0))]
SEEDS = {"model": 1, "weights": 2, "interleaving": 3, "search": 4}


def data(grid: Grid, trials: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    rows = grid.draw(generator, trials)
    return rows, np.sin(5 * rows).sum(axis=1) + 0.1 * generator.random(trials)


def scenario(grid: Grid, objectives: int = 1) -> Scenario:
    return Scenario(grid.configuration_space(), objectives=[f"{place}" for place in range(objectives)], seed=7)


def request(grid: Grid = MIXED, model: str = "forest", objectives: int = 1, trials: int = 12, **changes: Any) -> Any:
    """A request as the tuner makes it; the seed of "interleaving" asks the model."""
    vectors = [grid.vector(row) for row in grid.draw(np.random.default_rng(5), trials)]
    losses = [[sum((value - 0.3 * best) ** 2 for value in vector) for best in range(objectives)] for vector in vectors]
    return {
        "model": model,
        "kinds": list(grid.kinds),
        "sizes": list(grid.sizes),
        "told": vectors,
        "losses": losses,
        "complete": [True] * trials,
        "pending": [],
        "seeds": SEEDS,
        **changes,
    }


def test_the_forest_is_the_one_of_the_facade() -> None:
    trials = 40
    rows, losses = data(MIXED, trials)
    elsewhere = MIXED.draw(np.random.default_rng(1), 300)
    ours = _smac.forest(scenario(MIXED), trials).train(rows, losses[:, None])
    theirs = HyperparameterOptimizationFacade.get_model(scenario(MIXED)).train(rows, losses[:, None])
    for found, expected in zip(
        ours.predict_marginalized(elsewhere), theirs.predict_marginalized(elsewhere), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_likelihood_is_that_of_the_facades_process(grid: Grid) -> None:
    rows, losses = data(grid, 12)
    ours = gaussian(scenario(grid), 12).train(rows, losses[:, None])
    theirs = BlackBoxFacade.get_model(scenario(grid)).train(rows, losses[:, None])
    for place in range(4):
        theta = np.random.default_rng(place).uniform(-2, 0, len(grid.kinds) + 2)
        value, gradient = ours._nll(theta)
        expected, stated = theirs._nll(theta)
        assert value == pytest.approx(expected, abs=1e-8)

        def likelihood(at: np.ndarray, fitted: Any = ours) -> float:
            return float(fitted._nll(at)[0])

        numeric = approx_fprime(theta, likelihood, 1e-7)
        np.testing.assert_allclose(np.asarray(gradient), np.asarray(numeric), atol=1e-3)
        if "label" not in grid.kinds:
            np.testing.assert_allclose(gradient, stated, atol=1e-7)
    assert ours._nll(ours._hypers)[0] <= theirs._nll(theirs._hypers)[0] + 1e-3, "found a worse fit"


def test_the_losses_of_the_forest_are_scaled_as_the_facade_scales_them() -> None:
    losses = np.array([0.5, 3.0, 0.7, 12.0, 0.9])
    facade = HyperparameterOptimizationFacade
    given = scenario(MIXED)
    encoder = facade.get_runhistory_encoder(given)
    encoder.runhistory = history = RunHistory()
    for place, loss in enumerate(losses):
        history.add(given.configspace.sample_configuration(), cost=float(loss), seed=place)
    np.testing.assert_allclose(log_scaled(losses), encoder.transform()[1][:, 0], atol=1e-7)


@pytest.mark.parametrize("losses", [[4e9, 4e9, 5e9], [-3.0, -3.0], [1e-300, 2e-300, 0.0], [7.0]])
def test_scaled_losses_stay_finite(losses: list[float]) -> None:
    """SMAC subtracts 1e-10 to stay above 0, which large losses swallow: log(0) ends its run at the next fit."""
    assert np.isfinite(log_scaled(np.array(losses))).all()


def test_rows_and_vectors_are_the_same_places() -> None:
    rows = MIXED.draw(np.random.default_rng(2), 200)
    vectors = [MIXED.vector(row) for row in rows]
    np.testing.assert_array_equal(MIXED.rows(vectors), rows)
    assert {tuple(map(type, vector)) for vector in vectors} == {(float, int, int, float, int)}
    for column, size in ((1, 4), (2, 3), (4, 2)):
        assert {vector[column] for vector in vectors} == set(range(size))


def test_neighbours_differ_in_one_coordinate_and_stay_inside() -> None:
    rows = MIXED.draw(np.random.default_rng(3), 50)
    found = MIXED.neighbours(rows, np.full(50, 0.2), np.random.default_rng(4))
    assert found.shape == (50, 8 + 8 + 2 + 8 + 1, 5)
    assert ((found != rows[:, None]).sum(axis=2) <= 1).all()
    moved = (found != rows[:, None]).any(axis=2)
    assert moved.mean() > 0.9, "only at the ends of an index there may be nowhere to go"
    assert moved[:, 16:18].all()
    assert moved[:, 26].all()
    np.testing.assert_allclose(MIXED.rows([MIXED.vector(row) for row in found.reshape(-1, 5)]), found.reshape(-1, 5))
    assert {MIXED.vector(row)[1] for row in found.reshape(-1, 5)} == {0, 1, 2, 3}
    assert found.min() >= 0
    assert found[..., [0, 3]].max() <= 1


@pytest.mark.parametrize("model", ["forest", "gaussian"])
@pytest.mark.parametrize(("grid", "trials"), [(MIXED, 12), (GRIDS[1], 1), (GRIDS[2], 2)], ids=str)
def test_a_request_alone_decides(model: str, grid: Grid, trials: int) -> None:
    """Whatever was asked before; the interleaving seed must ask the model, not draw at random."""
    first = propose(request(grid, model, trials=trials))
    propose(request(MIXED, model, trials=5, seeds=dict.fromkeys(SEEDS, 9)))
    assert propose(request(grid, model, trials=trials)) == first


def test_each_part_has_a_seed_of_its_own() -> None:
    """From one seed ParEGO's first weight would decide whether the trial is a random one."""
    line = Grid(("unit",), (0,))
    several = request(line, objectives=2)
    base = propose(several)
    for part in ("model", "weights", "search"):
        found = {tuple(propose({**several, "seeds": {**SEEDS, part: seed}})) for seed in range(20, 25)}
        assert found != {tuple(base)}, f"the seed of {part!r} changes nothing"
    ignored = {**SEEDS, "weights": 77}
    assert propose(request(line, seeds=ignored)) == propose(request(line)), "one objective has no weights"


class Asked(Exception):
    """The model would be fitted."""


@pytest.mark.parametrize(("model", "share"), [("forest", 0.2), ("gaussian", 0.0845)])
def test_some_trials_are_drawn_at_random(model: str, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(scenario: Scenario, trials: int) -> None:
        raise Asked

    monkeypatch.setitem(_smac.MODELS, model, replace(_smac.MODELS[model], model=refuse))
    line = request(Grid(("unit",), (0,)), model, trials=3)
    drawn: list[float] = []
    for seed in range(300):
        with contextlib.suppress(Asked):  # the model was asked
            drawn += propose({**line, "seeds": {**SEEDS, "interleaving": seed, "search": seed}})
    assert len(drawn) / 300 == pytest.approx(share, abs=0.05)
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize("model", ["forest", "gaussian"])
def test_what_is_known_is_not_proposed_again_until_nothing_else_is_left(model: str) -> None:
    small = Grid(("label", "index"), (2, 3))
    known: list[list[float]] = [[label, index] for label in range(2) for index in range(3)]
    others = known[:3] + known[4:]
    for interleaving in (3, 7):  # to the model, and at random
        seeds = {**SEEDS, "interleaving": interleaving}
        few: Any = {"told": others[:2], "losses": [[0.0], [1.0]], "complete": [True] * 2, "pending": others[2:]}
        assert propose(request(small, model, **few, seeds=seeds)) == known[3]
    everything: Any = {"told": known, "losses": [[1.0]] * 6, "complete": [True] * 6}
    assert propose(request(small, model, **everything)) in known


@pytest.mark.parametrize("model", ["forest", "gaussian"])
def test_a_pending_trial_drives_the_next_away(model: str) -> None:
    """With nothing told of it, the process would go to the same place again, to within a thousandth."""
    line = Grid(("unit",), (0,))
    told = [[place / 11] for place in range(12)]
    losses = [[(vector[0] - 0.3) ** 2] for vector in told]
    few = request(line, model, told=told, losses=losses)
    first = propose(few)
    again = propose({**few, "seeds": {**SEEDS, "search": 99}})
    after = propose({**few, "pending": [first], "seeds": {**SEEDS, "search": 99}})
    assert after != first
    if model == "gaussian":
        assert abs(again[0] - first[0]) < 0.005
        assert abs(after[0] - first[0]) > 0.005


@pytest.mark.parametrize("model", ["forest", "gaussian"])
@pytest.mark.parametrize("objectives", [1, 2])
def test_failures_are_no_end(model: str, objectives: int) -> None:
    """SMAC's own cost of a crash is infinite and ends its run; penalties are finite, also where all are failures."""
    for complete in ([False] * 12, [True] * 6 + [False] * 6):
        vector = propose(request(model=model, objectives=objectives, complete=complete))
        assert len(vector) == 5


def test_a_penalty_does_not_move_the_range_of_parego() -> None:
    losses = [[0.0, 0.0], [1.0, 10.0], [50.0, 20.0]]
    found = _smac._scalarised(losses, [True, True, False], 3)
    alone = _smac._scalarised(losses[:2], [True, True], 3)
    np.testing.assert_array_equal(found[:2], alone)
    assert found[2] > found[:2].max()
    told = _smac._scalarised(losses, [True, True, True], 3)
    assert not np.allclose(told[:2], alone), "as a trial it would have"


def test_parego_weighs_objectives_anew_for_each_seed() -> None:
    losses = [[0.0, 1.0], [1.0, 0.0]]
    firsts = [int(np.argmin(_smac._scalarised(losses, [True, True], seed))) for seed in range(40)]
    assert 8 < sum(firsts) < 32
