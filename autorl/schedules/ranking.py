"""Who is better: the one order by which trials are promoted, told and selected.

Complete trials come before all others. Feasibility goes first among them (constrained domination, Deb et al. 2002,
NSGA-II, section VI): total violation, then the rank of the front, then crowding, lonelier first;
with one objective, where a front is a tie, nothing is crowded. Ties go by place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from autorl.pareto import crowding_distance, non_dominated_ranks, total_violation
from autorl.records import FloatArray, Trial

__all__ = ["order", "ranked"]

Loneliness = Callable[[FloatArray], FloatArray]
"""Losses of shape (n, objectives) -> how much room each has on its own front (n), larger first."""


def order(
    losses: Sequence[Sequence[float]],
    violations: Sequence[Sequence[float]],
    loneliness: Loneliness = crowding_distance,
) -> list[int]:
    """Places of candidates in order of preference.

    Args:
        losses: Shape (n, objectives), finite.
        violations: Shape (n, constraints), 0 or below where a constraint holds; (n, 0) without constraints.
        loneliness: What decides within a front.
    """
    table, total = np.asarray(losses, dtype=np.float64), total_violation(violations)
    found: list[int] = []
    for violation in np.unique(total):  # of equal total violation losses decide
        members = np.flatnonzero(total == violation)
        own = table[members]
        room = loneliness(own) if table.shape[1] > 1 else np.zeros(len(own))
        places = np.lexsort((members, -room, non_dominated_ranks(own)))
        found += [int(place) for place in members[places]]
    return found


def ranked(trials: Sequence[Trial], loneliness: Loneliness = crowding_distance) -> list[Trial]:
    """The complete trials, best first; ties by number."""
    complete = [trial for trial in trials if trial.complete]
    complete.sort(key=lambda trial: trial.number)
    places = order([trial.losses or () for trial in complete], [trial.violations for trial in complete], loneliness)
    return [complete[place] for place in places]
