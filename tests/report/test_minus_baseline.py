"""What a report says of the difference between the configuration chosen and the baseline."""

from __future__ import annotations

import dataclasses
import json
import math
from importlib.resources import files

import jsonschema
import pytest

from autorl.report.content import Quantity, StudyContent
from autorl.report.entries import entries
from autorl.report.results import results_document
from autorl.report.view import view
from autorl.statistics import Difference
from tests.report.report_examples import AUC, PARAMETERS, study

SCHEMA = json.loads(files("autorl.report").joinpath("results.schema.json").read_text(encoding="utf-8"))


def compared(low: float, high: float, objective: Quantity = AUC) -> StudyContent:
    content = study((objective,))
    assert content.best is not None
    apart = Difference((low + high) / 2, low, high, (20, 20), "Welch's t")
    return dataclasses.replace(content, best=dataclasses.replace(content.best, minus_baseline={objective.label: apart}))


@pytest.mark.parametrize(
    ("low", "high", "said", "minimised"),
    [
        (2.0, 8.0, "5 [2, 8], clearly better.", "5 [2, 8], clearly worse."),
        (-8.0, -2.0, "-5 [-8, -2], clearly worse.", "-5 [-8, -2], clearly better."),
        (-2.0, 6.0, "2 [-2, 6], which may be chance.", "2 [-2, 6], which may be chance."),
        (0.0, 6.0, "3 [0, 6], which may be chance.", "3 [0, 6], which may be chance."),
    ],
)
def test_the_headline_says_whether_it_may_be_chance(low: float, high: float, said: str, minimised: str) -> None:
    for objective, wanted in ((AUC, said), (PARAMETERS, minimised)):
        content = compared(low, high, objective)
        headline = view(content, entries(content)).headlines[-1]
        assert headline.endswith(f"the difference to the baseline is {wanted}")


def test_without_an_interval_nothing_is_concluded() -> None:
    content = compared(1.0, 3.0)
    assert content.best is not None
    apart = Difference(2.0, math.nan, math.nan, (1, 1), "none")
    best = dataclasses.replace(content.best, minus_baseline={"auc": apart})
    content = dataclasses.replace(content, best=best)
    assert view(content, entries(content)).headlines[-1].endswith("the difference to the baseline is 2.")


@pytest.mark.parametrize(
    ("apart", "said"),
    [
        (Difference(0.0, 0.0, 0.0, (20, 20), "Welch's t"), "the difference to the baseline is 0."),
        (Difference(4.0, 4.0, 4.0, (20, 20), "Welch's t"), "the difference to the baseline is 4."),
        (Difference(4.0, 1.0, 7.0, (5, 5), "percentile bootstrap (2000 resamples)"), "baseline is 4 [1, 7]."),
        (Difference(4.0, 1.0, 7.0, (10, 10), "percentile bootstrap (2000 resamples)"), "4 [1, 7], clearly better."),
        (Difference(math.inf, math.nan, math.nan, (20, 20), "none"), None),
    ],
)
def test_nothing_is_concluded_from_what_says_nothing_of_chance(apart: Difference, said: str | None) -> None:
    content = compared(1.0, 3.0)
    assert content.best is not None
    content = dataclasses.replace(content, best=dataclasses.replace(content.best, minus_baseline={"auc": apart}))
    headline = view(content, entries(content)).headlines[-1]
    assert headline.endswith(said) if said else "difference" not in headline


def test_the_table_has_a_column_for_it_where_something_was_compared() -> None:
    content = compared(2.0, 8.0)
    scores = view(content, entries(content)).scores
    assert scores is not None
    assert scores.head == ("configuration", "auc, test", "minus baseline", "auc, tuning", "gap")
    assert [row[2] for row in scores.rows] == ["5 [2, 8]", "–", "–"]
    assert "Minus baseline: of the test scores, Welch's t." in scores.caption
    assert "no interval" not in scores.caption
    assert scores.numeric == {1, 2, 3, 4}
    plain = view(study(), entries(study())).scores
    assert plain is not None
    assert plain.head == ("configuration", "auc, test", "auc, tuning", "gap")
    assert "Minus baseline" not in plain.caption


def test_it_is_in_results_json() -> None:
    document = json.loads(json.dumps(results_document(compared(2.0, 8.0))))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    wanted = {"auc": {"mean": 5.0, "low": 2.0, "high": 8.0, "n": [20, 20], "method": "Welch's t"}}
    assert document["best"]["minus_baseline"] == wanted
    assert document["baseline"]["minus_baseline"] == {}
