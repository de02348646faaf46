"""Tuning against test, side by side for every reported configuration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from autorl.report.axes import COLOURS, MARKS, axis_label, logarithmic, set_scale
from autorl.report.content import Quantity, StudyContent
from autorl.report.entries import Entry, interval_methods
from autorl.report.formats import estimate, finite
from autorl.report.picture import MUTED, PAPER, Picture, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["comparison"]

MAX_PANELS = 4


def comparison(content: StudyContent, shown: Sequence[Entry]) -> Picture | None:
    """One panel a metric (the objectives, then `return` and others while there is room), one row a configuration.

    None where nothing was measured.
    """
    quantities = [q for q in content.quantities if any(q.label in entry.member.tuning for entry in shown)][:MAX_PANELS]
    if not quantities:
        return None
    columns = 2 if len(quantities) == 4 else max(1, len(quantities))
    rows = max(1, math.ceil(len(quantities) / columns))
    figure = new_figure(9.2, rows * (0.46 * max(len(shown), 2) + 0.75) + 0.45)
    picture = Picture(
        "comparison",
        "Tuning against test",
        f"Filled: mean on {len(content.seeds.test)} test seeds with its 95 % interval. Hollow: mean on "
        f"{len(content.seeds.tuning)} tuning seeds, which the selection has seen. Small dots are single seeds. "
        f"Intervals: {interval_methods(shown, quantities)}.",
        f"Mean, interval and single seeds of {', '.join(q.label for q in quantities)} for "
        f"{', '.join(entry.name for entry in shown)}, on tuning and on test seeds.",
        figure,
    )
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for place, axes in enumerate(grid.flat):
        if place >= len(quantities):
            axes.set_visible(False)
            continue
        _panel(picture, axes, quantities[place], shown)
    for row in grid:
        row[0].set_yticks(range(len(shown)), [entry.name for entry in shown])
    grid[0, 0].set_ylim(len(shown) - 0.5, -0.5)
    _legend(picture)
    return picture


def _panel(picture: Picture, axes: Axes, quantity: Quantity, shown: Sequence[Entry]) -> None:
    reached: list[float] = []
    for row, entry in enumerate(shown):
        colour, mark = COLOURS[entry.role], MARKS[entry.role]
        for kind, scores, offset in (("test", entry.member.test, -0.13), ("tuning", entry.member.tuning, 0.2)):
            score = scores.get(quantity.label)
            if score is None or not math.isfinite(score.mean):
                continue
            test = kind == "test"
            seeds = np.asarray(score.per_seed, dtype=float)
            spread = np.zeros(len(seeds)) if len(seeds) < 2 else (np.arange(len(seeds)) % 5 - 2) * 0.022
            cloud = axes.scatter(
                seeds,
                row + offset + spread,
                s=10,
                facecolors=colour if test else "none",
                edgecolors="none" if test else colour,
                linewidths=0 if test else 0.7,
                alpha=0.5,
                zorder=2,
            )
            picture.tip(cloud, [f"{entry.name}, one {kind} seed: {seed:.6g}" for seed in seeds])
            low, high = finite(score.low), finite(score.high)
            if low is not None and high is not None:
                axes.plot([low, high], [row + offset] * 2, color=colour, linewidth=2.2 if test else 1.2, zorder=3)
            point = axes.scatter(
                [score.mean],
                [row + offset],
                s=52 if test else 34,
                marker=mark,
                facecolors=colour if test else PAPER,
                edgecolors=PAPER if test else colour,
                linewidths=1.0 if test else 1.3,
                zorder=4,
            )
            about = f"{quantity.label} {estimate(score)}, n = {score.n}, {score.method}"
            picture.tip(point, [f"{entry.name}, {kind}: {about}"])
            reached += [score.mean, *score.per_seed]
    set_scale(axes, "x", logarithmic(reached))
    axes.set_xlabel(axis_label(quantity))
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def _legend(picture: Picture) -> None:
    from matplotlib.lines import Line2D

    filled = Line2D([], [], color=MUTED, marker="o", markersize=7, markeredgecolor=PAPER, linewidth=2.2, label="test")
    hollow = Line2D([], [], color=MUTED, marker="o", markersize=6, markerfacecolor=PAPER, linewidth=1.2, label="tuning")
    seed = Line2D([], [], color=MUTED, marker="o", markersize=3, linestyle="none", label="one seed")
    picture.figure.legend(handles=[filled, hollow, seed], loc="outside lower center", ncols=3)
