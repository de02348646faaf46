"""Random search looked up in the recorded table, without a surrogate: a check of everything else.

A configuration is a recorded one, drawn with replacement; its score is the mean of its recorded scores on the tuning
seeds; the winner's truth is its mean on the unseen half. The best is the highest mean on the unseen half, so that it is
biased upwards by its maximum, and regrets are larger than those against a surrogate.
"""

from __future__ import annotations

import numpy as np

from autorl.seeds import stream
from benchmarks.landscape_data import Landscape
from benchmarks.landscape_surrogate import counted_scores

__all__ = ["look_up"]


def look_up(landscape: Landscape, trials: int, seeds: int, repetitions: int) -> tuple[float, float]:
    """Mean regret and optimism of random search at the last checkpoint, as shares of the range of all means.

    Args:
        landscape: The record.
        trials: Configurations a repetition tries.
        seeds: Tuning seeds of each, at most half of those recorded.
        repetitions: How many to average over; one in which every trial diverged is left out.
    """
    scores, counted = landscape.scores[:, -1], counted_scores(landscape.scores)[:, -1]
    span, half = float(np.ptp(counted.mean(axis=1))), landscape.seeds // 2
    found = []
    for repetition in range(repetitions):
        generator = stream(repetition, "landscape look-up", lineage=landscape.name)
        order = generator.permutation(landscape.seeds)
        tried = generator.integers(len(scores), size=trials)
        ranked = scores[tried][:, order[:half][:seeds]].mean(axis=1)
        if np.isnan(ranked).all():
            continue
        winner = int(np.nanargmax(ranked))
        unseen = counted[:, order[half:]].mean(axis=1)
        truth = unseen[tried[winner]]
        found.append((unseen.max() - truth, ranked[winner] - truth))
    regret, optimism = np.mean(found, axis=0) / span
    return float(regret), float(optimism)
