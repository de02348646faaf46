"""What a run is worth: one file a family of metrics."""

from autorl.metrics.base import Criterion, Direction, Metric

__all__ = ["Criterion", "Direction", "Metric"]
