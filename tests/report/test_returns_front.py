"""Fronts of returns in a report: what is merged, drawn, and written for machines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autorl.report import write_report
from autorl.report.content import StudyContent
from autorl.report.entries import entries
from autorl.report.picture import styled
from autorl.report.results import results_document
from autorl.report.returns_front import returns_front
from autorl.study import Study
from tests.report.report_examples import AUC, study
from tests.report.test_results_json import strict


def vectorial(rewards: int) -> StudyContent:
    """A study whose reported configurations return fronts on two test seeds."""
    random = np.random.default_rng(0)
    content = study((AUC,), trials=3, test=2)
    fronts = tuple(np.sort(random.uniform(size=(3, rewards)), axis=0) for _ in range(2))
    assert content.best is not None
    assert content.baseline is not None
    best = replace(content.best, fronts=fronts)
    baseline = replace(content.baseline, fronts=(fronts[0] - 1, np.empty((0, rewards))))
    return replace(content, best=best, baseline=baseline, known_front=fronts[0] + 1)


def test_merging_keeps_what_no_seed_dominates_once() -> None:
    content = vectorial(2)
    assert content.best is not None
    first, second = np.array([[1.0, 5.0], [3.0, 2.0]]), np.array([[3.0, 2.0], [2.0, 4.0], [2.0, 5.0]])
    merged = replace(content.best, fronts=(first, second, np.empty((0, 2)))).merged_front
    assert merged.tolist() == [[2.0, 5.0], [3.0, 2.0]]
    assert replace(content.best, fronts=()).merged_front.size == 0


def test_documents_hold_fronts_per_seed_and_merged() -> None:
    document = strict(vectorial(3))
    best = document["best"]
    assert isinstance(best, dict)
    assert len(best["fronts"]["per_seed"]) == 2
    assert best["fronts"]["merged"]
    assert document["known_front"]
    plain = results_document(study((AUC,), trials=3, test=2))
    assert "known_front" not in plain
    assert "fronts" not in (plain["best"] or {})  # type: ignore[operator]  # a JSON document


@pytest.mark.parametrize(("rewards", "panels"), [(2, 1), (3, 3), (6, 1)])
def test_every_reported_configuration_has_its_panels(rewards: int, panels: int) -> None:
    content = vectorial(rewards)
    with styled():
        picture = returns_front(content, entries(content))
        assert picture is not None
        assert len(picture.figure.axes) == 2 * panels  # the best and the baseline; the default has no front
        assert "true front" in picture.caption
        assert f"{rewards} rewards" in picture.caption


def test_it_stands_in_the_page_and_beside_it(tmp_path: Path) -> None:
    page = write_report(vectorial(2), tmp_path).read_text("utf-8")
    assert '<figure id="returns">' in page
    assert (tmp_path / "returns.png").stat().st_size > 10_000
    assert not returns_front(study((AUC,), trials=3, test=2), ())


def test_the_bundled_study_in_short_draws_its_fronts_beside_the_true_one(tmp_path: Path) -> None:
    short = {"budget": {"trials": 2, "env_steps": 4096}, "seeds": {"tuning": 1, "validation": 1, "test": 2}}
    result = Study.load("dst_pareto", short).run(tmp_path)
    assert result.complete
    assert (tmp_path / "returns.png").stat().st_size > 10_000
    report = result.report_path.read_text(encoding="utf-8")
    assert "true front" in report
