"""Configurations looked at before any training: corners of a space, a grid of its static part, and a random sample."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator

import numpy as np

from autorl.records import Value
from autorl.seeds import stream
from autorl.space import Coordinate, SearchSpace

__all__ = ["representatives", "sample"]

GRID = 729
"""Points of the grid over static hyperparameters beyond which only its corners, and then a sample, are looked at."""
Entry = float | int | str


def sample(space: SearchSpace, count: int) -> list[dict[str, Value]]:
    """Configurations drawn uniformly from the unit cube; the same ones at every call."""
    found = []
    for index in range(count):
        generator = stream(0, "representatives", index=index)
        found.append(space.decode({entry.name: _drawn(entry, generator) for entry in space.coordinates}))
    return found


def representatives(space: SearchSpace, static: Collection[str], count: int = 64) -> list[dict[str, Value]]:
    """The default, all-low and all-high, a grid over static hyperparameters, and a sample.

    What costs memory or makes an iteration long is static, and its extremes lie at the ends of ranges.

    Args:
        space: The space.
        static: Names of the static hyperparameters.
        count: Size of the sample.
    """
    default = dict(space.encode(space.default()))
    found = [space.default()]
    for end in (0, -1):
        found.append(space.decode({entry.name: _ends(entry, 2)[end] for entry in space.coordinates}))
    found += [space.decode({**default, **point}) for point in _grid(space, static)]
    return found + sample(space, count)


def _grid(space: SearchSpace, static: Collection[str]) -> Iterator[dict[str, Entry]]:
    coordinates = [entry for entry in space.coordinates if entry.name in static]
    for points in (3, 2):
        axes = [_ends(entry, points) for entry in coordinates]
        if math.prod(map(len, axes)) <= GRID:
            for values in itertools.product(*axes):
                yield {entry.name: value for entry, value in zip(coordinates, values, strict=True)}
            return


def _ends(coordinate: Coordinate, points: int) -> list[Entry]:
    if coordinate.kind == "label":
        return list(coordinate.labels)
    if coordinate.kind == "index":
        return list(range(coordinate.size))
    return [float(value) for value in np.linspace(0, 1, points)]


def _drawn(coordinate: Coordinate, generator: np.random.Generator) -> Entry:
    if coordinate.kind == "label":
        return coordinate.labels[int(generator.integers(len(coordinate.labels)))]
    if coordinate.kind == "index":
        return int(generator.integers(coordinate.size))
    return float(generator.random())
