"""What a run is worth: one file a family of metrics."""

from autorl.metrics.base import Criterion, Direction, Metric
from autorl.metrics.bounds import Constraint, constraints, describe_constraint, refuse_shared_labels
from autorl.metrics.constant import refuse_constant
from autorl.metrics.parsing import bundled_metrics, criteria, criterion, describe

__all__ = [
    "Constraint",
    "Criterion",
    "Direction",
    "Metric",
    "bundled_metrics",
    "constraints",
    "criteria",
    "criterion",
    "describe",
    "describe_constraint",
    "refuse_constant",
    "refuse_shared_labels",
]
