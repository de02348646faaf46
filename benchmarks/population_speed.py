"""How much faster a population trains than Stable-Baselines3's agents one after another, on one core.

Run it as `python -m benchmarks.population_speed [ROW ...]`; without rows all six. Ten agents of ours in one population
stand against one agent of the library, at the same setting, in the same process, in turn, round after round; a round's
two times make one ratio, so that a busy machine slows both alike, and medians over rounds are shown. What is timed, and
what is left out on both sides, stands in `speed_rows`.

Beside it: what M agents cost beside one, t(M) / t(1), for M = 1, 2, 5, 10, 30; the share of the machine's throughput in
matrix products that training reaches, as planned operations a second over those of a bare `bmm` of the hidden layer's
shape, timed in the same rounds; and peak memory per agent, as the difference of two processes with 2 and 30 agents.

    --rounds N    repetitions (3)
    --sbx PYTHON  the interpreter of an environment with `sbx-rl`, for a column of SBX (JAX), compilation left out

Exit code 1 if a row that was run falls short of what is wanted.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from autorl.numerics import cpu_capability
from benchmarks.children import in_child, table, write_result
from benchmarks.peers import run_peer
from benchmarks.speed_rows import ROWS, Row, Timed, library, train

SIZES = (1, 2, 5, 10, 30)
MEBIBYTE = 2**20


@dataclass
class Measured:
    """One row's rounds."""

    ours: dict[int, list[Timed]] = field(default_factory=lambda: {size: [] for size in SIZES})
    library: list[Timed] = field(default_factory=list)
    products: list[float] = field(default_factory=list)

    def median(self, size: int) -> Timed:
        return sorted(self.ours[size], key=lambda timed: timed.seconds)[len(self.ours[size]) // 2]

    @property
    def ratios(self) -> list[float]:
        """Ten agents over the library's, smallest first."""
        return sorted(mine.speed / other.speed for mine, other in zip(self.ours[10], self.library, strict=True))

    @property
    def share(self) -> float:
        """Of the throughput of bare products, with ten agents."""
        pairs = zip(self.ours[10], self.products, strict=True)
        return statistics.median(mine.flops / mine.seconds / bare for mine, bare in pairs)

    def cost(self, size: int) -> float:
        """t(M) / t(1)."""
        pairs = zip(self.ours[size], self.ours[1], strict=True)
        return statistics.median(many.seconds / one.seconds for many, one in pairs)


def products(row: Row) -> float:
    """Floating-point operations a CPU second of a bare product of the hidden layer's shape, of twenty networks."""
    batch = int(row.setting.get("batch_size") or 64)
    left, right = torch.randn(20, batch, row.width), torch.randn(20, row.width, row.width)
    out, times = torch.empty(20, batch, row.width), max(1, int(1e9 / (40 * batch * row.width**2)))
    torch.bmm(left, right, out=out)
    begun = time.process_time()
    for _ in range(times):
        torch.bmm(left, right, out=out)
    return times * 40 * batch * row.width**2 / (time.process_time() - begun)


def memory_per_agent(name: str) -> float:
    """Bytes that an agent adds to the peak of a process that trains it."""
    peaks = []
    for agents in (2, 30):
        command = [sys.executable, "-m", "benchmarks.population_speed", name, "--memory", str(agents)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    return (peaks[1] - peaks[0]) / 28


def peak(row: Row, agents: int) -> int:
    """Peak memory of this process after some training: a rollout, or some updates."""
    train(dataclasses.replace(row, steps=row.steps // 10 if "train_freq" in row.setting else row.steps), agents)
    # Not `getrusage`, whose peak begins at that of the process that started this one.
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def sbx_speed(python: Path, row: Row) -> tuple[Timed, str] | None:
    """One agent of SBX, and versions, or None where it does not run; the time before, with compilation, is printed."""
    try:
        answer = run_peer(python, "sbx_child.py", {**dataclasses.asdict(row), "setting": dict(row.setting)})
    except subprocess.CalledProcessError as error:
        print(f"SBX did not run: {error}", flush=True)
        return None
    print(f"SBX: {answer['before']:.1f} CPU s of loading and compiling before the clock", flush=True)
    return Timed(answer["seconds"], row.steps), answer["versions"]


def measure(row: Row, rounds: int) -> Measured:
    found = Measured()
    for _ in range(rounds):
        for size in SIZES:
            found.ours[size].append(train(row, size))
        found.library.append(library(row))
        found.products.append(products(row))
    return found


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.population_speed")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sbx", type=Path)
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    unknown = sorted(set(given.rows) - set(ROWS))
    if unknown:
        parser.error(f"unknown rows {', '.join(unknown)}; there are {', '.join(ROWS)}")
    if given.memory:
        print(peak(ROWS[given.rows[0]], given.memory))
        return 0

    import stable_baselines3

    speeds, costs, missed = [], [], []
    versions = {f"torch {torch.__version__}", f"Stable-Baselines3 {stable_baselines3.__version__}"}
    for name in given.rows or ROWS:
        row, load = ROWS[name], os.getloadavg()[0]
        found = measure(row, given.rounds)
        sbx = None
        if given.sbx is not None and (answer := sbx_speed(given.sbx, row)):
            sbx, peer = answer
            versions.add(peer)
        ratio, ours = statistics.median(found.ratios), statistics.median(one.speed for one in found.ours[10])
        short = [] if ratio >= row.wanted else [row.title]
        missed += short
        theirs = statistics.median(one.speed for one in found.library)
        speeds.append(
            [
                row.title,
                f"{ours:,.0f}",
                f"{theirs:,.0f}",
                f"{ratio:.1f} ({found.ratios[0]:.1f} to {found.ratios[-1]:.1f})",
                f"{row.wanted:g}{' MISSED' if short else ''}",
                "-" if sbx is None else f"{sbx.speed:,.0f} ({ours / sbx.speed:.1f})",
                f"{found.share:.0%} of {statistics.median(found.products) / 1e9:.0f} GFLOP/s",
            ]
        )
        memory = memory_per_agent(name)
        costs.append(
            [row.title, *(f"{found.cost(size):.1f}" for size in SIZES), f"{memory / MEBIBYTE:.1f}", f"{load:.1f}"]
        )
        print(" | ".join([*speeds[-1], *costs[-1][1:]]), flush=True)

    speed_header = [
        "task",
        "ours, 10 agents",
        "Stable-Baselines3",
        "ratio (range)",
        "wanted",
        "SBX (ratio)",
        "share of bmm",
    ]
    cost_header = ["t(M) / t(1)", *(f"M = {size}" for size in SIZES), "MiB an agent", "load before"]
    settings = "\n".join(f"- {ROWS[name].title}: {dict(ROWS[name].setting)}" for name in given.rows or ROWS)
    write_result(
        "population_speed" if not given.rows else f"population_speed_{'_'.join(given.rows)}",
        f"# Env steps of all agents per CPU second, one core\n\n{table(speed_header, speeds)}\n\n"
        f"{table(cost_header, costs)}\n\n"
        f"Medians of {given.rounds} rounds, both sides in turn; SBX once, after them. CartPole-v1 is stepped by ours "
        f"as one batch, the same bit for bit, and by the others one by one. Evaluation, building, and the first env "
        f"steps are left out on both sides; of SBX also its compilation. `share of bmm`: planned operations a second, "
        f"over those of a bare product of the hidden layer's shape. `MiB an agent`: what an agent adds to the peak "
        f"memory of a short training. `load before`: processes that wanted this machine's {os.cpu_count()} cores "
        f"besides.\n\n"
        f"Elsewhere the library's defaults:\n\n{settings}\n\n"
        f"{', '.join(sorted(versions, key=str.lower))}, {cpu_capability()}. "
        f"{'MISSED: ' + '; '.join(missed) if missed else 'All met'}.",
    )
    return int(bool(missed))


if __name__ == "__main__" and in_child():
    raise SystemExit(main(sys.argv[1:]))
