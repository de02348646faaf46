"""Whether our PPO is as good as Stable-Baselines3's, and whether this check would notice if it were not.

Run it as `python -m benchmarks.ppo_returns`; it takes about 40 minutes of CPU time. On every task both sides train 20
seeds at the same setting and are judged alike: the same marks, the same deterministic evaluation, episodes keyed by
seed. Two numbers are compared, the final return (mean of 20 episodes) and the curve area (mean over ten marks, 5
episodes each). The lower end of the 95 % interval of (ours - theirs) must lie above -5 % of (theirs - uniformly random
policy). Settings were chosen on seeds 100 and up, with our PPO alone, so that seeds differ little enough to tell.

Then the same is asked of our PPO with a defect planted, where it bites; at least one of the two numbers must fail:

- wrong entropy sign: the bonus becomes a penalty. It bites where the coefficient is large: `cartpole`, at 0.1.
- advantages off by one: an action is credited with the next step's advantage. It bites everywhere.
- no bootstrap at truncation: a cut episode counts as ended. It bites where many episodes are cut and the future
  matters: `pendulum_cut`, trained in episodes of 25 steps and judged, as usual, on 200 (Pardo et al., 2018).

Exit code 1 if parity is missed anywhere or a defect passes. Arguments name the tasks to run (all unless given);
`--ours` leaves the library out, for looking at settings, and writes nothing.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed

from autorl.agents.rollout import Batch, Rollout
from autorl.algorithms.ppo import PPO, PPOPopulation
from autorl.environment import Environment
from autorl.environment.evaluation import random_returns
from autorl.population import Population, resolve_algorithm
from autorl.records import Agent, Value
from autorl.statistics import difference
from benchmarks.children import in_child, table, write_result

SEEDS, CHECKPOINTS, EPISODES, CURVE_EPISODES = 20, 10, 20, 5
MARGIN = 0.05
JOBS = 2


class WrongEntropySign(PPOPopulation):
    def learn(self, data: Batch) -> None:
        column = self.columns._tensors["ent_coef"]
        self.columns._tensors["ent_coef"] = -column
        super().learn(data)
        self.columns._tensors["ent_coef"] = column


class AdvantagesOffByOne(PPOPopulation):
    def _valued(self, rollout: Rollout) -> Batch:
        batch = super()._valued(rollout)
        by_step = batch.advantages.view(rollout.rewards.shape)
        return dataclasses.replace(batch, advantages=by_step.roll(-1, dims=1).reshape(batch.advantages.shape))


class NoBootstrapAtTruncation(PPOPopulation):
    def _valued(self, rollout: Rollout) -> Batch:
        return super()._valued(dataclasses.replace(rollout, terminated=rollout.ended))


@dataclass(frozen=True)
class Task:
    """Where and how both sides train.

    Attributes:
        name: As on the command line and in the result's file name.
        training: Where they train.
        judging: Where they are evaluated.
        env_steps: Per seed.
        setting: Hyperparameters, the same names on both sides.
        defects: What is planted in ours here.
    """

    name: str
    training: Environment
    judging: Environment
    env_steps: int
    setting: Mapping[str, Value]
    defects: Mapping[str, type[PPOPopulation]] = field(default_factory=dict)


CARTPOLE: dict[str, Value] = {
    "n_envs": 8, "n_steps": 64, "batch_size": 256, "n_epochs": 10, "learning_rate": 2e-3, "gamma": 0.98,
    "ent_coef": 0.1,
}  # fmt: skip
PENDULUM: dict[str, Value] = {
    "n_envs": 8, "n_steps": 128, "batch_size": 128, "n_epochs": 10, "learning_rate": 2e-3, "gamma": 0.9,
    "gae_lambda": 0.9, "anneal_learning_rate": True,
}  # fmt: skip
# Undivided, a value function takes half of the budget to reach the returns, and seeds differ too much to compare.
SCALED = [{"name": "benchmarks.children:TenthReward"}]

TASKS = [
    Task(
        "cartpole", Environment("CartPole-v1"), Environment("CartPole-v1"), 80_000, CARTPOLE,
        {"wrong entropy sign": WrongEntropySign, "advantages off by one": AdvantagesOffByOne},
    ),
    Task(
        "pendulum", Environment("Pendulum-v1", wrappers=SCALED), Environment("Pendulum-v1"), 60_000, PENDULUM,
        {"advantages off by one": AdvantagesOffByOne},
    ),
    Task(
        "pendulum_cut", Environment("Pendulum-v1", wrappers=SCALED, max_episode_steps=25), Environment("Pendulum-v1"),
        100_000, PENDULUM, {"no bootstrap at truncation": NoBootstrapAtTruncation},
    ),
]  # fmt: skip

Scores = dict[str, npt.NDArray[np.float64]]
"""Final return and curve area, one per seed."""


def judge(population: Population, task: Task) -> Scores:
    """Trains to every mark and evaluates there."""
    population.restart(0)
    curve = []
    for number in range(1, CHECKPOINTS + 1):
        population.advance(task.env_steps * number // CHECKPOINTS)
        episodes = EPISODES if number == CHECKPOINTS else CURVE_EPISODES
        returns, _ = population.evaluate(task.judging, episodes, 1.0)
        curve.append(returns[:, 0, :CURVE_EPISODES, 0].mean(axis=1))
    assert not population.diverged.any()
    population.close()
    return {"final return": returns[:, 0, :, 0].mean(axis=1), "curve area": np.mean(curve, axis=0)}


def ours(task: Task, made: type[PPOPopulation] = PPOPopulation) -> Scores:
    configuration = {**PPO.defaults(), **task.setting}
    agents = [Agent(configuration, seed) for seed in range(SEEDS)]
    population = made([PPO.configure(configuration)] * SEEDS, agents, task.training, task.env_steps, "cpu")
    population.initialise()
    return judge(population, task)


def theirs(task: Task, seed: int) -> Scores:
    import torch

    torch.set_num_threads(1)
    library = resolve_algorithm("sb3:PPO")
    agent = Agent({**library.defaults(), **task.setting}, seed)
    return judge(library.population([agent], task.training, task.env_steps), task)


def compare(name: str, mine: Scores, other: Scores, chance: float) -> tuple[list[list[str]], bool]:
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


def run(task: Task, alone: bool) -> bool:
    """Trains all of a task, writes its result, and says whether everything came out as it must."""
    made: dict[str, type[PPOPopulation]] = {"ours": PPOPopulation, **task.defects}
    jobs = [delayed(ours)(task, population) for population in made.values()]
    jobs += [] if alone else [delayed(theirs)(task, seed) for seed in range(SEEDS)]
    done: list[Any] = Parallel(n_jobs=JOBS)(jobs)
    mine = dict(zip(made, done, strict=False))
    others = done[len(made) :] or [mine["ours"]]
    library: Scores = {number: np.concatenate([entry[number] for entry in others]) for number in others[0]}
    chance = float(random_returns(task.judging, range(SEEDS), EPISODES)[0].mean())
    rows, verdicts, right = [], [], True
    for name, scores in mine.items():
        added, holds = compare(name, scores, library, chance)
        rows += added
        right &= holds is (name == "ours")
        verdicts.append(f"{name} {'holds' if holds else 'fails'}")
    header = ["ours", "number", "mean ± sd", "Stable-Baselines3", "random", "difference [95 %]", "allowed", "above"]
    text = (
        f"# PPO's returns against Stable-Baselines3's: {task.name}\n\n{table(header, rows)}\n\n"
        f"{SEEDS} seeds each. `allowed`: {MARGIN:.0%} of the distance from random to Stable-Baselines3, below which "
        f"the interval must not reach. {task.env_steps:,} env steps of {task.training.describe()}, judged on "
        f"{task.judging.describe()}, {dict(task.setting)}, elsewhere the library's defaults.\n\n"
        f"{', '.join(verdicts).capitalize()}: {'as it must be' if right else 'MISSED'}."
    )
    if alone:
        print(text, flush=True)
    else:
        write_result(f"ppo_returns_{task.name}", text)
    return right


def main(arguments: Sequence[str]) -> int:
    alone, chosen = "--ours" in arguments, [name for name in arguments if name != "--ours"]
    results = [run(task, alone) for task in TASKS if not chosen or task.name in chosen]
    return 0 if alone or (results and all(results)) else 1


if __name__ == "__main__" and in_child():
    raise SystemExit(main(sys.argv[1:]))
