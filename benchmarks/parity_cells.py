"""The pieces that `parity` trains, in a module of their own so that workers can load them."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autorl.content import digest
from autorl.environment.evaluation import random_returns
from autorl.numerics import cpu_capability, numerics_parts
from autorl.population import Population, resolve_algorithm
from autorl.records import Agent
from benchmarks.parity_tasks import TASKS, Task

__all__ = [
    "CHECKPOINTS",
    "CURVE_EPISODES",
    "EPISODES",
    "LIBRARY",
    "MACHINE",
    "OURS",
    "RANDOM",
    "Cell",
    "Scores",
    "cells_of",
    "timed",
]

CHECKPOINTS, EPISODES, CURVE_EPISODES = 10, 20, 5
LIBRARY, OURS, RANDOM = "Stable-Baselines3", "ours", "random"
MACHINE = cpu_capability()
"""What trains here; it changes bits, not distributions, so that cells of several machines may be compared."""
JUDGED = "judged"
"""The lineage of ours: settings were chosen by looking at the same seeds, whose training draws other numbers so."""
MACHINE_PARTS = {"MKL mode", "CPU capability", "CPU maker"}

Scores = Mapping[str, Sequence[float]]
"""Final return and curve area, one per seed."""


@dataclass(frozen=True)
class Cell:
    """One piece of training.

    Attributes:
        task: Its name.
        side: "ours", the name of a defect, "Stable-Baselines3", or "random".
        seeds: Trained together.
        env_steps: Per seed.
    """

    task: str
    side: str
    seeds: tuple[int, ...]
    env_steps: int

    @property
    def lineage(self) -> str:
        """Names the random numbers that its agents of ours train with."""
        return JUDGED if self.side == OURS else ""

    @functools.cached_property
    def key(self) -> str:
        """Everything the numbers' distribution depends on: not the machine, whose instructions change bits alone."""
        task = TASKS[self.task]
        name = f"sb3:{task.algorithm.upper()}" if self.side == LIBRARY else task.algorithm
        told: dict[str, Any] = {
            "algorithm": name,
            "side": self.side,
            "setting": dict(task.setting),
            "ours": {} if self.side == LIBRARY else dict(task.ours),
            "training": task.training.describe(),
            "judging": task.judging.describe(),
            "rule": [self.env_steps, CHECKPOINTS, EPISODES, CURVE_EPISODES, list(self.seeds)],
        }
        if self.lineage:
            told["lineage"] = self.lineage
        numerics = numerics_parts(resolve_algorithm(name), task.training)
        theirs = self.side in (LIBRARY, RANDOM)  # nothing of ours is in their numbers but the environments
        told["numerics"] = {
            part: value
            for part, value in numerics.items()
            if part not in MACHINE_PARTS and not (theirs and part.startswith("source"))
        }
        return digest(told)

    def train(self) -> dict[str, list[float]]:
        """Its scores."""
        import torch

        torch.set_num_threads(1)
        task = TASKS[self.task]
        if self.side == RANDOM:
            returns = random_returns(task.judging, self.seeds, EPISODES)[0]
            return {"final return": returns.mean(axis=(1, 2, 3)).tolist()}
        return self._judged(task, self._population(task))

    def _population(self, task: Task) -> Population:
        if self.side == LIBRARY:
            library = resolve_algorithm(f"sb3:{task.algorithm.upper()}")
            agents = [Agent({**library.defaults(), **task.setting}, seed) for seed in self.seeds]
            return library.population(agents, task.training, self.env_steps)
        algorithm = resolve_algorithm(task.algorithm)
        configuration = {**algorithm.defaults(), **task.setting, **task.ours}
        agents = [Agent(configuration, seed, self.lineage) for seed in self.seeds]
        if self.side == OURS:
            return algorithm.population(agents, task.training, self.env_steps)
        configured = [algorithm.configure(configuration)] * len(agents)
        made: Any = task.defects[self.side](configured, agents, task.training, self.env_steps, "cpu")
        made.initialise()
        population: Population = made
        return population

    def _judged(self, task: Task, population: Population) -> dict[str, list[float]]:
        """Trains to every mark and evaluates there."""
        population.restart(0)
        curve = []
        for number in range(1, CHECKPOINTS + 1):
            population.advance(self.env_steps * number // CHECKPOINTS)
            episodes = EPISODES if number == CHECKPOINTS else CURVE_EPISODES
            returns, _ = population.evaluate(task.judging, episodes, 1.0)
            curve.append(returns[:, 0, :CURVE_EPISODES, 0].mean(axis=1))
        assert not population.diverged.any() or self.side not in (OURS, LIBRARY)
        population.close()
        final = returns[:, 0, :, 0].mean(axis=1)
        return {"final return": final.tolist(), "curve area": np.mean(curve, axis=0).tolist()}


def cells_of(name: str, *, smoke: bool = False) -> list[Cell]:
    """All cells of a task, or those of a short trial of it."""
    task = TASKS[name]
    env_steps, everybody = task.env_steps // (20 if smoke else 1), tuple(range(3 if smoke else task.seeds))
    own = [Cell(name, side, everybody, env_steps) for side in (RANDOM, OURS, *task.defects)]
    return own + [Cell(name, LIBRARY, (seed,), env_steps) for seed in everybody]


def timed(cell: Cell) -> tuple[Cell, dict[str, list[float]], float]:
    begun = time.process_time()
    return cell, cell.train(), time.process_time() - begun
