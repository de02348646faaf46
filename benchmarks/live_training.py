"""Whether tuners and schedules find better configurations than random search, training live.

Run it as `python -m benchmarks.live_training --cells FOLDER [TASK ...]`. Random search trains 32 configurations on 3
seeds; every other side gets as many configurations, or with a schedule as many env steps, evaluation included. All are
set beside random search at the same env steps and at the same CPU seconds. Every incumbent is judged on 20 test seeds.
A finished study is a line in the folder, under everything its numbers depend on, and is not run again: a run that was
stopped goes on.

    --sides NAME ...  beside random search (gp, rolling_halving)
    --repetitions N   tuner seeds and tuning seeds, paired between the sides (5)
    --minutes M       begins no study after so many minutes
    --output NAME     of the file under results (left out, the page is only printed)

Exit code 2 if studies are missing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

from autorl.statistics import estimate
from benchmarks.children import in_child, table, write_result
from benchmarks.kept import Kept
from benchmarks.live_studies import SIDES, TASKS, Cell, Point, play

BASELINE, RECOMMENDED = "random", "gp, rolling_halving"
SHARES = (0.25, 0.5, 1.0)
"""Of what random search spends, at which both sides are compared."""


@dataclass(frozen=True)
class Played:
    """A study that was run.

    Attributes:
        points: Each change of the incumbent.
        end: The final choice, and all that was spent.
    """

    points: tuple[Point, ...]
    end: Point

    def at(self, unit: str, budget: float) -> float | None:
        """Test return of the incumbent when so much was spent; None before there was one."""
        reached = [point for point in (*self.points, self.end) if getattr(point, unit) <= budget]
        return reached[-1].test if reached else None


Pair: TypeAlias = tuple[Played, Played]
"""A side's study, and random search's with the same repetition."""


class Store:
    """Finished studies, a line each.

    Args:
        folder: Where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._kept = Kept(folder / "live.jsonl")

    def find(self, cell: Cell) -> Played | None:
        """What a study came to, if it was run."""
        entry = self._kept.entries.get(cell.key)
        if entry is None:
            return None
        return Played(tuple(Point(**point) for point in entry["points"]), Point(**entry["end"]))

    def run(self, cell: Cell) -> None:
        """Runs a study, unless it was."""
        if self.find(cell) is not None:
            return
        budget = None
        if SIDES[cell.side].trials is None:
            other = self.find(Cell(cell.task, BASELINE, cell.repetition))
            assert other is not None  # random search comes first
            budget = other.end.env_steps
        points, end = play(cell, budget)
        self._kept.add(cell.key, {**asdict(cell), "points": [asdict(point) for point in points], "end": asdict(end)})
        said = f"{cell.task}, {cell.side}, {cell.repetition}: {end.test:.1f} on test seeds, {end.cpu_seconds:.0f} CPU s"
        print(said, file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Runs what is missing and prints the page."""
    options = _options(arguments)
    begun, store = time.monotonic(), Store(Path(options.cells))
    tasks = options.tasks or list(TASKS)
    for repetition in range(options.repetitions):
        for task in tasks:
            for side in (BASELINE, *options.sides):
                if time.monotonic() - begun < 60 * options.minutes:
                    store.run(Cell(task, side, repetition))
    found = {(task, side): _pairs(task, side, options.repetitions, store) for task in tasks for side in options.sides}
    text = _page(found)
    if options.output:
        write_result(options.output, text)
    else:
        print(text)
    return 0 if all(len(pairs) == options.repetitions for pairs in found.values()) else 2


def _pairs(task: str, side: str, repetitions: int, store: Store) -> list[Pair]:
    """A side and random search, where both were run."""
    found = []
    for repetition in range(repetitions):
        ours, theirs = (store.find(Cell(task, name, repetition)) for name in (side, BASELINE))
        if ours is not None and theirs is not None:
            found.append((ours, theirs))
    return found


def _page(found: Mapping[tuple[str, str], Sequence[Pair]]) -> str:
    ends: list[list[str]] = []
    shares: list[list[str]] = []
    for (task, side), pairs in found.items():
        if len(pairs) < 2:
            continue
        if not any(row[0] == task for row in ends):  # random search once a task
            ends.append(_end_row(task, BASELINE, [(theirs, theirs) for _, theirs in pairs]))
        ends.append(_end_row(task, side, pairs))
        shares += [
            _share_row(task, side, pairs, unit, share) for unit in ("env_steps", "cpu_seconds") for share in SHARES
        ]
    head = ["task", "side", "repetitions", "test return", "minus random's", "optimism", "CPU seconds"]
    lower = ["task", "side", "spent", "share", "test return", "random's", "difference", "better / worse"]
    return "\n\n".join(
        [
            f"# Tuners and schedules against `{BASELINE}` (32 configurations, 3 seeds), training live",
            table([*head, "trials' env steps (millions)"], ends),
            "The incumbents when a share of random search's env steps or CPU seconds was spent:",
            table(lower, shares),
            "A side is a tuner, under the schedule `full` with 3 seeds unless it names one. "
            "Test return: mean over 20 test seeds and 20 episodes, then over repetitions, with 95 % intervals over "
            "repetitions; the difference is paired. Optimism: the return by which the winner was ranked, minus its "
            "test return. CPU seconds: median. Spent is everything: env steps of evaluation, CPU seconds of workers, "
            "tuner and bookkeeping. A trial counts when the schedule is done with it; before there is any, "
            "the first one counts.",
        ]
    )


def _end_row(task: str, side: str, pairs: Sequence[Pair]) -> list[str]:
    ends = [ours.end for ours, _ in pairs]
    difference = _difference([end.test for end in ends], [theirs.end.test for _, theirs in pairs])
    return [
        task, side, str(len(pairs)), _mean([end.test for end in ends]), "" if side == BASELINE else difference,
        f"{statistics.mean(end.tuning - end.test for end in ends):.1f}",
        f"{statistics.median(end.cpu_seconds for end in ends):.0f}",
        f"{statistics.mean(end.env_steps for end in ends) / 1e6:.2f}",
    ]  # fmt: skip


def _share_row(task: str, side: str, pairs: Sequence[Pair], unit: str, share: float) -> list[str]:
    values: list[list[float]] = [[], []]
    for pair in pairs:
        budget = share * getattr(pair[1].end, unit)
        for mine, played in zip(values, pair, strict=True):
            found = played.at(unit, budget)
            mine.append(played.points[0].test if found is None else found)
    better = sum(mine > other for mine, other in zip(*values, strict=True))
    worse = sum(mine < other for mine, other in zip(*values, strict=True))
    means = [f"{statistics.mean(of_one):.1f}" for of_one in values]
    return [task, side, unit.replace("_", " "), f"{share:.0%}", *means, _difference(*values), f"{better} / {worse}"]


def _mean(values: Sequence[float]) -> str:
    found = estimate(values, statistics.fmean, is_mean=True, seed=0)
    return f"{found.mean:.1f} [{found.low:.1f}, {found.high:.1f}]"


def _difference(ours: Sequence[float], theirs: Sequence[float]) -> str:
    paired = [mine - other for mine, other in zip(ours, theirs, strict=True)]
    found = estimate(paired, statistics.fmean, is_mean=True, seed=0)
    return f"{found.mean:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.live_training", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("tasks", nargs="*", choices=[[], *TASKS], metavar="TASK", help=", ".join(TASKS))
    parser.add_argument("--cells", required=True, metavar="FOLDER", help="where finished studies are kept")
    sides = [side for side in SIDES if side != BASELINE]
    parser.add_argument("--sides", nargs="+", choices=sides, metavar="NAME", default=[RECOMMENDED])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--output", metavar="NAME")
    return parser.parse_args(arguments)


if __name__ == "__main__" and in_child():
    sys.exit(main(sys.argv[1:]))
