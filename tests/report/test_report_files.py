"""The report's files: well-formed, escaped, repeatable, and whole for every kind of study."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from autorl.records import Status
from autorl.report.checklist import ITEMS, answers
from autorl.report.content import Curve, Member, StudyContent, TrialRow
from autorl.report.entries import entries
from autorl.report.front import front
from autorl.report.picture import styled
from autorl.report.results import results_document
from autorl.report.view import view
from autorl.report.write import report_files, write_report
from tests.report.report_examples import AUC, PARAMETERS, STD, estimate, study

EVIL = '<script>alert("1")</script> & $x_1$ | `b` *c*'


def small(*objectives: Any, **options: Any) -> StudyContent:
    content = study(objectives or (AUC,), **{"trials": 5, "tuning": 2, "test": 3, **options})
    return dataclasses.replace(content, space=content.space[:3])


@pytest.fixture(scope="module")
def single() -> dict[str, bytes]:
    return report_files(small())


@pytest.fixture(scope="module")
def pareto() -> dict[str, bytes]:
    return report_files(small(AUC, PARAMETERS, trials=5))


def parsed(files: dict[str, bytes]) -> ElementTree.Element:
    """The page read as XML, which is stricter than HTML: every tag closed, every text escaped."""
    return ElementTree.fromstring(files["report.html"].decode().removeprefix("<!DOCTYPE html>"))


def words(files: dict[str, bytes]) -> str:
    return " ".join("".join(parsed(files).itertext()).split())


class Requests(HTMLParser):
    """Collects what a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        for name, text in attributes:
            if name in ("src", "href", "xlink:href", "data", "action") and not (text or "").startswith("#"):
                self.found.append(f"{tag} {name}={text}")
            if name.startswith("on"):
                self.scripts += 1


def test_files_of_a_single_objective(single: dict[str, bytes]) -> None:
    assert list(single) == [
        "results.json",
        "trials.csv",
        "comparison.png",
        "curves.png",
        "history.png",
        "slices-1.png",
        "report.md",
        "report.html",
    ]
    assert all(single[name].startswith(b"\x89PNG") for name in single if name.endswith(".png"))


def test_page_is_well_formed_self_contained_and_has_no_script(pareto: dict[str, bytes]) -> None:
    root = parsed(pareto)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    links = {text[1:] for element in root.iter() for key, text in element.attrib.items() if key.endswith("href")}
    links |= set(re.findall(r"url\(#([^)]+)\)", pareto["report.html"].decode()))
    assert links <= set(ids)
    requests = Requests()
    requests.feed(pareto["report.html"].decode())
    assert (requests.found, requests.scripts) == ([], 0)
    assert b"url(http" not in pareto["report.html"]
    assert b"@import" not in pareto["report.html"]


def test_the_front_is_a_picture_and_a_table(pareto: dict[str, bytes]) -> None:
    text, content = words(pareto), small(AUC, PARAMETERS, trials=5)
    assert "front.png" in pareto
    for member in content.front:
        assert f"Trial {member.trial}" in text
    tips = [element.text or "" for element in parsed(pareto).iter("{http://www.w3.org/2000/svg}title")]
    for kind in ("tuning", "test"):
        for name in [f"Trial {member.trial}" for member in content.front] + ["Baseline", "Default"]:
            assert any(tip.startswith(f"{name}, {kind}: auc") for tip in tips), (name, kind)
    assert sum(tip.startswith("Baseline, one test seed") for tip in tips) >= 3


def test_everything_asked_of_a_report_stands_in_it(single: dict[str, bytes]) -> None:
    text = words(single)
    for part in ("Learning curves", "Optimisation history", "Search space", "Seeds", "Costs", "Provenance", "Warnings"):
        assert part in text
    assert "The best configuration, trial" in text
    assert "n = 3 test seeds" in text
    assert all(question in text for question in ITEMS.values())
    assert "learning_rate" in text
    assert "20000–20002 (n = 3)" in text
    assert "torch" in text
    assert "2.13.0" in text


def test_markdown_names_pictures_that_exist(pareto: dict[str, bytes]) -> None:
    text = pareto["report.md"].decode()
    assert text.startswith("# cartpole\\_pareto\n")
    assert set(re.findall(r"\]\(([^)]+)\)", text)) == {name for name in pareto if name.endswith(".png")}
    tables = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    assert len(tables) >= 6
    for table in tables:
        rows = table.splitlines()
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
        assert set(rows[1]) <= set("| -:")
    assert "\n\n\n" not in text


def test_hostile_names_are_text_everywhere() -> None:
    evil = dataclasses.replace(AUC, label=EVIL, unit="</svg><script>", summary=EVIL)
    base = small()
    trials = tuple(
        dataclasses.replace(
            trial,
            configuration={EVIL: index, "choice": EVIL},
            values={EVIL: 1.0 + index},
            per_seed={},
            reason="\x1b[31m]]>" + EVIL,
        )
        for index, trial in enumerate(base.trials)
    )
    member = Member(0, {EVIL: EVIL}, tuning={EVIL: estimate([1.0, 2.0])}, test={EVIL: estimate([1.0, 2.0])})
    content = dataclasses.replace(
        base, name=EVIL, objectives=(evil,), trials=trials, best=member, default=None, baseline=None, warnings=(EVIL,),
        description={EVIL: EVIL, "algorithm": EVIL}, provenance={EVIL: {EVIL: [EVIL]}}, space=(), metrics=(),
    )  # fmt: skip
    files = report_files(content)
    root = parsed(files)
    assert not list(root.iter("script"))
    assert "<script" not in files["report.html"].decode()
    assert "<script" not in files["report.md"].decode()
    assert EVIL in "".join(root.itertext())


@pytest.mark.parametrize("objectives", [(AUC,), (AUC, PARAMETERS)])
def test_a_study_without_a_complete_trial_says_so(objectives: tuple[Any, ...]) -> None:
    files = report_files(dataclasses.replace(small(*objectives, complete=False, trials=3), baseline=None))
    text = words(files)
    assert "No trial completed" in text
    assert "history.png" not in files
    assert "ValueError: the loss is nan <at update 3>" in text
    assert b'"best": null' in files["results.json"]


def test_a_study_without_any_trial_or_member_is_reported() -> None:
    content = dataclasses.replace(small(), trials=(), baseline=None, default=None, best=None)
    files = report_files(content)
    assert "No trial completed" in words(files)
    assert not {"history.png", "comparison.png"} & set(files)


def test_three_objectives_are_drawn_in_pairs() -> None:
    content = small(AUC, PARAMETERS, STD, trials=4)
    with styled():
        root = ElementTree.fromstring(front(content, entries(content)).svg())
    axes = [element for element in root.iter() if re.fullmatch(r"front-axes_\d+", element.get("id", ""))]
    assert len(axes) == 3


def test_one_test_seed_one_checkpoint_one_trial() -> None:
    content = small(trials=1, test=1, tuning=1)
    assert content.best is not None
    assert content.default is not None
    curve = Curve((30_000,), np.array([[100.0]]), (20000,))
    content = dataclasses.replace(content, best=dataclasses.replace(content.best, curve=curve))
    files = report_files(content)
    assert "only 1 seeds" in words(files)
    assert "slices-1.png" not in files


def test_ten_thousand_trials_stay_small() -> None:
    content = small()
    many = tuple(
        TrialRow(
            number,
            {"learning_rate": 10 ** -(1 + number % 50 / 10), "width": number % 64},
            Status.FAILED if number % 3 == 0 else Status.COMPLETE,
            values={} if number % 3 == 0 else {"auc": float(number * 7919 % 10007)},
            reason="broken\n" * 50 if number % 3 == 0 else None,
            rung=30_000,
        )
        for number in range(10_000)
    )
    files = report_files(dataclasses.replace(content, trials=many))
    assert len(files["report.html"]) < 2_000_000
    assert len(files["report.md"]) < 100_000
    assert files["trials.csv"].count(b"\n") > 10_000


def test_default_that_wins_and_equal_baseline_are_shown_once() -> None:
    content = small()
    default = content.default
    assert default is not None
    same = dataclasses.replace(content, best=default, baseline=dataclasses.replace(default, trial=None))
    assert [entry.name for entry in entries(same)] == ["Best: trial 0 = default = baseline"]
    apart = dataclasses.replace(same, best=content.best)
    assert [entry.name for entry in entries(apart)][1:] == ["Default = baseline"]


def test_checklist_has_seventeen_answers_and_takes_replacements() -> None:
    content = dataclasses.replace(small(), checklist={"code": "no: private", "hardware": "one laptop"})
    found = {answer.key: answer for answer in answers(content)}
    assert len(found) == 17
    assert (found["code"].mark, found["code"].text) == ("no", "private")
    assert (found["hardware"].mark, found["hardware"].text) == ("yes", "one laptop")
    assert found["test_seeds"].text == "3: 20000–20002."
    assert {answer.key: answer.mark for answer in answers(dataclasses.replace(content, best=None))}[
        "incumbents"
    ] == "no"


def test_flags_become_warnings() -> None:
    content = small()
    assert content.best is not None
    best = dataclasses.replace(content.best, diverged_test_seeds=(20001,), missing_test_seeds=(20002,))
    content = dataclasses.replace(
        content, best=best, interrupted=True, incomplete=True, nondeterministic=("trial 3 passed its time limit",)
    )
    text = " ".join(view(content, entries(content)).warnings)
    for part in ("ended before its budget", "incomplete", "trial 3 passed its time limit", "20001 diverged", "missing"):
        assert part in text


def test_files_are_written_into_a_new_directory_and_equal_content_gives_equal_bytes(
    tmp_path: Path, single: dict[str, bytes]
) -> None:
    page = write_report(small(), tmp_path / "new" / "run")
    assert page == tmp_path / "new" / "run" / "report.html"
    assert {path.name: path.read_bytes() for path in page.parent.iterdir()} == single


def test_matplotlib_settings_are_left_alone() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    report_files(dataclasses.replace(small(trials=1), baseline=None, default=None, best=None))
    assert dict(mpl.rcParams) == before


def test_results_hold_a_line_for_every_field_and_every_trial() -> None:
    content = small(trials=3)
    document = results_document(content)
    text = report_files(content)["results.json"].decode()
    assert json.loads(text) == json.loads(json.dumps(document))
    lines = [line.removesuffix(",") for line in text.splitlines()]
    assert f'"study": {json.dumps(document["study"], ensure_ascii=False)}' in lines
    trials = lines[lines.index('"trials": [') + 1 :]
    assert [json.loads(line) for line in trials[:3]] == json.loads(json.dumps(document["trials"]))
    assert trials[3:] == ["]", "}"]
