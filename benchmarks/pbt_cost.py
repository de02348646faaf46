"""What a population of 32 PPO agents under `pbt` costs, in CPU time of one agent of Stable-Baselines3, on one core.

Run it as `python -m benchmarks.pbt_cost`. Both sides train PPO on CartPole-v1 for as many env steps an agent, in the
same process, in turn, round after round; a round's two times make one ratio, so that a busy machine slows both alike,
and medians over rounds are shown. Time is the process's CPU time, one torch thread. Ours is everything a study's worker
does: populations built, environments started at every rung, states written and read there, hyperparameters changed;
theirs is building the model and `learn`. Left out on both sides is evaluation, of which ours needs one an interval to
rank its members. Every one of the ten intervals ends in a file per agent.

Exit code 1 if it costs 5 times as much with 8 environments, 32 steps and minibatches of 256, or twice as much with
Stable-Baselines3's defaults.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autorl.environment import Environment
from autorl.numerics import cpu_capability
from autorl.objective import EvaluationSettings, Group, Objective
from autorl.population import Population, resolve_algorithm
from autorl.records import Agent, Configuration, Run, Status, Stretch, Trial
from autorl.schedules import Ask, Frame, Train
from autorl.schedules.pbt import PBT
from autorl.seeds import stream
from autorl.space import SearchSpace
from autorl.storage.checkpoints import CheckpointFolder
from benchmarks.children import in_child, table, write_result

AGENTS, INTERVALS, ROUNDS = 32, 10, 3
TUNED = {
    "learning_rate": {"float": [1e-5, 1e-2], "log": True},
    "gamma": {"float": [0.9, 0.9999], "reverse_log": True},
    "gae_lambda": {"float": [0.8, 0.9999]},
    "clip_range": {"float": [0.05, 0.4]},
    "ent_coef": {"float": [0.0, 0.1]},
    "normalize_advantage": {"choice": [True, False]},
}


@dataclass(frozen=True)
class Setting:
    """What both sides train.

    Attributes:
        name: For the table.
        environments: An agent acts in at once.
        options: Of both sides' PPO.
        iterations: Of rollout and updates in each interval.
        most: What the whole population may cost, in agents of theirs.
    """

    name: str
    environments: int
    options: Mapping[str, Any]
    iterations: int
    most: float

    @property
    def env_steps(self) -> int:
        """Of one agent."""
        return self.environments * int(self.options["n_steps"]) * self.iterations * INTERVALS


SETTINGS = (
    Setting("8 environments x 32 steps, minibatch 256", 8, {"n_steps": 32, "batch_size": 256, "n_epochs": 20}, 4, 5.0),
    Setting("defaults: 1 x 2048 steps, minibatch 64", 1, {"n_steps": 2048, "batch_size": 64, "n_epochs": 10}, 1, 2.0),
)


class Watch:
    """CPU seconds of this process, without those of evaluation."""

    def __init__(self, population: type[Population]) -> None:
        self._population, self._evaluate, self._left_out = population, population.evaluate, 0.0

    def __enter__(self) -> Watch:
        def evaluate(population: Population, *arguments: Any) -> Any:
            began = time.process_time()
            result = self._evaluate(population, *arguments)
            self._left_out += time.process_time() - began
            return result

        self._population.evaluate = evaluate  # type: ignore[assignment, method-assign]  # left out for this measurement
        self._began = time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.process_time() - self._began - self._left_out
        self._population.evaluate = self._evaluate  # type: ignore[method-assign]  # left out for this measurement


def ours(setting: Setting, agents: int) -> float:
    """Trains a population as a study does; returns CPU seconds."""
    ppo, horizon = resolve_algorithm("ppo"), setting.env_steps
    held = {**setting.options, "n_envs": setting.environments}
    space = SearchSpace.load(TUNED, defaults=ppo.defaults())
    schedule = PBT(population=agents, interval=1 / INTERVALS)
    rungs = schedule.rungs(horizon)
    objective = Objective("ppo", Environment("CartPole-v1"), horizon, rungs, rungs, EvaluationSettings(5, 5), "")
    numbers = stream(0, "configurations")
    asked = {number: space.decode(_vector(space, numbers.random)) for number in range(agents)}

    def full(configuration: Configuration) -> Configuration:
        return {**ppo.defaults(), **held, **configuration}

    population = type(ppo.population([Agent(full(asked[0]), 0)], objective.environment, horizon))
    with tempfile.TemporaryDirectory() as folder, Watch(population) as watch:
        states = CheckpointFolder(Path(folder))
        frame = Frame(horizon, (0,), agents, 1, space=space, static=ppo.static_names())
        requests, request, left = schedule.requests(frame), None, True
        answer: Any = None
        while True:
            try:
                request = next(requests) if answer is None else requests.send(answer)
            except StopIteration:
                break
            if isinstance(request, Ask):
                answer, left = tuple(asked) if left else (), False
            elif isinstance(request, Train):
                answer = _trained(request, objective, states, asked, full)
            else:
                answer = ()
    return watch.seconds


def _vector(space: SearchSpace, number: Any) -> dict[str, float | str]:
    return {
        one.name: one.labels[int(number() * one.size)] if one.kind == "label" else float(number())
        for one in space.coordinates
    }


def _trained(
    request: Train, objective: Objective, states: CheckpointFolder, asked: Mapping[int, Configuration], full: Any
) -> tuple[Trial, ...]:
    settings = [one.configuration or asked[one.trial] for one in request.assignments]
    agents = tuple(
        Agent(
            full(configuration),
            0,
            one.lineage,
            tuple(Stretch(past.until, full(past.configuration), past.lineage) for past in one.earlier),
        )
        for one, configuration in zip(request.assignments, settings, strict=True)
    )
    last = request.assignments[0].mark
    first = next(first for first, mark in itertools.pairwise((0, *objective.rungs)) if mark == last)
    chains = objective.train(Group(agents, first, last, keep=last < objective.horizon), states)
    trials = []
    for one, configuration, chain in zip(request.assignments, settings, chains, strict=True):
        run = Run.from_segments(0, objective.horizon, 5, chain)
        trials.append(
            Trial(
                one.trial, configuration, run.status, (run,), (-float(run.final.mean()),), last,
                earlier=one.earlier, lineage=one.lineage,
            )
        )  # fmt: skip
        assert run.status is Status.COMPLETE
    return tuple(trials)


def theirs(setting: Setting) -> float:
    """Trains one agent of Stable-Baselines3; returns CPU seconds."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv

    began = time.process_time()
    vector = DummyVecEnv([Environment("CartPole-v1").make] * setting.environments)
    model = PPO("MlpPolicy", vector, seed=0, device="cpu", **setting.options)
    model.learn(setting.env_steps, log_interval=None)
    assert model.num_timesteps == setting.env_steps
    vector.close()
    return time.process_time() - began


def main() -> int:
    import torch
    from stable_baselines3 import __version__ as library_version

    rows, missed = [], []
    for setting in SETTINGS:
        times = []
        for _ in range(ROUNDS + 1):
            one, other = ours(setting, AGENTS), theirs(setting)
            times.append((one, other, one / other))
            print(f"{setting.name}: ours {one:.1f} s, theirs {other:.1f} s, ratio {one / other:.2f}", flush=True)
        mine, others, ratios = zip(*times[1:], strict=True)  # the first round warms up
        ratio = statistics.median(ratios)
        missed += [setting.name] if ratio >= setting.most else []
        rows.append(
            [
                setting.name,
                f"{setting.env_steps:,}",
                f"{statistics.median(mine):.1f}",
                f"{statistics.median(others):.1f}",
                f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
                f"{setting.most:g}",
            ]
        )
    header = ["PPO", "env steps an agent", f"ours, {AGENTS} agents [s]", "theirs, 1 agent [s]", "ratio", "wanted below"]
    write_result(
        "pbt_cost",
        f"# A population of {AGENTS} PPO agents under `pbt` against one of Stable-Baselines3: CPU seconds, one core\n\n"
        f"{table(header, rows)}\n\n"
        f"CartPole-v1, {INTERVALS} intervals, medians of {ROUNDS} rounds after a first one. Ours holds states written "
        f"and read at every rung; evaluation is left out on both sides. Epochs: "
        f"{', '.join(str(one.options['n_epochs']) for one in SETTINGS)}. Torch {torch.__version__}, "
        f"Stable-Baselines3 {library_version}, {cpu_capability()}. "
        f"{'MISSED: ' + '; '.join(missed) if missed else 'Both met'}.",
    )
    return int(bool(missed))


if __name__ == "__main__" and in_child():
    raise SystemExit(main())
