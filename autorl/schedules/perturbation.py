"""Explore: how whoever copied another member's weights changes the hyperparameters taken over with them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autorl.records import Configuration, Value
from autorl.space import Coordinate, SearchSpace

__all__ = ["explored"]


def explored(
    space: SearchSpace,
    configuration: Configuration,
    generator: np.random.Generator,
    resample: float,
    perturb: Sequence[float],
) -> dict[str, Value]:
    """A configuration near another one, valid in every respect.

    Each hyperparameter for itself is drawn anew over its range, or else perturbed: a number times one of the factors on
    its own scale, an ordered choice to a neighbour, an unordered one not at all. A hyperparameter that becomes active
    is drawn anew, one that becomes inactive is dropped, and whatever breaks a relation moves to the nearest value that
    holds it. What is drawn does not depend on what is active.

    Args:
        space: What is searched.
        configuration: Where to start.
        generator: Where every draw comes from.
        resample: The probability of drawing a hyperparameter anew.
        perturb: The factors; each is as likely.
    """
    draws = dict(zip(space.coordinates, generator.random((len(space.coordinates), 3)).tolist(), strict=True))
    searched = {coordinate.name: (coordinate, *numbers) for coordinate, numbers in draws.items()}
    values: dict[str, Value] = {}
    for one in space.hyperparameters:
        if one.name not in searched:
            continue
        coordinate, luck, which, place = searched[one.name]
        if one.name in configuration and luck >= resample:
            values[one.name] = one.perturbed(configuration[one.name], perturb[int(which * len(perturb))])
        else:
            values[one.name] = one.decode(_position(coordinate, place), one.range)
    return space.decode(space.encode(values))


def _position(coordinate: Coordinate, place: float) -> float | int | str:
    """The position at a place in [0, 1) of a coordinate."""
    if coordinate.kind == "unit":
        return place
    index = int(place * coordinate.size)
    return index if coordinate.kind == "index" else coordinate.labels[index]
