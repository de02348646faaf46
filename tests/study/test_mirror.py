"""A study as Optuna's tables: natural values, natural signs, and nobody else's study touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autorl.errors import InvalidInput
from autorl.records import Status
from autorl.study import Study
from tests.study.toys import study

START = [{"x": 0.1, "y": "c"}, {"x": -0.9, "y": "b"}]


def test_trials_arrive_with_their_values_and_are_replaced(tmp_path: Path) -> None:
    import optuna

    url = f"sqlite:///{tmp_path / 'optuna.sqlite'}"
    result = Study.load(study("partly", start_from=START)).run(tmp_path / "run")
    for _ in range(2):
        assert result.mirror(url) == len(result.trials)
    found = optuna.load_study(study_name="toy", storage=url)
    assert [direction.name for direction in found.directions] == ["MAXIMIZE"]
    for trial, mirrored in zip(result.trials, found.trials, strict=True):
        assert mirrored.params == dict(trial.configuration)
        complete = trial.status is Status.COMPLETE
        assert (mirrored.state.name == "COMPLETE") is complete
        if complete and trial.losses is not None:
            assert mirrored.value == -trial.losses[0]
    assert result.best is not None
    assert found.best_trial.number == result.best.trial


def test_a_study_of_somebodys_own_is_left_alone(tmp_path: Path) -> None:
    import optuna

    url = f"sqlite:///{tmp_path / 'optuna.sqlite'}"
    optuna.create_study(study_name="toy", storage=url)
    result = Study.load(study("quick", budget={"trials": 2, "env_steps": 1000})).run(tmp_path / "run")
    with pytest.raises(InvalidInput, match="is no mirror, which is left alone"):
        result.mirror(url)


def test_every_kind_of_hyperparameter_has_a_distribution(tmp_path: Path) -> None:
    from autorl.space import SearchSpace
    from autorl.tuners.mirror import natural_distribution

    space: dict[str, Any] = {
        "rate": {"float": [1e-4, 1e-1], "log": True, "default": 1e-3},
        "gamma": {"float": [0.9, 0.999], "reverse_log": True, "default": 0.99},
        "width": {"int": [8, 64], "pow2": True, "default": 32},
        "kind": {"choice": ["a", None, True], "default": "a"},
        "held": {"constant": 3},
    }
    made = {one.name: natural_distribution(one) for one in SearchSpace.load(space).hyperparameters}
    assert {name: type(found).__name__ for name, found in made.items()} == {
        "rate": "FloatDistribution",
        "gamma": "FloatDistribution",
        "width": "IntDistribution",
        "kind": "CategoricalDistribution",
        "held": "NoneType",
    }
