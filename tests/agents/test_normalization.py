"""Running statistics against those of everything seen."""

from __future__ import annotations

import numpy as np

from autorl.agents.normalization import ObservationNormalizer


def test_statistics_are_those_of_everything_seen() -> None:
    generator = np.random.default_rng(0)
    normalizer = ObservationNormalizer(np.array([True, False]), 3)
    seen = generator.normal([1.0, -50.0, 0.0], [2.0, 10.0, 0.1], size=(40, 2, 5, 3))
    for batch in seen:
        normalizer.update(batch)
    everything = seen[:, 0].reshape(-1, 3)
    # The start counts as 1e-4 observations of mean 0 and variance 1.
    np.testing.assert_allclose(normalizer.mean[0], everything.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(normalizer.variance[0], everything.var(0), rtol=1e-3)
    assert normalizer.mean[1].tolist() == [0, 0, 0]
    assert normalizer.count[1] == 1e-4
    made = normalizer(seen[0])
    wanted = (seen[0, 0] - normalizer.mean[0]) / np.sqrt(normalizer.variance[0] + 1e-8)
    np.testing.assert_allclose(made[0], wanted, rtol=1e-5)
    assert np.array_equal(made[1], seen[0, 1].astype(np.float32))
    assert made.dtype == np.float32


def test_observations_far_out_are_clipped() -> None:
    normalizer = ObservationNormalizer(np.array([True, True]), 1)
    normalizer.update(np.zeros((2, 4, 1)))
    assert normalizer(np.full((2, 1, 1), 1e9)).ravel().tolist() == [10, 10]


def test_nobody_normalising_changes_nothing() -> None:
    normalizer = ObservationNormalizer(np.array([False, False]), 1)
    normalizer.update(np.ones((2, 4, 1)))
    assert normalizer.mean.ravel().tolist() == [0, 0]
    given = np.ones((2, 4, 1), dtype=np.float32)
    assert normalizer(given) is given
