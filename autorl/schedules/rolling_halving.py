"""`rolling_halving`: successive halving without brackets; after every batch each trial goes on at once, or is done.

It decides as `asha` does (L. Li et al. 2020, arXiv 1810.05934: among the best 1 / eta of those that have completed the
rung so far), but waits for a whole batch, so that a result depends on no clock and on no number of workers, and a batch
trains together. Of use beside brackets: a tuner is told after a few trials rather than after a bracket, and the rungs
compare all trials of a study.
"""

from __future__ import annotations

from typing import ClassVar

from autorl.schedules.asha import Board
from autorl.schedules.base import Frame, Requests, ask, tell, train
from autorl.schedules.rungs import RungSchedule

__all__ = ["RollingHalving"]


class RollingHalving(RungSchedule):
    """Batches of `batch` trials: first whoever goes on, and new ones in the places left."""

    name: ClassVar[str] = "rolling_halving"
    summary: ClassVar[str] = "successive halving without brackets: after each batch a trial goes on at once, or is done"

    def requests(self, frame: Frame) -> Requests:
        """Trains a batch after the other, until nothing is brought and nobody goes on."""
        ladder = self.ladder(frame)
        board, promoted = Board(len(ladder), self.eta), dict[int, int]()  # trial -> rung
        while True:
            batch, free = dict(promoted), frame.batch - len(promoted)
            if free:
                asked = yield from ask(free)
                batch |= dict.fromkeys(asked, 0)
            if not batch:
                return
            trials = yield from train(ladder[rung].assignment(trial, frame) for trial, rung in batch.items())
            going_on = [trial.number for trial in trials if board.complete(batch[trial.number], trial)]
            promoted = {number: batch[number] + 1 for number in going_on}
            yield from tell(number for number in batch if number not in promoted)
