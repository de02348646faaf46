"""Fronts of losses: dominance, ranks, crowding, hypervolume, and a choice of few members.

Losses, to be minimised, are an array of shape (n, objectives). Rows that are not finite are refused, since no front can
be told with them. Nothing here rounds: equal means equal bits, except where two hypervolume contributions are compared.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autorl.errors import InvalidInput
from autorl.records import FloatArray

__all__ = [
    "crowding_distance",
    "dominates",
    "hypervolume",
    "non_dominated",
    "non_dominated_ranks",
    "select_by_hypervolume",
    "total_violation",
    "undominated",
]

REFERENCE = 1.1
"""The reference of `select_by_hypervolume`, in every objective, on losses scaled to [0, 1]."""
TIE = 1e-12
"""Contributions this close count as tied: they are differences of sums of about 1 and carry their rounding."""


def _table(losses: npt.ArrayLike) -> FloatArray:
    table = np.asarray(losses, dtype=np.float64)
    if table.ndim == 1 and table.size == 0:
        return table.reshape(0, 0)
    if table.ndim != 2 or (table.shape[0] and not table.shape[1]):
        raise InvalidInput(f"losses of shape {table.shape} received; a table of shape (n, objectives) is needed")
    wrong = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if wrong.size:
        row = int(wrong[0])
        raise InvalidInput(f"row {row} of the losses is {table[row].tolist()}; every loss must be finite")
    return table


def _scaled(table: FloatArray) -> FloatArray:
    """Each column to [0, 1] over its range; a constant column becomes 0. Halved first, so that no range overflows."""
    half = table / 2
    low = half.min(axis=0)
    span = half.max(axis=0) - low
    scaled: FloatArray = (half - low) / np.where(span > 0, span, 1.0)
    return scaled


def dominates(first: npt.ArrayLike, second: npt.ArrayLike) -> bool:
    """Whether `first` is nowhere worse than `second` and somewhere better; both of shape (objectives,).

    Raises:
        InvalidInput: If the shapes differ or a loss is not finite.
    """
    shapes = np.shape(first), np.shape(second)
    if shapes[0] != shapes[1] or len(shapes[0]) != 1:
        raise InvalidInput(f"losses of shapes {shapes[0]} and {shapes[1]} received; both must be (objectives,)")
    pair = _table(np.stack([np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)]))
    return bool((pair[0] <= pair[1]).all() and (pair[0] < pair[1]).any())


def non_dominated(losses: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which rows no other row dominates; every copy of such a row is kept.

    Args:
        losses: Shape (n, objectives).

    Returns:
        Shape (n,).

    Raises:
        InvalidInput: If the table has another shape or a row is not finite.
    """
    table = _table(losses)
    kept = np.ones(len(table), dtype=np.bool_)
    # In lexicographic order a row can be dominated by earlier rows only, so each one still kept is on the front.
    for row in np.lexsort(table.T[::-1]) if table.size else ():
        if kept[row]:
            kept &= ~((table[row] <= table).all(axis=1) & (table[row] < table).any(axis=1))
    return kept


def undominated(returns: FloatArray) -> FloatArray:
    """The front of returns, which are maximised: the rows that no row dominates, each once, in lexicographic order.

    Args:
        returns: Shape (n, rewards).

    Raises:
        InvalidInput: If the table has another shape or a row is not finite.
    """
    return np.unique(returns[non_dominated(-returns)], axis=0)


def non_dominated_ranks(losses: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The number of the front each row belongs to: 0 on the front, 1 on the front of the rest, and so on.

    Args:
        losses: Shape (n, objectives).

    Returns:
        Shape (n,).

    Raises:
        InvalidInput: If the table has another shape or a row is not finite.
    """
    table = _table(losses)
    if table.shape[1] == 1:  # every value is a front of its own, and peeling off thousands takes a minute
        return np.unique(table[:, 0], return_inverse=True)[1].astype(np.int64)
    ranks = np.zeros(len(table), dtype=np.int64)
    left = np.arange(len(table))
    rank = 0
    while left.size:
        front = non_dominated(table[left])
        ranks[left[front]] = rank
        left = left[~front]
        rank += 1
    return ranks


def crowding_distance(losses: npt.ArrayLike) -> FloatArray:
    """How much room each row has on its own front; larger is lonelier, the ends of an objective are infinite.

    Per front and objective, a row gains the distance between its two neighbours, divided by the front's range (Deb
    et al. 2002, A fast and elitist multiobjective genetic algorithm: NSGA-II). Rows tied in an objective stand in
    the order of their numbers. An objective that is constant over a front adds nothing, where the original divides
    by zero; a front of one or two rows is infinite throughout.

    Args:
        losses: Shape (n, objectives).

    Returns:
        Shape (n,).

    Raises:
        InvalidInput: If the table has another shape or a row is not finite.
    """
    table = _table(losses)
    distance = np.zeros(len(table))
    ranks = non_dominated_ranks(table)
    by_rank = np.argsort(ranks, kind="stable")
    for members in np.split(by_rank, np.flatnonzero(np.diff(ranks[by_rank])) + 1):
        if members.size <= 2:
            distance[members] = np.inf
            continue
        for column in _scaled(table[members]).T:
            order = np.argsort(column, kind="stable")
            ordered = column[order]
            if ordered[0] == ordered[-1]:
                continue
            distance[members[order[[0, -1]]]] = np.inf
            distance[members[order[1:-1]]] += ordered[2:] - ordered[:-2]
    return distance


def hypervolume(losses: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """The exact volume that a set of points dominates below a reference point, by `moocore`.

    Points that are not below the reference in every objective add nothing.

    Args:
        losses: Shape (n, objectives); dominated points and copies are allowed.
        reference: Shape (objectives,).

    Raises:
        InvalidInput: If the shapes do not fit or a number is not finite.
    """
    table = _table(losses)
    corner = np.asarray(reference, dtype=np.float64)
    if corner.ndim != 1 or not corner.size or not np.isfinite(corner).all():
        raise InvalidInput(f"reference {corner.tolist()!r} received; one finite number per objective is needed")
    if table.shape[1] not in (0, corner.size):
        raise InvalidInput(
            f"reference {corner.tolist()!r} has {corner.size} number(s) for losses of {table.shape[1]} objective(s)"
        )
    inside = table[(table < corner).all(axis=1)] if table.size else table
    if not inside.size:
        return 0.0
    import moocore  # type: ignore[import-untyped]  # ships no types

    return float(moocore.hypervolume(inside, ref=corner))


def total_violation(violations: npt.ArrayLike) -> FloatArray:
    """How far each row is from holding every constraint: 0 exactly if it holds them all, else above 0.

    The sum over constraints of max(0, violation), each divided by the largest such violation among the rows, so that
    units do not matter: the normalised violation of constrained domination (Deb et al. 2002, section VI; the division
    by the largest is that of Venkatraman and Yen 2005). It compares rows of one table and of no other.

    Args:
        violations: Shape (n, constraints), 0 or below where a constraint holds; without constraints (n, 0).

    Returns:
        Shape (n,).

    Raises:
        InvalidInput: If the table has another shape or a row is not finite.
    """
    table = np.asarray(violations, dtype=np.float64)
    if table.size == 0:
        return np.zeros(len(table))
    positive = np.maximum(_table(table), 0.0)
    scaled = positive / np.where(positive.max(axis=0) > 0, positive.max(axis=0), 1.0)
    scaled[positive > 0] = np.maximum(scaled[positive > 0], np.finfo(np.float64).tiny)  # the division may round to 0
    total: FloatArray = scaled.sum(axis=1)
    return total


def select_by_hypervolume(losses: npt.ArrayLike, count: int) -> list[int]:
    """At most `count` members of the front that represent it.

    First each objective's best, then greedily whoever adds most hypervolume to those chosen, on losses scaled to
    [0, 1] over the front and with reference 1.1. Ties go to the lower number. Copies of a member add nothing and so
    come last.

    Args:
        losses: Shape (n, objectives); rows that are dominated are never chosen.
        count: How many to choose, at least 1.

    Returns:
        Row numbers in the order of choice; all of the front if it has no more than `count` members.

    Raises:
        InvalidInput: If `count` is below 1, the table has another shape or a row is not finite.
    """
    if count < 1:
        raise InvalidInput(f"{count} members of the front asked for; at least 1 is needed")
    table = _table(losses)
    members = np.flatnonzero(non_dominated(table))
    if not members.size:
        return []
    front = _scaled(table[members])
    reference = np.full(front.shape[1], REFERENCE)
    # The best of an objective is taken on the losses themselves: scaling may round two of them together.
    chosen = list(dict.fromkeys(int(best) for best in table[members].argmin(axis=0)))[:count]
    left = [row for row in range(len(front)) if row not in chosen]
    while left and len(chosen) < count:
        volumes = [hypervolume(front[[*chosen, row]], reference) for row in left]
        threshold = max(volumes) - TIE
        chosen.append(left.pop(next(place for place, volume in enumerate(volumes) if volume >= threshold)))
    return [int(members[row]) for row in chosen]
