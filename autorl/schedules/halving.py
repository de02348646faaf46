"""`halving`: many configurations to the first rung, and a share of the best on to each further one.

Source: K. Jamieson and A. Talwalkar 2016, Non-stochastic best arm identification and hyperparameter optimization
(arXiv 1502.07943). Deviations: rungs may add seeds as well as env steps, trials of several objectives are compared by
non-dominated rank and crowding, and a trial that failed or diverged is never promoted, even where that leaves room.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from autorl.checks import check_whole
from autorl.schedules.base import Frame, Part, Requests, ask, tell, train
from autorl.schedules.ranking import ranked
from autorl.schedules.rungs import ROUNDING, Rung, RungSchedule

__all__ = ["Halving", "bracket", "sizes"]


def sizes(count: int, eta: float, rungs: int) -> tuple[int, ...]:
    """How many trials reach each rung: floor(count / eta^i), at least one."""
    return tuple(max(1, int(count / eta**rung + ROUNDING)) for rung in range(rungs))


def bracket(frame: Frame, ladder: Sequence[Rung], counts: Sequence[int]) -> Part[bool]:
    """One round of successive halving: asks for `counts[0]` trials, takes `counts[i]` of them to rung i, tells all.

    If fewer come than were asked for, each rung takes the same share of them, rounded up.

    Returns:
        Whether any trial came.
    """
    asked = yield from ask(counts[0])
    running, leaving = asked, tuple[int, ...]()
    for place, rung in enumerate(ladder):
        if place:
            best = running[: -(-counts[place] * len(asked) // counts[0])]
            running, leaving = best, tuple(number for number in asked if number not in best)
        if not running:
            break
        trials = yield from train((rung.assignment(number, frame) for number in running), leaving)
        running = tuple(trial.number for trial in ranked(trials))
    yield from tell(asked)
    return bool(asked)


class Halving(RungSchedule):
    """Brackets of successive halving, one after the other.

    Args:
        configurations: How many a bracket starts with. None: 2 `eta` where rungs add seeds alone, so that two go on
            from the first one, and elsewhere so many that one of them reaches the last rung.
        eta: See `RungSchedule`, as for all that follow.
        min_env_steps: Mark of the first rung; None (every training whole, rungs add seeds alone) is what did best with
            the default tuner on the recorded landscapes (docs/schedules.md).
        max_env_steps: Mark of the last rung.
        seeds: At each rung.
    """

    name: ClassVar[str] = "halving"
    summary: ClassVar[str] = "many start, and the best share goes on to each further rung (successive halving)"

    def __init__(
        self,
        *,
        configurations: int | None = None,
        eta: float = 4.0,
        min_env_steps: float | None = None,
        max_env_steps: int | None = None,
        seeds: Sequence[int] | None = None,
    ) -> None:
        super().__init__(eta=eta, min_env_steps=min_env_steps, max_env_steps=max_env_steps, seeds=seeds)
        if configurations is not None:
            check_whole("configurations", configurations, 1)
        self.configurations = configurations

    def requests(self, frame: Frame) -> Requests:
        """Brackets, until nothing is brought."""
        ladder = self.ladder(frame)
        count = self.configurations or self._default_size(len(ladder))
        while (yield from bracket(frame, ladder, sizes(count, self.eta, len(ladder)))):
            pass

    def _default_size(self, rungs: int) -> int:
        size = 2 * self.eta if self.min_env_steps is None else self.eta ** (rungs - 1)
        return int(size + ROUNDING)
