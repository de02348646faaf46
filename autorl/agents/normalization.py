"""Running normalisation of observations, one set of statistics per agent."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ObservationNormalizer"]

Array = npt.NDArray[Any]
EPSILON, CLIP = 1e-8, 10.0


class ObservationNormalizer:
    """Shifts and scales observations by the mean and variance seen so far, clipped to [-10, 10].

    As `VecNormalize` of Stable-Baselines3: batches are merged by the parallel algorithm of Chan et al. (1983), from
    mean 0, variance 1 and a count of 1e-4. An agent that does not normalise sees its observations untouched.

    Args:
        enabled: Which agents normalise (M).
        inputs: Length of an observation.
        images: Whether observations are images, which are left to the networks.

    Attributes:
        mean: Shape (M, inputs), float64.
        variance: Shape (M, inputs), float64.
        count: Observations seen (M), float64.
    """

    def __init__(self, enabled: npt.NDArray[np.bool_], inputs: int, images: bool = False) -> None:
        self.enabled, self.images = enabled, images
        self.mean, self.variance = np.zeros((len(enabled), inputs)), np.ones((len(enabled), inputs))
        self.count = np.full(len(enabled), 1e-4)

    def update(self, observations: Array) -> None:
        """Merges observations (M, N, inputs) into the statistics."""
        if not np.count_nonzero(self.enabled):
            return
        # Sums one by one: a reduction's order would be NumPy's choice, which sees the other agents' sizes.
        rows = np.moveaxis(observations, 1, 0).astype(np.float64)
        mean = sum(rows[1:], rows[0]) / len(rows)
        variance = sum(((row - mean) ** 2 for row in rows[1:]), (rows[0] - mean) ** 2) / len(rows)
        old, new = self.count[:, None], float(len(rows))
        total = old + new
        delta = mean - self.mean
        merged = (self.variance * old + variance * new + delta**2 * old * new / total) / total
        self.variance = np.where(self.enabled[:, None], merged, self.variance)
        self.mean = np.where(self.enabled[:, None], self.mean + delta * new / total, self.mean)
        self.count = np.where(self.enabled, self.count + new, self.count)

    def __call__(self, observations: Array) -> npt.NDArray[np.float32 | np.uint8]:
        """Normalised observations (M, N, inputs), float32; images stay bytes."""
        if not np.count_nonzero(self.enabled):
            return observations if self.images else observations.astype(np.float32, copy=False)
        scale = np.sqrt(self.variance + EPSILON)[:, None]
        scaled = ((observations - self.mean[:, None]) / scale).clip(-CLIP, CLIP)
        return np.where(self.enabled[:, None, None], scaled, observations).astype(np.float32)
