"""How much faster ten agents in one population learn than morl-baselines' agents one after another, on one core.

Run it as `python -m benchmarks.morl_speed [ROW ...] --peer PYTHON`, the interpreter of an environment with
`morl-baselines`. Ten agents of ours in one population stand against one agent of the library at the same setting, which
stands in `morl_speed_rows`. Both in turn, round after round; a round's two times make one ratio, and medians over
rounds are shown. CPU time, one thread. Left out on both sides: building, the first env steps, and evaluation. Without
`--peer` only ours is timed.

    --rounds N  repetitions (3)

Exit code 1 if a row that was run falls short of what is wanted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autorl.environment import Environment
from autorl.numerics import cpu_capability
from autorl.population import resolve_algorithm
from autorl.records import Agent
from benchmarks.children import in_child, table, write_result
from benchmarks.morl_speed_rows import PEERS, ROWS, Row
from benchmarks.peers import run_peer

AGENTS = 10
HEADER = [
    "algorithms", "network and batch", f"ours, {AGENTS} agents", "theirs, 1 agent", "ratio (range)", "wanted",
    "gradient steps", "ratio of passes",
]  # fmt: skip


@dataclass(frozen=True)
class Timed:
    """What a run took.

    Attributes:
        seconds: CPU seconds on the clock.
        steps: Env steps of all agents on the clock.
        updates: Gradient steps of all agents, each of a policy, on the clock.
    """

    seconds: float
    steps: int
    updates: int

    @property
    def speed(self) -> float:
        """Env steps of all agents a CPU second."""
        return self.steps / self.seconds

    @property
    def learned(self) -> float:
        """Gradient steps of all agents a CPU second."""
        return self.updates / self.seconds

    @property
    def share(self) -> float:
        """Gradient steps an env step."""
        return self.updates / self.steps


def ours(row: Row, peer: Timed | None) -> Timed:
    """Trains our agents in one population, after the peer if there is one."""
    algorithm = resolve_algorithm(PEERS[row.peer].algorithm)
    configuration = {**algorithm.defaults(), **row.ours}
    if row.follows and peer:
        plan = algorithm.configure(configuration).plan(Environment(row.environment).spaces(), row.steps)
        assert plan.iteration_env_steps is not None  # bundled algorithms know it
        configuration[row.follows] = round(peer.share * plan.iteration_env_steps)
    agents = [Agent(configuration, seed) for seed in range(AGENTS)]
    population = algorithm.population(agents, Environment(row.environment), row.warm + row.steps)
    population.restart(0)
    population.advance(row.warm)
    before, begun = population.costs(), time.process_time()
    population.advance(row.warm + row.steps)
    seconds, after = time.process_time() - begun, population.costs()
    population.close()
    pairs = list(zip(before, after, strict=True))
    steps = sum(late.env_steps - early.env_steps for early, late in pairs)
    updates = sum(late.gradient_updates - early.gradient_updates for early, late in pairs)
    return Timed(seconds, steps, updates * int(row.ours.get("pop_size") or 1))


def theirs(row: Row, python: Path) -> Timed:
    """Trains one agent of the library, in a process and an environment of its own."""
    told = {
        "peer": row.peer, "environment": row.environment, "made": dict(row.made), "trained": dict(row.trained),
        "warm": row.warm, "steps": row.warm + row.steps,
    }  # fmt: skip
    answer = run_peer(python, "morl_peer_child.py", told)
    return Timed(answer["seconds"], answer["steps"], answer["updates"])


def median(runs: Sequence[Timed], of: str) -> float:
    return float(statistics.median(getattr(run, of) for run in runs))


def compared(row: Row, mine: Sequence[Timed], other: Sequence[Timed]) -> tuple[list[str], bool]:
    """Cells of the table, and whether the row falls short."""
    peer = PEERS[row.peer]
    cells = [peer.title, row.title, f"{median(mine, 'speed'):,.0f}"]
    if not other:
        return [*cells, "-", "-", f"{peer.wanted:g}", f"{median(mine, 'share'):.2f}", "-"], False
    ratios = sorted(left.speed / right.speed for left, right in zip(mine, other, strict=True))
    ratio, work = statistics.median(ratios), peer.passes[0] / peer.passes[1]
    learned = statistics.median(left.learned / right.learned for left, right in zip(mine, other, strict=True))
    short = ratio < peer.wanted
    return [
        *cells,
        f"{median(other, 'speed'):,.0f}",
        f"{ratio:.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})",
        f"{peer.wanted:g}{' MISSED' if short else ''}",
        f"{median(mine, 'share'):.2f}, {median(other, 'share'):.2f}",
        f"{learned * work:.1f}",
    ], short


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.morl_speed")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    unknown = sorted(set(given.rows) - set(ROWS))
    if unknown:
        parser.error(f"unknown rows {', '.join(unknown)}; there are {', '.join(ROWS)}")
    chosen = [ROWS[name] for name in given.rows or ROWS]
    rows, missed = [], False
    for row in chosen:
        mine, other = [], []
        for _ in range(given.rounds):
            peer = theirs(row, given.peer) if given.peer else None
            other += [peer] if peer else []
            mine.append(ours(row, peer))
        cells, short = compared(row, mine, other)
        missed |= short
        rows.append(cells)
        print(" | ".join(cells), flush=True)
    notes = "\n".join(
        f"- {PEERS[name].title}. {PEERS[name].note}" for name in dict.fromkeys(one.peer for one in chosen)
    )
    text = (
        f"# Env steps of all agents per CPU second, one core\n\n{table(HEADER, rows)}\n\n"
        f"Ten agents of ours in one population beside one agent of morl-baselines, which trains agents one after "
        f"another, on {', '.join(sorted({row.environment for row in chosen}))}. Medians of {given.rounds} rounds, both "
        f"sides in turn; building, the first env steps and evaluation left out on both. `gradient steps`: an env step, "
        f"ours and theirs; of `morld`, of one policy each. `ratio of passes`: the same ratio of what is learned, in "
        f"passes of a drawn transition through a network, as if both did only what ours do.\n\n"
        f"{notes}\n\n{cpu_capability()}."
    )
    if given.peer and not given.rows:
        write_result("morl_speed", text)
    else:
        print(text)
    return int(missed)


if __name__ == "__main__" and in_child():
    raise SystemExit(main(sys.argv[1:]))
