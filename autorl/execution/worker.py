"""What runs in a worker process: one group, to its end, and every failure as a record."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path

from autorl.execution.grouping import by_configuration
from autorl.objective import Group, Objective
from autorl.records import Segment, Status
from autorl.storage.checkpoints import CheckpointFolder

__all__ = ["start_worker", "train_group", "warm_up"]

HEARTBEAT = 1.0
"""Seconds between two looks at whether the parent still lives."""


def start_worker(parent: int) -> None:
    """Prepares a worker: Ctrl-C is the parent's to handle, and a worker ends with its parent.

    Args:
        parent: The process that started it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(HEARTBEAT)
        os._exit(1)  # the parent was killed: nobody waits for what this worker does

    threading.Thread(target=watch, daemon=True).start()


def warm_up(objective: Objective) -> None:
    """Loads the algorithm and the environment, which may take seconds."""
    import torch  # noqa: F401  # slow to load, and every population needs it, if only to keep its generator apart

    _ = objective.algorithm_class
    # Whatever is wrong here is said again, with its traceback, by the first group.
    with contextlib.suppress(Exception):
        objective.environment.spaces()


def train_group(objective: Objective, group: Group, checkpoints: Path) -> tuple[tuple[Segment, ...], ...]:
    """Trains a group; where something is raised, its configurations each by itself, then its agents.

    So an agent fails or not whoever trained beside it.

    Returns:
        Per agent the segments trained; of a failed agent one failed segment with the traceback.
    """
    try:
        return tuple(objective.train(group, CheckpointFolder(checkpoints)))
    except MemoryError:
        raise  # too many at once, perhaps: that is the executor's to judge
    except Exception:  # noqa: BLE001  # whatever a user's environment raises becomes the record of a failure
        reason = traceback.format_exc()
    parts = by_configuration(group.agents)
    if len(parts) == 1:
        parts = [(agent,) for agent in group.agents]
    if len(parts) == 1:
        return ((_failed(objective, group, reason),),)
    results = {
        id(agent): segments
        for part in parts
        for agent, segments in zip(part, train_group(objective, replace(group, agents=part), checkpoints), strict=True)
    }
    return tuple(results[id(agent)] for agent in group.agents)


def _failed(objective: Objective, group: Group, reason: str) -> Segment:
    chain = objective.chain(group.agents[0], group.last)
    spans = objective.spans(group.last)
    index = next(index for index, (first, _) in enumerate(spans) if first >= group.first)
    first, last = spans[index]
    return Segment(chain[index], chain[index - 1] if index else None, first, last, Status.FAILED, reason=reason)
