"""Carries out a schedule's requests on losses made by a function, for tests."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from autorl.records import Run, Status, Trial
from autorl.schedules.base import Answer, Ask, Assignment, Await, Frame, Launch, Schedule, Tell, Train

__all__ = ["FRAME", "Loss", "Played", "complete", "play"]

FRAME = Frame(horizon=900, seeds=(10, 11, 12, 13, 14), batch=4, objectives=1)

Loss = Callable[[int, int, int], float | tuple[float, ...] | None]
"""(trial, seed, mark) -> its loss, or losses; None where it diverges."""


def complete(number: int, *losses: float, violations: tuple[float, ...] = (), rung: int = 0) -> Trial:
    """A complete trial."""
    return Trial(number, {}, Status.COMPLETE, losses=losses, violations=violations, rung=rung)


@dataclass
class Played:
    """What was requested.

    Attributes:
        asked: Counts.
        trained: Per request its assignments, those launched included.
        told: Per request the numbers.
        last: Trial -> what it was last trained to.
    """

    asked: list[int] = field(default_factory=list)
    trained: list[tuple[Assignment, ...]] = field(default_factory=list)
    told: list[tuple[int, ...]] = field(default_factory=list)
    last: dict[int, Trial] = field(default_factory=dict)

    @property
    def marks(self) -> list[tuple[int, int, list[int]]]:
        """Per request (mark, number of seeds, trials); all of a request's assignments must agree on the first two."""
        found = []
        for one in self.trained:
            ((mark, seeds),) = {(entry.mark, entry.seeds) for entry in one}
            found.append((mark, len(seeds), [entry.trial for entry in one]))
        return found

    @property
    def seed_trainings(self) -> int:
        """Pairs of trial and seed trained."""
        return len({(entry.trial, seed) for one in self.trained for entry in one for seed in entry.seeds})


def play(schedule: Schedule, loss: Loss, trials: int, frame: Frame = FRAME, slowest_first: bool = False) -> Played:
    """Plays a schedule until it ends.

    Args:
        schedule: The schedule.
        loss: What training brings.
        trials: The budget.
        frame: The study.
        slowest_first: The last launched completes first, instead of the first.
    """
    played, flying = Played(), list[Trial]()
    answer: Answer | None = None
    requests = schedule.requests(frame)

    def trained(assignments: Sequence[Assignment]) -> tuple[Trial, ...]:
        played.trained.append(tuple(assignments))
        found = tuple(_trial(entry, loss) for entry in assignments)
        played.last |= {trial.number: trial for trial in found}
        return found

    while True:
        try:
            request = next(requests) if answer is None else requests.send(answer)
        except StopIteration:
            return played
        if isinstance(request, Ask):
            start = sum(played.asked)
            played.asked.append(min(request.count, trials - start))
            answer = tuple(range(start, start + played.asked[-1]))
        elif isinstance(request, Train):
            answer = trained(request.assignments)
        elif isinstance(request, Launch):
            flying += trained(request.assignments)
            answer = ()
        elif isinstance(request, Await):
            answer = (flying.pop(-1 if slowest_first else 0),)
        else:
            assert isinstance(request, Tell)
            played.told.append(request.trials)
            answer = ()


def _trial(assignment: Assignment, loss: Loss) -> Trial:
    number, mark = assignment.trial, assignment.mark
    found = [loss(number, seed, mark) for seed in assignment.seeds]
    runs = tuple(map(_run, assignment.seeds))
    if None in found:
        return Trial(number, {}, Status.DIVERGED, runs, rung=mark)
    table = tuple(one if isinstance(one, tuple) else (one,) for one in found if one is not None)
    means = tuple(sum(column) / len(table) for column in zip(*table, strict=True))
    return Trial(number, {}, Status.COMPLETE, runs, means, mark, seed_losses=table)


@functools.cache
def _run(seed: int) -> Run:
    nothing = np.empty((0, 1, 1, 1))
    return Run(seed, Status.COMPLETE, 900, (), nothing, np.empty((1, 0, 1)), 0, 0, 0.0, 0, 0.0, 0)
