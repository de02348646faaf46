"""What a report says of constraints: marks in tables and pictures, flags, the schema, the table of trials."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from autorl.metrics import Constraint, constraints
from autorl.report.content import Member, StudyContent
from autorl.report.entries import entries
from autorl.report.feasibility import feasible, holds
from autorl.report.results import results_document
from autorl.report.table import trials_csv
from autorl.report.view import view
from autorl.report.write import report_files
from autorl.statistics import Estimate
from tests.report.report_examples import AUC, PARAMETERS, estimate, study

SCHEMA = json.loads(files("autorl.report").joinpath("results.schema.json").read_text(encoding="utf-8"))
RETURN_BOUND = {"metric": "return", "at_least": 300}


def constrained(*objectives: Any, entry: dict[str, object] | None = None) -> StudyContent:
    """A study of the examples with a bound on the return, its trials marked as the bound says."""
    content = study(objectives or (AUC,), trials=9, tuning=2, test=3)
    (bound,) = constraints([entry or RETURN_BOUND])
    rows = []
    for trial in content.trials:
        if trial.values:
            score = sum(trial.per_seed["return"]) / 2
            trial = dataclasses.replace(trial, constraints={"return": score}, feasible=bound.violation(score) <= 0)
        rows.append(trial)
    return dataclasses.replace(content, constraints=(bound,), trials=tuple(rows), space=content.space[:3])


def document(content: StudyContent) -> dict[str, Any]:
    found = results_document(content)
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found


def member(mean: float, half: float = 1.0, **kinds: float) -> Member:
    """A member whose return is `mean` on the tuning seeds, and as given on other kinds of seeds."""

    def score(one: float | None) -> dict[str, Estimate]:
        return (
            {}
            if one is None
            else {"return": dataclasses.replace(estimate([one, one]), low=one - half, high=one + half)}
        )

    found = {kind: score(kinds.get(kind)) for kind in ("validation", "test")}
    return Member(3, {"x": 1.0}, score(mean), validation=found["validation"], test=found["test"])


def test_the_seeds_that_chose_decide_who_is_feasible() -> None:
    bounds: tuple[Constraint, ...] = constraints([RETURN_BOUND])
    assert feasible(bounds, member(300.0, test=1.0)) is True
    assert feasible(bounds, member(299.0, test=400.0)) is False
    assert feasible(bounds, member(400.0, validation=200.0)) is False
    assert feasible(bounds, member(200.0, validation=400.0)) is True
    assert feasible((), member(200.0)) is None
    unknown = Member(3, {}, tuning={})
    assert feasible(bounds, unknown) is None
    assert holds(bounds[0], unknown.tuning) is None
    assert holds(bounds[0], member(float("nan")).tuning) is None
    two = constraints([RETURN_BOUND, {"metric": "auc", "at_least": 1}])
    assert feasible(two, member(400.0)) is None
    assert feasible(two, member(200.0)) is False


def test_every_constraint_is_judged_on_every_kind_of_seeds() -> None:
    content = dataclasses.replace(constrained(), best=member(310.0, validation=305.0, test=290.0))
    found = document(content)
    assert found["constraints"] == [{"metric": "return", "at_least": 300.0, "unit": "return"}]
    assert found["feasible"] is True
    assert found["best"]["constraints"] == [
        {"metric": "return", "at_least": 300.0, "tuning": True, "validation": True, "test": False}
    ]
    assert document(dataclasses.replace(content, best=None))["feasible"] is None
    texts = view(content, entries(content))
    assert any("Best: trial 3: breaks return at least 300 on the test seeds: 290" in one for one in texts.warnings)


@pytest.mark.parametrize(
    ("test", "half", "said"),
    [(310.0, 1.0, "yes"), (310.0, 20.0, "yes, not clearly"), (290.0, 1.0, "no"), (290.0, 20.0, "no, not clearly")],
)
def test_the_interval_stands_beside_the_bound(test: float, half: float, said: str) -> None:
    content = dataclasses.replace(constrained(), best=member(310.0, half, test=test), default=None, baseline=None)
    table = view(content, entries(content)).constraints
    assert table is not None
    assert table.head == ("configuration", "return at least 300: test", "tuning", "holds on test")
    assert [row[-1] for row in table.rows] == [said]
    assert f"[{test - half:g}, {test + half:g}]" in table.rows[0][1]


def test_a_result_that_is_infeasible_is_called_so() -> None:
    content = dataclasses.replace(constrained(), best=member(100.0, test=100.0))
    shown = entries(content)
    assert shown[0].name == "Least infeasible: trial 3"
    headlines = view(content, shown).headlines
    assert headlines[0] == "No configuration holds every constraint; what breaks them least is reported."
    assert headlines[1].startswith("The least infeasible configuration, trial 3,")
    assert document(content)["feasible"] is False
    both = dataclasses.replace(constrained(AUC, PARAMETERS), front=(member(100.0),))
    assert entries(both)[0].name == "Trial 3, infeasible"


@pytest.mark.parametrize("objectives", [(AUC,), (AUC, PARAMETERS)])
def test_infeasible_trials_are_marked_in_pictures_and_tables(objectives: tuple[Any, ...]) -> None:
    content = constrained(*objectives)
    infeasible = [trial for trial in content.trials if trial.feasible is False]
    assert infeasible
    assert len(infeasible) < 8
    made = report_files(content)
    page, text = made["report.html"].decode(), made["report.md"].decode()
    for part in ("<h3>Constraints</h3>", "return at least 300", f"infeasible trials ({len(infeasible)})"):
        assert part in page
    assert "### Constraints" in text
    for trial in infeasible:
        assert f"trial {trial.number}, infeasible: " in page
    table = view(content, entries(content)).trials
    column = table.head.index("feasible")
    marks = [row[column] for row in table.rows]
    assert marks == sorted(marks, key=["yes", "no", "–"].index)  # feasible first, failures last
    assert table.head[column - 1] == "return"


def test_the_best_so_far_is_feasible() -> None:
    from autorl.report.history import history
    from autorl.report.picture import styled

    def lines(content: StudyContent) -> list[list[float]]:
        with styled():
            picture = history(content, entries(content))
            assert picture is not None
            return [list(line.get_ydata()) for line in picture.figure.axes[0].lines]  # type: ignore[arg-type]  # matplotlib's data are arrays

    content = constrained()
    known = {trial.values["auc"] for trial in content.trials if trial.feasible}
    (drawn,) = lines(content)
    assert set(drawn) <= known
    assert max(drawn) == max(known)
    assert lines(constrained(entry={"metric": "return", "at_least": 1e6})) == []


def test_the_table_of_trials_has_a_column_a_bounded_metric() -> None:
    content = constrained()
    rows = list(csv.DictReader(io.StringIO(trials_csv(content))))
    for row, trial in zip(rows, content.trials, strict=True):
        if trial.values:
            assert float(row["constraint.return"]) == trial.constraints["return"]
            assert row["feasible"] == ("true" if trial.feasible else "false")
        else:
            assert (row["constraint.return"], row["feasible"]) == ("", "")
    free = trials_csv(dataclasses.replace(content, constraints=()))
    assert "constraint." not in free
    assert "feasible" not in free


def test_the_schema_wants_both_or_neither() -> None:
    found = document(constrained())
    validator = jsonschema.Draft202012Validator(SCHEMA)
    assert not validator.is_valid({key: entry for key, entry in found.items() if key != "feasible"})
    both = {"metric": "return", "at_most": 1.0, "at_least": 1.0, "unit": ""}
    assert not validator.is_valid({**found, "constraints": [both]})
