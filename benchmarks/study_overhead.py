"""What a study costs beside its trainings: trials a second of a free objective, and how long a finished one resumes.

Run it as `python -m benchmarks.study_overhead`, with `--sizes`, `--batches` and `--jobs` if need be. The training
function returns its score at once, the tuner is `random`, there is one tuning seed, and everything is stored as always:
a transaction after every group, in SQLite in the run directory. Every run is a process of its own.

`trials/s` is over the whole call of `Study.run`, from finding the algorithm to the last test run, with the start of the
workers and without the report. `loop` and `workers` are CPU milliseconds a trial, of the calling process (its start
counted) and of all workers (their start counted, which is a second or two each); `peak` is the calling process's memory
before the report. `resume` calls `Study.run` again on the finished study: opening, replaying every trial, selecting;
its CPU seconds stand beside it. `report` is the time and the size of `report.html`. On a machine that does other work
too, the CPU columns say more than the clock.

The last line is a study of trainings that take a second each: what is not training there is the loop's.

Exit code 1 if the largest study has fewer than 200 trials a second in one of its runs, or a resume of 5 seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import autorl
from autorl.study import Result, Study
from benchmarks.children import RESULTS, table, write_result

SPACE = {"x": {"float": [-1.0, 1.0], "default": 0.5}, "y": {"choice": ["a", "b", "c"], "default": "a"}}
WANTED_A_SECOND, WANTED_RESUME = 200.0, 5.0
SECOND_TRIALS = 16


@autorl.algorithm(space=SPACE)
def free(config: Any, environment: Any, seed: int, env_steps: int, report: Any) -> float:
    """Scores at once."""
    return -float((config["x"] - 0.2) ** 2)


@autorl.algorithm(space=SPACE)
def second(config: Any, environment: Any, seed: int, env_steps: int, report: Any) -> float:
    """Takes a second of no work."""
    time.sleep(1.0)
    return -float((config["x"] - 0.2) ** 2)


def study(algorithm: str, trials: int, batch: int) -> dict[str, object]:
    """The study file's content."""
    return {
        "name": "overhead",
        "algorithm": f"benchmarks.study_overhead:{algorithm}",
        "environment": "CartPole-v1",
        "budget": {"trials": trials, "env_steps": 1000},
        "batch": batch,
        "seeds": {"tuning": 1, "test": 3},
        "tuner": "random",
        "evaluation": {"checkpoints": 2},
    }


def measure(algorithm: str, trials: int, batch: int, jobs: int, directory: Path) -> dict[str, float]:
    """Runs or resumes a study in this process; seconds of the wall and of the CPU.

    Returns:
        "seconds", "cpu" of this process and its "peak" of memory in MiB, all without the report; "report" in seconds;
        CPU seconds of all "workers".
    """
    spent: dict[str, float] = {"report": 0.0, "cpu": 0.0, "peak": 0.0}
    report = Result.report

    def timed(self: Result) -> Path:
        spent["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        before, cpu_before = time.perf_counter(), time.process_time()
        path = report(self)
        spent["report"] += time.perf_counter() - before
        spent["cpu"] += time.process_time() - cpu_before
        return path

    Result.report = timed  # type: ignore[method-assign]  # timed for this measurement
    study_read = Study.load(study(algorithm, trials, batch))
    start, cpu = time.perf_counter(), time.process_time()
    done = study_read.run(directory, jobs=jobs)
    total = time.perf_counter() - start
    assert len(done.trials) == trials
    assert done.complete
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": total - spent["report"],
        "report": spent["report"],
        "cpu": time.process_time() - cpu - spent["cpu"],
        "workers": children.ru_utime + children.ru_stime,
        "peak": spent["peak"],
    }


def in_process(algorithm: str, trials: int, batch: int, jobs: int, directory: Path) -> dict[str, float]:
    """`measure` in a process of its own, so that imports and peak memory are its own."""
    call = [sys.executable, "-m", "benchmarks.study_overhead", "--measure", algorithm, "--sizes", str(trials)]
    call += ["--batches", str(batch), "--jobs", str(jobs), "--directory", str(directory)]
    environment = {**os.environ, "PYTHONPATH": str(RESULTS.parents[1])}
    done = subprocess.run(call, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(trials: int, batch: int, jobs: int) -> tuple[list[str], float, float]:
    """One line of the table, trials a second, and seconds of a resume."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "run"
        ran = in_process("free", trials, batch, jobs, directory)
        again = in_process("free", trials, batch, jobs, directory)
        page = (directory / "report.html").stat().st_size / 1e6
        database = (directory / "study.sqlite").stat().st_size / 1e6
    speed = trials / ran["seconds"]
    cells = [f"{trials:,}", str(batch), str(jobs), f"{speed:,.0f}"]
    cells += [f"{ran['cpu'] / trials * 1e3:.2f}", f"{ran['workers'] / trials * 1e3:.2f}"]
    cells += [f"{ran['peak']:.0f}", f"{database:.1f}", f"{again['seconds']:.1f}", f"{again['cpu']:.1f}"]
    cells += [f"{again['report']:.1f}", f"{page:.1f}"]
    return cells, speed, again["seconds"]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument(
        "--batches", type=int, nargs="+", default=[4, 64], help="the larger ones for the last size only"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        found = measure(asked.measure, asked.sizes[0], asked.batches[0], asked.jobs, asked.directory)
        print(json.dumps(found))
        return 0
    load = os.getloadavg()[0]
    rows, speed, resumed = [], 0.0, 0.0
    largest = asked.sizes[-1]
    for trials in asked.sizes:
        for batch in asked.batches if trials == largest else asked.batches[:1]:
            cells, this_speed, this_resumed = row(trials, batch, asked.jobs)
            print(" ".join(cells), flush=True)
            rows.append(cells)
            if trials == largest:
                speed = min(this_speed, speed or this_speed)
                resumed = max(this_resumed, resumed)
    with tempfile.TemporaryDirectory() as folder:
        slow = in_process("second", SECOND_TRIALS, 4, asked.jobs, Path(folder) / "run")
        start = in_process("free", SECOND_TRIALS, 4, asked.jobs, Path(folder) / "free")
    missed = speed < WANTED_A_SECOND or resumed >= WANTED_RESUME
    header = ["trials", "batch", "jobs", "trials/s", "loop ms", "workers ms", "peak MiB", "database MB", "resume s"]
    header += ["resume CPU s", "report s", "report MB"]
    write_result(
        "study_overhead",
        f"# A study's own cost: a free objective with the tuner `random`, truth included\n\n{table(header, rows)}\n\n"
        f"One tuning and three test seeds; SQLite in the run directory; `jobs` workers on {os.cpu_count()} cores (load "
        f"{load:.1f} before the start, {os.getloadavg()[0]:.1f} at the end). `loop` and `workers` are CPU milliseconds "
        f"a trial; `resume` is without the report.\n\n"
        f"{SECOND_TRIALS} trials of a second each: {slow['seconds']:.1f} s, of which the calling process computed "
        f"{slow['cpu']:.1f} s ({start['cpu']:.1f} s with trials that take no time, "
        f"so waiting costs {max(0.0, slow['cpu'] - start['cpu']):.2f} s).\n\n"
        f"Wanted of {largest:,} trials: at least {WANTED_A_SECOND:.0f} a second and a resume under "
        f"{WANTED_RESUME:.0f} s. {'OVER' if missed else 'PASS'}: {speed:.0f} a second, {resumed:.1f} s.",
    )
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
