"""Studies at the pace of their training: no pictures are drawn, and no workers started, where a test is not of them.

Both take longer than the studies of these tests. Tests of workers, of their deaths and of time limits are marked
`workers`.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from autorl.execution.base import Done
from autorl.execution.local import Local
from autorl.execution.worker import train_group
from autorl.objective import Group, Objective
from autorl.report import StudyContent, results_document
from autorl.storage.files import write_atomically


def _light_report(content: StudyContent, directory: str | Path) -> Path:
    path = Path(directory) / "results.json"
    write_atomically(path, json.dumps(results_document(content)).encode())
    return path


def _in_this_process(self: Local, objective: Objective, groups: deque[Group], seconds: float) -> Iterator[Done]:
    while groups:
        group = groups.popleft()
        yield Done(group, train_group(objective, group, self.checkpoints))


@pytest.fixture(autouse=True)
def no_workers(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("workers") is None:
        monkeypatch.setattr(Local, "run", _in_this_process)


@pytest.fixture(autouse=True)
def light_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autorl.study.result.write_report", _light_report)
