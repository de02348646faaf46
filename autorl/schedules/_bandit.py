"""A Gaussian process that varies in time, on scikit-learn's; the one module of schedules that imports it."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]  # it ships no types
from sklearn.gaussian_process import GaussianProcessRegressor  # type: ignore[import-untyped]  # it ships no types
from sklearn.gaussian_process.kernels import (  # type: ignore[import-untyped]  # it ships no types
    ConstantKernel,
    Hyperparameter,
    Kernel,
    WhiteKernel,
)
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from autorl.records import FloatArray

__all__ = ["Bandit", "TimeVarying"]

LARGEST = 128
"""Points the model is fitted to, the newest; the cost is cubic, and what is older is nearly forgotten."""
POINTS = 512
"""Candidates of each of the two rounds in which the bound is maximised."""
SPREAD = 0.1
"""Standard deviation of the second round's candidates about the first one's best."""
C1, C2 = 0.2, 0.4
"""Of the exploration's weight beta = C1 log(C2 n), as in the authors' code."""


class TimeVarying(Kernel):  # type: ignore[misc]  # untyped
    """The squared exponential of the points times (1 - epsilon)^(|t - t'| / 2) of their times.

    Source: I. Bogunovic et al. 2016, Time-varying Gaussian process bandit optimization. The first column is the time.

    Args:
        length_scale: Of the points.
        epsilon: How fast what was observed is forgotten, 0 to 1.
        length_scale_bounds: Between which it is fitted.
        epsilon_bounds: Between which it is fitted.
    """

    def __init__(
        self,
        length_scale: float = 0.5,
        epsilon: float = 0.1,
        length_scale_bounds: tuple[float, float] = (0.05, 10.0),
        epsilon_bounds: tuple[float, float] = (1e-3, 0.5),
    ) -> None:
        self.length_scale, self.epsilon = length_scale, epsilon
        self.length_scale_bounds, self.epsilon_bounds = length_scale_bounds, epsilon_bounds

    @property
    def hyperparameter_length_scale(self) -> Any:
        """As scikit-learn looks for it."""
        return Hyperparameter("length_scale", "numeric", self.length_scale_bounds)

    @property
    def hyperparameter_epsilon(self) -> Any:
        """As scikit-learn looks for it."""
        return Hyperparameter("epsilon", "numeric", self.epsilon_bounds)

    def __call__(self, X: FloatArray, Y: FloatArray | None = None, eval_gradient: bool = False) -> Any:  # noqa: N803  # scikit-learn's names
        """The kernel's matrix (n, m), and with `eval_gradient` its gradient (n, n, 2) by log epsilon and log length."""
        other = X if Y is None else Y
        squares = cdist(X[:, 1:], other[:, 1:], "sqeuclidean") / self.length_scale**2
        lags = np.abs(X[:, None, 0] - other[None, :, 0]) / 2
        kernel = np.exp(-squares / 2) * (1 - self.epsilon) ** lags
        if not eval_gradient:
            return kernel
        # scikit-learn sorts hyperparameters by name, and fits their logarithms
        by_epsilon = kernel * -lags * self.epsilon / (1 - self.epsilon)
        return kernel, np.dstack([by_epsilon, kernel * squares])

    def diag(self, X: FloatArray) -> FloatArray:  # noqa: N803  # scikit-learn's names
        """The kernel's diagonal (n)."""
        return np.ones(len(X))

    def is_stationary(self) -> bool:
        """It depends on differences alone."""
        return True


class Bandit:
    """Points with what they gained, and the next ones to try.

    Args:
        points: Shape (n, 1 + d): the time, then a point of the unit cube; oldest first.
        gains: Shape (n,), standardised.
    """

    def __init__(self, points: FloatArray, gains: FloatArray) -> None:
        kernel = ConstantKernel(1.0, (0.05, 20.0)) * TimeVarying() + WhiteKernel(0.1, (1e-3, 2.0))
        self._process = GaussianProcessRegressor(kernel)
        with warnings.catch_warnings(), threadpool_limits(1):  # threads would change bits, and slow small matrices
            warnings.simplefilter("ignore", ConvergenceWarning)  # a value at its bound
            self._process.fit(points[-LARGEST:], gains[-LARGEST:])
        self._points = points[-LARGEST:]
        self._root = math.sqrt(max(0.0, C1 * math.log(C2 * len(points))))

    def choose(self, time: float, generator: np.random.Generator) -> list[float]:
        """The point of the unit cube with the largest upper confidence bound at a time.

        It then counts as tried: the next one's uncertainty knows of it, though not its mean (Desautels et al. 2014).

        Args:
            time: Of the interval it is for.
            generator: Where the candidates come from.
        """
        wide, narrow = (
            generator.random((POINTS, size := self._points.shape[1] - 1)),
            generator.normal(size=(POINTS, size)),
        )
        # Numbers of the generator, not of a solver: a rounding in the model then changes no bit of what is chosen.
        best = wide[self._bounds(time, wide).argmax()]
        near = np.vstack([best, (best + SPREAD * narrow).clip(0.0, 1.0)])
        best = near[self._bounds(time, near).argmax()]
        self._points = np.vstack([self._points, [time, *best]])
        return [float(unit) for unit in best]

    def _bounds(self, time: float, candidates: FloatArray) -> FloatArray:
        rows = np.column_stack([np.full(len(candidates), time), candidates])
        known = GaussianProcessRegressor(self._process.kernel_, optimizer=None)
        with threadpool_limits(1):
            mean = self._process.predict(rows)
            known.fit(self._points, np.zeros(len(self._points)))
            _, deviation = known.predict(rows, return_std=True)
        bounds: FloatArray = mean + self._root * deviation
        return bounds
