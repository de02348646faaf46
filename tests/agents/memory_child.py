"""Measures memory in a process of its own: `python -m tests.agents.memory_child CASE` prints a JSON object of bytes."""

from __future__ import annotations

import gc
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from autorl.environment import Environment
from autorl.objective import _kept, _save
from autorl.population import Population, resolve_algorithm
from autorl.records import Agent, Segment, Status
from autorl.storage.checkpoints import CheckpointFolder

AGENTS = 10
Values = dict[str, Any]
TRAINED: dict[str, tuple[str, str, int, Values, tuple[Values, ...]]] = {
    "turns": (
        "sac", "Pendulum-v1", 2000,
        {"gradient_steps": 10, "batch_size": 512, "width": 16, "learning_starts": 254}, ({},),
    ),
    "teams": ("sac", "Pendulum-v1", 120, {}, tuple({"train_freq": often} for often in range(3, 10))),
    "priorities": ("dqn", "CartPole-v1", 300_000, {"prioritized_replay": True, "buffer_size": 300_000}, ({},)),
    "copies": ("dqn", "CartPole-v1", 300_000, {"buffer_size": 300_000}, ({},)),
}  # fmt: skip
"""Algorithm, environment, horizon, hyperparameters, and what agents differ in, one after the other."""
STEPS = {"turns": 258, "teams": 120, "priorities": 200}
"""Env steps of training that reach the peak: a second block of random numbers, many teams."""


def peak() -> int:
    """The largest resident memory so far, of this process alone.

    That of `getrusage` begins with what the process that started this one had.
    """
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def resident() -> int:
    """The resident memory of now, with which `peak` begins anew."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def population(case: str, count: int, horizon: int | None = None, **changes: Any) -> Population:
    """Agents of a case at their initial weights."""
    reference, environment, whole, shared, uneven = TRAINED[case]
    algorithm = resolve_algorithm(reference)
    values = [
        {**algorithm.defaults(), "learning_starts": 20, **shared, **uneven[number % len(uneven)], **changes}
        for number in range(count)
    ]
    agents = [Agent(one, number) for number, one in enumerate(values)]
    return algorithm.population(agents, Environment(environment), horizon or whole)


def fill(made: Any) -> None:
    """Touches all of a replay, as training until it is full does."""
    made.replay.data.zero_()
    if getattr(made, "priorities", None) is not None:
        made.priorities.tree.fill(0.0)


def warm(case: str) -> None:
    """Loads what the first training in a process loads."""
    small = population(case, 2, 60, width=4, batch_size=4, gradient_steps=1, buffer_size=50, learning_starts=4)
    small.restart(0)
    small.advance(60)
    small.select([0]).close()
    with tempfile.TemporaryDirectory() as folder:
        keep(small, folder)
    small.close()


def keep(made: Population, folder: str) -> list[str]:
    """Saves everybody as at a rung; says under which keys."""
    keys = [str(row) for row in range(len(made.agents))]
    segments = [Segment(key, None, 0, 1, Status.COMPLETE) for key in keys]
    _save(made, segments, CheckpointFolder(folder))
    return keys


def trained(case: str) -> dict[str, int]:
    """What training takes, and what is planned for it."""
    warm(case)
    before = resident()
    made = population(case, AGENTS)
    reference, environment, horizon, _, _ = TRAINED[case]
    algorithm, spaces = resolve_algorithm(reference), Environment(environment).spaces()
    planned = [algorithm.configure(one.configuration).plan(spaces, horizon).memory_bytes or 0 for one in made.agents]
    made.restart(0)
    fill(made)
    made.advance(STEPS[case])
    made.close()
    return {"planned": sum(planned), "measured": peak() - before}


def copies(case: str) -> dict[str, int]:
    """What an agent's state takes, and what saving, loading, selecting and joining take, results included."""
    warm(case)
    made = population(case, AGENTS)
    fill(made)
    found = {"agents": AGENTS, "row": sum(array.nbytes for array in made.row_state(0).values())}
    with tempfile.TemporaryDirectory() as folder:
        before = resident()
        keys = keep(made, folder)
        found["saving"] = peak() - before
        del made
        before = resident()
        made = population(case, AGENTS)
        made.load_rows(_kept(CheckpointFolder(folder), key) for key in keys)
        found["loading"] = peak() - before
    before = resident()
    half = made.select(range(AGENTS // 2))
    found["selecting"] = peak() - before
    del made
    before = resident()
    joined = type(half).concatenate([half])
    found["joining"] = peak() - before
    assert len(joined.agents) == AGENTS // 2
    return found


if __name__ == "__main__":
    json.dump((copies if sys.argv[1] == "copies" else trained)(sys.argv[1]), sys.stdout)
