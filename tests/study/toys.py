"""Training functions with known results, quick or deliberately bad, for tests of everything around training."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium

import autorl
from autorl.metrics import Direction, Metric
from autorl.metrics.base import curve_means
from autorl.records import Run
from autorl.seeds import stream
from autorl.tuners import Outcome, Proposal, Tuner

SPACE = {
    "x": {"float": [-1.0, 1.0], "default": 0.5},
    "y": {"choice": ["a", "b", "c"], "default": "a"},
}


def value(config: Mapping[str, Any], seed: int) -> float:
    """The score: best at x = 0.2, y = "b", with noise of its own per seed."""
    offset = {"a": 0.1, "b": 0.0, "c": 0.3}[config["y"]]
    noise = 0.01 * float(stream(seed, "toy").standard_normal())
    return 1.0 - (float(config["x"]) - 0.2) ** 2 - offset + noise


@autorl.algorithm(space=SPACE)
def quick(config: Any, environment: Any, seed: int, env_steps: int, report: Any) -> float:
    """Scores at once."""
    return value(config, seed)


@autorl.algorithm(space=SPACE)
def slow(config: Any, environment: Any, seed: int, env_steps: int, report: Any) -> float:
    """Takes a moment."""
    time.sleep(0.05)
    return value(config, seed)


@autorl.algorithm(space=SPACE)
def partly(config: Any, environment: Any, seed: int, env_steps: int, report: Any) -> float:
    """Raises with y = "c", and diverges where x is below -0.5."""
    if config["y"] == "c":
        raise RuntimeError("the simulator refused y = c")
    return float("nan") if config["x"] < -0.5 else value(config, seed)


@autorl.algorithm(space=SPACE)
def broken(config: Any, environment: Any, seed: int, env_steps: int, report: Any) -> float:
    """Always raises."""
    raise OSError("no display found")


@autorl.algorithm(space=SPACE)
def deadly(config: Any, environment: Any, seed: int, env_steps: int, report: Any) -> float:
    """Kills its process with y = "c"."""
    if config["y"] == "c":
        os._exit(9)
    return value(config, seed)


@autorl.algorithm(space=SPACE)
def endless(config: Any, environment: Any, seed: int, env_steps: int, report: Any) -> float:
    """Never comes back with y = "c"."""
    while config["y"] == "c":
        time.sleep(0.05)
    return value(config, seed)


@autorl.algorithm(space=SPACE)
def picky(config: Any, environment: Any, seed: int, env_steps: int, report: Any) -> float:
    """Diverges on every validation seed."""
    return float("nan") if 10_000 <= seed < 20_000 else value(config, seed)


@autorl.algorithm(space=SPACE)
def moody(config: Any, environment: Any, seed: int, env_steps: int, report: Any) -> float:
    """Raises on test seeds as long as there is no file of the name in `TOY_MARKER`."""
    if seed >= 20_000 and not os.path.exists(os.environ["TOY_MARKER"]):
        raise ConnectionError("the licence server is away")
    return value(config, seed)


@autorl.algorithm(space=SPACE)
def late(config: Any, environment: Any, seed: int, env_steps: int, report: Any) -> float:
    """Reports one score at the end and returns another."""
    report(env_steps, 1.0)
    return 2.0


@autorl.algorithm(space=SPACE)
def costly(config: Any, environment: Any, seed: int, env_steps: int, report: Any) -> float:
    """Scores as the others do, and shows its x half-way: that is the cost, equal for all seeds."""
    report(env_steps // 2, float(config["x"]))
    return value(config, seed)


class Cost(Metric):
    """What `costly` shows half-way."""

    name: ClassVar[str] = "cost"
    direction: ClassVar[Direction] = "minimize"

    def per_run(self, run: Run) -> float:
        return float(curve_means(run, self)[0])


class Log(Cost):
    """Not finite where the cost is 0."""

    name: ClassVar[str] = "log"

    def per_run(self, run: Run) -> float:
        cost = super().per_run(run)
        return math.log(cost) if cost else -math.inf


class RaisesAfter(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment that breaks after so many steps of its life."""

    def __init__(self, env: gymnasium.Env[Any, Any], steps: int) -> None:
        super().__init__(env)
        self.left = steps

    def step(self, action: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("worn out")
        return self.env.step(action)


def study(algorithm: str, **changes: Any) -> dict[str, Any]:
    """A study file's content with one of these functions."""
    document: dict[str, Any] = {
        "name": "toy",
        "algorithm": f"tests.study.toys:{algorithm}",
        "environment": "CartPole-v1",
        "budget": {"trials": 8, "env_steps": 1000},
        "batch": 4,
        "seeds": {"tuning": 2, "test": 3},
        "tuner": "random",
        "evaluation": {"checkpoints": 2},
    }
    return {**document, **changes}


class Outside(Tuner):
    """Proposes a vector outside the unit cube."""

    name: ClassVar[str] = "outside"

    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        return [Proposal(number, {**self.space.encode(self.space.default()), "x": 7.0}) for number in numbers]

    def accept(self, proposal: Proposal) -> None:
        pass

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        pass
