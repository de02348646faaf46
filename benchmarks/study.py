"""How much sooner a whole study is done than with Optuna and Stable-Baselines3, and whether it finds as good an agent.

Run it as `python -m benchmarks.study --cells FOLDER`. PPO on CartPole-v1 in its default space, TPE, 24 configurations
on 5 seeds for 20,000 env steps each (cut to whole rollouts on both sides), in two processes; then the winner, the
space's default and the algorithm's defaults on 20 test seeds. Evaluations have 20 episodes on both sides; ours plays
one more at half of the training. One thread a process; the sides run in turn, and each pair has the other side first
and other seeds. Wall time counts from start to end, imports and bookkeeping included. A finished pair is kept in the
folder, under the code of both scripts, of the tuner and of what trains; the loop around them is not looked at.

    --repetitions N   pairs (3); where they could not decide on returns, 6, then 12, whose intervals are wider (`looks`)
    --minutes M       begins no pair after so many minutes

Exit code 1 if it is less than 7 times as fast, or the lower end of the interval of the difference in test return, over
studies, lies below -5 % of (theirs - uniformly random policy); 2 if pairs are missing. Beside it stands the interval
over the test seeds of these studies, which is narrower: what a tuner meets differs more than agents do.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from autorl.content import digest
from autorl.environment import Environment
from autorl.environment.evaluation import random_returns
from autorl.numerics import cpu_capability, numerics_parts
from autorl.population import resolve_algorithm
from autorl.seeds import SeedPlan
from autorl.statistics import stratified_bootstrap, student_half_width
from benchmarks.children import in_child, table, write_result
from benchmarks.code_digest import code_digest
from benchmarks.kept import Kept
from benchmarks.looks import TAIL, TAIL_OF_THREE, TAIL_OF_TWO

WANTED, MARGIN = 7.0, 0.05
LOOKS = {3: TAIL, 6: TAIL_OF_TWO, 12: TAIL_OF_THREE}
"""Pairs at which returns are judged, and what the interval leaves out at each end. There is no fourth look."""
ENVIRONMENT, TRIALS, ENV_STEPS, EPISODES, PROCESSES = "CartPole-v1", 24, 20_000, 20, 2
SCRIPTS = {"ours": "study_ours.py", "theirs": "study_peer.py"}
SEEDS, SHIFT = SeedPlan.of(5, 0, 20), 100
"""Of the first pair, and how far those of the next are."""
PEERS = ("optuna", "stable_baselines3")
SPACE = Path(__file__).parents[1] / "search_spaces" / "ppo.yaml"


def run(script: str, repetition: int) -> dict[str, Any]:
    """Wall seconds of a side's study, its winner's returns, and how busy the machine was before."""
    space = {name: entry for name, entry in yaml.safe_load(SPACE.read_text()).items() if name != "relations"}
    tuning, test = ([seed + SHIFT * repetition for seed in seeds] for seeds in (SEEDS.tuning, SEEDS.test))
    told = {
        "environment": ENVIRONMENT, "space": space, "trials": TRIALS, "env_steps": ENV_STEPS, "episodes": EPISODES,
        "tuning_seeds": tuning, "test_seeds": test, "seed": repetition, "processes": PROCESSES,
    }  # fmt: skip
    load, begun = os.getloadavg()[0], time.monotonic()
    command = [sys.executable, str(Path(__file__).parent / script), json.dumps(told)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return {"seconds": time.monotonic() - begun, "load": load, **json.loads(done.stdout.splitlines()[-1])}


def pair(repetition: int) -> dict[str, Any]:
    """Both sides, the one first that was second before."""
    sides = list(SCRIPTS.items())
    return {side: run(script, repetition) for side, script in (sides[::-1] if repetition % 2 else sides)}


def key(repetition: int) -> str:
    """What a pair depends on."""
    codes = [code_digest(f"benchmarks.{script.removesuffix('.py')}", ("benchmarks.",)) for script in SCRIPTS.values()]
    return digest(
        [
            [ENVIRONMENT, TRIALS, ENV_STEPS, EPISODES, PROCESSES, SEEDS.tuning, SEEDS.test, SHIFT, SPACE.read_text()],
            [*codes, code_digest("autorl.tuners.optuna_tuners", ("autorl.tuners.",))],
            {name: importlib.metadata.version(name) for name in PEERS},
            numerics_parts(resolve_algorithm("ppo"), Environment(ENVIRONMENT)),
            repetition,
        ]
    )


def main(arguments: Sequence[str]) -> int:
    """Runs what is missing and writes the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study")
    parser.add_argument("--cells", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("--repetitions", type=int, default=min(LOOKS), choices=LOOKS)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    given = parser.parse_args(arguments)
    kept, begun, pairs = Kept(given.cells / "study.jsonl"), time.monotonic(), []
    for repetition in range(given.repetitions):
        name = key(repetition)
        if name not in kept.entries and time.monotonic() - begun < 60 * given.minutes:
            kept.add(name, pair(repetition))
        if name in kept.entries:
            pairs.append(kept.entries[name])
            print(f"{repetition}: {_said(pairs[-1])}", flush=True)
    if len(pairs) < given.repetitions:
        return 2
    text, held = page(pairs, float(random_returns(Environment(ENVIRONMENT), SEEDS.test, EPISODES)[0].mean()))
    write_result("study", text)
    return int(not held)


def page(pairs: Sequence[Mapping[str, Any]], chance: float) -> tuple[str, bool]:
    """The result, and whether both things wanted hold."""
    ratios = [pair["theirs"]["seconds"] / pair["ours"]["seconds"] for pair in pairs]
    means = [[statistics.fmean(pair[side]["test"]) for pair in pairs] for side in SCRIPTS]
    differences = [mine - other for mine, other in zip(*means, strict=True)]
    mean, tail = statistics.fmean(differences), next(tail for most, tail in LOOKS.items() if len(pairs) <= most)
    over_seeds = stratified_bootstrap(
        [np.array(pair[side]["test"]) for side in SCRIPTS for pair in pairs],
        _difference,
        resamples=10_000,
        seed=0,
        tail=tail,
    )
    over_studies = _over_studies(differences, tail)
    allowed = -MARGIN * (statistics.fmean(means[1]) - chance)
    held = statistics.median(ratios) >= WANTED and over_studies[0] > allowed
    earlier = [f"{many} {_shown(_over_studies(differences[:many], tail))}" for many in LOOKS if many < len(pairs)]
    looked = f" (looked at before after {', '.join(earlier)}; Pocock, 1977)" if earlier else ""
    rows = [
        [
            str(number), *(f"{pair[side]['seconds']:.0f}" for side in SCRIPTS), f"{ratio:.1f}",
            *(f"{pair[side]['tuning']:.1f}" for side in SCRIPTS),
            *(f"{statistics.fmean(pair[side]['test']):.1f}" for side in SCRIPTS),
            *(f"{pair[side]['load']:.1f}" for side in SCRIPTS),
        ]
        for number, (pair, ratio) in enumerate(zip(pairs, ratios, strict=True))
    ]  # fmt: skip
    header = [
        "repetition",
        "ours, s",
        "theirs, s",
        "ratio",
        "tuning, ours",
        "theirs",
        "test, ours",
        "theirs",
        "load before, ours",
        "theirs",
    ]
    text = (
        f"# A whole study against Optuna with Stable-Baselines3\n\n{table(header, rows)}\n\n"
        f"Wall time in {PROCESSES} processes, ratio {statistics.median(ratios):.1f} (median; wanted {WANTED:g}). "
        f"Returns of the winner; on test seeds ours minus theirs {mean:+.1f}, over the seeds of these studies "
        f"{_shown(over_seeds)} (bootstrap), allowed {allowed:.1f}, and over studies "
        f"{_shown(over_studies)} (Student's t), by which it is judged; both {100 * (1 - 2 * tail):.4g} %{looked}. "
        f"{TRIALS} configurations of PPO on {ENVIRONMENT}, TPE, "
        f"{len(SEEDS.tuning)} tuning seeds, {ENV_STEPS:,} env steps, {len(SEEDS.test)} test seeds, {EPISODES} "
        f"episodes; winner, space's default and algorithm's defaults tested. Every pair has other seeds, and the other "
        f"side first; the load is a minute's mean, in which the side before still counts. "
        f"{', '.join(f'{name} {importlib.metadata.version(name)}' for name in PEERS)}, {cpu_capability()}. "
        f"{'Met' if held else 'MISSED'}."
    )
    return text, held


def _difference(drawn: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Ours, the first half of what was drawn, minus theirs; the mean over studies, one a resample."""
    means = np.stack([returns.mean(axis=1) for returns in drawn])
    found: npt.NDArray[np.float64] = means[: len(drawn) // 2].mean(0) - means[len(drawn) // 2 :].mean(0)
    return found


def _over_studies(differences: Sequence[float], tail: float) -> tuple[float, float]:
    """Interval of the mean difference, by Student's t."""
    mean, half = statistics.fmean(differences), student_half_width(differences, tail=tail)
    return mean - half, mean + half


def _shown(interval: Sequence[float]) -> str:
    return f"[{interval[0]:+.1f}, {interval[1]:+.1f}]"


def _said(pair: Mapping[str, Any]) -> str:
    sides = (f"{side} {pair[side]['seconds']:.0f} s" for side in SCRIPTS)
    return ", ".join(sides)


if __name__ == "__main__" and in_child():
    raise SystemExit(main(sys.argv[1:]))
