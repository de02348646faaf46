"""One small panel a hyperparameter: its values against an objective, over all trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from autorl.records import FloatArray, Status, Value
from autorl.report.axes import axis_label, describe, logarithmic, set_scale, thin, tick
from autorl.report.content import Quantity, StudyContent, TrialRow
from autorl.report.entries import Entry
from autorl.report.formats import printable, value
from autorl.report.picture import BASELINE, PAPER, TEST, TRIAL, Picture, new_figure
from autorl.space import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["slices"]

MAX_PANELS, MAX_TRIALS, MAX_CHOICES = 12, 300, 12
_Places = Callable[[Sequence[TrialRow]], FloatArray]


def slices(content: StudyContent, shown: Sequence[Entry]) -> list[Picture]:
    """One picture an objective; hyperparameters that never vary have no panel."""
    scales = {row.name: row for row in content.space}
    names = [row.name for row in content.space] or list({n: 0 for trial in content.trials for n in trial.configuration})
    varied = [name for name in names if len(set(map(repr, _values(content.trials, name)))) > 1]
    if not varied or not any(trial.values for trial in content.trials):
        return []
    pictures = []
    for place, quantity in enumerate(content.objectives):
        panels = varied[:MAX_PANELS]
        columns = min(4, len(panels))
        rows = math.ceil(len(panels) / columns)
        figure = new_figure(9.2, 2.15 * rows + 0.35)
        text = f"{quantity.label} on the tuning seeds against one hyperparameter at a time, the others varying freely. "
        text += "Blue: chosen. Crosses at the lower edge: failures."
        if len(content.trials) > MAX_TRIALS:
            text += f" {MAX_TRIALS} trials are drawn, evenly spread, and the chosen."
        if len(varied) > len(panels):
            text += f" {len(varied) - len(panels)} further hyperparameters are not drawn."
        picture = Picture(
            f"slices-{place + 1}",
            f"Hyperparameters and {quantity.label}",
            text,
            f"Scatter plots of {quantity.label} against {', '.join(panels)}.",
            figure,
        )
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for spot, axes in enumerate(grid.flat):
            if spot >= len(panels):
                axes.set_visible(False)
                continue
            _panel(picture, axes, panels[spot], scales.get(panels[spot]), quantity, content, shown)
        figure.supylabel(axis_label(quantity), fontsize=10.5)
        pictures.append(picture)
    return pictures


def _values(trials: Sequence[TrialRow], name: str) -> list[Value]:
    return [trial.configuration[name] for trial in trials if name in trial.configuration]


def _panel(
    picture: Picture,
    axes: Axes,
    name: str,
    row: Row | None,
    quantity: Quantity,
    content: StudyContent,
    shown: Sequence[Entry],
) -> None:
    chosen = {entry.member.trial for entry in shown if entry.role == "chosen"}
    active = [trial for trial in content.trials if name in trial.configuration]
    place = _places(axes, name, row, active)
    drawn = thin([trial for trial in active if trial.number not in chosen], MAX_TRIALS)
    scored = [trial for trial in drawn if quantity.label in trial.values]
    failed = [trial for trial in drawn if trial.status is not Status.COMPLETE]
    picked = [trial for trial in active if trial.number in chosen and quantity.label in trial.values]
    tipped = len(drawn) <= 100  # every tooltip repeats the configuration: too heavy for many
    cloud = axes.scatter(place(scored), [t.values[quantity.label] for t in scored], s=14, color=TRIAL, linewidths=0)
    marks = axes.scatter(
        place(failed),
        [0.03] * len(failed),
        transform=axes.get_xaxis_transform(),
        marker="x",
        s=16,
        color=BASELINE,
        linewidths=1.1,
        clip_on=False,
    )
    top = axes.scatter(
        place(picked),
        [t.values[quantity.label] for t in picked],
        s=34,
        facecolors=TEST,
        edgecolors=PAPER,
        linewidths=0.8,
        zorder=4,
    )
    for artist, group in ((cloud, scored), (marks, failed), (top, picked)):
        if tipped or artist is top:
            picture.tip(artist, [describe(trial) for trial in group])
    set_scale(axes, "y", logarithmic([t.values[quantity.label] for t in content.trials if quantity.label in t.values]))
    axes.set_title(printable(name), fontsize=9.5)
    axes.tick_params(labelsize=8.5)
    axes.margins(y=0.12)


def _places(axes: Axes, name: str, row: Row | None, active: Sequence[TrialRow]) -> _Places:
    """Prepares the horizontal axis for the hyperparameter's kind and says where trials stand on it."""
    values = _values(active, name)
    if all(isinstance(entry, (int, float)) and not isinstance(entry, bool) for entry in values):
        known = [float(entry) for entry in values if isinstance(entry, (int, float))]
        scale = row.scale if row is not None else "log" if logarithmic(known) else "linear"
        _number_axis(axes, scale, known)
        return lambda trials: np.array([_number(trial, name) for trial in trials])
    labels = sorted(
        {value(entry) for entry in values}, key=lambda text: (len(text), text) if text.isdigit() else (99, text)
    )
    at = {label: position for position, label in enumerate(labels)}
    shown = thin(labels, MAX_CHOICES)
    axes.set_xticks([at[label] for label in shown], [label if len(label) < 13 else f"{label[:11]}…" for label in shown])
    if sum(map(len, shown)) > 22:
        axes.tick_params(axis="x", labelrotation=30)
    axes.set_xlim(-0.6, len(labels) - 0.4)
    golden = (math.sqrt(5) - 1) / 2  # spreads points that share a choice, without a random number

    def places(trials: Sequence[TrialRow]) -> FloatArray:
        return np.array([at[value(t.configuration[name])] + 0.5 * (t.number * golden % 1 - 0.5) for t in trials])

    return places


def _number_axis(axes: Axes, scale: str, known: Sequence[float]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    low, high = min(known), max(known)
    if scale == "log" and low > 0:
        set_scale(axes, "x", log=True)
        if high < 10 * low:  # less than a decade has no round tick of its own
            axes.xaxis.set_major_locator(FixedLocator([low, math.sqrt(low * high), high]))
            axes.xaxis.set_minor_locator(NullLocator())
    elif scale == "pow2" and low > 0:
        axes.set_xscale("log", base=2)
        powers = range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
        axes.xaxis.set_major_locator(
            FixedLocator([2.0**power for power in powers[:: max(1, math.ceil(len(powers) / 4))]])
        )
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    elif scale == "reverse_log" and high < 1:
        axes.set_xscale("function", functions=(_towards_one, _from_one))
        nines = [1 - 10.0**-power for power in range(1, 8)]
        ticks = [0.0, 0.5, *nines]
        kept = [entry for entry in ticks if low <= entry <= high] or [low, high]
        axes.xaxis.set_major_locator(FixedLocator(kept))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.7g}"))
    else:
        set_scale(axes, "x", log=False)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=all(entry.is_integer() for entry in known)))
        axes.xaxis.set_major_formatter(FuncFormatter(tick))


def _towards_one(x: FloatArray) -> FloatArray:
    return np.asarray(-np.log10(np.maximum(1 - np.asarray(x, dtype=float), 1e-12)), dtype=float)


def _from_one(y: FloatArray) -> FloatArray:
    return np.asarray(1 - 10.0 ** -np.asarray(y, dtype=float), dtype=float)


def _number(trial: TrialRow, name: str) -> float:
    entry = trial.configuration[name]
    return float(entry) if isinstance(entry, (int, float)) else math.nan
