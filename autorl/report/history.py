"""Optimisation history: every trial in the order of asking, and the best so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from autorl.records import Status
from autorl.report.axes import axis_label, describe, logarithmic, set_scale, thin
from autorl.report.content import Quantity, StudyContent, TrialRow
from autorl.report.entries import Entry
from autorl.report.picture import BASELINE, INK, PAPER, TEST, TRIAL, Picture, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["history", "top_rung"]

MAX_TRIALS = 1000


def top_rung(content: StudyContent) -> tuple[int, int]:
    """How far a complete trial came at most; winners come from there."""
    return max((trial.reached for trial in content.trials if trial.values), default=(0, 0))


def history(content: StudyContent, shown: Sequence[Entry]) -> Picture | None:
    """One panel an objective over the trials' numbers; None without a score to draw."""
    objectives = content.objectives
    if not any(trial.values for trial in content.trials):
        return None
    figure = new_figure(9.2, 2.5 * len(objectives) + 0.6)
    failed = [trial for trial in content.trials if trial.status is not Status.COMPLETE]
    top = top_rung(content)
    short = any(trial.values and trial.reached < top for trial in content.trials)
    text = f"All {len(content.trials)} trials on the tuning seeds; the line is the best score so far"
    infeasible = sum(trial.feasible is False for trial in content.trials)
    text += " of a feasible trial" if infeasible else ""
    text += " at full length and on all seeds, pale dots were stopped earlier." if short else "."
    if infeasible:
        text += f" Hollow: infeasible trials ({infeasible})."
    if failed:
        text += f" Crosses at the lower edge: failed, diverged or timed out ({len(failed)})."
    if len(content.trials) > MAX_TRIALS:
        text += f" About {MAX_TRIALS} trials are drawn, evenly spread."
    picture = Picture(
        "history",
        "Optimisation history",
        text,
        f"Score of each of {len(content.trials)} trials, and the best so far, for "
        f"{', '.join(quantity.label for quantity in objectives)}.",
        figure,
    )
    grid = figure.subplots(len(objectives), 1, squeeze=False, sharex=True)
    for axes, quantity in zip(grid[:, 0], objectives, strict=True):
        _panel(picture, axes, quantity, content, failed, shown)
    grid[-1, 0].set_xlabel("trial")
    _legend(picture, bool(failed), short, bool(infeasible))
    return picture


def _panel(
    picture: Picture,
    axes: Axes,
    quantity: Quantity,
    content: StudyContent,
    failed: Sequence[TrialRow],
    shown: Sequence[Entry],
) -> None:
    top = top_rung(content)
    scored = [trial for trial in content.trials if math.isfinite(trial.values.get(quantity.label, math.nan))]
    full = [trial for trial in scored if trial.reached == top]
    short = [trial for trial in scored if trial.reached < top]
    for group, alpha in ((thin(short, MAX_TRIALS // 2), 0.35), (thin(full, MAX_TRIALS), 0.9)):
        for outside in (False, True):
            part = [trial for trial in group if (trial.feasible is False) is outside]
            if outside and not part:
                continue
            cloud = axes.scatter(
                [trial.number for trial in part],
                [trial.values[quantity.label] for trial in part],
                s=18,
                facecolors="none" if outside else TRIAL,
                edgecolors=TRIAL,
                alpha=alpha,
                linewidths=0.9 if outside else 0,
                zorder=2,
            )
            picture.tip(cloud, [describe(trial) for trial in part])
    crosses = thin(failed, MAX_TRIALS // 2)
    marks = axes.scatter(
        [trial.number for trial in crosses],
        [0.035] * len(crosses),
        transform=axes.get_xaxis_transform(),
        marker="x",
        s=26,
        color=BASELINE,
        linewidths=1.3,
        clip_on=False,
        zorder=3,
    )
    picture.tip(marks, [describe(trial) for trial in crosses])

    pick = max if quantity.direction == "maximize" else min
    steps: list[tuple[int, float]] = []
    for trial in [trial for trial in full if trial.feasible is not False]:
        score = trial.values[quantity.label]
        best = pick(score, steps[-1][1]) if steps else score
        if not steps or best != steps[-1][1]:
            steps.append((trial.number, best))
    if steps:
        steps.append((content.trials[-1].number, steps[-1][1]))
        axes.plot(*zip(*steps, strict=True), drawstyle="steps-post", color=TEST, linewidth=1.8, zorder=4)
    numbers = {entry.member.trial for entry in shown if entry.role == "chosen"}
    picked = [trial for trial in scored if trial.number in numbers]
    ring = axes.scatter(
        [trial.number for trial in picked],
        [trial.values[quantity.label] for trial in picked],
        s=52,
        facecolors=TEST,
        edgecolors=PAPER,
        linewidths=1.0,
        zorder=5,
    )
    picture.tip(ring, [describe(trial) for trial in picked])
    for trial in picked:
        axes.annotate(
            str(trial.number),
            (trial.number, trial.values[quantity.label]),
            xytext=(6, 9 if quantity.direction == "minimize" else -10),
            textcoords="offset points",
            ha="left",
            va="center",
            fontsize=8.5,
            color=INK,
        )
    set_scale(axes, "y", logarithmic([trial.values[quantity.label] for trial in scored]))
    axes.margins(y=0.14)
    reach = max(0.5, 0.02 * len(content.trials))
    axes.set_xlim(content.trials[0].number - reach, content.trials[-1].number + reach)
    axes.set_ylabel(axis_label(quantity).replace(", ", ",\n"))
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _legend(picture: Picture, failed: bool, short: bool, infeasible: bool) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], linestyle="none", marker="o", color=TRIAL, markersize=4.5, label="trial")]
    if infeasible:
        hollow = Line2D([], [], linestyle="none", marker="o", color=TRIAL, markerfacecolor="none", markersize=4.5)
        hollow.set_label("infeasible")
        handles.append(hollow)
    if short:
        handles.append(
            Line2D([], [], linestyle="none", marker="o", color=TRIAL, alpha=0.35, markersize=4.5, label="stopped early")
        )
    handles.append(Line2D([], [], color=TEST, linewidth=1.8, label="best so far"))
    handles.append(
        Line2D([], [], linestyle="none", marker="o", color=TEST, markeredgecolor=PAPER, markersize=7.5, label="chosen")
    )
    if failed:
        handles.append(Line2D([], [], linestyle="none", marker="x", color=BASELINE, markersize=5.5, label="failure"))
    picture.figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
