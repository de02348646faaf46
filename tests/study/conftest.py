"""Reports without pictures: drawing them takes longer than the studies of these tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autorl.report import StudyContent, results_document
from autorl.storage.files import write_atomically


def _light_report(content: StudyContent, directory: str | Path) -> Path:
    path = Path(directory) / "results.json"
    write_atomically(path, json.dumps(results_document(content)).encode())
    return path


@pytest.fixture(autouse=True)
def light_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autorl.study.result.write_report", _light_report)
