"""A loop of one's own: asked, told, stored, replayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autorl.errors import InvalidInput, StudyMismatch, UnknownName
from autorl.records import Status
from autorl.study import Session, Study
from tests.study.toys import study, value


def loop(session: Session, count: int) -> list[dict[str, Any]]:
    asked = []
    for _ in range(count):
        for suggestion in session.ask(2):
            asked.append(dict(suggestion.config))
            session.tell(suggestion, value(suggestion.config, 0))
    return asked


def test_a_reopened_session_goes_on_as_an_unbroken_one(tmp_path: Path) -> None:
    made = Study.load(study("quick", tuner="tpe", budget={"trials": 40, "env_steps": 1000}))
    with made.open() as session:
        unbroken = loop(session, 12)
        best = session.front
    broken = []
    for count in (1, 5, 6):
        with made.open(tmp_path) as session:
            broken += loop(session, count)
    assert broken == unbroken
    with made.open(tmp_path) as session:
        assert [trial.number for trial in session.front] == [trial.number for trial in best]


def test_the_default_comes_first_and_the_budget_ends_the_asking() -> None:
    made = Study.load(study("quick", budget={"trials": 3, "env_steps": 1000}))
    first = made.ask()[0]
    assert dict(first.config) == {"x": 0.5, "y": "a"}
    assert len(made.ask(9)) == 2
    assert made.ask() == []


def test_a_failure_is_told_with_a_penalty_and_never_in_front() -> None:
    with Study.load(study("quick")).open() as session:
        one, two = session.ask(2)
        session.tell(two, failed=True, reason="out of memory")
        session.tell(one, 0.5)
        assert [trial.status for trial in session.trials] == [Status.COMPLETE, Status.FAILED]
        assert [trial.number for trial in session.front] == [0]
        assert session.pending == []


@pytest.mark.parametrize(
    ("number", "values", "error", "said"),
    [
        (5, 1.0, InvalidInput, "trial 5 was not asked for"),
        (0, float("nan"), InvalidInput, "nan is no finite number"),
        (0, None, InvalidInput, "give either values or failed=True"),
        (0, [1.0, 2.0], InvalidInput, r"\[1.0, 2.0\] has 2 values"),
        (0, {"retrun": 1.0}, UnknownName, "did you mean 'return'"),
        (0, {}, InvalidInput, "lacks the objective"),
        (True, 1.0, InvalidInput, "True is no whole number"),
    ],
)
def test_wrong_tells_are_refused(number: int, values: Any, error: type[Exception], said: str) -> None:
    with Study.load(study("quick")).open() as session:
        session.ask()
        with pytest.raises(error, match=said):
            session.tell(number, values)


def test_a_trial_is_told_once() -> None:
    with Study.load(study("quick")).open() as session:
        session.ask()
        session.tell(0, 1.0)
        with pytest.raises(InvalidInput, match="told already"):
            session.tell(0, 1.0)


def test_run_refuses_a_study_that_is_asked_and_told(tmp_path: Path) -> None:
    made = Study.load(study("quick"))
    with made.open(tmp_path) as session:
        loop(session, 1)
    with pytest.raises(StudyMismatch, match="asked and told from outside"):
        made.run(tmp_path)


def test_a_study_that_run_began_is_refused(tmp_path: Path) -> None:
    made = Study.load(study("quick", budget={"trials": 2, "env_steps": 1000}))
    made.run(tmp_path)
    with pytest.raises(StudyMismatch, match="`run` began"):
        made.open(tmp_path)
