"""Carries out the requests of population based training on losses that depend on all a member trained under."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from autorl.records import Configuration, Status, Trial
from autorl.schedules import Ask, Assignment, Frame, Schedule, Tell, Train
from autorl.seeds import stream
from autorl.space import SearchSpace

__all__ = ["Grown", "best_fixed", "drawn", "drifting", "grow"]

Losses = Callable[[Trial], tuple[float, ...] | None]
"""A trial with its history and its rung -> its losses, or None where it diverges."""


@dataclass
class Grown:
    """What was requested, and what came of it.

    Attributes:
        asked: Counts.
        trained: Per request its assignments.
        trials: Per request the trials.
        told: Per request the numbers.
    """

    asked: list[int] = field(default_factory=list)
    trained: list[dict[int, Assignment]] = field(default_factory=list)
    trials: list[dict[int, Trial]] = field(default_factory=list)
    told: list[tuple[int, ...]] = field(default_factory=list)

    @property
    def best(self) -> float:
        """The lowest first loss at the end."""
        return min(trial.losses[0] for trial in self.trials[-1].values() if trial.losses is not None)


def grow(schedule: Schedule, frame: Frame, start: Sequence[Configuration], losses: Losses) -> Grown:
    """Plays a schedule until the configurations to start with are used up."""
    grown, answer = Grown(), cast("tuple[int, ...] | tuple[Trial, ...] | None", None)
    requests = schedule.requests(frame)
    while True:
        try:
            request = next(requests) if answer is None else requests.send(answer)
        except StopIteration:
            return grown
        if isinstance(request, Ask):
            first = sum(grown.asked)
            grown.asked.append(min(request.count, len(start) - first))
            answer = tuple(range(first, first + grown.asked[-1]))
        elif isinstance(request, Train):
            trials = tuple(_trained(one, start[one.trial], losses) for one in request.assignments)
            grown.trained.append({one.trial: one for one in request.assignments})
            grown.trials.append({one.number: one for one in trials})
            answer = trials
        else:
            assert isinstance(request, Tell)
            grown.told.append(request.trials)
            answer = ()


def _trained(one: Assignment, asked: Configuration, losses: Losses) -> Trial:
    configuration = asked if one.configuration is None else one.configuration
    made = Trial(one.trial, configuration, Status.COMPLETE, rung=one.mark, earlier=one.earlier, lineage=one.lineage)
    found = losses(made)
    return replace(made, status=Status.DIVERGED) if found is None else replace(made, losses=found)


def drawn(space: SearchSpace, count: int, seed: int = 0) -> list[Configuration]:
    """Configurations drawn at random, of a space of numbers."""
    numbers = stream(seed, "configurations")
    return [space.decode({one.name: float(numbers.random()) for one in space.coordinates}) for _ in range(count)]


def drifting(trial: Trial, horizon: int) -> tuple[float]:
    """A loss that falls fastest at a learning rate of 1e-2 in the beginning, and of 1e-4 at the end of training."""
    progress = 0.0
    changes = [*trial.schedule, (trial.rung, {})]
    for (begin, settings), (end, _) in itertools.pairwise(changes):
        exponent = math.log10(float(settings["learning_rate"] or 1))
        progress += sum(math.exp(-(((exponent + 2 + 2 * step / horizon) / 0.3) ** 2)) for step in range(begin, end))
    return (-progress / horizon,)


def best_fixed(horizon: int) -> float:
    """The lowest loss that a learning rate held through all of training reaches, on a fine grid."""
    rates = [10 ** (-5 + 4 * place / 400) for place in range(401)]
    held = (Trial(0, {"learning_rate": rate}, Status.COMPLETE, rung=horizon) for rate in rates)
    return min(drifting(one, horizon)[0] for one in held)
