"""`rolling_halving`: successive halving without brackets; after every batch each trial goes on at once, or is done.

It decides as `asha` does (L. Li et al. 2020, arXiv 1810.05934: among the best 1 / eta of those that have completed the
rung so far), but waits for a whole batch, so that a result depends on no clock and on no number of workers, and a batch
trains together. Of use beside brackets: a tuner is told after a few trials rather than after a bracket, and the rungs
compare all trials of a study.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from autorl.checks import check_whole
from autorl.schedules.asha import Board
from autorl.schedules.base import Frame, Requests, ask, tell, train
from autorl.schedules.rungs import RungSchedule

__all__ = ["RollingHalving"]


class RollingHalving(RungSchedule):
    """Batches of trials: first whoever goes on, and new ones in the places left.

    Args:
        configurations: How many a batch holds. Most train on one seed, so that it takes more of them than under `full`
            to fill populations; a dozen did no worse than four with the default tuner on the recorded landscapes.
        eta: See `RungSchedule`, as for all that follow.
        min_env_steps: Mark of the first rung.
        max_env_steps: Mark of the last rung.
        seeds: At each rung.
    """

    name: ClassVar[str] = "rolling_halving"
    summary: ClassVar[str] = "successive halving without brackets: after each batch a trial goes on at once, or is done"

    def __init__(
        self,
        *,
        configurations: int = 12,
        eta: float = 4.0,
        min_env_steps: float | None = 0.5,
        max_env_steps: int | None = None,
        seeds: Sequence[int] | None = None,
    ) -> None:
        super().__init__(eta=eta, min_env_steps=min_env_steps, max_env_steps=max_env_steps, seeds=seeds)
        check_whole("configurations", configurations, 1)
        self.configurations = configurations

    def requests(self, frame: Frame) -> Requests:
        """Trains a batch after the other, until nothing is brought and nobody goes on."""
        ladder = self.ladder(frame)
        board, promoted = Board(len(ladder), self.eta), dict[int, int]()  # trial -> rung
        ended = False
        while True:
            batch, free = dict(promoted), self.configurations - len(promoted)
            if free and not ended:
                asked = yield from ask(free)
                ended = len(asked) < free
                batch |= dict.fromkeys(asked, 0)
            if not batch:
                return
            trials = yield from train(ladder[rung].assignment(trial, frame) for trial, rung in batch.items())
            going_on = [trial.number for trial in trials if board.complete(batch[trial.number], trial)]
            promoted = {number: batch[number] + 1 for number in going_on}
            yield from tell(number for number in batch if number not in promoted)
