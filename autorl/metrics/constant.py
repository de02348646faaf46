"""Refuses objectives that cannot tell configurations apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from autorl.errors import InvalidInput
from autorl.metrics.base import Criterion

if TYPE_CHECKING:
    from autorl.population import Plan

__all__ = ["refuse_constant"]


def refuse_constant(
    criteria: Sequence[Criterion],
    plans: Sequence[Plan],
    schedule_constants: frozenset[str],
    *,
    early_stopping: bool = False,
    where: str = "objectives",
) -> None:
    """Refuses an objective that is equal for every configuration of a study.

    Args:
        criteria: The objectives.
        plans: Plans of a sample of the space's configurations; fewer than two say nothing.
        schedule_constants: Names of the metrics that the schedule makes equal (`Schedule.constant_metrics`).
        early_stopping: Whether updates may stop early or training end at an earlier rung, so that plans with equal
            upper bounds may still end differently. Values that a plan fixes are compared all the same.
        where: The file and key the objectives stand in.

    Raises:
        InvalidInput: Naming the first such objective, its value and the reason.
    """
    for criterion in criteria:
        metric = criterion.metric
        if metric.name in schedule_constants:
            raise InvalidInput(
                f"{where}: {metric.label!r} cannot be an objective: under this schedule every configuration trains "
                f"the full length, so it is equal for all; leave it out or choose another schedule"
            )
        values = [metric.known(plan) for plan in plans]
        if not early_stopping:
            values = [metric.bound(plan) if known is None else known for plan, known in zip(plans, values, strict=True)]
        if len(values) > 1 and values[0] is not None and len(set(values)) == 1:
            raise InvalidInput(
                f"{where}: {metric.label!r} cannot be an objective: it is {values[0]:.15g} for each of {len(values)} "
                f"configurations drawn from the space, so no tuned hyperparameter changes it; leave it out or tune "
                f"one that does"
            )
