"""Optuna's Gaussian process as the tuners use it: over a space that is known, on one thread, and quicker.

With several objectives most of its time went into the hypervolume improvement, which is written out again here: the
same function of the same numbers, in an order that suits a processor.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from autorl.tuners._optuna import BaseDistribution, FrozenTrial, Study, acquisitions, optuna
from autorl.tuners._optuna_samplers import Space, relative

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = ["GPSampler", "OneThread", "improvement", "quicker"]

LEAST = 1e-12
"""What a side counts that a point does not dominate, for the gradient's sake; Optuna's number."""
PART = 2**16
"""Numbers an intermediate tensor may hold, so that it stays in a processor's cache."""


class OneThread(optuna.samplers.GPSampler):
    """A Gaussian process on one thread, so that its sums do not depend on the machine's cores."""

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As Optuna's, which limits the threads of the optimisation alone."""
        with _one_thread():
            return super().sample_relative(study, trial, search_space)


class GPSampler(OneThread):
    """The Gaussian process.

    Args:
        space: Every distribution of the study.
        n_startup_trials: Trials to finish before the first that is not drawn at random.
        seed: In [0, 2**32).
    """

    def __init__(self, space: Space, n_startup_trials: int, seed: int) -> None:
        super().__init__(n_startup_trials=n_startup_trials, seed=seed)
        self._space = relative(space)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """What is modelled."""
        return self._space

    def _optimize_acqf(self, acqf: Any, best_params: np.ndarray | None) -> np.ndarray:
        return super()._optimize_acqf(quicker(acqf), best_params)


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def quicker(acquisition: Any) -> Any:
    """An acquisition function of Optuna's, with its hypervolume improvement worked out by `improvement`.

    Args:
        acquisition: Any of its acquisition functions; those of one objective come back as they are.
    """
    if isinstance(acquisition, acquisitions.LogEHVI):
        return _Expected(acquisition)
    if isinstance(acquisition, acquisitions.LogCEHVI) and acquisition._acqf is not None:
        acquisition._acqf = _Expected(acquisition._acqf)
    if isinstance(acquisition, (acquisitions.qLogEHVI, acquisitions.qLogCEHVI)) and acquisition._baseline is not None:
        acquisition._baseline = _PerSample(acquisition._baseline)
    return acquisition


class _Expected:
    """`LogEHVI`: no trial is pending, so all samples have the same boxes."""

    def __init__(self, stock: Any) -> None:
        self.length_scales, self.search_space = stock.length_scales, stock.search_space
        self._models, self._noise, self._samples = stock._gpr_list, stock._stabilizing_noise, stock._fixed_samples
        self._lower, self._extent = stock._non_dominated_box_lower_bounds, stock._non_dominated_box_intervals

    def eval_acqf(self, x: Tensor) -> Tensor:
        """Log expected improvement; x (..., coordinates) -> (...)."""
        import torch

        posteriors = [model.posterior(x) for model in self._models]
        losses = [
            mean[..., None] + torch.sqrt(variance + self._noise)[..., None] * samples
            for (mean, variance), samples in zip(posteriors, self._samples.unbind(-1), strict=True)
        ]
        return improvement(torch.stack(losses, dim=-1), self._lower, self._extent).mean(dim=-1).log()

    def eval_acqf_no_grad(self, x: np.ndarray) -> np.ndarray:
        """The same of arrays."""
        import torch

        with torch.no_grad():
            found: np.ndarray = self.eval_acqf(torch.from_numpy(x)).numpy()
        return found


class _PerSample:
    """`_PerSampleParetoBaseline`: every sample has boxes of its own, cut by what it has pending trials return."""

    def __init__(self, stock: Any) -> None:
        self._lower, self._extent = stock._non_dominated_box_lower_bounds, stock._non_dominated_box_intervals

    def compute_per_sample_log_hvi(self, losses: Tensor) -> Tensor:
        """Log improvement; losses (..., samples, objectives) -> (..., samples)."""
        return improvement(losses, self._lower, self._extent).log()


def improvement(values: Tensor, lower: Tensor, extent: Tensor) -> Tensor:
    """By how much a point enlarges the hypervolume: the sum over boxes of what it dominates of each.

    Optuna sums logarithms over the objectives and exponentials of them over the boxes. Here the sides are multiplied as
    they are: none is below `LEAST`, so that the product of twenty is no zero yet.

    Args:
        values: (..., samples, objectives), maximised.
        lower: Lower corners, (boxes, objectives), or (samples, boxes, objectives) where each sample has its own.
        extent: Sides, of the same shape, none below `LEAST`.

    Returns:
        (..., samples).
    """
    import torch

    least = torch.tensor(LEAST, dtype=values.dtype)

    def dominated(part: Tensor) -> Tensor:
        sides = zip(part.unbind(-1), lower.unbind(-1), extent.unbind(-1), strict=True)
        lengths = ((value[..., None] - low).clamp_(least, side) for value, low, side in sides)
        return functools.reduce(torch.mul, lengths).sum(dim=-1)

    flat = values.reshape(-1, *values.shape[-2:])
    rows = max(1, PART // (flat.shape[-2] * lower.shape[-2]))
    return torch.cat([dominated(part) for part in torch.split(flat, rows)]).reshape(values.shape[:-1])
