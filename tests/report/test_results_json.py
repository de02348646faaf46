"""results.json and trials.csv: the schema, strictness, and what is reported when."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from importlib.resources import files

import jsonschema
import pytest

from autorl.records import Status
from autorl.report.content import Member, StudyContent, TrialRow
from autorl.report.results import dominated_on_test, results_document
from autorl.report.table import trials_csv
from tests.report.report_examples import AUC, PARAMETERS, STD, estimate, study

SCHEMA = json.loads(files("autorl.report").joinpath("results.schema.json").read_text(encoding="utf-8"))


def strict(content: StudyContent) -> dict[str, object]:
    """The document after a strict JSON round trip, checked against the schema."""
    document = results_document(content)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    again = json.loads(json.dumps(document, allow_nan=False))
    assert again == document
    return document


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("objectives", [(AUC,), (AUC, PARAMETERS), (AUC, PARAMETERS, STD)])
@pytest.mark.parametrize("complete", [True, False])
def test_documents_satisfy_the_schema(objectives: tuple[object, ...], complete: bool) -> None:
    document = strict(study(objectives, trials=9, test=3, complete=complete))  # type: ignore[arg-type]  # a JSON document
    assert ("front" in document) is (len(objectives) > 1)
    assert (document["best"] is not None) is (complete and len(objectives) == 1)
    assert bool(document.get("front")) is (complete and len(objectives) > 1)


def test_the_schema_refuses_a_front_beside_one_objective_and_a_best_beside_two() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    one, two = (
        results_document(study((AUC,), trials=3, test=2)),
        results_document(study((AUC, PARAMETERS), trials=3, test=2)),
    )
    assert not validator.is_valid({**one, "front": []})
    assert not validator.is_valid({key: entry for key, entry in two.items() if key != "front"})
    assert not validator.is_valid({**two, "best": one["best"]})
    assert not validator.is_valid({**one, "surprise": 1})


def test_infinities_and_nan_become_null() -> None:
    content = study((AUC,), trials=2, test=2)
    odd = TrialRow(
        0, {"x": math.inf}, Status.COMPLETE, values={"auc": math.nan}, per_seed={"auc": [math.inf]}, seeds=(0,)
    )
    best = Member(0, {"x": 1.0}, tuning={"auc": estimate([5.0])}, test={"auc": estimate([math.nan, 1.0])})
    document = strict(replace(content, trials=(odd,), best=best))
    trial = document["trials"][0]  # type: ignore[index]  # a JSON document
    assert trial["values"] == {"auc": None}
    assert trial["per_seed"] == {"auc": [None]}
    assert trial["config"] == {"x": None}
    member = document["best"]
    assert isinstance(member, dict)
    assert member["tuning"]["auc"]["low"] is None
    assert member["test"]["auc"]["per_seed"] == [None, 1.0]
    assert member["gap"] == {"auc": None}


def test_gap_is_positive_where_tuning_looked_better_in_either_direction() -> None:
    content = study((AUC, PARAMETERS), trials=2, test=2)
    member = Member(
        0,
        {},
        tuning={"auc": estimate([10.0, 12.0]), "parameters": estimate([5.0, 5.0])},
        test={"auc": estimate([8.0, 8.0]), "parameters": estimate([9.0, 9.0])},
    )
    front = strict(replace(content, front=(member,)))["front"]
    assert front[0]["gap"] == {"auc": 3.0, "parameters": 4.0}  # type: ignore[index]  # a JSON document


def test_dominated_members_are_marked_by_hand_values() -> None:
    def member(auc: float, parameters: float) -> Member:
        return Member(0, {}, tuning={}, test={"auc": estimate([auc]), "parameters": estimate([parameters])})

    members = [member(10, 5), member(9, 6), member(9, 4), member(10, 5), member(math.nan, 1), Member(1, {}, tuning={})]
    assert dominated_on_test((AUC, PARAMETERS), members) == [False, True, False, False, False, False]


def test_steps_are_summed_over_phases() -> None:
    content = study((AUC,), trials=4, test=2)
    steps = strict(content)["env_steps"]
    assert isinstance(steps, dict)
    assert steps["training"] == sum(phase.training for phase in content.phases.values())
    assert steps["evaluation"] == sum(phase["evaluation"] for phase in steps["phases"].values())
    assert content.status_counts["complete"] == 4


def test_trials_csv_has_a_row_a_configuration_and_a_column_a_seed() -> None:
    content = study((AUC, PARAMETERS), trials=9, tuning=2, test=2)
    rows = list(csv.DictReader(io.StringIO(trials_csv(content))))
    assert [row["trial"] for row in rows] == [str(number) for number in range(9)]
    first, failed = rows[0], rows[7]
    assert first["status"] == "complete"
    assert first["config.activation"] == "tanh"
    assert first["config.normalize_advantage"] == "true"
    assert float(first["config.learning_rate"]) == 3e-4
    seeds = [float(first["auc[seed=0]"]), float(first["auc[seed=1]"])]
    assert seeds == list(content.trials[0].per_seed["auc"])
    assert float(first["auc"]) == content.trials[0].values["auc"]
    assert (failed["status"], failed["auc"], failed["auc[seed=0]"]) == ("diverged", "", "")
    assert failed["reason"].startswith("ValueError")
    inactive = next(row for row in rows if row["config.normalize_advantage"] == "false")
    assert inactive["config.entropy_coefficient"] == ""
