"""`full`: every configuration, all tuning seeds, all env steps."""

from __future__ import annotations

from typing import ClassVar

from autorl.schedules.base import Assignment, Frame, Requests, Schedule, ask, tell, train

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
        while trials := (yield from ask(frame.batch)):
            yield from train(Assignment(number, frame.seeds, frame.horizon) for number in trials)
            yield from tell(trials)

    def constant_metrics(self) -> frozenset[str]:
        """Everybody trains the full length."""
        return frozenset({"env_steps"})
