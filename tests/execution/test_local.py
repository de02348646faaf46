"""Workers get their next group before anybody looks at their last one."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from autorl.execution import Done
from autorl.execution.local import Local, _Worker
from autorl.objective import Group
from autorl.records import Agent

GROUPS = [Group((Agent({"x": number}, 0),), 0, 100) for number in range(4)]


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[Group]:
    """What workers were given, in order; each is done at once, except that x = 2 raises."""
    given: list[Group] = []

    def submit(self: _Worker, objective: Any, group: Group, checkpoints: Path) -> Future[Any]:
        given.append(group)
        future: Future[Any] = Future()
        if group.agents[0].configuration["x"] == 2:
            future.set_exception(ZeroDivisionError("broken"))
        else:
            future.set_result(())
        return future

    monkeypatch.setattr(_Worker, "start", lambda self, objective: None)
    monkeypatch.setattr(_Worker, "submit", submit)
    return given


def objective() -> Any:
    """The workers here never look at it."""
    return None


def test_the_next_group_is_under_way_when_a_result_is_handed_out(submitted: list[Group], tmp_path: Path) -> None:
    groups = [GROUPS[0], GROUPS[1], GROUPS[3]]
    results = Local(1, tmp_path).run(objective(), deque(groups), 60)
    first = next(results)
    assert isinstance(first, Done)
    assert first.group is groups[0]
    assert submitted == groups[:2]  # and no more: what is done is handed out, and stored, as soon as it can be
    assert [result.group for result in results] == groups[1:]


def test_an_error_of_our_own_comes_after_the_results_before_it(submitted: list[Group], tmp_path: Path) -> None:
    results = Local(1, tmp_path).run(objective(), deque(GROUPS), 60)
    found: list[Group] = []
    with pytest.raises(ZeroDivisionError, match="broken"):
        found.extend(result.group for result in results)
    assert found == GROUPS[:2]


def test_what_is_put_into_the_queue_between_two_results_is_trained_too(tmp_path: Path, submitted: list[Group]) -> None:
    queue = deque(GROUPS[:1])
    results = Local(1, tmp_path).run(objective(), queue, 60)
    next(results)
    queue.extend([GROUPS[1], GROUPS[3]])
    assert len(list(results)) == 2
    assert submitted == [GROUPS[0], GROUPS[1], GROUPS[3]]
    assert not queue
