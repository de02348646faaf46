"""Schedules for tests of the loop: they promote, and copy, without the rules of any published method."""

from __future__ import annotations

from typing import ClassVar

from autorl.records import Stretch, Trial
from autorl.schedules import Ask, Assignment, Await, Frame, Launch, Requests, Schedule, Tell, Train


class Promoting(Schedule):
    """Trains a batch to two fifths of the horizon on one seed, and the better half to the end on all seeds."""

    name: ClassVar[str] = "promoting"

    def rungs(self, horizon: int) -> tuple[int, ...]:
        """Two."""
        return (2 * horizon // 5, horizon)

    def requests(self, frame: Frame) -> Requests:
        """Ask, train, drop the worse half, train the others on, tell."""
        first, last = self.rungs(frame.horizon)
        while numbers := (yield Ask(frame.batch)):
            trials = yield Train(tuple(Assignment(int(number), frame.seeds[:1], first) for number in numbers))  # type: ignore[arg-type]  # what is sent depends on the request
            kept, dropped = _halves(trials)  # type: ignore[arg-type]  # what is sent depends on the request
            yield Tell(dropped)
            yield Train(tuple(Assignment(number, frame.seeds, last) for number in kept))
            yield Tell(kept)


class Copying(Schedule):
    """Trains a batch to the first rung; there the worse half copies the better one and takes another learning rate."""

    name: ClassVar[str] = "copying"

    def rungs(self, horizon: int) -> tuple[int, ...]:
        """Two."""
        return (2 * horizon // 5, horizon)

    def requests(self, frame: Frame) -> Requests:
        """Ask, train, copy, train, tell."""
        first, last = self.rungs(frame.horizon)
        while numbers := (yield Ask(frame.batch)):
            trials = yield Train(tuple(Assignment(int(number), frame.seeds, first) for number in numbers))  # type: ignore[arg-type]  # what is sent depends on the request
            better, worse = _halves(trials)  # type: ignore[arg-type]  # what is sent depends on the request
            found = {trial.number: trial for trial in trials}  # type: ignore[union-attr]  # what is sent depends on the request
            going = [Assignment(number, frame.seeds, last) for number in better]
            for number, source in zip(worse, better, strict=False):
                parent = found[source].configuration  # type: ignore[union-attr]  # what is sent depends on the request
                changed = {**parent, "learning_rate": 2 * float(parent["learning_rate"] or 0)}
                past = (Stretch(first, parent),)
                going.append(Assignment(number, frame.seeds, last, changed, past, f"{number}@{first}"))
            yield Train(tuple(going))
            yield Tell(tuple(one.trial for one in going))


class Launching(Schedule):
    """Two trials under way; one that has landed is told at once, and the next one is asked for."""

    name: ClassVar[str] = "launching"

    def rungs(self, horizon: int) -> tuple[int, ...]:
        """No rung before the end."""
        return (horizon,)

    def requests(self, frame: Frame) -> Requests:
        """Ask, launch, wait for whoever is first, tell."""
        under_way = 0
        while True:
            asked = yield Ask(2 - under_way)
            yield Launch(tuple(Assignment(int(number), frame.seeds, frame.horizon) for number in asked))  # type: ignore[arg-type]  # what is sent depends on the request
            under_way += len(asked)
            if not under_way:
                return
            landed = yield Await()
            under_way -= len(landed)
            yield Tell(tuple(trial.number for trial in landed))  # type: ignore[union-attr]  # what is sent depends on the request


def _halves(trials: tuple[Trial, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Numbers of the better and the worse trials; the middle one is better."""
    order = sorted(trials, key=lambda trial: (trial.losses is None, trial.losses, trial.number))
    numbers = [trial.number for trial in order]
    half = (len(numbers) + 1) // 2
    return tuple(numbers[:half]), tuple(numbers[half:])
