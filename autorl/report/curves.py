"""Learning curves: one small panel a reported configuration, all on the same axes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from autorl.records import FloatArray
from autorl.report.axes import COLOURS, set_scale, thin
from autorl.report.content import StudyContent
from autorl.report.entries import Entry
from autorl.report.picture import MUTED, Picture, new_figure

__all__ = ["curves"]

MAX_PANELS, MAX_SEEDS = 12, 50


def _episodes(content: StudyContent) -> str:
    """Over how many episodes a point is the mean: fewer than a score, which the last point therefore differs from."""
    evaluation = content.description.get("evaluation")
    count = evaluation.get("curve_episodes") if isinstance(evaluation, Mapping) else None
    return f", over the first {count} episodes of an evaluation (scores are over all)" if count else ""


def curves(content: StudyContent, shown: Sequence[Entry]) -> Picture | None:
    """Thin: one test seed. Thick: their mean. None where no curve was recorded."""
    from matplotlib.collections import LineCollection

    recorded = [(entry, curve) for entry in shown if (curve := entry.member.curve) is not None]
    recorded = [(entry, curve) for entry, curve in recorded if curve.checkpoints and curve.seeds]
    drawn, left_out = recorded[:MAX_PANELS], len(recorded[MAX_PANELS:])
    if not drawn:
        return None
    columns = min(4 if len(drawn) > 9 else 3, len(drawn))
    rows = math.ceil(len(drawn) / columns)
    figure = new_figure(9.2, 2.35 * rows + 0.5 if columns > 1 else 3.6)
    unit = next(curve.unit for _, curve in drawn)
    reference = next((curve for entry, curve in recorded if entry.role == "baseline" or "baseline" in entry.name), None)
    counts = sorted({len(curve.seeds) for _, curve in drawn})
    text = f"Mean evaluation {unit} after the given env steps of training{_episodes(content)}. "
    text += f"Thin: one test seed; thick: mean over n = {' or '.join(map(str, counts))} test seeds."
    if reference is not None and len(drawn) > 1:
        text += " Dashed: the baseline's mean, for comparison."
    if left_out:
        text += f" {left_out} further configurations are not drawn."
    picture = Picture(
        "curves", "Learning curves", text, f"Learning curves of {', '.join(entry.name for entry, _ in drawn)}.", figure
    )
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for place, axes in enumerate(grid.flat):
        if place >= len(drawn):
            axes.set_visible(False)
            continue
        entry, curve = drawn[place]
        colour, steps = COLOURS[entry.role], list(curve.checkpoints)
        marker = "o" if len(steps) == 1 else None
        rows_drawn = thin(range(len(curve.seeds)), MAX_SEEDS)
        if marker is None:
            lines = [np.column_stack([steps, curve.returns[row]]) for row in rows_drawn]
            axes.add_collection(LineCollection(lines, colors=colour, linewidths=0.8, alpha=0.35))
            axes.autoscale_view()
        else:
            axes.scatter(
                steps * len(rows_drawn), curve.returns[rows_drawn, 0], color=colour, s=9, alpha=0.4, linewidths=0
            )
        if reference is not None and curve is not reference:
            axes.plot(
                list(reference.checkpoints), _mean(reference.returns), color=MUTED, linewidth=1.3, linestyle=(0, (4, 2))
            )
        axes.plot(steps, _mean(curve.returns), color=colour, linewidth=2.4, marker=marker)
        axes.set_title(entry.name, fontsize=10)
        set_scale(axes, "x", log=False)
        set_scale(axes, "y", log=False)
        if place + columns >= len(drawn):
            axes.tick_params(labelbottom=True)
    figure.supxlabel("env steps of training", fontsize=10.5)
    figure.supylabel(f"mean {unit}", fontsize=10.5)
    return picture


def _mean(returns: FloatArray) -> FloatArray:
    """Mean over seeds; nan where no seed has a number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmean(np.asarray(returns, dtype=float), axis=0), dtype=float)
