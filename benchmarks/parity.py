"""Whether our algorithms are as good as Stable-Baselines3's, and whether this check would notice if they were not.

Run it as `python -m benchmarks.parity [TASK ...]`; without tasks it trains all of them. On every task both sides train
20 seeds at the same setting and are judged alike: the same marks, the same deterministic evaluation, episodes keyed by
seed, one thread. Two numbers are compared, the final return (mean of 20 episodes) and the curve area (mean over ten
marks, 5 episodes each). The lower end of the 95 % interval of (ours - theirs) must lie above -5 % of (theirs -
uniformly random policy). Then the same is asked of ours with a defect planted; at least one of the numbers must fail.

Seed by seed, both sides are judged in the same episodes, and how hard those are differs more than agents do: so
differences are taken in pairs. Tasks and settings were chosen by training ours alone on these seeds: where agents
differ too much, 20 cannot tell, whoever is better. What is judged is therefore another lineage of ours, whose training
draws other random numbers; its evaluation does not.

Where 20 seeds could not decide, their number was doubled, once (`Task.doubled`), and the interval is wider (`looks`).

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
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed

from autorl.records import Value
from autorl.statistics import stratified_bootstrap
from benchmarks.children import RESULTS, in_child, table, write_result
from benchmarks.kept import Kept
from benchmarks.looks import TAIL, TAIL_OF_TWO
from benchmarks.parity_cells import (
    CHECKPOINTS,
    CURVE_EPISODES,
    EPISODES,
    LIBRARY,
    MACHINE,
    OURS,
    RANDOM,
    Cell,
    Scores,
    cells_of,
    timed,
)
from benchmarks.parity_tasks import SAID, TASKS

Numbers = Mapping[str, npt.NDArray[np.float64]]
MARGIN = 0.05
RESAMPLES = 10_000
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
        self._kept.add(cell.key, {**entry, "cpu_seconds": round(seconds, 1), "machine": MACHINE})

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


def compare(
    name: str, mine: Numbers, other: Numbers, chance: float, tail: float = TAIL
) -> tuple[list[list[str]], bool]:
    """A row for each number, and whether all hold."""
    rows, holds = [], True
    for number, values in mine.items():
        allowed = -MARGIN * (float(other[number].mean()) - chance)
        differences = values - other[number]
        low, high = stratified_bootstrap(
            [differences], lambda drawn: drawn[0].mean(axis=1), resamples=RESAMPLES, seed=0, tail=tail
        )
        passed = low > allowed  # never of nan
        holds &= passed
        sides = [f"{side.mean():.1f} ± {side.std(ddof=1):.1f}" for side in (values, other[number])]
        interval = f"{differences.mean():+.1f} [{low:+.1f}, {high:+.1f}]"
        rows.append([name, number, *sides, f"{chance:.1f}", interval, f"{allowed:.1f}", "yes" if passed else "no"])
    return rows, holds


@dataclass(frozen=True)
class Judgement:
    """What a task's cells say.

    Attributes:
        name: Of the task.
        rows: Of `compare`, by side: ours and each defect.
        holds: Whether a side's numbers are as good as the library's.
        seconds: CPU seconds of a side, evaluation included.
        machines: What its cells were trained on.
    """

    name: str
    rows: Mapping[str, list[list[str]]]
    holds: Mapping[str, bool]
    seconds: Mapping[str, float]
    machines: Sequence[str]

    @property
    def right(self) -> bool:
        """Whether ours holds and no defect does."""
        return all(holds is (side == OURS) for side, holds in self.holds.items())


def judge(name: str, cells: Sequence[Cell], store: Store) -> Judgement:
    """Compares ours and every defect with the library."""
    by_side = {side: [cell for cell in cells if cell.side == side] for side in {cell.side for cell in cells}}
    library = store.scores(by_side[LIBRARY])
    chance = float(store.scores(by_side[RANDOM])["final return"].mean())
    tail = TAIL_OF_TWO if TASKS[name].doubled else TAIL
    compared = {
        side: compare(name, store.scores(by_side[side]), library, chance, tail) for side in (OURS, *TASKS[name].defects)
    }
    return Judgement(
        name,
        {side: rows for side, (rows, _) in compared.items()},
        {side: holds for side, (_, holds) in compared.items()},
        {side: sum(store.done[cell.key]["cpu_seconds"] for cell in own) for side, own in by_side.items()},
        sorted({store.done[cell.key]["machine"] for cell in cells}),
    )


def settings(judgement: Judgement) -> list[str]:
    """The row that says how a task was trained."""
    task = TASKS[judgement.name]
    steps = "" if task.training.max_episode_steps == task.judging.max_episode_steps else " cut, judged on whole ones"
    names = [wrapper if isinstance(wrapper, str) else wrapper["name"] for wrapper in task.training.wrappers]
    wrapped = "".join(f", {SAID[name]}" for name in names)
    alone = f", ours with {said(task.ours)}" if task.ours else ""
    return [
        judgement.name,
        f"{task.training.id}{f', episodes of {task.training.max_episode_steps}{steps}' if steps else ''}{wrapped}",
        str(task.seeds),
        f"{task.env_steps:,}",
        f"{said(task.setting)}{alone}",
        f"{judgement.seconds[OURS]:,.0f}",
        f"{judgement.seconds[LIBRARY]:,.0f}",
        ", ".join(judgement.machines),
    ]


def said(setting: Mapping[str, Value]) -> str:
    return ", ".join(f"{name} {value}" for name, value in setting.items())


def page(judgements: Sequence[Judgement]) -> str:
    """All tasks that were trained whole, and which were not."""
    header = ["task", "number", OURS, LIBRARY, "random", "difference [interval]", "allowed", "above"]
    ours = [row for judgement in judgements for row in judgement.rows[OURS]]
    planted = [
        [
            judgement.name,
            defect,
            *(row[at] for row in rows for at in (2, 5)),
            "no" if judgement.holds[defect] else "yes",
        ]
        for judgement in judgements
        for defect, rows in judgement.rows.items()
        if defect != OURS
    ]
    missed = [judgement.name for judgement in judgements if not judgement.right]
    left = [name for name in TASKS if name not in {judgement.name for judgement in judgements}]
    twice = ", ".join(judgement.name for judgement in judgements if TASKS[judgement.name].doubled)
    wider = f"; on {twice}, where 20 seeds could not decide and were doubled once, {1 - 2 * TAIL_OF_TWO:.2%}"
    wider = f"{wider}, as two looks ask for (Pocock, 1977)" if twice else ""
    which = f"these {len(judgements)} of {len(TASKS)}" if left else f"all {len(TASKS)}"
    verdict = f"On {which} tasks ours holds, and every defect is noticed."
    return "\n\n".join(
        [
            "# Returns against Stable-Baselines3's",
            table(header, ours),
            "Mean ± standard deviation over seeds, compared in pairs: a seed's episodes of evaluation are "
            "the same on both sides. Ours is trained with other random numbers than when settings were chosen. Final "
            f"return: mean of {EPISODES} episodes in the end; curve area: mean over {CHECKPOINTS} marks, "
            f"{CURVE_EPISODES} episodes each. `allowed`: {MARGIN:.0%} of the way from the uniformly random policy to "
            "Stable-Baselines3; the interval of (ours - theirs) must lie above it. Intervals have "
            f"{1 - 2 * TAIL:.0%}{wider}.",
            "## The same with a defect planted in ours",
            table(["task", "defect", "final return", "difference", "curve area", "difference", "noticed"], planted),
            "## How they were trained",
            table(
                ["task", "environment", "seeds", "env steps", "hyperparameters", "CPU s, ours", LIBRARY, "CPU"],
                list(map(settings, judgements)),
            ),
            "Other hyperparameters are the library's defaults on both sides. CPU seconds are of all seeds, "
            "beside other work, evaluation included.",
            f"MISSED: {', '.join(missed)}." if missed else verdict,
            *([f"Not trained whole with the present source: {', '.join(left)}."] if left else []),
        ]
    )


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
    cells = {name: cells_of(name, smoke=given.smoke) for name in given.tasks or TASKS}
    if not given.list:
        train([cell for own in cells.values() for cell in own], store, 60 * given.minutes)
    for name, own in cells.items():
        print(f"{name}: {sum(cell.key in store.done for cell in own)} of {len(own)} cells", flush=True)
    missing = any(cell.key not in store.done for own in cells.values() for cell in own)
    if given.smoke or given.list:
        return 2 if missing else 0
    every = {name: cells.get(name) or cells_of(name) for name in TASKS}
    judged = [judge(name, own, store) for name, own in every.items() if all(cell.key in store.done for cell in own)]
    if judged:
        write_result("parity", page(judged))
    return 2 if missing else 1 - all(judgement.right for judgement in judged if judgement.name in cells)


if __name__ == "__main__" and in_child():
    raise SystemExit(main(sys.argv[1:]))
