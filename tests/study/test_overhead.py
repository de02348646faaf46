"""What the loop does per trial, counted instead of timed: it must not grow with the trials before."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import Engine, event

from autorl.objective import Objective
from autorl.schedules import Ask, Assignment, Frame, Requests, Schedule, Tell, Train
from autorl.study import Progress, Study, loop
from tests.study.toys import study

pytestmark = pytest.mark.workers
SEEDS = 2


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often this process asked the database something, committed, and worked out keys."""
    count: Counter[str] = Counter()
    monkeypatch.setattr(loop, "NOTED_EVERY", math.inf)  # by the clock
    chain = Objective.chain

    def counting(self: Objective, *arguments: Any) -> tuple[str, ...]:
        count["chains"] += 1
        return chain(self, *arguments)

    def executed(*_: object) -> None:
        count["statements"] += 1

    def committed(*_: object) -> None:
        count["commits"] += 1

    monkeypatch.setattr(Objective, "chain", counting)
    event.listen(Engine, "before_cursor_execute", executed)
    event.listen(Engine, "commit", committed)
    yield count
    event.remove(Engine, "before_cursor_execute", executed)
    event.remove(Engine, "commit", committed)


def run(directory: Path, trials: int, count: Counter[str], **changes: Any) -> Counter[str]:
    """What a run, or a resume, of so many trials in batches of four came to."""
    count.clear()
    result = Study.load(study("quick", budget={"trials": trials, "env_steps": 1000}, **changes)).run(directory)
    assert len(result.trials) == trials
    return count.copy()


def test_a_trial_costs_the_same_however_many_came_before(tmp_path: Path, counted: Counter[str]) -> None:
    short, middle, long = (run(tmp_path / str(trials), trials, counted) for trials in (8, 16, 24))
    assert long - middle == middle - short
    more = middle - short
    # Four configurations are four groups here, and each is one transaction; a batch is stored when it is asked and
    # when it is told.
    assert more["commits"] == 8 + 2 * 2
    assert more["chains"] == 8 * SEEDS


def test_a_resume_looks_up_all_trials_at_once_and_stores_nothing_again(tmp_path: Path, counted: Counter[str]) -> None:
    resumed = []
    for trials in (8, 24):
        run(tmp_path / str(trials), trials, counted)
        resumed.append(run(tmp_path / str(trials), trials, counted))
    assert resumed[0]["statements"] == resumed[1]["statements"]
    assert resumed[0]["commits"] == resumed[1]["commits"]
    assert resumed[1]["chains"] - resumed[0]["chains"] == 16 * SEEDS  # keys are worked out once here too


def test_steps_are_counted_as_trials_come(tmp_path: Path, counted: Counter[str]) -> None:
    content = study("partly", budget={"env_steps": 1000, "env_steps_total": 30_000})
    first = len(Study.load(content).run(tmp_path).trials)
    assert first == 16  # 2 seeds x 1000 steps each, also where they failed
    assert len(Study.load(content).run(tmp_path).trials) == first


class Twice(Schedule):
    """Trains every configuration to half the budget, then to all of it."""

    name: ClassVar[str] = "twice"
    summary: ClassVar[str] = "half, then all"

    def rungs(self, horizon: int) -> tuple[int, ...]:
        """Half and all."""
        return (horizon // 2, horizon)

    def requests(self, frame: Frame) -> Requests:
        """Ask, train, train on, tell."""
        while trials := (yield Ask(frame.batch)):
            numbers = tuple(int(number) for number in trials)  # type: ignore[arg-type]  # an Ask brings numbers
            for mark in (frame.horizon // 2, frame.horizon):
                yield Train(tuple(Assignment(number, frame.seeds, mark) for number in numbers))
            yield Tell(numbers)


@pytest.mark.parametrize(("total", "trials"), [(32_000, 4), (32_001, 8)])
def test_what_is_trained_anew_from_zero_counts_again(tmp_path: Path, total: int, trials: int) -> None:
    content = study("quick", schedule="tests.study.test_overhead:Twice")
    # A batch has 4 trials of 2 seeds, which end at 2,000 steps, and do so again since they cannot go on.
    content["budget"] = {"env_steps": 2000, "env_steps_total": total}
    for _ in range(2):  # run, and resumed
        assert len(Study.load(content).run(tmp_path).trials) == trials


def test_progress_counts_every_trial_once(tmp_path: Path) -> None:
    seen: list[Progress] = []
    Study.load(study("partly")).run(tmp_path, on_progress=seen.append, jobs=2)
    tuning = [one for one in seen if one.phase == "tuning"]
    assert [one.trials_done for one in tuning] == list(range(1, 9))


def test_the_best_is_looked_for_again_when_that_takes_next_to_no_time_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[float, list[Progress]] = {}
    for patience in (0.0, 1e9):
        monkeypatch.setattr("autorl.study.running.PATIENCE", patience)
        seen[patience] = []
        Study.load(study("partly")).run(tmp_path / str(patience), on_progress=seen[patience].append, jobs=1)
    exact, rare = seen.values()
    tuning = [place for place, one in enumerate(exact) if one.phase == "tuning"]
    stale = [one.best for one in (rare[place] for place in tuning[:-1])]
    assert stale == [exact[0].best] * 7, "the first one's, as long as it does not pay to look again"
    assert exact[tuning[-1]].failed > exact[0].failed
    assert len({one.best for one in exact}) > 1
    assert rare[tuning[-1] :] == exact[tuning[-1] :]
    assert [one.trials_done for one in rare] == [one.trials_done for one in exact]
