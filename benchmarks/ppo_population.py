"""How much faster a population trains than Stable-Baselines3's agents one after another, on one core.

Run it as `python -m benchmarks.ppo_population`. Both sides train PPO on CartPole-v1 at the same setting, in the same
process, in turn, round after round; a round's two times make one ratio, so that a busy machine slows both alike, and
medians over rounds are shown. Time is the process's CPU time, one torch thread. Left out on both sides: building
models and environments, the first iteration, and evaluation. Both step the same Gymnasium environments, one by one in
Python; Stable-Baselines3 is spared its `Monitor`.

The share of stepping is measured in a round of its own, by timing every call of the vector environment's `step`. It
bounds what a faster learner could still gain: with it, nothing can be faster than the last column's ratio.

Exit code 1 if ten agents are less than five times as fast.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from autorl.environment import Environment
from autorl.environment.gymnasium_backend import GymnasiumVector
from autorl.numerics import cpu_capability
from autorl.population import resolve_algorithm
from autorl.records import Agent
from benchmarks.children import in_child, table, write_result

SETTING: dict[str, Any] = {
    "n_steps": 32, "n_epochs": 20, "batch_size": 256, "learning_rate": 1e-3, "gamma": 0.98, "gae_lambda": 0.8,
}  # fmt: skip
ENVIRONMENTS, WIDTH, DEPTH = 8, 64, 2
ITERATION = ENVIRONMENTS * 32
ITERATIONS = 10
ROUNDS = {1: 7, 10: 5, 30: 3}
WANTED_OF_TEN = 5.0


@dataclass
class Clock:
    """CPU seconds, in all and inside `step`."""

    seconds: float = 0.0
    stepping: float = 0.0


def ours(agents: int, clock: Clock) -> None:
    """Trains a population for some iterations."""
    ppo = resolve_algorithm("ppo")
    configuration = {**ppo.defaults(), **SETTING, "n_envs": ENVIRONMENTS, "width": WIDTH, "depth": DEPTH}
    horizon = (ITERATIONS + 1) * ITERATION
    population = ppo.population(
        [Agent(configuration, seed) for seed in range(agents)], Environment("CartPole-v1"), horizon
    )
    population.restart(0)
    population.advance(ITERATION)
    timed(lambda: population.advance(horizon), clock)
    assert [costs.env_steps for costs in population.costs()] == [horizon] * agents
    assert [costs.gradient_updates for costs in population.costs()] == [20 * (ITERATIONS + 1)] * agents
    population.close()


def theirs(agents: int, clock: Clock) -> None:
    """Trains Stable-Baselines3's agents one after another."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv

    for seed in range(agents):
        vector = DummyVecEnv([Environment("CartPole-v1").make] * ENVIRONMENTS)
        # The policy's layers, 64 x 64 with tanh, are the library's default.
        model = PPO("MlpPolicy", vector, seed=seed, device="cpu", **SETTING)
        model.learn(ITERATION, log_interval=None)
        timed(lambda: model.learn(ITERATIONS * ITERATION, log_interval=None, reset_num_timesteps=False), clock)  # noqa: B023
        assert model.num_timesteps == (ITERATIONS + 1) * ITERATION
        vector.close()


def timed(work: Callable[[], object], clock: Clock) -> None:
    before = time.process_time()
    work()
    clock.seconds += time.process_time() - before


def with_stepping(side: Callable[[int, Clock], None], made: Any, agents: int) -> float:
    """The share of time inside `step` of a vector environment's class."""
    clock, step = Clock(), made.step

    def counted(*arguments: Any) -> Any:
        before = time.process_time()
        result = step(*arguments)
        clock.stepping += time.process_time() - before
        return result

    made.step = counted
    try:
        side(agents, clock)
    finally:
        made.step = step
    # The first iteration's steps are counted in `stepping`, but not in `seconds`.
    return clock.stepping / clock.seconds * ITERATIONS / (ITERATIONS + 1)


def main() -> int:
    import torch
    from stable_baselines3 import __version__ as library_version
    from stable_baselines3.common.vec_env import DummyVecEnv

    rows, ratio_of_ten = [], 0.0
    for agents, rounds in ROUNDS.items():
        speeds: dict[str, list[float]] = {"ours": [], "theirs": []}
        for _ in range(rounds):
            for name, side in (("ours", ours), ("theirs", theirs)):
                clock = Clock()
                side(agents, clock)
                speeds[name].append(agents * ITERATIONS * ITERATION / clock.seconds)
        ratios = sorted(mine / other for mine, other in zip(speeds["ours"], speeds["theirs"], strict=True))
        ratio = statistics.median(ratios)
        ratio_of_ten = ratio if agents == 10 else ratio_of_ten
        share, their_share = with_stepping(ours, GymnasiumVector, agents), with_stepping(theirs, DummyVecEnv, agents)
        rows.append(
            [
                str(agents),
                f"{statistics.median(speeds['ours']):,.0f}",
                f"{statistics.median(speeds['theirs']):,.0f}",
                f"{ratio:.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})",
                f"{share:.0%}",
                f"{their_share:.0%}",
                f"{ratio / share:.1f}",
            ]
        )
    header = ["agents", "ours", "Stable-Baselines3", "ratio (range)", "stepping, ours", "stepping, theirs", "bound"]
    missed = ratio_of_ten < WANTED_OF_TEN
    write_result(
        "ppo_population",
        f"# PPO on CartPole-v1: env steps of all agents per CPU second, one core\n\n{table(header, rows)}\n\n"
        f"Medians of {', '.join(f'{rounds} rounds ({agents})' for agents, rounds in ROUNDS.items())}; "
        f"{ITERATIONS} iterations of {ITERATION} env steps after a first one; {ENVIRONMENTS} environments, {SETTING}, "
        f"{DEPTH} layers of {WIDTH} tanh units. Evaluation is left out on both sides. `stepping` is the share of time "
        f"inside the vector environment's `step`; `bound` is the ratio if all the rest of ours took no time.\n\n"
        f"torch {torch.__version__}, Stable-Baselines3 {library_version}, {cpu_capability()}. Wanted with ten agents: "
        f"at least {WANTED_OF_TEN}. {'MISSED' if missed else 'Met'}: {ratio_of_ten:.1f}.",
    )
    return int(missed)


if __name__ == "__main__" and in_child():
    raise SystemExit(main())
