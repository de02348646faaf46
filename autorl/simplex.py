"""Weight vectors: non-negative numbers that add up to 1, spread evenly over what matters how much."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence

import numpy as np

from autorl.errors import InvalidInput
from autorl.records import FloatArray

__all__ = ["MAX_VECTORS", "lattice", "lattice_at_least", "simplex_weights", "weight_table", "weight_vector"]

ENERGY_SEED = 1
"""The seed with which pymoo begins to spread a number of vectors that no lattice has."""
MAX_VECTORS = 100_000
"""The most weight vectors there may be."""


def lattice(partitions: int, rewards: int) -> FloatArray:
    """The simplex lattice of Das and Dennis (1998): every vector of multiples of 1 / partitions.

    Equal to pymoo's "das-dennis" directions; of two rewards they are `numpy.linspace(0, 1, partitions + 1)`, up to
    rounding, and its complement.

    Args:
        partitions: Steps from 0 to 1, at least 1.
        rewards: Length of a vector, at least 2.

    Returns:
        Shape (math.comb(partitions + rewards - 1, rewards - 1), rewards), in lexicographic order.
    """
    bars = itertools.combinations(range(partitions + rewards - 1), rewards - 1)
    edges = np.array([(-1, *places, partitions + rewards - 1) for places in bars])
    return np.asarray((np.diff(edges, axis=1) - 1) / partitions, dtype=np.float64)


def lattice_at_least(count: int, rewards: int) -> FloatArray:
    """The smallest lattice of at least so many vectors.

    Args:
        count: At least 1.
        rewards: Length of a vector, at least 2.
    """
    return lattice(_partitions(count, rewards), rewards)


def _partitions(count: int, rewards: int) -> int:
    return next(steps for steps in itertools.count(1) if math.comb(steps + rewards - 1, rewards - 1) >= count)


@functools.lru_cache(maxsize=64)
def _spread(count: int, rewards: int) -> tuple[tuple[float, ...], ...]:
    steps = _partitions(count, rewards)
    if math.comb(steps + rewards - 1, rewards - 1) == count:
        return tuple(map(tuple, lattice(steps, rewards).tolist()))
    from pymoo.util.ref_dirs import get_reference_directions

    found = get_reference_directions("energy", rewards, count, seed=ENERGY_SEED)
    return tuple(map(tuple, np.asarray(found, dtype=np.float64).tolist()))


def simplex_weights(count: int, rewards: int) -> FloatArray:
    """A number of evenly spread weight vectors, always the same ones.

    The lattice of that size where there is one: always for two rewards, 3, 6, 10, 15, 21, 28 ... vectors for three.
    Else the vectors of least Riesz s-energy (Blank et al. 2021, Generating well-spaced points on a unit simplex for
    evolutionary many-objective optimization) as pymoo finds them, which takes seconds, once a process.

    Args:
        count: At least as many as there are rewards, so that each reward has a vector of its own.
        rewards: Length of a vector, at least 2.

    Returns:
        Shape (count, rewards); rows are non-negative and add up to 1 up to rounding.

    Raises:
        InvalidInput: If a number is out of range.
    """
    if rewards < 2:
        raise InvalidInput(f"weights over {rewards} reward(s) asked for; weighing takes at least 2")
    if not rewards <= count <= MAX_VECTORS:
        raise InvalidInput(
            f"{count} weight vectors for {rewards} rewards asked for; it takes {rewards} to {MAX_VECTORS}, "
            f"so that each reward has a vector of its own"
        )
    return np.array(_spread(count, rewards))


def weight_vector(given: object, where: str) -> FloatArray:
    """A weight vector as somebody wrote it: at least two numbers, none negative, not all 0.

    It need not add up to 1: (1, 1) weighs two rewards equally and gives their sum.

    Raises:
        InvalidInput: If it is something else.
    """
    numbers = given.tolist() if isinstance(given, np.ndarray) else given
    if isinstance(numbers, str) or not isinstance(numbers, Sequence) or len(numbers) < 2:
        raise InvalidInput(f"{where}: {given!r} is no list of at least 2 weights")
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
            raise InvalidInput(f"{where}: {number!r} in {list(numbers)!r} is no finite number")
        if number < 0:
            raise InvalidInput(
                f"{where}: {number!r} in {list(numbers)!r} is negative; a weight says how much a reward matters, and "
                f"one that is to be kept small has its sign in the environment"
            )
    if not any(numbers):
        raise InvalidInput(f"{where}: {list(numbers)!r} weighs nothing; one weight at least must be above 0")
    return np.array([float(number) for number in numbers])


def weight_table(given: object, where: str) -> FloatArray:
    """A list of weight vectors of one length, each divided by its sum; shape (n, rewards).

    Raises:
        InvalidInput: If it is something else, or a vector is refused by `weight_vector`.
    """
    rows = given.tolist() if isinstance(given, np.ndarray) else given
    if isinstance(rows, str) or not isinstance(rows, Sequence) or not rows:
        raise InvalidInput(f"{where}: {given!r} is no list of weight vectors")
    vectors = [weight_vector(row, f"{where}[{index}]") for index, row in enumerate(rows)]
    lengths = sorted({len(vector) for vector in vectors})
    if len(lengths) > 1:
        raise InvalidInput(f"{where}: vectors of lengths {lengths} stand together; all must weigh the same rewards")
    return np.stack([vector / vector.sum() for vector in vectors])
