"""Metrics of the learning curve: how soon a policy gets good.

A checkpoint's point is the mean return over the curve's episodes of the policy owned at that budget.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from autorl.errors import InvalidInput
from autorl.metrics.base import Direction, Metric, curve_means
from autorl.records import Run

__all__ = ["AreaUnderCurve", "EnvStepsTo"]

CENSORED = 2
"""A run that never gets there scores this many horizons: worse than any that does, and finite."""


class AreaUnderCurve(Metric):
    """Mean over seeds and checkpoints c of J_c, the mean return of the policy owned at the budget c.

    Checkpoints are evenly spaced, so this is the area under the learning curve by right-hand rectangles, divided by
    its length. Unit: return.
    """

    name: ClassVar[str] = "auc"
    summary: ClassVar[str] = "mean over seeds and checkpoints of the mean return of the policy owned at that budget"
    unit: ClassVar[str] = "return"
    rewards: ClassVar[Literal["scalar", "vector", "any"]] = "scalar"

    def per_run(self, run: Run) -> float:
        """The mean over checkpoints of the mean return."""
        return float(curve_means(run, self).mean())


@dataclass(frozen=True)
class EnvStepsTo(Metric):
    """Mean over seeds of the first checkpoint c at which J_c >= X; twice the horizon for a seed that never gets there.

    Unit: env steps. The penalty for censored runs is PAR2 of algorithm configuration (Hutter et al. 2009, ParamILS).
    Env steps are counted to the checkpoint, so a value is as coarse as the checkpoints are.

    Attributes:
        return_: X, the mean return to reach; the option `return` of a study file.

    Raises:
        InvalidInput: If X is no finite number.
    """

    name: ClassVar[str] = "env_steps_to"
    summary: ClassVar[str] = "mean over seeds of the first checkpoint with mean return >= X (2 x horizon if never)"
    unit: ClassVar[str] = "env steps"
    direction: ClassVar[Direction] = "minimize"
    rewards: ClassVar[Literal["scalar", "vector", "any"]] = "scalar"

    return_: float

    def __post_init__(self) -> None:
        given: object = self.return_  # what a study file holds may be anything
        if isinstance(given, bool) or not isinstance(given, (int, float)) or not math.isfinite(given):
            hint = " (write it with a decimal point and a signed exponent: 1.0e+3)" if isinstance(given, str) else ""
            raise InvalidInput(f"metric {self.name!r}: return {given!r} must be a finite number{hint}")

    def per_run(self, run: Run) -> float:
        """The first checkpoint that reaches the return, or twice the horizon."""
        reached = np.flatnonzero(curve_means(run, self) >= self.return_)
        return float(run.checkpoints[reached[0]] if reached.size else CENSORED * run.horizon)
