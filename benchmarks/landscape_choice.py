"""What a choice among methods is worth on landscapes that it was not made on.

A method that is the best of many on these landscapes owes that to luck in part. So the landscapes are split into halves
in every way: the method with the lowest ratio on one half is chosen, and its ratio on the other half is what counts.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.landscape_table import Sample

__all__ = ["Choice", "choose_elsewhere"]


@dataclass(frozen=True)
class Choice:
    """What choosing on one half and reporting on the other came to.

    Attributes:
        ratio: Mean over splits of the chosen method's ratio on the other half.
        fixed: For each method the same mean, had it been fixed in advance.
        chosen: How often each method was chosen, by place, most often first.
        splits: How many there are.
    """

    ratio: float
    fixed: dict[int, float]
    chosen: dict[int, int]
    splits: int


def choose_elsewhere(samples: Sequence[Sample], baseline: Sample) -> Choice | None:
    """Chooses among the methods that take every landscape of the baseline.

    Args:
        samples: One a method; each is compared over as many repetitions as it has.
        baseline: With at least their repetitions.

    Returns:
        None with fewer than two landscapes or methods: then there is nothing to choose, or nowhere else.
    """
    count = len(baseline.landscapes)
    places = [place for place, one in enumerate(samples) if one.landscapes == baseline.landscapes]
    if count < 2 or len(places) < 2:
        return None
    ours = np.array([samples[place].regret.mean(axis=1) for place in places])
    theirs = np.array([baseline.regret[:, : samples[place].regret.shape[1]].mean(axis=1) for place in places])
    halves = [list(half) for half in itertools.combinations(range(count), count // 2)]
    others = [[row for row in range(count) if row not in half] for half in halves]
    here = np.array([ours[:, half].sum(axis=1) / theirs[:, half].sum(axis=1) for half in halves])
    elsewhere = np.array([ours[:, rows].sum(axis=1) / theirs[:, rows].sum(axis=1) for rows in others])
    best = here.argmin(axis=1)
    return Choice(
        ratio=float(elsewhere[np.arange(len(halves)), best].mean()),
        fixed={place: float(mean) for place, mean in zip(places, elsewhere.mean(axis=0), strict=True)},
        chosen={places[index]: times for index, times in Counter(best.tolist()).most_common()},
        splits=len(halves),
    )
