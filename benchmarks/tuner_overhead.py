"""What a tuner costs: ask plus tell at trial 100 of a 10-dimensional space, and going on from there after a resume.

Run it as `python -m benchmarks.tuner_overhead`, with names of tuners to measure only those (nothing is written then).
Every bundled tuner without an end is led through 100 trials of a smooth problem, one at a time, then through 11 more,
each of them timed; the median is judged by the limit of its family, and the exit code is 1 if one is over. `resume` is
a fresh tuner that takes up all trials from JSON, is told them and asked once, and must then propose what the first one
did. Time is CPU time, SMAC's process included, so that a busy machine changes less; hardware threads that share a core
with other work still take longer. Options are the defaults; where an option without one names a method, that is the
first of the tuner's examples.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from autorl.registry import options_of
from autorl.space import SearchSpace
from autorl.tuners import Outcome, Proposal, Tuner, Vector, build_tuner, bundled_tuners
from benchmarks.children import in_child, table, write_result

TRIALS = 100
TIMED = 11
SEED = 0
SPACE = SearchSpace.load(
    {
        "learning_rate": {"float": [1e-5, 1e-1], "log": True, "default": 1e-3},
        "gamma": {"float": [0.9, 0.999], "reverse_log": True, "default": 0.99},
        "gae_lambda": {"float": [0.8, 0.99], "reverse_log": True, "default": 0.95},
        "clip_range": {"float": [0.1, 0.4], "default": 0.2},
        "ent_coef": {"float": [1e-6, 1e-1], "log": True, "default": 1e-3},
        "vf_coef": {"float": [0.1, 1.0], "default": 0.5},
        "n_steps": {"int": [32, 512], "pow2": True, "default": 128},
        "n_epochs": {"int": [1, 20], "default": 10},
        "width": {"ordered": [16, 32, 64, 128], "default": 64},
        "activation": {"choice": ["tanh", "relu", "elu"], "default": "tanh"},
    }
)
LIMITS: Mapping[str, Sequence[float]] = {
    "random": (5, 5, 5),
    "qmc": (5, 5, 5),
    "pymoo": (5, 5, 5),
    "de": (5, 5, 5),
    "tpe": (10, 40, 40),
    "nsga2": (10, 10, 10),
    "nsga3": (10, 10, 10),
    "cmaes": (10, 10, 10),
    "gp": (1500, 1500, 1500),
    "smac": (1500, 1500, 1500),
    "smac_gp": (1500, 1500, 1500),
    "smac_parego": (1500, 1500, 1500),
}
"""Milliseconds by the number of objectives, 1 to 3. A tuner that is not here has none: `optuna` costs what the sampler
handed to it does."""


def losses(vector: Vector, objectives: int) -> tuple[float, ...]:
    """Smooth and in conflict: each loss has its own best place."""
    numbers = [len(value) / 4 if isinstance(value, str) else float(value) for value in vector.values()]
    return tuple(sum((number - 0.3 * best) ** 2 for number in numbers) for best in range(1, objectives + 1))


def source(name: str, kind: type[Tuner]) -> dict[str, object]:
    """The entry of a study file: defaults, and the first example's value of what has none."""
    needed = [option for option, one in options_of(kind).items() if one.default is one.empty]
    example = kind.examples(SPACE)[0]
    return {"name": name, **{option: example[option] for option in needed}}


def cpu_seconds() -> float:
    """CPU time of this process and, where Linux tells, of the processes it started that still run (SMAC's)."""
    total = time.process_time()
    for path in Path("/proc/self/task").glob("*/children"):
        for child in path.read_text().split():
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def step(tuner: Tuner, number: int) -> tuple[Proposal, Outcome, float]:
    """Asks for a trial and tells it; the CPU seconds of both."""
    begun = cpu_seconds()
    (proposal,) = tuner.ask([number])
    outcome = Outcome(number, losses(proposal.vector, tuner.objectives))
    tuner.tell([outcome])
    return proposal, outcome, cpu_seconds() - begun


def resumed(entry: Mapping[str, object], objectives: int, past: Sequence[tuple[Proposal, Outcome]]) -> float:
    """CPU seconds of a fresh tuner from the past to its next proposal, which must be the last of the past."""
    *told, (expected, _) = past
    stored = [json.dumps([one.number, dict(one.vector), dict(one.attributes)]) for one, _ in told]
    begun = cpu_seconds()
    with closing(build_tuner(entry, SPACE, objectives, SEED)) as tuner:
        for text, (_, outcome) in zip(stored, told, strict=True):
            tuner.accept(Proposal(*json.loads(text)))
            tuner.tell([outcome])
        (again,) = tuner.ask([expected.number])
        seconds = cpu_seconds() - begun
    assert dict(again.vector) == dict(expected.vector), f"{entry}: a resume goes on differently"
    return seconds


def measure(name: str, kind: type[Tuner], objectives: int) -> list[str]:
    """A row of the table."""
    entry = source(name, kind)
    with closing(build_tuner(entry, SPACE, objectives, SEED)) as tuner:
        steps = [step(tuner, number) for number in range(TRIALS + TIMED)]
    median = 1000 * statistics.median(seconds for _, _, seconds in steps[TRIALS:])
    slowest = 1000 * max(seconds for _, _, seconds in steps[TRIALS:])
    resume = 1000 * resumed(entry, objectives, [(proposal, outcome) for proposal, outcome, _ in steps[: TRIALS + 1]])
    limit = LIMITS[name][objectives - 1] if name in LIMITS else None
    verdict = "no limit" if limit is None else "PASS" if median < limit else "OVER"
    shown = "" if limit is None else f"{limit:g}"
    method = f" ({str(entry['sampler']).rpartition(':')[2]})" if "sampler" in entry else ""
    return [f"{name}{method}", str(objectives), f"{median:.1f}", f"{slowest:.1f}", shown, verdict, f"{resume:.0f}"]


def main() -> None:
    if not in_child():
        return
    names = sys.argv[1:] or list(bundled_tuners())
    before = os.getloadavg()[0]
    rows = []
    for name in names:
        kind = bundled_tuners()[name]
        for objectives in (1, 2, 3) if kind.size is Tuner.size else ():  # the others list what they propose
            if kind.least_objectives <= objectives <= (kind.most_objectives or objectives):
                rows.append(measure(name, kind, objectives))
                print(*rows[-1], sep="\t", flush=True)
    over = ", ".join(f"{row[0]} ({row[1]})" for row in rows if row[5] == "OVER")
    header = ("tuner", "objectives", "ask + tell, ms", "slowest, ms", "limit, ms", "", "resume, ms")
    text = "\n\n".join(
        [
            "# Ask plus tell at trial 100 of a 10-dimensional space, one core",
            table(header, rows),
            f"Median and slowest of {TIMED} asks of one trial, each with its tell, after {TRIALS} trials; six numbers, "
            "two whole numbers, an ordered and an unordered choice. `resume`: a fresh tuner takes up and is told "
            f"{TRIALS} trials and is asked once. CPU time, one torch thread; that of SMAC's process is "
            "included, to 10 ms.",
            f"Python {platform.python_version()}, {os.cpu_count()} cores, load {before:.1f} at the start and "
            f"{os.getloadavg()[0]:.1f} at the end. Over their limit: {over or 'none'}.",
        ]
    )
    if sys.argv[1:]:
        print(text)
    else:
        write_result("tuner_overhead", text)
    if over:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
