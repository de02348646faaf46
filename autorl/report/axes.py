"""Axes and marks shared by the pictures: scales, ticks, labels, thinning."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from autorl.report.content import Quantity, TrialRow
from autorl.report.formats import better, number, value
from autorl.report.picture import BASELINE, DEFAULT, TEST

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

__all__ = ["COLOURS", "MARKS", "axis_label", "describe", "logarithmic", "set_scale", "thin", "tick"]

Item = TypeVar("Item")
COLOURS = {"chosen": TEST, "default": DEFAULT, "baseline": BASELINE}
MARKS = {"chosen": "o", "default": "s", "baseline": "D"}


def tick(position: float, _: int | None = None) -> str:
    """A tick's label, short: `0.001`, `250`, `2.5k`, `25k`, `1.5M`."""
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(position) >= unit:
            return f"{position / unit:.4g}{letter}"
    return f"{position:.4g}"


def logarithmic(numbers: Iterable[float]) -> bool:
    """Whether these span more than two decades of positive numbers."""
    known = [entry for entry in numbers if math.isfinite(entry)]
    return bool(known) and min(known) > 0 and max(known) > 100 * min(known)


def set_scale(axes: Axes, which: str, log: bool) -> None:
    """Sets a linear or a logarithmic scale on "x" or "y" with plain-text tick labels."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    axis: Axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log" if log else "linear")
    axis.set_major_locator(LogLocator(numticks=6) if log else MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(tick))
    if log:
        axis.set_minor_formatter(NullFormatter())


def axis_label(quantity: Quantity) -> str:
    """Name, unit and direction."""
    unit = f" [{quantity.unit}]" if quantity.unit and quantity.unit != quantity.label else ""
    return f"{quantity.label}{unit}, {better(quantity)}"


def describe(trial: TrialRow) -> str:
    """A trial's tooltip."""
    scores = ", ".join(f"{label} {number(score)}" for label, score in {**trial.values, **trial.constraints}.items())
    settings = "\n".join(f"{name}: {value(entry)}" for name, entry in trial.configuration.items())
    status = trial.status.value if trial.feasible is not False else "infeasible"
    return f"trial {trial.number}, {status}: {scores or 'no score'}\n{settings}"


def thin(items: Sequence[Item], limit: int) -> list[Item]:
    """At most `limit` of them, evenly spread, the first and the last among them."""
    if len(items) <= limit:
        return list(items)
    return [items[row] for row in np.linspace(0, len(items) - 1, limit).astype(int)]
