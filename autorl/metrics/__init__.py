"""What a run is worth: one file a family of metrics."""

from autorl.metrics.base import Criterion, Direction, Metric
from autorl.metrics.constant import refuse_constant
from autorl.metrics.parsing import bundled_metrics, criteria, criterion, describe

__all__ = [
    "Criterion",
    "Direction",
    "Metric",
    "bundled_metrics",
    "criteria",
    "criterion",
    "describe",
    "refuse_constant",
]
