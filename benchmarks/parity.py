"""Whether our algorithms are as good as Stable-Baselines3's, and whether this check would notice if they were not.

Run it as `python -m benchmarks.parity [TASK ...]`; without tasks it trains all of them. On every task both sides train
20 seeds at the same setting and are judged alike: the same marks, the same deterministic evaluation, episodes keyed by
seed, one thread. Two numbers are compared, the final return (mean of 20 episodes) and the curve area (mean over ten
marks, 5 episodes each). The lower end of the 95 % interval of (ours - theirs) must lie above -5 % of (theirs -
uniformly random policy). Then the same is asked of ours with a defect planted; at least one of the numbers must fail.

Training is cut into cells: ours and each defect are one population of all seeds, the library one agent a cell. A
finished cell is a line of `benchmarks/results/parity_cells.jsonl`, under everything its numbers depend on, and is not
trained again: a run that was stopped goes on, and a changed source trains ours anew.

    --minutes N   begins no cell after so many minutes; a task whose cells are not all there is not judged
    --smoke       3 seeds and a twentieth of the env steps, in a file of its own: does it run? It judges nothing
    --list        what is trained already, and how much is left

Exit code 1 if parity is missed anywhere or a defect passes, 2 if cells are missing.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed

from autorl.statistics import difference
from benchmarks.children import RESULTS, in_child, table, write_result
from benchmarks.kept import Kept
from benchmarks.parity_cells import LIBRARY, OURS, RANDOM, Cell, Scores, cells_of, timed
from benchmarks.parity_tasks import TASKS

Numbers = Mapping[str, npt.NDArray[np.float64]]
MARGIN = 0.05
JOBS = 2


class Store:
    """Finished cells, a line each.

    Args:
        name: Of the file under `results`, without its ending.
    """

    def __init__(self, name: str) -> None:
        self._kept = Kept(RESULTS / f"{name}.jsonl")
        self.done = self._kept.entries

    def add(self, cell: Cell, scores: Scores, seconds: float) -> None:
        """Keeps the scores of a cell."""
        entry = {"task": cell.task, "side": cell.side, "seeds": list(cell.seeds), "scores": dict(scores)}
        self._kept.add(cell.key, {**entry, "cpu_seconds": round(seconds, 1)})

    def scores(self, cells: Iterable[Cell]) -> dict[str, npt.NDArray[np.float64]]:
        """Of several cells, joined."""
        entries = [self.done[cell.key]["scores"] for cell in cells]
        return {number: np.concatenate([entry[number] for entry in entries]) for number in entries[0]}


def train(cells: Sequence[Cell], store: Store, seconds: float) -> None:
    """Trains what is missing, as far as the time goes."""
    end = time.monotonic() + seconds

    def in_time() -> Iterator[Any]:
        for cell in cells:
            if cell.key not in store.done and time.monotonic() < end:
                yield delayed(timed)(cell)

    parallel = Parallel(n_jobs=JOBS, return_as="generator_unordered", pre_dispatch=JOBS)
    for cell, scores, spent in parallel(in_time()):
        store.add(cell, scores, spent)
        print(f"{cell.task}, {cell.side}, seeds {cell.seeds[0]} to {cell.seeds[-1]}: {spent:,.0f} CPU s", flush=True)


def compare(name: str, mine: Numbers, other: Numbers, chance: float) -> tuple[list[list[str]], bool]:
    """A row for each number, and whether all hold."""
    rows, holds = [], True
    for number, values in mine.items():
        allowed = -MARGIN * (float(other[number].mean()) - chance)
        found = difference(values.tolist(), other[number].tolist(), seed=0)
        passed = not math.isnan(found.low) and found.low > allowed
        holds &= passed
        sides = [f"{side.mean():.1f} ± {side.std(ddof=1):.1f}" for side in (values, other[number])]
        interval = f"{found.mean:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"
        rows.append([name, number, *sides, f"{chance:.1f}", interval, f"{allowed:.1f}", "yes" if passed else "no"])
    return rows, holds


def judge(name: str, cells: Sequence[Cell], store: Store) -> bool:
    """Writes a task's result, and says whether everything came out as it must."""
    task = TASKS[name]
    by_side = {side: [cell for cell in cells if cell.side == side] for side in (RANDOM, LIBRARY, OURS, *task.defects)}
    library = store.scores(by_side[LIBRARY])
    chance = float(store.scores(by_side[RANDOM])["final return"].mean())
    rows, verdicts, right = [], [], True
    for side in (OURS, *task.defects):
        added, holds = compare(side, store.scores(by_side[side]), library, chance)
        rows += added
        right &= holds is (side == OURS)
        verdicts.append(f"{side} {'holds' if holds else 'fails'}")
    header = [OURS, "number", "mean ± sd", LIBRARY, "random", "difference [95 %]", "allowed", "above"]
    seconds = {side: sum(store.done[cell.key]["cpu_seconds"] for cell in by_side[side]) for side in (OURS, LIBRARY)}
    write_result(
        f"parity_{name}",
        f"# Returns against Stable-Baselines3's: {name}\n\n{table(header, rows)}\n\n"
        f"{len(library['final return'])} seeds each. `allowed`: {MARGIN:.0%} of the distance from random to "
        f"Stable-Baselines3, below which the interval must not reach. {cells[0].env_steps:,} env steps of "
        f"{task.training.describe()}, judged on {task.judging.describe()}, {dict(task.setting)}, elsewhere the "
        f"library's defaults{f', ours with {dict(task.ours)}' if task.ours else ''}. CPU seconds, evaluation included: "
        f"ours {seconds[OURS]:,.0f}, Stable-Baselines3 {seconds[LIBRARY]:,.0f}.\n\n"
        f"{', '.join(verdicts).capitalize()}: {'as it must be' if right else 'MISSED'}.",
    )
    return right


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parity")
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=", ".join(TASKS))
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args(arguments)
    unknown = sorted(set(given.tasks) - set(TASKS))
    if unknown:
        parser.error(f"unknown tasks {', '.join(unknown)}; there are {', '.join(TASKS)}")
    store = Store("parity_smoke" if given.smoke else "parity_cells")
    size = (3, 1 / 20) if given.smoke else (20, 1.0)
    cells = {name: cells_of(name, *size) for name in given.tasks or TASKS}
    if not given.list:
        train([cell for own in cells.values() for cell in own], store, 60 * given.minutes)
    whole = {name: own for name, own in cells.items() if all(cell.key in store.done for cell in own)}
    for name, own in cells.items():
        print(f"{name}: {sum(cell.key in store.done for cell in own)} of {len(own)} cells", flush=True)
    if given.smoke or given.list:
        return 0 if len(whole) == len(cells) else 2
    right = [judge(name, own, store) for name, own in whole.items()]
    return 2 if len(whole) < len(cells) else 1 - all(right)


if __name__ == "__main__" and in_child():
    raise SystemExit(main(sys.argv[1:]))
