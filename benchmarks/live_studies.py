"""The studies that `live_training` compares: each is run once, and every incumbent of it is judged on test seeds."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

import autorl
from autorl.content import canonical_json, digest
from autorl.environment import Environment
from autorl.numerics import numerics_parts
from autorl.population import resolve_algorithm
from autorl.records import Agent, Trial, Value
from autorl.seeds import SeedPlan
from autorl.study import Result
from autorl.study.selection import best_trials

__all__ = ["SIDES", "TASKS", "Cell", "Point", "Side", "Task", "play"]

TRAININGS = 96
"""Full trainings of one seed that random search does; the other sides get as many env steps or configurations."""
TEST_SEEDS, EPISODES = 20, 20
SHIFT = 100
"""Between the tuning seeds of one repetition and those of the next."""


@dataclass(frozen=True)
class Task:
    """What is tuned.

    Attributes:
        algorithm: With its default search space.
        environment: Its id.
        env_steps: Of a full training.
        fixed: Held for all sides.
    """

    algorithm: str
    environment: str
    env_steps: int
    fixed: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """How a task is tuned.

    Attributes:
        tuner: As a study file names it.
        schedule: Likewise.
        seeds: Tuning seeds.
        batch: Configurations asked at once: more of them fill populations, and the tuner is told less often.
    """

    tuner: str
    schedule: str | Mapping[str, object]
    seeds: int
    batch: int = 4

    @property
    def trials(self) -> int | None:
        """How many configurations it tries, where that alone is its budget."""
        return TRAININGS // self.seeds if self.schedule == "full" else None


SMALL_NETWORK: dict[str, Value] = {"width": 64, "depth": 2}
TASKS = {
    "ppo_cartpole": Task("ppo", "CartPole-v1", 16_384),
    "ppo_acrobot": Task("ppo", "Acrobot-v1", 32_768),
    "dqn_cartpole": Task("dqn", "CartPole-v1", 10_000),
    "sac_pendulum": Task("sac", "Pendulum-v1", 3_000, SMALL_NETWORK),
}
SIDES = {
    **{tuner: Side(tuner, "full", 3) for tuner in ("random", "tpe", "smac", "gp")},
    "gp, halving": Side("gp", "halving", 5),
    "gp, rolling_halving": Side("gp", "rolling_halving", 5),
    "gp, rolling_halving, batch 12": Side("gp", "rolling_halving", 5, 12),
}


@dataclass(frozen=True)
class Cell:
    """One study.

    Attributes:
        task: Its name.
        side: Its name.
        repetition: Shared by all sides: the seed of the tuner, and which tuning seeds there are.
    """

    task: str
    side: str
    repetition: int

    @property
    def key(self) -> str:
        """What its numbers depend on; of tuners, schedules and the loop around them the names alone, so that a change
        there asks for another folder.
        """
        task, side = TASKS[self.task], SIDES[self.side]
        numerics = numerics_parts(resolve_algorithm(task.algorithm), Environment(task.environment))
        return digest([asdict(task), asdict(side), self.repetition, TRAININGS, TEST_SEEDS, EPISODES, numerics])


@dataclass(frozen=True)
class Point:
    """From here on a configuration was the study's best.

    Attributes:
        env_steps: Spent until then, evaluation included.
        cpu_seconds: Likewise, tuner and bookkeeping included.
        tuning: The return by which it was ranked.
        test: Its mean return on the test seeds after a full training.
    """

    env_steps: int
    cpu_seconds: float
    tuning: float
    test: float


def play(cell: Cell, env_steps: int | None) -> tuple[list[Point], Point]:
    """Runs a study and judges its incumbents.

    Args:
        cell: The study.
        env_steps: Its budget in env steps of training and evaluation; None where the number of trials is the budget.

    Returns:
        Each change of the incumbent, and the study's end with its final choice.
    """
    task, side = TASKS[cell.task], SIDES[cell.side]
    told: list[tuple[float, Trial]] = []
    first = SHIFT * cell.repetition
    with tempfile.TemporaryDirectory() as folder:
        begun = _cpu_seconds()
        result = autorl.tune(
            task.algorithm, task.environment, fixed=task.fixed, env_steps=task.env_steps, trials=side.trials,
            env_steps_total=env_steps, tuning_seeds=range(first, first + side.seeds), test_seeds=1, tuner=side.tuner,
            schedule=side.schedule, batch=side.batch, tuner_seed=cell.repetition, out=Path(folder),
            evaluation={"checkpoints": 2, "curve_episodes": 1},
            on_trial=lambda trial: told.append((_cpu_seconds() - begun, trial)),
        )  # fmt: skip
    changes = _changes(told)
    end = told[-1][0], best_trials(result.trials, 1)[0], _spent(result.trials)
    points = _judged([*changes, end], result, task)
    return points[:-1], points[-1]


def _changes(told: Sequence[tuple[float, Trial]]) -> list[tuple[float, Trial, int]]:
    """When the best trial became another one: CPU seconds, the trial, env steps."""
    found: list[tuple[float, Trial, int]] = []
    trials: list[Trial] = []
    for seconds, trial in told:
        trials.append(trial)
        for best in best_trials(trials, 1):
            if not found or found[-1][1].number != best.number:
                found.append((seconds, best, _spent(trials)))
    return found


def _judged(moments: Sequence[tuple[float, Trial, int]], result: Result, task: Task) -> list[Point]:
    tested: dict[str, float] = {}
    points = []
    for seconds, trial, steps in moments:
        place = canonical_json(dict(trial.configuration))
        if place not in tested:
            tested[place] = _tested(result.study.full(trial.configuration), task)
        assert trial.losses is not None  # incumbents are complete
        points.append(Point(steps, round(seconds, 1), -trial.losses[0], tested[place]))
    return points


def _tested(configuration: Mapping[str, Value], task: Task) -> float:
    algorithm, environment = resolve_algorithm(task.algorithm), Environment(task.environment)
    agents = [Agent(configuration, seed) for seed in SeedPlan.of(1, 0, TEST_SEEDS).test]
    population = algorithm.population(agents, environment, task.env_steps)
    population.restart(0)
    population.advance(task.env_steps)
    returns, _ = population.evaluate(environment, EPISODES, 1.0)
    population.close()
    return float(returns.mean())


def _spent(trials: Sequence[Trial]) -> int:
    return sum(run.env_steps + run.evaluation_steps for trial in trials for run in trial.runs)


def _cpu_seconds() -> float:
    """Of this process and its workers so far; those that ended count if somebody waited for them."""
    own = psutil.Process()
    times = own.cpu_times()
    spent = [times.user, times.system, times.children_user, times.children_system]
    for worker in own.children(recursive=True):
        found = worker.cpu_times()
        spent += [found.user, found.system]
    return float(sum(spent))
