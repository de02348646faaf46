"""Hyperparameters that changed in training: their table, their picture, and their file."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
import yaml

from autorl.report.content import Schedule, StudyContent
from autorl.report.entries import entries
from autorl.report.picture import styled
from autorl.report.schedule import schedule_picture, schedule_rows, schedule_yaml
from autorl.report.write import report_files
from tests.report.report_examples import AUC, PARAMETERS, study

CHANGES: Schedule = (
    (0, {"learning_rate": 1e-2, "kind": "a", "size": 4, "normalize": True}),
    (3000, {"learning_rate": 1e-4, "kind": "b", "normalize": True}),
    (6000, {"learning_rate": 2e-4, "kind": "b", "normalize": True}),
)


def scheduled(content: StudyContent) -> StudyContent:
    assert content.best is not None
    best = replace(content.best, schedule=CHANGES, configuration=CHANGES[-1][1])
    trials = tuple(replace(one, schedule=CHANGES if one.number == best.trial else ()) for one in content.trials)
    return replace(content, best=best, trials=trials)


@pytest.fixture(scope="module")
def content() -> StudyContent:
    return scheduled(study((AUC,), trials=5, tuning=2, test=3))


def test_the_report_has_the_file_the_picture_and_the_table(content: StudyContent) -> None:
    made = report_files(content)
    assert [name for name in made if "schedule" in name] == ["schedule.yaml", "schedule.png"]
    for name in ("report.html", "report.md"):
        text = made[name].decode()
        assert "Schedule of hyperparameters" in text
        assert "3,000" in text
    assert "](schedule.png)" in made["report.md"].decode()
    document = json.loads(made["results.json"])
    assert [one["from_env_steps"] for one in document["best"]["schedule"]] == [0, 3000, 6000]
    assert document["best"]["schedule"][1]["config"] == CHANGES[1][1]
    assert document["default"]["schedule"] == [] or document["default"]["trial"] == document["best"]["trial"]
    schema = json.loads((files("autorl.report") / "results.schema.json").read_text("utf-8"))
    jsonschema.validate(document, schema)
    document["best"]["schedule"][0]["from_env_steps"] = -1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_the_file_reads_back(content: StudyContent) -> None:
    text = schedule_yaml(content)
    assert text is not None
    assert content.best is not None
    assert yaml.safe_load(text) == {
        "study": content.name,
        "schedules": [
            {
                "trial": content.best.trial,
                "schedule": [{"from_env_steps": begin, "config": dict(settings)} for begin, settings in CHANGES],
            }
        ],
    }


def test_the_table_has_a_row_a_change_and_dashes_where_inactive(content: StudyContent) -> None:
    head, rows = schedule_rows(entries(content))
    assert head == ("configuration", "from env step", "learning_rate", "kind", "size", "normalize")
    assert [row[1:] for row in rows] == [
        ("0", "0.01", "a", "4", "true"),
        ("3,000", "0.0001", "b", "–", "true"),
        ("6,000", "0.0002", "b", "–", "true"),
    ]


def test_the_picture_has_a_panel_a_hyperparameter_that_changed(content: StudyContent) -> None:
    with styled():
        picture = schedule_picture(content, entries(content))
    assert picture is not None
    axes = {one.get_title(loc="left"): one for one in picture.figure.axes if one.get_visible()}
    assert list(axes) == ["learning_rate", "kind"]
    (line,) = axes["learning_rate"].get_lines()
    assert line.get_drawstyle() == "steps-post"
    assert np.asarray(line.get_xydata()).tolist() == [[0, 1e-2], [3000, 1e-4], [6000, 2e-4], [30_000, 2e-4]]
    assert axes["learning_rate"].get_yscale() == "log"
    (line,) = axes["kind"].get_lines()
    assert np.asarray(line.get_xydata())[:, 1].tolist() == [0, 1, 1, 1]


def test_a_study_in_which_nothing_changed_has_none_of_it() -> None:
    content = study((AUC,), trials=5, tuning=2, test=3)
    assert schedule_yaml(content) is None
    assert schedule_picture(content, entries(content)) is None
    assert not [name for name in report_files(content) if "schedule" in name]


def test_every_member_of_a_front_has_its_own() -> None:
    content = study((AUC, PARAMETERS), trials=12, tuning=2, test=3)
    assert len(content.front) > 1
    front = tuple(replace(one, schedule=CHANGES) for one in content.front)
    content = replace(content, front=front)
    text = schedule_yaml(content)
    assert text is not None
    assert [one["trial"] for one in yaml.safe_load(text)["schedules"]] == [one.trial for one in front]
    picture = schedule_picture(content, entries(content))
    assert picture is not None
    assert len(picture.figure.axes[0].get_lines()) == len(front)
