"""What every algorithm that is conditioned on weights must keep."""

from __future__ import annotations

from typing import Any

import numpy as np

from autorl.agents.preferences import in_scaled_rewards
from autorl.simplex import simplex_weights

__all__ = ["check_that_weights_mean_unscaled_rewards"]


def check_that_weights_mean_unscaled_rewards(made: Any) -> None:
    """Two agents of equal networks act alike, the first for weights and the second for what they are to its rewards.

    Args:
        made: A population of two, of which the first has scaled rewards of Deep Sea Treasure.
    """
    weights = simplex_weights(9, 2)
    scaled = in_scaled_rewards(weights, made.scales)[0].astype(np.float64)
    observations = np.random.default_rng(0).integers(0, 11, (1, 9, 5, 2)).repeat(2, axis=0)
    made.reward_weights = weights
    first = made.act(observations)[0]
    assert len(np.unique(first)) > 1
    made.reward_weights = scaled
    np.testing.assert_array_equal(first, made.act(observations)[1])
