"""Metrics of cost: what a configuration needs to train and to act.

All but `train_seconds` are reproducible. An algorithm that does not count one of them is refused by name.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from autorl.errors import InvalidInput
from autorl.metrics.base import Direction, Metric
from autorl.records import Run

if TYPE_CHECKING:
    from autorl.population import Plan

__all__ = ["EnvSteps", "Flops", "GradientUpdates", "Parameters", "TrainSeconds"]


class _Cost(Metric):
    direction: ClassVar[Direction] = "minimize"

    def _counted(self, run: Run, value: float) -> float:
        if math.isnan(value) or value < 0:
            raise InvalidInput(
                f"metric {self.name!r}: the run of seed {run.seed} reports {value!r}; its algorithm does not count "
                f"its {self.name.replace('_', ' ')}, so this metric cannot be used with it"
            )
        return float(value)


class EnvSteps(_Cost):
    """Mean over seeds of the env steps trained, evaluation left out. Unit: env steps.

    A plan does not fix it: whole iterations are counted, as many as the schedule lets the configuration train.
    """

    name: ClassVar[str] = "env_steps"
    summary: ClassVar[str] = "mean over seeds of the env steps trained"
    unit: ClassVar[str] = "env steps"

    def per_run(self, run: Run) -> float:
        """Env steps trained."""
        return self._counted(run, run.env_steps)


class GradientUpdates(_Cost):
    """Mean over seeds of the optimiser steps taken. Unit: updates.

    A plan gives an upper bound only: updates may stop early, and training may end at an earlier rung.
    """

    name: ClassVar[str] = "gradient_updates"
    summary: ClassVar[str] = "mean over seeds of the optimiser steps taken"
    unit: ClassVar[str] = "updates"

    def per_run(self, run: Run) -> float:
        """Optimiser steps taken."""
        return self._counted(run, run.gradient_updates)

    def bound(self, plan: Plan) -> float | None:
        """Optimiser steps over the whole horizon."""
        return None if plan.gradient_updates is None else float(plan.gradient_updates)


class Flops(_Cost):
    """Mean over seeds of the floating-point operations of acting and learning. Unit: FLOP.

    Estimated from the network's shape and the number of passes, not measured. A plan gives an upper bound only.
    """

    name: ClassVar[str] = "flops"
    summary: ClassVar[str] = "mean over seeds of the floating-point operations of acting and learning (estimated)"
    unit: ClassVar[str] = "FLOP"

    def per_run(self, run: Run) -> float:
        """Floating-point operations."""
        return self._counted(run, run.flops)

    def bound(self, plan: Plan) -> float | None:
        """Floating-point operations over the whole horizon."""
        return None if plan.flops is None else float(plan.flops)


class Parameters(_Cost):
    """Number of parameters of the acting network, equal for all seeds. Unit: parameters.

    Critics, targets and optimiser state are left out: this is what a deployed policy carries.
    """

    name: ClassVar[str] = "parameters"
    summary: ClassVar[str] = "parameters of the acting network"
    unit: ClassVar[str] = "parameters"

    def per_run(self, run: Run) -> float:
        """Parameters of the acting network."""
        return self._counted(run, run.parameters)

    def known(self, plan: Plan) -> float | None:
        """The plan's parameters: the shape of the network fixes them."""
        return None if plan.parameters is None else float(plan.parameters)


class TrainSeconds(_Cost):
    """Mean over seeds of the process CPU seconds inside training, divided by the group's agents. Unit: seconds.

    Measured, so not reproducible: a study with this objective stores it as an input and says so.
    """

    name: ClassVar[str] = "train_seconds"
    summary: ClassVar[str] = "mean over seeds of the CPU seconds of training (measured, not reproducible)"
    unit: ClassVar[str] = "seconds"
    reproducible: ClassVar[bool] = False

    def per_run(self, run: Run) -> float:
        """CPU seconds of training."""
        return self._counted(run, run.train_seconds)
