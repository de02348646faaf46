"""What share of the true hypervolume the multi-objective algorithms find, at tuned hyperparameters.

Run it as `python -m benchmarks.morl_fronts [TASK ...]`; without tasks all of them. Every row of `morl_rows` trains five
seeds as one population and evaluates every weight vector on fresh greedy episodes; the front is filtered over means per
policy. The share is the hypervolume over that of the environment's known front, at the task's discount and reference
point; it can exceed 1 where episodes are random. CPU seconds are of all five seeds, evaluation included, one thread.

A row measured before is not measured again: cells are kept in `benchmarks/results/morl_fronts.json` until the row
changes; a changed source is not seen, and `--again` measures anew. Exit code 1 if no row of a task that was asked for
reaches what is wanted in its time.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from autorl.numerics import cpu_capability
from autorl.pareto import hypervolume
from autorl.population import resolve_algorithm
from autorl.records import Agent
from autorl.seeds import SeedPlan
from autorl.simplex import lattice_at_least
from benchmarks.children import RESULTS, in_child, table, write_result
from benchmarks.morl_rows import ROWS, TASKS, Row, Task

SEEDS = SeedPlan.of(test=5).test
CELLS = RESULTS / "morl_fronts.json"


def shares(task: Task, returns: Any) -> list[float]:
    """Share of the true hypervolume per seed, of returns (seeds, policies, episodes, rewards)."""
    front = task.environment.known_front(task.discount)
    assert front is not None, f"{task.title} states no front"
    corner = -np.asarray(task.reference, dtype=np.float64)
    whole = hypervolume(-front, corner)
    return [hypervolume(-own.mean(1), corner) / whole for own in returns]


def measure(row: Row) -> dict[str, Any]:
    """Trains and judges five seeds."""
    task, algorithm = TASKS[row.task], resolve_algorithm(row.algorithm)
    configuration = {**algorithm.defaults(), "gamma": task.discount, **row.values}
    population = algorithm.population([Agent(configuration, seed) for seed in SEEDS], task.environment, row.env_steps)
    begun = time.process_time()
    population.restart(0)
    population.advance(row.env_steps)
    trained = time.process_time()
    population.reward_weights = lattice_at_least(task.weights, len(task.reference))
    returns, steps = population.evaluate(task.environment, task.episodes, task.discount)
    return {
        "shares": shares(task, returns),
        "train_seconds": trained - begun,
        "seconds": time.process_time() - begun,
        "evaluation_steps": int(steps.sum()),
    }


def key(row: Row) -> str:
    """A row and its task, as text."""
    task, defaults = dataclasses.asdict(TASKS[row.task]), resolve_algorithm(row.algorithm).defaults()
    told = {**dataclasses.asdict(row), "values": {**defaults, **row.values}, "task": task}
    return json.dumps(told, sort_keys=True, default=list)


def reached(row: Row, cell: dict[str, Any]) -> bool:
    """Whether a row has what is wanted of its task, in its time."""
    task = TASKS[row.task]
    return bool(np.mean(cell["shares"]) >= task.wanted and cell["seconds"] <= task.seconds)


def line(row: Row, cell: dict[str, Any]) -> list[str]:
    task = TASKS[row.task]
    values = ", ".join(f"{name} {value}" for name, value in row.values.items())
    return [
        task.title,
        row.algorithm,
        f"{row.env_steps:,}",
        f"{np.mean(cell['shares']):.3f}",
        " ".join(f"{share:.3f}" for share in cell["shares"]),
        f"{cell['train_seconds']:.0f} + {cell['seconds'] - cell['train_seconds']:.0f}",
        f"{task.wanted:g} in {task.seconds:g} s: {'met' if reached(row, cell) else 'missed'}",
        values or "defaults",
    ]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.morl_fronts")
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=", ".join(TASKS))
    parser.add_argument("--again", action="store_true")
    given = parser.parse_args(arguments)
    unknown = sorted(set(given.tasks) - set(TASKS))
    if unknown:
        parser.error(f"unknown tasks {', '.join(unknown)}; there are {', '.join(TASKS)}")
    cells: dict[str, Any] = json.loads(CELLS.read_text()) if CELLS.exists() else {}
    asked = given.tasks or list(TASKS)
    for row in ROWS:
        if row.task in asked and (given.again or key(row) not in cells):
            cells[key(row)] = measure(row)
            print(" | ".join(line(row, cells[key(row)])), flush=True)
            kept = {key(one): cells[key(one)] for one in ROWS if key(one) in cells}
            CELLS.write_text(json.dumps(kept, indent=1) + "\n")
    known = [(row, cells[key(row)]) for row in ROWS if key(row) in cells]
    header = ["environment", "algorithm", "env steps", "share", "per seed", "CPU s (+ evaluation)", "wanted", "set"]
    write_result(
        "morl_fronts",
        f"# Share of the true hypervolume\n\n{table(header, list(itertools.starmap(line, known)))}\n\n"
        f"Test seeds {SEEDS[0]} to {SEEDS[-1]}, five agents in one population, one thread; gamma is the evaluation's "
        f"discount. {cpu_capability()}.",
    )
    met = {row.task for row, cell in known if reached(row, cell)}
    return int(not set(asked) <= met)


if __name__ == "__main__" and in_child():
    raise SystemExit(main(sys.argv[1:]))
