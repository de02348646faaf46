"""Which metrics a report shows beside the objectives."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from autorl.errors import InvalidInput
from autorl.metrics import Criterion, Metric, bundled_metrics
from autorl.metrics.base import option_fields
from autorl.study.resolved import ResolvedStudy

__all__ = ["reported_metrics"]


def reported_metrics(study: ResolvedStudy) -> list[Criterion]:
    """The objectives, the metrics of constraints, what belongs beside them, then every bundled metric that can be had.

    These are the ones that need no option and can measure in the study's environment.
    """
    own = {one.label: one for one in study.criteria}
    for one in study.constraints:
        own.setdefault(one.label, Criterion(one.metric, one.metric.direction))
    for metric in (*_beside(study), *_plain(study)):
        own.setdefault(metric.label, Criterion(metric, metric.direction))
    return list(own.values())


def _beside(study: ResolvedStudy) -> Iterator[Metric]:
    for metric in study.metrics:
        yield from metric.beside(study.environment, study.description.evaluation.discount)


def _plain(study: ResolvedStudy) -> Iterator[Metric]:
    for metric_class in bundled_metrics().values():
        if any(entry.default is dataclasses.MISSING for entry in option_fields(metric_class).values()):
            continue
        try:
            yield metric_class().suited(study.environment, study.description.evaluation.discount)
        except InvalidInput:  # another number of rewards, or no known front
            continue
