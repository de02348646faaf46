"""Studies whose tuner has an end: they end without a limit, are planned, resumed, and stored without their table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from autorl.errors import InvalidInput, StudyMismatch
from autorl.records import Value
from autorl.storage.truth import Truth
from autorl.study import Study, open_result
from autorl.study.planning import plan_study
from tests.study.comparing import numbers
from tests.study.toys import study

TUNERS: dict[str, tuple[str | Mapping[str, object], int]] = {
    "grid": ({"name": "grid", "points": 2}, 6),
    "default": ("default", 0),
    "list": ({"name": "list", "configurations": [{"x": 0.25}, {"y": "b"}, {"x": 0.25}]}, 3),
}
"""An entry, and how many trials it proposes."""
tuners = pytest.mark.parametrize("name", sorted(TUNERS))


def unlimited(tuner: object, **changes: Any) -> dict[str, Any]:
    return study("quick", tuner=tuner, budget={"env_steps": 1000}, **changes)


def asked(made: Study, directory: Path, count: int, most: int = 100) -> list[tuple[int, dict[str, Value]]]:
    """Asks in a session of its own until nothing comes or there are so many."""
    found: list[tuple[int, dict[str, Value]]] = []
    with made.open(directory) as session:
        while len(found) < most and (suggestions := session.ask(count)):
            for one in suggestions:
                session.tell(one, 1.0)
                found.append((one.number, dict(one.config)))
    return found


@tuners
def test_it_runs_to_its_end_and_goes_on_where_it_was_killed(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuner, size = TUNERS[name]
    made = Study.load(unlimited(tuner, start_from=[{"x": 0.1}]))
    result = made.run(tmp_path / "whole")
    assert result.complete
    assert [trial.origin for trial in result.trials] == ["default", "start_from", *["tuner"] * size]

    class Killed(Exception):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Truth, "store_tells", killed)
        with pytest.raises(Killed):
            made.run(tmp_path / "halves")
    made.run(tmp_path / "halves")
    assert numbers(tmp_path / "halves") == numbers(tmp_path / "whole")
    assert len(open_result(tmp_path / "whole").trials) == 2 + size


@tuners
def test_what_is_asked_in_two_sessions_is_what_one_asks(tmp_path: Path, name: str) -> None:
    tuner, size = TUNERS[name]
    made = Study.load(unlimited(tuner))
    whole = asked(made, tmp_path / "whole", 4)
    assert [number for number, _ in whole] == [*range(1 + size)]
    halves = [*asked(made, tmp_path / "halves", 2, 2), *asked(made, tmp_path / "halves", 3)]
    assert halves == whole


@tuners
def test_it_is_planned_with_as_many_trials_as_there_will_be(name: str) -> None:
    tuner, size = TUNERS[name]
    plan = plan_study(Study.load(unlimited(tuner)).resolved)
    assert plan.phases[0].configurations == 1 + size
    budget = {"trials": 3, "env_steps": 1000}
    assert Study.load(study("quick", tuner=tuner, budget=budget)).resolved.trials == min(3, 1 + size)


def test_other_tuners_need_a_limit() -> None:
    with pytest.raises(InvalidInput, match="sets no limit"):
        _ = Study.load(unlimited("random")).resolved


def test_a_table_lies_beside_its_study_file_and_the_run_does_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    (folder / "table.csv").write_text("x,y\n0.25,\n,b\n0.125,c\n")
    text = "algorithm: tests.study.toys:quick\nenvironment: CartPole-v1\nbudget: {env_steps: 1000}\n"
    (folder / "replay.yaml").write_text(text + "tuner: {name: list, path: table.csv}\n")
    made = Study.load(folder / "replay.yaml")
    first = asked(made, tmp_path / "run", 2, 2)
    assert first == [(0, {"x": 0.5, "y": "a"}), (1, {"x": 0.25, "y": "a"})]
    (folder / "table.csv").rename(folder / "moved.csv")
    stored = Study.load(tmp_path / "run" / "study.yaml")
    assert asked(stored, tmp_path / "run", 2) == [(2, {"x": 0.5, "y": "b"}), (3, {"x": 0.125, "y": "c"})]
    with pytest.raises(InvalidInput, match=r"replay\.yaml: tuner: .*files/table\.csv: no such file"):
        _ = Study.load(folder / "replay.yaml").resolved

    # Without a study file it is relative to the working directory, and another table is another study.
    (tmp_path / "table.csv").write_text("x\n0.3\n")
    with pytest.raises(StudyMismatch, match=r"tuner\.configurations is"):
        Study.load(folder / "replay.yaml", {"tuner.path": "table.csv"}).open(tmp_path / "run")


def test_the_trials_of_a_report_are_replayed(tmp_path: Path) -> None:
    from autorl.report.table import trials_csv

    earlier = Study.load(study("quick", budget={"trials": 4, "env_steps": 1000})).run(tmp_path / "earlier")
    (tmp_path / "trials.csv").write_text(trials_csv(earlier.content))
    made = Study.load(unlimited({"name": "list", "path": str(tmp_path / "trials.csv")}))
    replayed = [configuration for _, configuration in asked(made, tmp_path / "again", 8)[1:]]
    assert replayed == [dict(trial.configuration) for trial in earlier.trials]
