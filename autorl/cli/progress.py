"""What a running study looks like: one line that moves on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

import time
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer

from autorl.cli.console import console
from autorl.study.progress import Progress

if TYPE_CHECKING:
    from rich.progress import TaskID

__all__ = ["Pace", "ProgressDisplay", "duration"]

WINDOW = 16
"""Groups over which speed is measured."""
SHORTEST = 2.0
"""Seconds below which a speed says nothing: two groups may end within the same moment."""


class Pace:
    """Env steps per second, and how long a phase still takes.

    The first group only sets the clock: what came before it may have been looked up, in no time.
    """

    def __init__(self) -> None:
        self._steps: deque[tuple[float, int]] = deque(maxlen=WINDOW)
        self._done: deque[tuple[float, int]] = deque(maxlen=WINDOW)
        self._phase = ""

    def update(self, now: float, progress: Progress) -> None:
        """Takes note of a finished group.

        Args:
            now: A clock's reading in seconds.
            progress: Where the study stands.
        """
        # A schedule's next rung has fewer trials done than the last one: what came before says nothing of the rest.
        if progress.phase != self._phase or (self._done and progress.trials_done < self._done[-1][1]):
            self._done.clear()
        self._phase = progress.phase
        self._steps.append((now, progress.env_steps))
        self._done.append((now, progress.trials_done))

    def steps_per_second(self) -> float | None:
        """Over the last groups; None before the second one."""
        return _rate(self._steps)

    def seconds_left(self, progress: Progress) -> float | None:
        """Until the phase ends, or None where nobody knows."""
        rate = _rate(self._done)
        if progress.trials_total is None or not rate:
            return None
        return max(progress.trials_total - progress.trials_done, 0) / rate


def _rate(samples: deque[tuple[float, int]]) -> float | None:
    if len(samples) < 2:
        return None
    (first_time, first), (last_time, last) = samples[0], samples[-1]
    return (last - first) / (last_time - first_time) if last_time - first_time >= SHORTEST else None


def duration(seconds: float) -> str:
    """Hours, minutes and seconds for people."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class ProgressDisplay:
    """Shows each `Progress` it is given while entered.

    Args:
        visible: Whether anything is shown at all.
    """

    def __init__(self, visible: bool = True) -> None:
        from rich.progress import BarColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as Bars

        self._visible = visible
        target = console(stderr=True)
        self._moving = visible and target.is_terminal
        self._pace = Pace()
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[text]}", markup=False),
            console=target,
            transient=True,
            disable=not self._moving,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        if self._moving:
            self._task = self._bars.add_task("starting", total=None, text="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    def update(self, progress: Progress) -> None:
        """Shows where the study stands; what `Study.run` calls after each group."""
        self._pace.update(time.monotonic(), progress)
        text = self.text(progress)
        if self._task is not None:
            # A bar's total cannot be taken back, and the next phase may have none: every update gets a new bar.
            self._bars.remove_task(self._task)
            self._task = self._bars.add_task(
                progress.phase, total=progress.trials_total, completed=progress.trials_done, text=text
            )
        elif self._visible:
            typer.echo(f"{progress.phase}: {text}", err=True)

    def text(self, progress: Progress) -> str:
        """One line: trials, best so far, speed, time left."""
        total = "" if progress.trials_total is None else f"/{progress.trials_total}"
        parts = [f"{progress.trials_done}{total} done"]
        if progress.failed:
            parts.append(f"{progress.failed} failed")
        if progress.best:
            parts.append(f"best {progress.best}")
        speed, left = self._pace.steps_per_second(), self._pace.seconds_left(progress)
        if speed is not None:
            parts.append(f"{speed:,.0f} env steps/s")
        if left is not None:
            parts.append(f"{duration(left)} left")
        return ", ".join(parts)
