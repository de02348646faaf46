"""Metrics of what policies return in evaluations, of the last one or averaged over several."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autorl.checks import check_whole
from autorl.metrics.base import Metric
from autorl.records import FloatArray, Run

__all__ = ["EvaluationMetric"]


@dataclass(frozen=True, kw_only=True)
class EvaluationMetric(Metric):
    """A metric of the last evaluation, or of its mean over the last checkpoints.

    Learning is noisy: the policies of two neighbouring checkpoints of one run can differ as much as two runs do. A mean
    over the last checkpoints tells hyperparameters that learn steadily from those that were lucky at the end.

    Attributes:
        last_checkpoints: How many. 1 is the last evaluation, with all its episodes. More are points of the learning
            curve, each with its `evaluation.curve_episodes` episodes so that all count alike, the end among them; at a
            rung with fewer checkpoints behind it, those that there are.

    Raises:
        InvalidInput: If it is no number of checkpoints.
    """

    last_checkpoints: int = 1

    def __post_init__(self) -> None:
        check_whole(f"metric {self.name!r}: last_checkpoints", self.last_checkpoints, 1)

    @property
    def checkpoints(self) -> int:
        """The checkpoints that a study needs for it."""
        return self.last_checkpoints

    def per_run(self, run: Run) -> float:
        """The value of the last evaluation, or the mean of the values of the last checkpoints.

        Raises:
            InvalidInput: If the run lacks what the metric needs.
        """
        evaluations: Sequence[FloatArray] = [run.final]
        if self.last_checkpoints > 1:
            evaluations = list(run.curve[-self.last_checkpoints :]) or [run.final]  # without any, refused below
        for returns in evaluations:
            self.check(run, returns)
        return float(np.mean([self.of_returns(returns) for returns in evaluations]))

    @abstractmethod
    def check(self, run: Run, returns: FloatArray) -> None:
        """Refuses returns that it cannot measure.

        Args:
            run: Whose they are.
            returns: Of one evaluation, shape (policies, episodes, rewards).

        Raises:
            InvalidInput: If it cannot.
        """

    @abstractmethod
    def of_returns(self, returns: FloatArray) -> float:
        """The value of one evaluation, returns of shape (policies, episodes, rewards)."""
