"""`asha`: asynchronous successive halving, for clusters: nobody waits until a rung is full.

Source: L. Li et al. 2020, A system for massively parallel hyperparameter tuning (arXiv 1810.05934). A trial that
completes a rung goes on at once if it is among the best 1 / eta of those that have completed it so far, and is done
otherwise. Deviations: those of `halving`; and the paper also takes up later what was passed over, once its rung has
grown (its algorithm 2). Deciding at once, as Ray Tune's `ASHAScheduler` and Optuna's pruner do, tells the tuner
while that is of use, and leaves no state of a trial to be kept that may never go on.
"""

from __future__ import annotations

from typing import ClassVar, cast

from autorl.records import Trial
from autorl.schedules.base import Await, Frame, Launch, Requests, ask, tell
from autorl.schedules.ranking import ranked
from autorl.schedules.rungs import ROUNDING, RungSchedule

__all__ = ["Asha", "Board"]


class Board:
    """Who has completed which rung. Who goes on is a function of the completions, in their order, and of nothing else.

    Args:
        rungs: How many there are.
        eta: One in so many goes on.
    """

    def __init__(self, rungs: int, eta: float) -> None:
        self.eta = eta
        self._completed: list[list[Trial]] = [[] for _ in range(rungs)]

    def complete(self, rung: int, trial: Trial) -> bool:
        """Takes in that a trial has completed a rung, in whatever state, and says whether it goes on to the next."""
        completed = self._completed[rung]
        completed.append(trial)
        best = ranked(completed)[: max(1, int(len(completed) / self.eta + ROUNDING))]
        return rung + 1 < len(self._completed) and trial.number in {one.number for one in best}


class Asha(RungSchedule):
    """Keeps `batch` trials in training: whoever goes on first, and new ones in the places left."""

    name: ClassVar[str] = "asha"
    summary: ClassVar[str] = (
        "asynchronous successive halving: each trial goes on or ends as soon as it completes a rung"
    )

    def requests(self, frame: Frame) -> Requests:
        """Launches and waits, until nothing is brought and nobody is in training."""
        ladder = self.ladder(frame)
        board, flying, promoted = Board(len(ladder), self.eta), dict[int, int](), dict[int, int]()  # trial -> rung
        while True:
            launched, free = dict(promoted), frame.batch - len(flying) - len(promoted)
            if free:
                asked = yield from ask(free)
                launched |= dict.fromkeys(asked, 0)
            if launched:
                yield Launch(tuple(ladder[rung].assignment(trial, frame) for trial, rung in launched.items()))
            flying |= launched
            if not flying:
                return
            trials = cast("tuple[Trial, ...]", (yield Await()))
            rungs = {trial.number: flying.pop(trial.number) for trial in trials}
            going_on = [trial.number for trial in trials if board.complete(rungs[trial.number], trial)]
            promoted = {number: rungs[number] + 1 for number in going_on}
            yield from tell(number for number in rungs if number not in promoted)
