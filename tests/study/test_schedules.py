"""The bundled schedules on real training: how far trials come, and that a stopped study ends as an undisturbed one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autorl.errors import InvalidInput
from autorl.records import Trial
from autorl.study import Study, study_state
from autorl.study.progress import Progress
from tests.study.comparing import numbers
from tests.study.test_promotion import PPO

SCHEDULES: dict[str, dict[str, Any]] = {
    "racing": {"name": "racing", "first_seeds": 1},
    "halving": {"name": "halving", "eta": 2, "min_env_steps": 250},
    "rolling_halving": {"name": "rolling_halving", "eta": 2, "min_env_steps": 250},
    "hyperband": {"name": "hyperband", "eta": 2, "min_env_steps": 250},
    "asha": {"name": "asha", "eta": 2, "min_env_steps": 250},
}


def study(name: str, **changes: Any) -> Study:
    content = {**PPO, "name": "schedules", "schedule": SCHEDULES[name], "budget": {"trials": 7, "env_steps": 500}}
    return Study.load({**content, "seeds": {"tuning": 3, "test": 1}, **changes})


class Stop(Exception):
    """Ends a session."""


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_stopped_study_ends_as_an_undisturbed_one(tmp_path: Path, name: str) -> None:
    whole = study(name).run(tmp_path / "whole")
    assert sorted(trial.number for trial in whole.trials) == list(range(7))
    assert whole.best is not None
    winner = whole.trials[whole.best.trial or 0]
    assert (winner.rung, len(winner.runs)) == (500, 3)

    done: list[int] = []

    def stop(trial: Trial) -> None:
        done.append(trial.number)
        if len(done) == 5:
            raise Stop

    with pytest.raises(Stop):
        study(name).run(tmp_path / "stopped", on_trial=stop)
    study(name).run(tmp_path / "stopped")
    assert numbers(tmp_path / "stopped") == numbers(tmp_path / "whole")


def test_halving_stops_most_trials_early(tmp_path: Path) -> None:
    seen: list[Progress] = []
    result = study("halving").run(tmp_path, on_progress=seen.append)
    # brackets of 4 and of the 3 that the budget leaves: 2 of each go on, and 1 of these gets every seed
    reached = sorted((trial.rung, len(trial.runs)) for trial in result.trials)
    assert reached == [(250, 1)] * 3 + [(500, 1)] * 2 + [(500, 3)] * 2
    # While a later rung trains, the trials of the earlier ones are still counted, and the best is of who came furthest.
    tuning = [one for one in seen if one.phase == "tuning"]
    assert [one.trials_done for one in tuning] == sorted(one.trials_done for one in tuning)
    rungs = [one.best.partition(" after ")[2] for one in tuning]
    assert [*dict.fromkeys(rungs)] == ["", "500 env steps on 1 seed", "500 env steps on 3 seeds"]


def test_a_bracket_that_was_stopped_is_under_way(tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        raise Stop

    with pytest.raises(Stop):
        study("halving").run(tmp_path, on_progress=stop)
    state = study_state(tmp_path)
    assert (state.trials_asked, state.trials_told, state.trials_under_way) == (4, 0, 4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schedule": {"name": "halving", "min_env_steps": 501}}, "min_env_steps: 501 puts the first rung at 501"),
        ({"schedule": {"name": "asha", "seeds": [1, 4]}}, "asks for 4 seeds at the last rung; the study has 3"),
        ({"schedule": {"name": "racing", "first_seeds": 4}}, "first_seeds: 4 must be at most"),
        ({"schedule": "racing", "objectives": ["return_iqm"]}, "'return_iqm' aggregates its seeds in another way"),
    ],
)
def test_a_schedule_that_does_not_fit_its_study_is_refused_before_training(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        _ = study("halving", **changes).resolved
