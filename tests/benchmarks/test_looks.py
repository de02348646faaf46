"""Intervals after several looks err as rarely, all looks together, as one of 95 %."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from benchmarks.looks import TAIL, TAIL_OF_THREE, TAIL_OF_TWO


@pytest.mark.parametrize(("looks", "tail"), [(1, TAIL), (2, TAIL_OF_TWO), (3, TAIL_OF_THREE)])
def test_looks_together_err_as_rarely_as_one(looks: int, tail: float) -> None:
    """A mean over n of the same numbers, in units of its own deviation, correlates as the root of the sizes' ratio."""
    sizes = 2.0 ** np.arange(looks)
    correlation = np.sqrt(np.minimum.outer(sizes, sizes) / np.maximum.outer(sizes, sizes))
    bound = np.full(looks, norm.isf(tail))
    within = multivariate_normal.cdf(bound, np.zeros(looks), correlation, lower_limit=-bound)
    assert within == pytest.approx(0.95, abs=1e-4)
