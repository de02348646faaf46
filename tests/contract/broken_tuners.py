"""A sound tuner from outside the package, and broken ones, one or more for each property."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import optuna

from autorl.errors import InvalidInput
from autorl.space import SearchSpace
from autorl.tuners import Outcome, Proposal, Tuner
from autorl.tuners.optuna_tuners import NSGA2, Random

__all__ = ["DEFECTS", "Sound"]

Drawn = dict[str, float | int | str]


class Sound(Tuner):
    """Uniform draws from generators of its own; the broken ones change one thing each."""

    name: ClassVar[str] = "sound"
    summary: ClassVar[str] = "uniform draws"

    def draw(self, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, number])

    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        return [Proposal(number, self.vector(self.draw(number))) for number in numbers]

    def vector(self, generator: np.random.Generator) -> Drawn:
        vector: Drawn = {}
        for one in self.space.coordinates:
            if one.kind == "unit":
                vector[one.name] = float(generator.random())
            elif one.kind == "index":
                vector[one.name] = int(generator.integers(one.size))
            else:
                vector[one.name] = one.labels[int(generator.integers(len(one.labels)))]
        return vector

    def accept(self, proposal: Proposal) -> None:
        """Remembers nothing."""

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Remembers nothing."""


class OutOfRange(Sound):
    def vector(self, generator: np.random.Generator) -> Drawn:
        return {name: 1.5 if isinstance(value, float) else value for name, value in super().vector(generator).items()}


class NumPyScalars(Sound):
    def vector(self, generator: np.random.Generator) -> Drawn:
        values = super().vector(generator).items()
        return {name: np.float64(value) if isinstance(value, float) else value for name, value in values}


class WrongNumbers(Sound):
    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        return [Proposal(index, self.vector(self.draw(number))) for index, number in enumerate(numbers)]


class NotJSON(Sound):
    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        return [Proposal(one.number, one.vector, {"pair": (1, 2)}) for one in super().ask(numbers)]


class Copies(Sound):
    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        return [Proposal(number, self.vector(self.draw(numbers[0]))) for number in numbers]


class SeedIgnored(Sound):
    def draw(self, number: int) -> np.random.Generator:
        return np.random.default_rng(number)


class ReadsGlobals(Sound):
    def draw(self, number: int) -> np.random.Generator:
        return np.random.default_rng(np.random.get_state()[1][:4].tolist())  # type: ignore[index]  # noqa: NPY002  # the global generator is what is broken here


class MovesGlobals(Sound):
    def draw(self, number: int) -> np.random.Generator:
        random.random()
        return super().draw(number)


class SharesState(Sound):
    asks: ClassVar[list[int]] = []

    def draw(self, number: int) -> np.random.Generator:
        self.asks.append(number)
        return np.random.default_rng([self.seed, len(self.asks)])


class HiddenState(Sound):
    def __init__(self, space: SearchSpace, objectives: int, seed: int) -> None:
        super().__init__(space, objectives, seed)
        self.generator = np.random.default_rng(seed)

    def draw(self, number: int) -> np.random.Generator:
        return self.generator


class CountsTells(Random):
    """Depends on how the past was told: by turns or at once."""

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        super().tell(outcomes)
        self.seed += len(outcomes) ** 2


class StockNSGA2(NSGA2):
    """What Optuna ships, built anew for each ask."""

    def sampler(self, number: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.NSGAIISampler(population_size=5, seed=self.ask_seed(number))


class HashOrdered(Sound):
    def draw(self, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, number, hash("text") % 2**30])


class Finite(Sound):
    """Sound, with an end; raises if asked for more."""

    def __init__(self, space: SearchSpace, objectives: int, seed: int) -> None:
        super().__init__(space, objectives, seed)
        self.given = 0

    @property
    def size(self) -> int | None:
        return 7

    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        self.given += len(numbers)
        assert self.given <= 7, f"asked for {self.given} of 7"
        return super().ask(numbers)

    def accept(self, proposal: Proposal) -> None:
        self.given += proposal.origin == "tuner"


class RunsOut(Sound):
    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        return super().ask([number for number in numbers if number < 20])


class StopsEarly(Finite):
    """Says 7 and has 5."""

    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        return super().ask(numbers)[: max(0, 5 - self.given)]


class CountsDown(Finite):
    @property
    def size(self) -> int | None:
        return 7 - self.given


class TakesMore(Sound):
    """Says it takes one objective and takes any number."""

    most_objectives: ClassVar[int | None] = 1

    def _check_objectives(self) -> None:
        """Looks at nothing."""


class TakesFewer(Sound):
    """Says it takes any number and refuses two."""

    def _check_objectives(self) -> None:
        super()._check_objectives()
        if self.objectives == 2:
            raise InvalidInput("2 objectives are too many")


class Mute(Sound):
    """Refuses without the number."""

    most_objectives: ClassVar[int | None] = 1

    def _check_objectives(self) -> None:
        if self.objectives != 1:
            raise InvalidInput("wrong number of objectives")


class RefusesLater(Sound):
    """Takes a space with conditions, and stops at the first ask."""

    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        raise InvalidInput("spaces with conditions are not supported")


class NoReason(Sound):
    def __init__(self, space: SearchSpace, objectives: int, seed: int) -> None:
        raise InvalidInput("this space is not supported")


class LovesFailures(Sound):
    """Takes a failure for the best there is."""

    best: Drawn | None = None

    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        self.asked = super().ask(numbers) if self.best is None else [Proposal(one, self.near(one)) for one in numbers]
        return self.asked

    def near(self, number: int) -> Drawn:
        assert self.best is not None
        generator = self.draw(number)
        return {name: min(1.0, float(value) + 0.01 * generator.random()) for name, value in self.best.items()}

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if not outcome.complete:
                self.best = dict(self.asked[-1].vector)


class DeafToConstraints(Random):
    """Says that it uses constraints."""

    uses_constraints: ClassVar[bool] = True


class Stuck(Sound):
    """Tries one corner for ever."""

    def vector(self, generator: np.random.Generator) -> Drawn:
        return {name: 1.0 if isinstance(value, float) else value for name, value in super().vector(generator).items()}


DEFECTS: dict[str, tuple[str, str]] = {
    "OutOfRange": ("valid", r"learning_rate: 1\.5"),
    "NumPyScalars": ("valid", r"learning_rate: np\.float64"),
    "WrongNumbers": ("valid", "proposals for the trials"),
    "NotJSON": ("valid", "not JSON data"),
    "Copies": ("varied", "copies"),
    "SeedIgnored": ("seeded", "seeds 3 and . propose the same"),
    "ReadsGlobals": ("globals", "differs when it runs again"),
    "MovesGlobals": ("globals", "global generators were moved"),
    "SharesState": ("globals", "differs when it runs again"),
    "HiddenState": ("replay", "differs after"),
    "CountsTells": ("replay", "differs after .* all told at the end"),
    "StockNSGA2": ("replay", "differs after"),
    "RunsOut": ("end", "ran out"),
    "StopsEarly": ("end", "instead of|were had"),
    "CountsDown": ("end", "size . became ."),
}
"""Broken tuner -> the check that finds it out, and what that says."""
