"""`local`: worker processes on this machine, one torch thread each."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from autorl.execution.base import Done, Executor, Lost
from autorl.execution.grouping import by_configuration, configurations
from autorl.execution.worker import start_worker, train_group, warm_up
from autorl.numerics import worker_environment
from autorl.objective import Group, Objective
from autorl.records import Segment, Status

__all__ = ["Local"]

Segments = tuple[tuple[Segment, ...], ...]


@dataclass(frozen=True)
class _Task:
    group: Group
    deaths: int = 0
    """How many workers died with it."""


class Local(Executor):
    """Processes of joblib's loky, also with one job: training never happens in the user's own process.

    Every job has a pool of one worker, so that whoever kills its worker, or overruns its time, is known, and nobody
    else is disturbed. A group that kills its worker is run again; the second time it is split into its
    configurations; a configuration that does it again, alone, is lost. A group over its time is split likewise.
    """

    name: ClassVar[str] = "local"
    summary: ClassVar[str] = "worker processes on this machine, one torch thread each"

    def __init__(self, jobs: int, checkpoints: Path) -> None:
        super().__init__(jobs, checkpoints)
        self._workers = [_Worker() for _ in range(jobs)]

    def run(self, objective: Objective, groups: deque[Group], seconds: float) -> Iterator[Done | Lost]:
        """Trains groups; see the class for what happens to those that do not end by themselves."""
        waiting: deque[_Task] = deque()  # run again, or in parts
        idle = deque(self._workers)
        running: dict[Future[Segments], tuple[_Task, _Worker, float]] = {}
        ended: list[Done | Lost] = []
        for worker in self._workers[: len(groups)]:
            worker.start(objective)
        while True:
            while (groups or waiting) and idle:
                task = _Task(groups.popleft()) if groups else waiting.popleft()
                worker = idle.popleft()
                future = worker.submit(objective, task.group, self.checkpoints)
                running[future] = (task, worker, time.monotonic() + seconds * configurations(task.group))
            if ended:  # only now: they are stored meanwhile, and the workers are busy again
                yield from ended
                ended = []
                continue
            if not running:
                return
            soonest = min(deadline for _, _, deadline in running.values())
            finished, _ = wait(running, timeout=max(0.0, soonest - time.monotonic()), return_when=FIRST_COMPLETED)
            now = time.monotonic()
            late = [
                future for future, (_, _, deadline) in running.items() if deadline <= now and future not in finished
            ]
            for future in (*finished, *late):
                task, worker, _ = running.pop(future)
                idle.append(worker)
                if future in late:
                    worker.kill()
                    ended.extend(_after_limit(task, seconds, waiting))
                elif (error := future.exception()) is None:
                    ended.append(Done(task.group, future.result()))
                elif _is_death(error):
                    worker.kill()
                    ended.extend(_after_death(task, waiting))
                else:
                    yield from ended
                    raise error

    def close(self) -> None:
        """Kills the workers."""
        for worker in self._workers:
            worker.kill()


class _Worker:
    """A pool of one process, started when it is first needed."""

    def __init__(self) -> None:
        self._pool: Any = None
        self._ready: Future[None] | None = None

    def start(self, objective: Objective) -> None:
        """Starts the process and has it load the algorithm, without waiting."""
        if self._pool is None:
            from joblib.externals.loky import ProcessPoolExecutor

            self._pool = ProcessPoolExecutor(
                max_workers=1, initializer=start_worker, initargs=(os.getpid(),), env=worker_environment(), timeout=None
            )
            self._ready = self._pool.submit(warm_up, objective)

    def submit(self, objective: Objective, group: Group, checkpoints: Path) -> Future[Segments]:
        """Hands a group over, once the process is up: the time that takes is nobody's.

        A process that died since its last group, or while it started, is replaced once; then its death is the group's.
        """
        for _ in range(2):
            self.start(objective)
            try:
                if self._ready is not None:
                    self._ready.result()
                    self._ready = None
                future: Future[Segments] = self._pool.submit(train_group, objective, group, checkpoints)
            except Exception as error:  # only a death is answered; all else goes on
                if not _is_death(error):
                    raise
                death = error
                self.kill()
            else:
                return future
        failed: Future[Segments] = Future()
        failed.set_exception(death)
        return failed

    def kill(self) -> None:
        """Ends the process, whatever it is doing."""
        if self._pool is not None:
            # loky's thread fails on a task it has not yet passed on when the pool is shut: a moment, then it has.
            patience = time.monotonic() + 1.0
            while not self._pool._work_ids.empty() and time.monotonic() < patience:
                time.sleep(0.001)
            self._pool.shutdown(wait=True, kill_workers=True)
            self._pool = None


def _after_death(task: _Task, waiting: deque[_Task]) -> Iterator[Lost]:
    deaths = task.deaths + 1
    parts = by_configuration(task.group.agents)
    if deaths == 1:
        waiting.append(replace(task, deaths=deaths))
    elif len(parts) > 1:
        waiting.extend(_Task(replace(task.group, agents=part), 1) for part in parts)
    else:
        yield Lost(task.group, Status.FAILED, f"its worker process died {deaths} times (killed, or out of memory)")


def _after_limit(task: _Task, seconds: float, waiting: deque[_Task]) -> Iterator[Lost]:
    parts = by_configuration(task.group.agents)
    if len(parts) > 1:
        waiting.extend(_Task(replace(task.group, agents=part)) for part in parts)
    else:
        yield Lost(task.group, Status.TIMED_OUT, f"it took longer than the limit of {seconds:g} seconds")


def _is_death(error: BaseException) -> bool:
    """Whether a worker died or ran out of memory, rather than something being wrong with the task itself."""
    from joblib.externals.loky.process_executor import BrokenProcessPool

    return isinstance(error, (BrokenProcessPool, MemoryError))
