"""How good the trials of a tuner are, against those of random draws under the same seeds."""

from __future__ import annotations

import functools
import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autorl.pareto import hypervolume
from autorl.space import SearchSpace
from autorl.tuners import Outcome, Vector, bundled_tuners
from tests.contract.tuner_subject import Subject, opened

__all__ = [
    "LINE",
    "MIXED_ZDT1",
    "RANDOM",
    "WINS",
    "ZDT1",
    "Contestant",
    "Problem",
    "contestants",
    "regret_ratio",
    "volume",
    "wins",
]

RANDOM_SEEDS = 61
"""Over how many seeds the median regret of random draws is taken: they cost little, and the ratio rests on it."""
PAIRS, WINS = 10, 8
"""Of so many paired seeds so many must be won."""
EXEMPT = frozenset({"default", "grid", "list", "qmc", "random"})
"""Bundled tuners that do not learn."""


@dataclass(frozen=True)
class Contestant:
    """A tuner as its users meet it.

    Attributes:
        reference: The tuner.
        method: Of its options those that are no numbers, as JSON: they choose a method. Numbers keep their defaults.
    """

    reference: str
    method: str = "{}"

    @property
    def slow(self) -> bool:
        """Whether an ask takes long."""
        return Subject(self.reference).slow

    def takes(self, objectives: int) -> bool:
        """Whether it takes this number of objectives."""
        return Subject(self.reference).takes(objectives)

    def __str__(self) -> str:
        texts = [value.rpartition(":")[2] for value in json.loads(self.method).values() if isinstance(value, str)]
        return "-".join([self.reference.rpartition(":")[2], *texts])


RANDOM = Contestant("random")


def contestants() -> list[Contestant]:
    """Every bundled tuner that learns, with each method its examples name; what is new joins by being there."""
    found = []
    for name, kind in bundled_tuners().items():
        for example in kind.examples(ZDT1.space) if name not in EXEMPT else ():
            method = {option: value for option, value in example.items() if not isinstance(value, (bool, int, float))}
            found.append(Contestant(name, json.dumps(method)))
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class Problem:
    """Losses on a space whose vectors are their own values.

    Attributes:
        name: For test names.
        space: Where it is defined.
        losses: Of a vector.
        reference: The hypervolume's.
        batch: How many are asked at once.
        trials: How many are asked in all.
    """

    name: str
    space: SearchSpace
    losses: Callable[[Vector], tuple[float, ...]]
    reference: tuple[float, ...]
    batch: int
    trials: int

    def __hash__(self) -> int:
        return hash(self.name)


def quadratic(vector: Vector) -> tuple[float, ...]:
    """Least 0 at 0.3."""
    return ((float(vector["x"]) - 0.3) ** 2,)


def zdt1(vector: Vector) -> tuple[float, ...]:
    """The first problem of Zitzler, Deb and Thiele (2000): f2 = 1 - sqrt(f1) where all coordinates but one are 0.

    Of five ordered choices the first is 0 and the last 1; of unordered ones "c" is 0.
    """
    unordered = {"a": 0.5, "b": 0.25, "c": 0.0, "d": 1.0}
    numbers = [
        unordered[value] if isinstance(value, str) else value / 4 if isinstance(value, int) else value
        for value in vector.values()
    ]
    scale = 1 + 9 * float(np.mean(numbers[1:]))
    return numbers[0], scale * (1 - (numbers[0] / scale) ** 0.5)


def unit() -> dict[str, object]:
    return {"float": [0.0, 1.0], "default": 0.5}


LINE = Problem("line", SearchSpace.load({"x": unit()}), quadratic, (1.0,), batch=1, trials=60)
ZDT1 = Problem(
    "zdt1", SearchSpace.load({f"x{index}": unit() for index in range(6)}), zdt1, (1.1, 6.0), batch=4, trials=100
)
MIXED_ZDT1 = Problem(
    "mixed-zdt1",
    SearchSpace.load(
        {
            **{f"x{index}": unit() for index in range(3)},
            "depth": {"ordered": [1, 2, 3, 4, 5], "default": 5},
            "kind": {"choice": ["a", "b", "c", "d"], "default": "a"},
            "other": {"choice": ["a", "b", "c", "d"], "default": "a"},
        }
    ),
    zdt1,
    (1.1, 6.0),
    batch=4,
    trials=100,
)


def tried(one: Contestant, problem: Problem, seed: int) -> npt.NDArray[np.float64]:
    """Losses of all trials, shape (trials, objectives)."""
    objectives = len(problem.reference)
    losses = []
    with opened(one.reference, json.loads(one.method), problem.space, objectives, seed) as tuner:
        for first in range(0, problem.trials, problem.batch):
            asked = tuner.ask(range(first, first + problem.batch))
            told = [Outcome(proposal.number, problem.losses(proposal.vector)) for proposal in asked]
            tuner.tell(told)
            losses += [outcome.losses for outcome in told]
    return np.array(losses)


@functools.cache
def median_regret(one: Contestant, seeds: int) -> float:
    """The median over seeds of the least loss; the least there can be is 0."""
    return statistics.median(float(tried(one, LINE, seed).min()) for seed in range(seeds))


def regret_ratio(one: Contestant, seeds: int) -> float:
    """Median simple regret as a share of random draws'."""
    return median_regret(one, seeds) / median_regret(RANDOM, RANDOM_SEEDS)


@functools.cache
def volume(one: Contestant, problem: Problem, seed: int) -> float:
    """What a tuner's trials dominate."""
    return hypervolume(tried(one, problem, seed), np.array(problem.reference))


def wins(one: Contestant, problem: Problem) -> Sequence[int]:
    """Paired seeds in which a tuner's trials dominate more than random draws; ends when enough are won or lost."""
    won, lost = [], 0
    for seed in range(PAIRS):
        if volume(one, problem, seed) > volume(RANDOM, problem, seed):
            won.append(seed)
        else:
            lost += 1
        if len(won) == WINS or lost > PAIRS - WINS:
            break
    return won
