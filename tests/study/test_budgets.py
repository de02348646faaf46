"""What ends a study: trials, env steps in total, or the clock, which is an input and replayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autorl.study import Study
from autorl.study.loop import Loop
from tests.study.comparing import numbers
from tests.study.toys import study


def run(directory: Path, **budget: Any) -> int:
    result = Study.load(study("quick", budget={"env_steps": 1000, **budget})).run(directory)
    assert result.complete
    return len(result.trials)


def test_env_steps_in_total_end_a_study_after_the_batch_that_reaches_them(tmp_path: Path) -> None:
    # A trial is 2 seeds x 1000 steps, a batch 4 trials: 8000 steps a batch.
    assert run(tmp_path / "a", env_steps_total=8001) == 8
    assert run(tmp_path / "b", env_steps_total=8000) == 4


def test_the_first_limit_reached_ends_the_study(tmp_path: Path) -> None:
    assert run(tmp_path / "a", trials=6, env_steps_total=10**9) == 6
    assert run(tmp_path / "b", trials=100, env_steps_total=9000) == 8


def test_a_study_that_only_repeats_itself_ends_all_the_same(tmp_path: Path) -> None:
    content = study("quick", budget={"env_steps": 1000, "env_steps_total": 20_000})
    content["space"] = {"y": {"choice": ["a", "b"], "default": "a"}}
    assert len(Study.load(content).run(tmp_path).trials) == 12


def test_the_end_by_the_clock_is_replayed_and_stated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hour = {"now": 0.0}
    monkeypatch.setattr(Loop, "elapsed", property(lambda self: hour["now"] * 3600))
    told: list[int] = []

    def later(trial: Any) -> None:
        told.append(trial.number)
        hour["now"] = len(told) / 8  # an hour after eight trials

    made = Study.load(study("quick", budget={"env_steps": 1000, "hours": 1}))
    result = made.run(tmp_path, on_trial=later)
    assert len(result.trials) == 8
    assert any("by the clock" in sentence for sentence in result.content.nondeterministic)
    before = numbers(tmp_path)
    hour["now"] = 0.0  # the clock of another session says that there is time left
    assert len(made.run(tmp_path).trials) == 8
    assert numbers(tmp_path) == before


def test_whatever_the_clock_says_the_first_batch_is_tried(tmp_path: Path) -> None:
    assert run(tmp_path, hours=1e-9) == 4
