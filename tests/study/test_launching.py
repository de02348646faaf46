"""Schedules that wait for nobody in particular: the order of landing is stored, and replayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autorl.storage.truth import Truth
from autorl.study import Study, open_result
from autorl.study.flying import LANDED
from tests.study.comparing import numbers
from tests.study.toys import study

pytestmark = pytest.mark.workers


def content(algorithm: str = "slow", **changes: Any) -> dict[str, Any]:
    budget = {"trials": 9, "env_steps": 1000}
    return study(algorithm, schedule="tests.study.promoting:Launching", budget=budget, **changes)


def landed(directory: Path) -> list[Any]:
    truth = Truth(f"sqlite:///{directory / 'study.sqlite'}", "toy")
    try:
        return [value for _, value in sorted(truth.inputs(LANDED).items(), key=lambda entry: int(entry[0]))]
    finally:
        truth.close()


def test_everybody_lands_once_and_the_order_is_replayed(tmp_path: Path) -> None:
    result = Study.load(content()).run(tmp_path, jobs=2)
    order = landed(tmp_path)
    assert sorted(number for turn in order for number in turn) == list(range(9))
    assert [trial.number for trial in result.trials] == list(range(9))
    assert any("order in which trials completed" in said for said in result.content.nondeterministic)
    before = numbers(tmp_path)
    again = open_result(tmp_path)  # reads only
    assert again.complete
    again.report()
    assert numbers(tmp_path) == before


def test_a_study_stopped_while_trials_are_under_way_goes_on_with_the_order_it_had(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(trial: Any) -> None:
        if trial.number >= 4:
            raise Stop

    with pytest.raises(Stop):
        Study.load(content()).run(tmp_path, jobs=2, on_trial=stop)
    before = landed(tmp_path)
    assert 0 < len(before) < 9
    Study.load(content()).run(tmp_path, jobs=1)
    after = landed(tmp_path)
    assert after[: len(before)] == before
    assert sorted(number for turn in after for number in turn) == list(range(9))


def test_failures_land_like_anybody(tmp_path: Path) -> None:
    result = Study.load(content("partly")).run(tmp_path, jobs=2)
    assert len(result.trials) == 9
    assert {trial.status.value for trial in result.trials} > {"complete"}
