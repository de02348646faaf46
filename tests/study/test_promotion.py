"""Schedules that stop, promote and copy: what is trained, kept on disk, charged, and reported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from autorl.records import Trial
from autorl.study import Study
from autorl.study.result import Result
from tests.study.comparing import numbers

PPO = {
    "algorithm": "ppo",
    "environment": {"id": "CartPole-v1", "max_episode_steps": 30},
    "space": {"learning_rate": {"float": [1e-4, 1e-2], "log": True, "default": 1e-3}},
    "fixed": {"n_envs": 2, "n_steps": 16, "batch_size": 32, "n_epochs": 1, "width": 8},
    "objectives": ["return"],
    "budget": {"trials": 4, "env_steps": 500},
    "seeds": {"tuning": 2, "test": 2},
    "evaluation": {"episodes": 2, "curve_episodes": 1, "checkpoints": 5},
}


def run(directory: Path, schedule: str = "Promoting", jobs: int = 1, **changes: Any) -> Result:
    content = {**PPO, "name": "promotion", "schedule": f"tests.study.promoting:{schedule}", **changes}
    return Study.load(content).run(directory, jobs=jobs)


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(tmp_path_factory.mktemp("promoted"))


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(tmp_path_factory.mktemp("copied"), "Copying")


def test_winners_come_from_the_top_rung_and_the_others_stay_where_they_were_stopped(promoted: Result) -> None:
    assert [(trial.rung, len(trial.runs)) for trial in sorted(promoted.trials, key=lambda one: one.rung)] == [
        (200, 1), (200, 1), (500, 2), (500, 2),
    ]  # fmt: skip
    assert promoted.best is not None
    assert promoted.trials[promoted.best.trial or 0].rung == 500


def test_a_promotion_is_charged_for_what_it_adds_and_an_added_seed_for_all(promoted: Result) -> None:
    # An iteration is 32 steps: 6 fit below 200, 9 more from there below 500. Two trials reach 200 on one seed and end;
    # two go on there, on one seed from 200 and on the other from zero.
    below, above = 6 * 32, 9 * 32
    assert promoted.content.phases["tuning"].training == 4 * below + 2 * above + 2 * (below + above)


def test_only_states_of_those_reported_are_left(promoted: Result) -> None:
    # baseline, default and best, of which default and baseline are one; two test seeds each
    different = {
        json.dumps(dict(one.full_config)) for one in (promoted.baseline, promoted.default, promoted.best) if one
    }
    assert len(list((promoted.directory / "checkpoints").iterdir())) == 2 * len(different)


def test_states_on_disk_are_those_that_training_goes_on_from(tmp_path: Path) -> None:
    seen: list[int] = []

    def count(trial: Trial) -> None:
        seen.append(len(list((tmp_path / "checkpoints").glob("*.safetensors"))))

    content = {**PPO, "name": "promotion", "schedule": "tests.study.promoting:Promoting"}
    Study.load(content).run(tmp_path, on_trial=count)
    # Where the worse two are told, the better two have a state each, on one seed; at the end nobody goes on.
    assert seen == [2, 2, 0, 0]


@pytest.mark.parametrize("schedule", ["Promoting", "Copying"])
@pytest.mark.workers
def test_a_study_without_its_states_ends_the_same(
    tmp_path: Path, promoted: Result, copied: Result, schedule: str
) -> None:
    whole = promoted if schedule == "Promoting" else copied

    class Stop(Exception):
        pass

    def stop(progress: Any) -> None:
        if len(list((tmp_path / "checkpoints").glob("*.safetensors"))) >= 2:
            raise Stop

    content = {**PPO, "name": "promotion", "schedule": f"tests.study.promoting:{schedule}"}
    with pytest.raises(Stop):
        Study.load(content).run(tmp_path, on_progress=stop)
    shutil.rmtree(tmp_path / "checkpoints")
    run(tmp_path, schedule, jobs=2)
    assert numbers(tmp_path) == numbers(whole.directory)


def test_a_copy_has_the_past_of_the_one_it_was_copied_from(copied: Result) -> None:
    copies = [trial for trial in copied.trials if trial.earlier]
    assert len(copies) == 2
    for trial in copies:
        ((until, before),) = [(one.until, one.configuration) for one in trial.earlier]
        assert until == 200
        assert trial.configuration["learning_rate"] == 2 * float(before["learning_rate"] or 0)
        source = next(one for one in copied.trials if one.configuration == before)
        for own, other in zip(trial.runs, source.runs, strict=True):
            assert own.curve[:2].tolist() == other.curve[:2].tolist()  # up to the rung it lived as the other


def test_a_copy_is_charged_for_what_it_trains_itself(copied: Result) -> None:
    assert copied.content.phases["tuning"].training == 4 * 2 * (6 + 9) * 32
