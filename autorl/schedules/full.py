"""`full`: every configuration, all tuning seeds, all env steps."""

from __future__ import annotations

from typing import ClassVar

from autorl.schedules.base import Ask, Assignment, Frame, Requests, Schedule, Tell, Train

__all__ = ["Full"]


class Full(Schedule):
    """Trains each configuration on all tuning seeds to the horizon, `batch` configurations at a time."""

    name: ClassVar[str] = "full"
    summary: ClassVar[str] = "every configuration, all tuning seeds, all env steps"

    def rungs(self, horizon: int) -> tuple[int, ...]:
        """No rung before the end."""
        return (horizon,)

    def requests(self, frame: Frame) -> Requests:
        """Ask, train, tell, until nothing is brought."""
        while trials := (yield Ask(frame.batch)):
            numbers = tuple(int(number) for number in trials)  # type: ignore[arg-type]  # an Ask brings numbers
            yield Train(tuple(Assignment(number, frame.seeds, frame.horizon) for number in numbers))
            yield Tell(numbers)

    def constant_metrics(self) -> frozenset[str]:
        """Everybody trains the full length."""
        return frozenset({"env_steps"})
