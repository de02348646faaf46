"""How much faster ten `mo_dqn` agents in one population learn than morl-baselines' Envelope, on one core.

Run it as `python -m benchmarks.morl_speed --peer PYTHON`, the interpreter of an environment with `morl-baselines`. Ten
agents of ours in one population stand against one agent of the library, at the same setting: environment, network,
batch, weight vectors, one gradient step an env step in one environment, target, replay. Both in turn, round after
round; a round's two times make one ratio, and medians over rounds are shown. CPU time, one thread. Left out on both
sides: building, the first env steps, and evaluation. Without `--peer` only ours is timed.

    --rounds N  repetitions (3)

Exit code 1 if a ratio falls short of 20.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autorl.algorithms.mo_dqn import MODQN
from autorl.environment import Environment
from autorl.numerics import cpu_capability
from autorl.records import Agent, Value
from benchmarks.children import in_child, table, write_result

AGENTS, WANTED, ENVIRONMENT = 10, 20.0, "deep-sea-treasure-v0"
SHARED: dict[str, Value] = {
    "initial_epsilon": 0.05, "final_epsilon": 0.05, "learning_starts": 100, "num_sample_w": 4, "learning_rate": 3e-4,
    "buffer_size": 50_000, "target_net_update_freq": 200,
}  # fmt: skip
"""What both sides are told alike, by the same names."""


@dataclass(frozen=True)
class Row:
    """One setting, the same on both sides.

    Attributes:
        title: What the table calls it.
        width: Units of a hidden layer.
        depth: Hidden layers.
        batch_size: Transitions of a gradient step.
        per: Whether replay is prioritised.
        steps: Env steps per agent on the clock.
        warm: Env steps per agent before.
    """

    title: str
    width: int
    depth: int
    batch_size: int
    per: bool
    steps: int
    warm: int = 200

    @property
    def ours(self) -> Mapping[str, Value]:
        return {
            **MODQN.defaults(), **SHARED, "n_envs": 1, "target": "envelope", "width": self.width, "depth": self.depth,
            "batch_size": self.batch_size, "prioritized_replay": self.per,
        }  # fmt: skip

    @property
    def theirs(self) -> Mapping[str, Any]:
        return {**SHARED, "net_arch": [self.width] * self.depth, "batch_size": self.batch_size, "per": self.per}


ROWS = [
    Row("[64, 64], batch 32", 64, 2, 32, False, 1000),
    Row("[64, 64], batch 32, prioritised", 64, 2, 32, True, 1000),
    Row("[256] x 4, batch 32, prioritised", 256, 4, 32, True, 100),
]


def ours(row: Row) -> float:
    """Env steps of all agents a CPU second."""
    population = MODQN.population(
        [Agent(row.ours, seed) for seed in range(AGENTS)], Environment(ENVIRONMENT), row.warm + row.steps
    )
    population.restart(0)
    population.advance(row.warm)
    begun = time.process_time()
    population.advance(row.warm + row.steps)
    return AGENTS * row.steps / (time.process_time() - begun)


def theirs(row: Row, python: Path) -> float:
    """Env steps a CPU second."""
    told = {"environment": ENVIRONMENT, "theirs": dict(row.theirs), "warm": row.warm, "steps": row.steps}
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [str(python), str(Path(__file__).parent / "envelope_child.py"), json.dumps(told)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    answer = json.loads(done.stdout.splitlines()[-1])
    return float(answer["steps"]) / float(answer["seconds"])


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.morl_speed")
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    rows, missed = [], []
    for row in ROWS:
        pairs = [(ours(row), theirs(row, given.peer) if given.peer else None) for _ in range(given.rounds)]
        speed = statistics.median(mine for mine, _ in pairs)
        cells = [row.title, f"{speed:,.0f}", "-", "-", f"{WANTED:g}"]
        if given.peer:
            ratios = sorted(mine / peer for mine, peer in pairs if peer)
            short = statistics.median(ratios) < WANTED
            missed += [row.title] if short else []
            cells[2] = f"{statistics.median(peer for _, peer in pairs if peer):,.0f}"
            cells[3] = f"{statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})"
            cells[4] += " MISSED" if short else ""
        rows.append(cells)
        print(" | ".join(cells), flush=True)
    header = ["network and batch", f"ours, {AGENTS} agents", "Envelope, 1 agent", "ratio (range)", "wanted"]
    text = (
        f"# Env steps of all agents per CPU second, one core\n\n{table(header, rows)}\n\n"
        f"`mo_dqn` and morl-baselines' Envelope on {ENVIRONMENT}, one gradient step an env step, envelope target. "
        f"Medians of {given.rounds} rounds, both sides in turn; building, the first {ROWS[0].warm} env steps and "
        f"evaluation left out on both. Alike on both sides: {SHARED}. {cpu_capability()}."
    )
    if given.peer:
        write_result("morl_speed", text)
    else:
        print(text)
    return int(bool(missed))


if __name__ == "__main__" and in_child():
    raise SystemExit(main(sys.argv[1:]))
