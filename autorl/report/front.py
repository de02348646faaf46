"""The front as a picture: one panel a pair of objectives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from autorl.report.axes import COLOURS, MARKS, axis_label, describe, logarithmic, set_scale, thin
from autorl.report.content import Quantity, StudyContent
from autorl.report.entries import Entry
from autorl.report.formats import estimate, finite
from autorl.report.picture import INK, MUTED, PAPER, TEST, TRIAL, Picture, new_figure

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from autorl.statistics import Estimate

__all__ = ["front"]

MAX_PANELS, MAX_TRIALS = 6, 1000


def front(content: StudyContent, shown: Sequence[Entry]) -> Picture:
    """Trials, and for every reported configuration its tuning point, its test point with interval, and the seeds."""
    pairs = list(combinations(content.objectives, 2))
    panels = pairs[:MAX_PANELS]
    columns = min(2, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = new_figure(9.2, 5.6 if columns == 1 else 4.2 * rows + 0.6)
    picture = Picture(
        "front",
        "Front",
        _caption(content, shown, len(pairs) - len(panels)),
        f"Scatter plot of {', '.join(quantity.label for quantity in content.objectives)}: every trial, and the tuning "
        f"and test scores of {len(shown)} reported configurations.",
        figure,
    )
    grid = figure.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(panels):
            axes.set_visible(False)
            continue
        _panel(picture, axes, panels[place], content, shown)
    figure.legend(
        handles=_legend(content, shown), loc="outside lower center", ncols=4, handletextpad=0.5, columnspacing=1.6
    )
    return picture


def _panel(
    picture: Picture, axes: Axes, pair: tuple[Quantity, Quantity], content: StudyContent, shown: Sequence[Entry]
) -> None:
    across, up = pair
    trials = [trial for trial in content.trials if across.label in trial.values and up.label in trial.values]
    trials = thin(trials, MAX_TRIALS)
    values = [[trial.values[quantity.label] for trial in trials] for quantity in pair]
    for outside in (False, True):
        group = [trial for trial in trials if (trial.feasible is False) is outside]
        if outside and not group:
            continue
        cloud = axes.scatter(
            [trial.values[across.label] for trial in group],
            [trial.values[up.label] for trial in group],
            s=14,
            facecolors="none" if outside else TRIAL,
            edgecolors=TRIAL,
            alpha=0.55,
            linewidths=0.8 if outside else 0,
            zorder=1,
        )
        picture.tip(cloud, [describe(trial) for trial in group])

    points: list[tuple[float, float]] = []
    reached: list[list[float]] = [[*values[0]], [*values[1]]]
    for entry in shown:
        colour, mark = COLOURS[entry.role], MARKS[entry.role]
        ends = []
        for kind in ("tuning", "test"):
            scores = entry.member.tuning if kind == "tuning" else entry.member.test
            if across.label not in scores or up.label not in scores:
                continue
            horizontal, vertical = scores[across.label], scores[up.label]
            x, y = horizontal.mean, vertical.mean
            if not (math.isfinite(x) and math.isfinite(y)):
                continue
            ends.append((x, y))
            test = kind == "test"
            if test:
                seeds = axes.scatter(
                    horizontal.per_seed, vertical.per_seed, s=9, color=colour, alpha=0.4, linewidths=0, zorder=2
                )
                picture.tip(seeds, [f"{entry.name}, one test seed"] * len(horizontal.per_seed))
                axes.errorbar(
                    x,
                    y,
                    xerr=_bars(horizontal),
                    yerr=_bars(vertical),
                    color=colour,
                    elinewidth=1.5,
                    capsize=3,
                    zorder=4,
                )
                points.append((x, y))
                reached[0] += [*horizontal.per_seed]
                reached[1] += [*vertical.per_seed]
            point = axes.scatter(
                [x],
                [y],
                s=62 if test else 40,
                marker="X" if test and entry.dominated else mark,
                facecolors=colour if test else PAPER,
                edgecolors=PAPER if test else colour,
                linewidths=1.0 if test else 1.4,
                zorder=5 if test else 3,
            )
            about = f"{across.label} {estimate(horizontal)}, {up.label} {estimate(vertical)}"
            picture.tip(point, [f"{entry.name}, {kind}: {about}"])
        if len(ends) == 2:
            axes.plot(*zip(*ends, strict=True), color=colour, linewidth=0.9, alpha=0.7, zorder=2)
    set_scale(axes, "x", logarithmic(reached[0]))
    set_scale(axes, "y", logarithmic(reached[1]))
    if len(content.objectives) == 2:
        _stairs(axes, pair, shown)
    axes.set_xlabel(axis_label(across))
    axes.set_ylabel(axis_label(up))
    axes.margins(0.07)
    _name(axes, pair, shown, points)


def _stairs(axes: Axes, pair: tuple[Quantity, Quantity], shown: Sequence[Entry]) -> None:
    """The border of what the test means dominate."""
    across, up = pair
    corners = [
        (entry.member.test[across.label].mean, entry.member.test[up.label].mean)
        for entry in shown
        if entry.role == "chosen" and not entry.dominated and {across.label, up.label} <= entry.member.test.keys()
    ]
    corners = [corner for corner in corners if all(map(math.isfinite, corner))]
    corners.sort(key=lambda corner: -corner[0] if across.direction == "maximize" else corner[0])
    if len(corners) > 1:
        x, y = zip(*corners, strict=True)
        axes.plot(x, y, drawstyle="steps-post", color=TEST, linewidth=1.2, alpha=0.6, zorder=2)


def _name(
    axes: Axes, pair: tuple[Quantity, Quantity], shown: Sequence[Entry], points: Sequence[tuple[float, float]]
) -> None:
    """Writes each trial's number beside its test point, in the first of eight places that is still free."""
    places = [(8, 7), (-8, 7), (8, -7), (-8, -7), (0, 12), (0, -12), (13, 0), (-13, 0)]
    axes.autoscale_view()
    dots = 72 / axes.get_figure(root=True).dpi  # type: ignore[union-attr]  # it is in a figure
    taken = [tuple(axes.transData.transform(point) * dots) for point in points]
    for entry in shown:
        scores = [entry.member.test.get(quantity.label) for quantity in pair]
        if scores[0] is None or scores[1] is None:
            continue
        where = (scores[0].mean, scores[1].mean)
        if not all(map(math.isfinite, where)):
            continue
        x, y = axes.transData.transform(where) * dots
        room = [min((math.hypot(x + dx - a, y + dy - b) for a, b in taken), default=math.inf) for dx, dy in places]
        best = next((row for row, space in enumerate(room) if space > 9), max(range(len(room)), key=room.__getitem__))
        dx, dy = places[best]
        taken.append((x + dx, y + dy))
        axes.annotate(
            entry.short,
            where,
            xytext=(dx, dy),
            textcoords="offset points",
            ha="left" if dx > 0 else "right" if dx < 0 else "center",
            va="center",
            fontsize=9,
            color=INK,
            zorder=6,
        )


def _bars(score: Estimate) -> list[list[float]] | None:
    low, high = finite(score.low), finite(score.high)
    if low is None or high is None:
        return None
    return [[max(score.mean - low, 0.0)], [max(high - score.mean, 0.0)]]


def _legend(content: StudyContent, shown: Sequence[Entry]) -> list[Artist]:
    from matplotlib.lines import Line2D

    def dot(label: str, **options: object) -> Line2D:
        return Line2D([], [], linestyle="none", label=label, **options)  # type: ignore[arg-type]  # of a line

    handles: list[Artist] = [dot("trial, tuning seeds", marker="o", color=TRIAL, markersize=4)]
    if any(trial.feasible is False for trial in content.trials):
        handles.append(dot("infeasible trial", marker="o", color=TRIAL, markersize=4, markerfacecolor="none"))
    roles = {entry.role for entry in shown}
    if "chosen" in roles:
        handles.append(dot("chosen, tuning", marker="o", markersize=6.5, markerfacecolor=PAPER, color=TEST))
        handles.append(dot("chosen, test", marker="o", markersize=7.5, color=TEST, markeredgecolor=PAPER))
    if any(entry.dominated for entry in shown):
        label = "chosen, dominated on test"
        handles.append(dot(label, marker="X", markersize=7.5, color=TEST, markeredgecolor=PAPER))
    for entry in shown:
        if entry.role != "chosen":
            label = f"{entry.name.lower()}, test"
            colour, mark = COLOURS[entry.role], MARKS[entry.role]
            handles.append(dot(label, marker=mark, markersize=7, color=colour, markeredgecolor=PAPER))
    handles.append(dot("one test seed", marker="o", color=MUTED, markersize=3))
    return handles


def _caption(content: StudyContent, shown: Sequence[Entry], left_out: int) -> str:
    complete = sum(bool(trial.values) for trial in content.trials)
    thinned = f" ({MAX_TRIALS} of them drawn)" if complete > MAX_TRIALS else ""
    text = (
        f"Grey: {complete} complete trials{thinned} on {len(content.seeds.tuning)} tuning seeds. Hollow: tuning score "
        f"of a reported configuration, joined by a line to its test score (filled) on {len(content.seeds.test)} test "
        "seeds. Numbers are trials; small dots are test seeds. Bars: 95 % intervals of the test means."
    )
    infeasible = sum(trial.feasible is False for trial in content.trials)
    if infeasible:
        text += f" Grey and hollow: infeasible trials ({infeasible})."
    if len(content.objectives) == 2:
        text += " The stairs join the test means that no other member dominates."
    if any(entry.dominated for entry in shown):
        text += " A cross marks a member that another one dominates on test; it is reported as chosen."
    if left_out:
        text += f" {left_out} further pairs of objectives are not drawn."
    return text
