"""What a report says of the difference between a configuration and the untuned baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence

from autorl.report.content import Member, Quantity
from autorl.report.entries import Entry
from autorl.report.formats import estimate
from autorl.statistics import WARN_BELOW, Difference

__all__ = ["difference_methods", "difference_sentence"]


def difference_sentence(quantity: Quantity, member: Member) -> str:
    """The difference in words, and what its interval says; empty where there is none that is finite.

    Args:
        quantity: The objective.
        member: The configuration that was chosen.
    """
    apart = member.minus_baseline.get(quantity.label)
    if apart is None or not math.isfinite(apart.mean):
        return ""
    return f"the difference to the baseline is {estimate(apart)}{_clearly(quantity, apart)}"


def _clearly(quantity: Quantity, apart: Difference) -> str:
    """Nothing without an interval, or with one of no width: copies of one number tell nothing of chance.

    A bootstrap of few seeds is too narrow for a verdict: of two equal normal samples of three, the interval of the
    interquartile means leaves out 0 in 18 % of cases.
    """
    few = apart.method != "Welch's t" and min(apart.n) < WARN_BELOW
    if few or math.isnan(apart.low) or apart.low == apart.high:
        return ""
    if apart.low <= 0 <= apart.high:
        return ", which may be chance"
    return ", clearly better" if (apart.low > 0) == (quantity.direction == "maximize") else ", clearly worse"


def difference_methods(shown: Sequence[Entry], quantities: Sequence[Quantity]) -> str:
    """How the intervals of the differences were made, each once; or that there are none."""
    labels = [quantity.label for quantity in quantities]
    every = [entry.member.minus_baseline for entry in shown]
    found = {apart[label].method: None for apart in every for label in labels if label in apart}
    return ", ".join(method for method in found if method != "none") or "no interval"
