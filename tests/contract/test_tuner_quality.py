"""That a tuner which learns is better than one that does not; `random` is the negative control."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import numpy as np

from autorl.pareto import hypervolume
from autorl.space import SearchSpace
from autorl.tuners import Outcome, Vector, build_tuner

Problem = Callable[[Vector], tuple[float, ...]]
LINE = SearchSpace.load({"x": {"float": [0.0, 1.0], "default": 0.5}})
BOX = SearchSpace.load({f"x{index}": {"float": [0.0, 1.0], "default": 0.5} for index in range(4)})


def quadratic(vector: Vector) -> tuple[float, ...]:
    """Least 0 at 0.3."""
    return ((float(vector["x"]) - 0.3) ** 2,)


def zdt1(vector: Vector) -> tuple[float, ...]:
    """The first problem of Zitzler, Deb and Thiele (2000); its front is f2 = 1 - sqrt(f1)."""
    first, *rest = (float(value) for value in vector.values())
    scale = 1 + 9 * float(np.mean(rest))
    return first, scale * (1 - (first / scale) ** 0.5)


def scores(name: str, space: SearchSpace, problem: Problem, seed: int, trials: int, batch: int) -> np.ndarray:
    objectives = len(problem(space.encode(space.default())))
    tuner = build_tuner(name, space, objectives, seed)
    losses = []
    for first in range(0, trials, batch):
        asked = tuner.ask(range(first, first + batch))
        told = [Outcome(proposal.number, problem(proposal.vector)) for proposal in asked]
        tuner.tell(told)
        losses += [one.losses for one in told]
    return np.array(losses)


def median_regret(name: str) -> float:
    return statistics.median(float(scores(name, LINE, quadratic, seed, 60, 1).min()) for seed in range(9))


def median_hypervolume(name: str) -> float:
    return statistics.median(
        hypervolume(scores(name, BOX, zdt1, seed, 96, 4), np.array([1.1, 6.0])) for seed in range(5)
    )


def test_tpe_halves_the_regret_of_random_draws() -> None:
    assert median_regret("tpe") <= 0.5 * median_regret("random")


def test_nsga2_and_tpe_cover_more_of_zdt1_than_random_draws() -> None:
    """The front itself covers 1.1 * 6 - integral of (1 - sqrt f) over [0, 1] = 6.6 - 1/3 = 6.27."""
    drawn = median_hypervolume("random")
    assert drawn < 6.6 - 1 / 3
    assert drawn < median_hypervolume("nsga2") < 6.6 - 1 / 3
    assert drawn < median_hypervolume("tpe") < 6.6 - 1 / 3
