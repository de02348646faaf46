"""Training that nobody waits for: configurations are launched, and land in an order that only the clock knows.

The order is an input of the study: stored as it happens, and replayed by whoever carries the study out again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from autorl.execution import Done, Lost
from autorl.objective import Group
from autorl.study.trainer import NotTrainedError, Trainer, Wanted

__all__ = ["LANDED", "Flying"]

LANDED = "landed"
"""The kind of input that says which trials an `Await` brought."""


class Flying:
    """Trials under way.

    Args:
        trainer: Who trains them, and where runs are looked up.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._landed = trainer.truth.inputs(LANDED)
        self._turn = 0
        self._flying: dict[int, Wanted | None] = {}
        self._handed_over: set[int] = set()
        self._queue: deque[Group] = deque()
        self._results: Iterator[Done | Lost] = iter(())

    def launch(self, number: int, wanted: Wanted | None) -> None:
        """Sends a trial on its way; None where there is nothing to train, so that it lands at once."""
        self._flying[number] = wanted

    def land(self) -> tuple[int, ...]:
        """Waits until a trial is done; returns all that are, in the order of launching.

        Raises:
            NotTrainedError: If which it was is not stored, and the trainer only reads.
        """
        name = str(self._turn)
        if name not in self._landed:
            self._landed[name] = self._waited()
            self._trainer.truth.store_input(LANDED, name, self._landed[name])
        self._turn += 1
        for number in self._landed[name]:
            del self._flying[number]
            self._handed_over.discard(number)
        return tuple(self._landed[name])

    def _waited(self) -> list[int]:
        while True:
            missing = {number: self._trainer.missing(one) if one else [] for number, one in self._flying.items()}
            done = [number for number, groups in missing.items() if not groups]
            if done:
                return done
            if self._trainer.executor is None:
                raise NotTrainedError(f"which of the trials {sorted(self._flying)} was done first is not stored")
            for number in sorted(missing.keys() - self._handed_over):
                self._handed_over.add(number)
                self._queue.extend(missing[number])
            result = next(self._results, None)
            if result is None:  # the workers have nothing left: what was handed over since needs a new round
                self._results = self._trainer.work_off(self._queue)
            else:
                self._trainer.take(result)
