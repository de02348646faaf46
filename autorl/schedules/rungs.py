"""Rungs, and the arithmetic that halving, Hyperband and ASHA share.

A rung is a mark in env steps and a number of seeds. From one rung to the next, training grows by the factor `eta` until
it is whole; the share of trials that goes on is 1 / `eta`. Further rungs may add seeds alone.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass

from autorl.checks import check_number, check_whole
from autorl.errors import InvalidInput
from autorl.schedules.base import Assignment, Frame, Schedule

__all__ = ["Rung", "RungSchedule", "geometric"]

ROUNDING = 1e-9
"""Of powers and shares, so that a third of 300 is 100 and not 99."""
NEAR = 0.01
"""The share of the last mark below which a rung before it would compare nearly the same trainings again."""


@dataclass(frozen=True)
class Rung:
    """Where trials are compared.

    Attributes:
        mark: In env steps.
        seeds: How many of the tuning seeds, the first ones.
    """

    mark: int
    seeds: int

    def assignment(self, trial: int, frame: Frame) -> Assignment:
        """Trains a trial up to here."""
        return Assignment(trial, frame.seeds[: self.seeds], self.mark)


def geometric(first: int, last: int, eta: float) -> tuple[int, ...]:
    """`first`, `first` x eta, ... as long as they lie clearly below `last`, then `last`."""
    marks, mark = [], float(first)
    while mark < (1 - NEAR) * last:
        marks.append(int(mark + ROUNDING))
        mark *= eta
    return (*marks, last)


class RungSchedule(Schedule, ABC):
    """The options of every schedule that promotes from rung to rung.

    Args:
        eta: Of a rung's trials one in `eta` goes on, and training grows by this factor; above 1.
        min_env_steps: Mark of the first rung; below 1 it is a share of the last mark. None: the last mark itself, so
            that every training is whole and rungs add seeds alone.
        max_env_steps: Mark of the last rung; None is `budget.env_steps`.
        seeds: How many tuning seeds at each rung, never fewer than before. A list longer than there are marks adds
            rungs at the last mark, where nothing but seeds is added; a shorter one is continued by its last number.
            None: one at every mark, and then all of them at the last mark; where rungs add seeds alone, one, half of
            them, and all.

    Raises:
        InvalidInput: If an option is impossible.
    """

    def __init__(
        self,
        *,
        eta: float = 4.0,
        min_env_steps: float | None = 0.5,
        max_env_steps: int | None = None,
        seeds: Sequence[int] | None = None,
    ) -> None:
        check_number("eta", eta, 1.0, above=True)
        if min_env_steps is not None:
            check_number("min_env_steps", min_env_steps, 0.0, above=True)
            if min_env_steps >= 1:
                check_whole("min_env_steps", min_env_steps, 1)
        if max_env_steps is not None:
            check_whole("max_env_steps", max_env_steps, 1)
        self.eta, self.min_env_steps, self.max_env_steps = float(eta), min_env_steps, max_env_steps
        self.seeds = None if seeds is None else _increasing(seeds)

    def marks(self, horizon: int) -> tuple[int, ...]:
        """Marks of the rungs, increasing.

        Raises:
            InvalidInput: If the first or the last lies beyond what comes after it.
        """
        last = horizon if self.max_env_steps is None else self.max_env_steps
        if last > horizon:
            raise InvalidInput(f"max_env_steps: {last} must be at most budget.env_steps, which is {horizon}")
        if self.min_env_steps is None:
            return (last,)
        shared = self.min_env_steps < 1
        first = int(self.min_env_steps * last + ROUNDING) if shared else int(self.min_env_steps)
        if not 1 <= first <= last:
            raise InvalidInput(
                f"min_env_steps: {self.min_env_steps!r} puts the first rung at {first} env steps; it must lie between "
                f"1 and the last rung at {last}"
            )
        return geometric(first, last, self.eta)

    def rungs(self, horizon: int) -> tuple[int, ...]:
        """The rungs' marks, and the horizon."""
        return tuple(sorted({*self.marks(horizon), horizon}))

    def ladder(self, frame: Frame) -> tuple[Rung, ...]:
        """The rungs from the first to the last."""
        marks = self.marks(frame.horizon)
        seeds = self.seeds or self._all_in_the_end(len(marks), len(frame.seeds))
        count = max(len(marks), len(seeds))
        marks += marks[-1:] * (count - len(marks))
        seeds += seeds[-1:] * (count - len(seeds))
        return tuple(map(Rung, marks, seeds))

    def top(self, frame: Frame) -> tuple[int, int]:
        """The last rung."""
        rung = self.ladder(frame)[-1]
        return rung.mark, rung.seeds

    def _all_in_the_end(self, marks: int, seeds: int) -> tuple[int, ...]:
        if self.min_env_steps is None:
            return tuple(sorted({1, (seeds + 1) // 2, seeds}))
        return (*(1 for _ in range(marks)), *((seeds,) if seeds > 1 else ()))

    def check(self, frame: Frame) -> None:
        """Refuses more seeds than a study has."""
        if self.seeds is not None and self.seeds[-1] > len(frame.seeds):
            raise InvalidInput(
                f"seeds: {list(self.seeds)} asks for {self.seeds[-1]} seeds at the last rung; the study has "
                f"{len(frame.seeds)} tuning seeds, and it must not be more"
            )


def _increasing(seeds: object) -> tuple[int, ...]:
    if isinstance(seeds, str) or not isinstance(seeds, Sequence) or not seeds:
        raise InvalidInput(f"seeds: {seeds!r} is no list of how many seeds each rung has; write [1, 2, 5], say")
    for count in seeds:
        check_whole("seeds", count, 1)
    if list(seeds) != sorted(seeds):
        raise InvalidInput(f"seeds: {list(seeds)} must not decrease: a seed once trained stays")
    return tuple(seeds)
