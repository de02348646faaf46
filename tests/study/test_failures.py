"""Configurations that fail, diverge, kill their worker or never end; environments that are broken."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from autorl.errors import BrokenObjective, InvalidInput
from autorl.records import Status, Trial
from autorl.study import Study, open_result, study_state
from tests.study.comparing import numbers
from tests.study.toys import study

START = [{"x": 0.1, "y": "c"}, {"x": -0.9, "y": "b"}, {"x": 0.2, "y": "b"}]


@pytest.mark.workers
def test_failures_are_recorded_and_never_selected(tmp_path: Path) -> None:
    result = Study.load(study("partly", start_from=START, objectives=["return", "auc"])).run(tmp_path, jobs=2)
    by_number = {trial.number: trial for trial in result.trials}
    assert [by_number[number].status for number in range(4)] == [
        Status.COMPLETE,
        Status.FAILED,
        Status.DIVERGED,
        Status.COMPLETE,
    ]
    assert "the simulator refused y = c" in (by_number[1].reason or "")
    assert by_number[1].losses is None
    assert by_number[2].losses is None
    assert {member.trial for member in result.front} <= {
        trial.number for trial in result.trials if trial.status is Status.COMPLETE
    }
    counts = numbers(tmp_path)["status_counts"]
    assert counts["failed"] >= 1
    assert counts["diverged"] >= 1


def test_a_broken_environment_stops_the_study_with_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(BrokenObjective, match=r"(?s)first 3 trials .*no display found.*Traceback"):
        Study.load(study("broken")).run(tmp_path)
    assert not (tmp_path / "results.json").exists()
    # Nothing of the failure is kept: once the display is found, the same command trains everything.
    stored = open_result(tmp_path)
    assert not stored.trials
    said = "each of the first 3 trials failed with the same exception (OSError: no display found)"
    assert f"the study stopped: {said}" in stored.content.warnings
    assert study_state(tmp_path).stopped == said


def test_different_failures_do_not_stop_a_study(tmp_path: Path) -> None:
    start = [{"x": 0.1, "y": "c"}, {"x": 0.3, "y": "c"}, {"x": 0.4, "y": "c"}]
    result = Study.load(study("partly", start_from=start)).run(tmp_path)
    assert result.complete  # the default, trial 0, is no failure


@pytest.mark.workers
def test_a_dead_worker_costs_its_configuration_and_not_the_study(tmp_path: Path) -> None:
    result = Study.load(study("deadly", start_from=START)).run(tmp_path, jobs=2)
    assert result.trials[1].status is Status.FAILED
    assert "its worker process died" in (result.trials[1].reason or "")
    assert result.trials[2].status is Status.COMPLETE
    assert any("did not finish" in sentence for sentence in result.content.nondeterministic)
    before = numbers(tmp_path)
    Study.load(study("deadly", start_from=START)).run(tmp_path, jobs=1)
    assert numbers(tmp_path) == before


@pytest.mark.workers
def test_a_worker_that_dies_between_its_groups_is_replaced(tmp_path: Path) -> None:
    def kill_workers(trial: Trial) -> None:
        if trial.number == 3:
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):  # the process ended meanwhile
                    parent = (path.parent / "stat").read_text().rpartition(")")[2].split()[1]
                    if b"LokyProcess" in path.read_bytes() and int(parent) == os.getpid():
                        os.kill(int(path.parent.name), signal.SIGKILL)
            time.sleep(0.2)

    Study.load(study("quick")).run(tmp_path / "killed", jobs=2, on_trial=kill_workers)
    Study.load(study("quick")).run(tmp_path / "whole", jobs=2)
    assert numbers(tmp_path / "killed") == numbers(tmp_path / "whole")


@pytest.mark.workers
def test_first_trials_lost_with_their_workers_are_no_broken_environment(tmp_path: Path) -> None:
    content = study("deadly", fixed={"y": "c"}, budget={"trials": 3, "env_steps": 1000})
    result = Study.load(content).run(tmp_path, jobs=2)
    assert [trial.status for trial in result.trials] == [Status.FAILED] * 3
    assert [trial.status for trial in open_result(tmp_path).trials] == [Status.FAILED] * 3


def test_finalists_that_all_diverge_on_validation_keep_their_order(tmp_path: Path) -> None:
    content = study("picky", seeds={"tuning": 2, "validation": 2, "test": 2}, finalists=4)
    result = Study.load(content).run(tmp_path)
    losses = {trial.number: trial.losses for trial in result.trials}
    assert result.best is not None
    assert losses[result.best.trial or 0] == min(filter(None, losses.values()))
    assert any("by tuning seeds" in warning for warning in result.content.warnings)


def test_a_test_run_that_fails_is_tried_again_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_MARKER", str(tmp_path / "marker"))
    result = Study.load(study("moody")).run(tmp_path / "run")
    assert result.content.incomplete
    assert result.best is not None
    assert len(result.best.member.missing_test_seeds) == 3
    (tmp_path / "marker").touch()
    again = Study.load(study("moody")).run(tmp_path / "run")
    assert not again.content.incomplete
    assert again.best is not None
    assert again.best.test["return"].n == 3


def test_an_objective_that_is_not_counted_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    content = study("quick", objectives=["return", "parameters"])
    with pytest.raises(InvalidInput, match=r"objectives: 'parameters' cannot be an objective.*does not count it"):
        Study.load(content).run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.workers
def test_a_configuration_over_its_limit_is_ended_and_replayed(tmp_path: Path) -> None:
    content = study("endless", start_from=START, limits={"seconds": 2.5}, budget={"trials": 4, "env_steps": 1000})
    result = Study.load(content).run(tmp_path, jobs=2)
    assert result.trials[1].status is Status.TIMED_OUT
    assert "2.5 seconds" in (result.trials[1].reason or "")
    assert result.complete
    before = numbers(tmp_path)
    Study.load(content).run(tmp_path, jobs=2)
    assert numbers(tmp_path) == before


def test_without_a_complete_trial_there_is_no_best(tmp_path: Path) -> None:
    content = study("partly", budget={"trials": 2, "env_steps": 1000}, limits={"first_failures": 9})
    content["space"] = {"x": {"float": [-1.0, -0.6], "default": -0.7}}
    result = Study.load(content).run(tmp_path)
    assert result.best is None
    assert not result.complete
    assert numbers(tmp_path)["best"] is None


def test_a_proposal_outside_the_space_names_the_tuner(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"tuner Outside: its proposal for trial 1: x: the position 7.0 must be"):
        Study.load(study("quick", tuner="tests.study.toys:Outside")).run(tmp_path)
