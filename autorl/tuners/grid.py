"""`grid`: every combination of a few values of each hyperparameter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from autorl.checks import check_whole
from autorl.errors import InvalidInput, UnknownName
from autorl.records import Value
from autorl.seeds import stream
from autorl.space import SearchSpace
from autorl.space.hyperparameters import Hyperparameter, Position
from autorl.tuners.base import Proposal, Vector
from autorl.tuners.finite import FiniteTuner

__all__ = ["Grid"]

LARGEST = 100_000
"""Configurations beyond which a grid is refused."""


class Grid(FiniteTuner):
    """Tries every combination: all choices, and of each number some points that are even on its scale, ends included.

    An integer with fewer values than points takes them all; one point is the default. Points divide what relations
    leave of a range. What is inactive multiplies nothing, and a configuration that two combinations lead to is tried
    once. For values of your own, declare the hyperparameter as `ordered` in the space.

    Args:
        space: What to search.
        objectives: How many losses a trial has.
        seed: The tuner's seed, which orders a shuffled grid.
        points: Per number, or hyperparameter -> points; numbers not named then take 3.
        shuffle: Whether the order is drawn, so that a study that ends early has tried a random subset. Otherwise the
            first hyperparameter of the space changes slowest.

    Raises:
        UnknownName: If `points` names something the space does not search.
        InvalidInput: If `points` names a choice or is no whole number from 1 to 100,000, or the grid has more than
            100,000 configurations.
    """

    name: ClassVar[str] = "grid"
    summary: ClassVar[str] = "every combination of a few values of each hyperparameter, in random order"

    def __init__(
        self,
        space: SearchSpace,
        objectives: int,
        seed: int,
        *,
        points: int | Mapping[str, int] = 3,
        shuffle: bool = True,
    ) -> None:
        super().__init__(space, objectives, seed)
        self._vectors = self._product(self._axes(points))
        if shuffle:
            order = stream(seed, f"tuner {self.name}").permutation(len(self._vectors))
            self._vectors = [self._vectors[place] for place in order.tolist()]

    @classmethod
    def examples(cls, space: SearchSpace) -> Sequence[Mapping[str, object]]:
        """Four points a number."""
        return ({"points": 4},)

    @property
    def vectors(self) -> Sequence[Vector]:
        """The grid in the order it is tried."""
        return self._vectors

    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        """The next vectors, each at the centre of its cells."""
        proposals = super().ask(numbers)
        return [replace(one, vector=self.space.encode(self.space.decode(one.vector))) for one in proposals]

    def _axes(self, points: int | Mapping[str, int]) -> dict[str, list[Position]]:
        """Hyperparameter -> its positions, increasing."""
        known = {one.name: one for one in self.space.hyperparameters}
        numbers = {one.name: 3 for one in self.space.coordinates if one.kind == "unit"}
        choices = [one.name for one in self.space.coordinates if one.kind != "unit"]
        given = points if isinstance(points, Mapping) else dict.fromkeys(numbers, points)
        for name, count in given.items():
            if name in choices:
                raise InvalidInput(
                    f"tuner {self.name!r}: points: {name!r} is a choice, which takes all its values, and not {count!r}"
                )
            if name not in numbers:
                raise UnknownName("hyperparameter", name, [*numbers, *choices], f"tuner {self.name!r}: points")
            check_whole(f"tuner {self.name!r}: points of {name!r}", count, 1, LARGEST)
        counts = {**dict.fromkeys(choices, 1), **numbers, **given}
        return {one.name: self._positions(known[one.name], counts[one.name]) for one in self.space.coordinates}

    def _positions(self, one: Hyperparameter[Any], count: int) -> list[Position]:
        values, whole = one.some_values(one.range, count)
        if whole:
            return [one.encode(value, one.range) for value in values]
        return [one.encode(one.default, one.range)] if count == 1 else [i / (count - 1) for i in range(count)]

    def _product(self, axes: Mapping[str, Sequence[Position]]) -> list[Vector]:
        """One vector per distinct configuration, the first axis changing slowest.

        The product is built one axis at a time. Positions that make no difference after a beginning, since the axis is
        inactive there or relations narrow its range, become one; whether they do depends on few other axes.
        """
        rest = self.space.encode(self.space.default())
        found: list[Vector] = [{}]
        for name, positions in axes.items():
            decisive = [other for other in self.space.decisive(name) if other != name and other in axes]
            distinct: dict[tuple[Position, ...], list[Position]] = {}
            longer: list[Vector] = []
            for beginning in found:
                place = tuple(beginning.get(other, rest[other]) for other in decisive)
                if place not in distinct:
                    distinct[place] = self._distinct(name, positions, {**rest, **beginning})
                longer += [{**beginning, name: position} for position in distinct[place]]
                if len(longer) > LARGEST:
                    raise InvalidInput(
                        f"tuner {self.name!r}: the grid has {math.prod(map(len, axes.values())):,} combinations and "
                        f"more than {LARGEST:,} configurations, which is too many; lower `points`, or fix some "
                        f"hyperparameters"
                    )
            found = longer
        return found

    def _distinct(self, name: str, positions: Sequence[Position], vector: Vector) -> list[Position]:
        """Of positions that lead to the same value, or are all inactive, the first."""
        found: dict[tuple[type, Value | None], Position] = {}
        for position in positions:
            value = self.space.decode({**vector, name: position}).get(name)
            found.setdefault((type(value), value), position)  # the type, since True equals 1
        return list(found.values())
