"""How much of training is the stepping of environments: Gymnasium against EnvPool, side by side on one core.

Run it as `python -m benchmarks.environment_stepping`, with the extra `envpool`. Each row is the time of one env step,
the reset at an episode's end and the gathering of arrays included, with uniformly random actions drawn beforehand. The
rows of an environment are measured in turn, round after round, and the median over rounds is shown, so that a busy
machine slows all alike.

`ours` is the backend `gymnasium`: on CartPole-v1 and Acrobot-v1 a batch in place of the loop, bit for bit the same
environment. `ours, one by one` is the loop, which a wrapper forces. `SyncVectorEnv` is Gymnasium's own loop in the same
autoreset mode; `physics` is the bare loop over the unwrapped environments' `step`, which nothing that calls them one by
one can undercut. The last column is the time of 30,000 env steps of 5 seeds: what the environments alone cost one
configuration of the study `quickstart`'s size.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from autorl.environment import Environment
from autorl.numerics import cpu_capability
from benchmarks.children import in_child, table, write_result

COUNT = 80
STEPS = 200
ROUNDS = 9
ENVIRONMENTS = ("CartPole-v1", "Acrobot-v1", "Pendulum-v1")
LOOPED = [{"name": "OrderEnforcing"}]
"""Adds nothing: what no batch stands for."""
CONFIGURATION_STEPS = 5 * 30_000


def draw_actions(environment: Environment) -> np.ndarray[Any, Any]:
    """Actions for every step of a round, shape (STEPS, COUNT, *action)."""
    space = environment.spaces().action
    generator = np.random.default_rng(0)
    if isinstance(space, gymnasium.spaces.Discrete):
        return generator.integers(0, int(space.n), size=(STEPS, COUNT))
    assert isinstance(space, gymnasium.spaces.Box)
    return generator.uniform(space.low, space.high, size=(STEPS, COUNT, *space.shape)).astype(space.dtype)


def ours(environment: Environment) -> Callable[[Any], object]:
    vector = environment.vector(range(COUNT))
    vector.reset()
    return vector.step


def sync(id: str, checker: bool) -> Callable[[Any], object]:
    vector = SyncVectorEnv(
        [lambda: gymnasium.make(id, disable_env_checker=not checker) for _ in range(COUNT)],
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    vector.reset(seed=list(range(COUNT)))
    return vector.step


def physics(id: str) -> Callable[[Any], object]:
    environments = [gymnasium.make(id).unwrapped for _ in range(COUNT)]
    for seed, environment in enumerate(environments):
        environment.reset(seed=seed)

    def step(actions: Any) -> None:
        for environment, action in zip(environments, actions, strict=True):
            _, _, terminated, _, _ = environment.step(action)
            if terminated:
                environment.reset()

    return step


def measure(sides: dict[str, Callable[[Any], object]], actions: Any) -> dict[str, float]:
    """Median seconds per env step of each side."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, step in sides.items():
            start = time.perf_counter()
            for row in actions:
                step(row)
            seconds[name].append((time.perf_counter() - start) / (STEPS * COUNT))
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    """Measures and writes the page."""
    rows, load = [], os.getloadavg()[0]
    for id in ENVIRONMENTS:
        sides = {
            "ours": ours(Environment(id)),
            "ours, one by one": ours(Environment(id, wrappers=LOOPED)),
            "SyncVectorEnv, no checker": sync(id, checker=False),
            "SyncVectorEnv, as made": sync(id, checker=True),
            "physics": physics(id),
            "ours, EnvPool": ours(Environment(id, backend="envpool")),
        }
        measured = measure(sides, draw_actions(Environment(id)))
        rows += [
            [
                id,
                name,
                *map("{:.2f}".format, (seconds * 1e6, seconds / measured["ours"], seconds * CONFIGURATION_STEPS)),
            ]
            for name, seconds in measured.items()
        ]
    header = ["environment", "stepped by", "us an env step", "of ours", "s a configuration"]
    write_result(
        "environment_stepping",
        f"# Stepping environments, one core\n\n{table(header, rows)}\n\n"
        f"{COUNT} sub-environments, {STEPS} steps a round, medians of {ROUNDS} rounds in turn, {cpu_capability()}; "
        f"load {load:.1f} before. The last column: 30,000 env steps of 5 seeds.",
    )


if __name__ == "__main__" and in_child():
    main()
