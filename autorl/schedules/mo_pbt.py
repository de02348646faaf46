"""`mo_pbt`: population based training of a front.

Source: A. Dushatskiy et al. 2023, Multi-objective population based training (arXiv 2306.01436): members are ranked by
non-dominated sorting, and within a front by greedy scattered subset selection. Deviations: those of `pbt`; a front's
choice starts from each objective's best, the first objective first, where the original draws the objective it starts
with. With one objective this is `pbt`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from autorl.pareto import non_dominated_ranks
from autorl.records import FloatArray, Trial
from autorl.schedules.pbt import PBT
from autorl.schedules.ranking import ranked

__all__ = ["MOPBT", "scattering"]


class MOPBT(PBT):
    """Populations spread along a front; the options are those of `pbt`."""

    name: ClassVar[str] = "mo_pbt"
    summary: ClassVar[str] = "population based training for several objectives: spreads its members along the front"

    def rank(self, trials: Sequence[Trial]) -> list[Trial]:
        """The complete trials, best first; within a front scattered ones first."""
        return ranked(trials, scattering)


def scattering(losses: FloatArray) -> FloatArray:
    """How early greedy scattered subset selection takes each row of a front, the earliest largest.

    Each objective's best first, then whoever is farthest from all taken so far, in the objectives scaled to [0, 1] over
    the front. Ties go to the lower row.

    Args:
        losses: Shape (n, objectives).

    Returns:
        Shape (n,); values compare within a front alone.
    """
    early, ranks = np.zeros(len(losses)), non_dominated_ranks(losses)
    for rank in np.unique(ranks):
        members = np.flatnonzero(ranks == rank)
        front = losses[members]
        span = np.ptp(front, axis=0)
        front = (front - front.min(axis=0)) / np.where(span > 0, span, 1.0)
        taken = list(dict.fromkeys(int(best) for best in losses[members].argmin(axis=0)))
        while len(taken) < len(members):
            near = np.linalg.norm(front[:, None] - front[taken], axis=2).min(axis=1)
            near[taken] = -1.0
            taken.append(int(near.argmax()))
        early[members[taken]] = -np.arange(len(members), dtype=np.float64)
    return early
