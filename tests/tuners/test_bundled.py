"""Tuners by name and by entry."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from autorl.errors import InvalidInput, UnknownName
from autorl.space import SearchSpace
from autorl.tuners import build_tuner, bundled_tuners
from autorl.tuners.optuna_tuners import NSGA2, TPE, Random

LINE = SearchSpace.load({"x": {"float": [0.0, 1.0], "default": 0.5}})


def test_the_bundled_ones() -> None:
    found = bundled_tuners()
    assert sorted(found) == [
        "cmaes", "de", "default", "gp", "grid", "list", "nsga2", "nsga3", "optuna", "pymoo", "qmc", "random", "smac",
        "smac_gp", "smac_parego", "tpe",
    ]  # fmt: skip
    assert (found["nsga2"], found["random"], found["tpe"]) == (NSGA2, Random, TPE)
    assert all(tuner.summary for tuner in found.values())


@pytest.mark.parametrize(
    "source", ["tpe", {"name": "tpe"}, {"name": "tpe", "n_startup_trials": 3}, "autorl.tuners.optuna_tuners:TPE"]
)
def test_every_form_of_entry(source: str | Mapping[str, object]) -> None:
    tuner = build_tuner(source, LINE, 2, 7)
    assert isinstance(tuner, TPE)
    assert (tuner.space, tuner.objectives, tuner.seed) == (LINE, 2, 7)
    assert tuner.n_startup_trials == (3 if isinstance(source, dict) and len(source) == 2 else 10)


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("nsga4", UnknownName, "a.yaml: tuner: unknown tuner 'nsga4'; did you mean 'nsga"),
        (
            {"name": "nsga2", "populationsize": 3},
            UnknownName,
            "a.yaml: tuner: unknown option of tuner 'nsga2' 'populationsize'; did you mean 'population_size'?",
        ),
        ({"name": "random", "size": 3}, UnknownName, "unknown option of tuner 'random' 'size'; known: none"),
        ({"name": "nsga2", "population_size": 1}, InvalidInput, "a.yaml: tuner: tuner 'nsga2': population_size is 1;"),
        (
            {"name": "nsga2", "population_size": "8"},
            InvalidInput,
            "population_size is '8', which is not a whole number",
        ),
        (
            {"name": "nsga2", "population_size": True},
            InvalidInput,
            "population_size is True, which is not a whole number",
        ),
        (
            {"name": "nsga2", "population_size": 8.5},
            InvalidInput,
            "population_size is 8.5, which is not a whole number",
        ),
        ("autorl.errors:InvalidInput", InvalidInput, "which is no subclass of Tuner"),
        ("autorl.tuners.optuna_tuners:OptunaTuner", InvalidInput, "does not define sampler"),
    ],
)
def test_what_a_wrong_entry_gets(source: str | Mapping[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        build_tuner(source, LINE, 1, 0, "a.yaml: tuner")
    assert message in str(raised.value)
