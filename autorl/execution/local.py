"""`local`: worker processes on this machine, one torch thread each."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from autorl.execution.base import Done, Executor, Lost
from autorl.execution.grouping import by_configuration, configurations
from autorl.execution.worker import start_worker, train_group
from autorl.numerics import worker_environment
from autorl.objective import Group, Objective
from autorl.records import Segment, Status

__all__ = ["Local"]

Segments = tuple[tuple[Segment, ...], ...]


@dataclass(frozen=True)
class _Task:
    group: Group
    deaths: int = 0
    """How many workers died with it alone, or with others beside it."""


class Local(Executor):
    """Processes of joblib's loky, also with one job: training never happens in the user's own process.

    A worker that dies takes the pool with it, so every group it ran with is a suspect: each is run again alone. One
    that kills its worker again is split into its configurations; a configuration that does it once more is lost. A
    group over its time is ended, with the pool, and split likewise; those beside it start again, uncharged.
    """

    name: ClassVar[str] = "local"
    summary: ClassVar[str] = "worker processes on this machine, one torch thread each"

    def __init__(self, jobs: int, checkpoints: Path) -> None:
        super().__init__(jobs, checkpoints)
        self._pool: Any = None

    def run(self, objective: Objective, groups: Sequence[Group], seconds: float) -> Iterator[Done | Lost]:
        """Trains groups; see the class for what happens to those that do not end by themselves."""
        waiting = deque(_Task(group) for group in groups)
        suspects: deque[_Task] = deque()
        running: dict[Future[Segments], tuple[_Task, float]] = {}
        while waiting or suspects or running:
            while len(running) < self.jobs and waiting:
                self._submit(objective, waiting.popleft(), running, seconds)
            if not running and suspects:
                self._submit(objective, suspects.popleft(), running, seconds)
            deadline = min(deadline for _, deadline in running.values())
            finished, _ = wait(running, timeout=max(0.0, deadline - time.monotonic()), return_when=FIRST_COMPLETED)
            died: list[_Task] = []
            for future in finished:
                task, _ = running.pop(future)
                error = future.exception()
                if error is None:
                    yield Done(task.group, future.result())
                elif _is_death(error):
                    died.append(task)
                else:
                    raise error
            if died:
                died += [task for task, _ in running.values()]
                running.clear()
                self.close()
                alone = len(died) == 1
                for task in died:
                    yield from self._after_death(task, alone, suspects)
            now = time.monotonic()
            late = [task for task, deadline in running.values() if deadline <= now]
            if late:
                waiting.extendleft(task for task, deadline in running.values() if deadline > now)
                running.clear()
                self.close()
                for task in late:
                    yield from self._after_limit(task, seconds, waiting)

    def close(self) -> None:
        """Kills the workers."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, kill_workers=True)
            self._pool = None

    def _submit(
        self, objective: Objective, task: _Task, running: dict[Future[Segments], tuple[_Task, float]], seconds: float
    ) -> None:
        if self._pool is None:
            self._pool = _pool(self.jobs)
        future = self._pool.submit(train_group, objective, task.group, self.checkpoints)
        running[future] = (task, time.monotonic() + seconds * configurations(task.group))

    def _after_death(self, task: _Task, alone: bool, suspects: deque[_Task]) -> Iterator[Lost]:
        deaths = task.deaths + 1
        parts = by_configuration(task.group.agents)
        if deaths == 1 or not alone:
            suspects.append(replace(task, deaths=deaths))
        elif len(parts) > 1:
            suspects.extend(_Task(replace(task.group, agents=part), 1) for part in parts)
        else:
            yield Lost(task.group, Status.FAILED, f"its worker process died {deaths} times (killed, or out of memory)")

    def _after_limit(self, task: _Task, seconds: float, waiting: deque[_Task]) -> Iterator[Lost]:
        parts = by_configuration(task.group.agents)
        if len(parts) > 1:
            waiting.extend(_Task(replace(task.group, agents=part)) for part in parts)
        else:
            yield Lost(task.group, Status.TIMED_OUT, f"it took longer than the limit of {seconds:g} seconds")


def _pool(jobs: int) -> Any:
    from joblib.externals.loky import ProcessPoolExecutor

    return ProcessPoolExecutor(
        max_workers=jobs, initializer=start_worker, initargs=(os.getpid(),), env=worker_environment(), timeout=None
    )


def _is_death(error: BaseException) -> bool:
    """Whether a worker died or ran out of memory, rather than something being wrong with the task itself."""
    from joblib.externals.loky.process_executor import BrokenProcessPool

    return isinstance(error, (BrokenProcessPool, MemoryError))
