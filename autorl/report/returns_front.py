"""Fronts of returns: what agents whose reward is a vector reach, per test seed, merged, and beside the true front."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from autorl.records import FloatArray
from autorl.report.axes import COLOURS, MARKS, set_scale
from autorl.report.content import StudyContent
from autorl.report.entries import Entry
from autorl.report.formats import number
from autorl.report.picture import INK, MUTED, Picture, new_figure

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["returns_front"]

MAX_ROWS, SCATTERED = 3, 3


def returns_front(content: StudyContent, shown: Sequence[Entry]) -> Picture | None:
    """One row a reported configuration; None where no reward is a vector.

    Up to three rewards are drawn as scatter plots of every pair; more of them as parallel coordinates, one line a
    point, each axis scaled to the range drawn.
    """
    drawn = [(entry, fronts) for entry in shown if (fronts := [one for one in entry.member.fronts if len(one)])]
    left_out = len(drawn[MAX_ROWS:])
    drawn = drawn[:MAX_ROWS]
    if not drawn:
        return None
    rewards = drawn[0][1][0].shape[1]
    pairs = list(combinations(range(rewards), 2)) if rewards <= SCATTERED else [(0, 0)]
    if len(pairs) == 1:  # side by side on the same axes, so that they are compared by eye
        figure = new_figure(9.2, 3.9)
        grid = figure.subplots(1, len(drawn), squeeze=False, sharex=rewards <= SCATTERED, sharey=True).T
    else:
        figure = new_figure(9.2, 3.1 * len(drawn) + 0.6)
        grid = figure.subplots(len(drawn), len(pairs), squeeze=False, sharex="col", sharey="col")
    picture = Picture(
        "returns",
        "Fronts of returns",
        _caption(content, drawn, left_out, rewards),
        f"Undominated mean returns of {', '.join(entry.name for entry, _ in drawn)} on {rewards} rewards.",
        figure,
    )
    every = [*(front for _, fronts in drawn for front in fronts)]
    if content.known_front is not None:
        every.append(content.known_front)
    low, high = np.concatenate(every).min(axis=0), np.concatenate(every).max(axis=0)
    for (entry, fronts), row in zip(drawn, grid, strict=True):
        for pair, axes in zip(pairs, row, strict=True):
            if rewards <= SCATTERED:
                _scatter(picture, axes, pair, content, entry, fronts)
            else:
                _parallel(axes, content, entry, fronts, low, np.where(high > low, high - low, 1.0))
        row[0].set_title(entry.name, fontsize=10)
        if len(pairs) == 1:
            row[0].label_outer()
    figure.legend(
        handles=_legend(content, points=rewards <= SCATTERED),
        loc="outside lower center",
        ncols=3,
        handletextpad=0.5,
        columnspacing=1.6,
    )
    return picture


def _scatter(
    picture: Picture,
    axes: Axes,
    pair: tuple[int, int],
    content: StudyContent,
    entry: Entry,
    fronts: Sequence[FloatArray],
) -> None:
    across, up = pair
    if content.known_front is not None:
        known = content.known_front
        axes.scatter(known[:, across], known[:, up], marker="+", s=64, color=MUTED, linewidths=1.1, zorder=1)
    colour = COLOURS[entry.role]
    for front in fronts:
        axes.scatter(front[:, across], front[:, up], s=10, color=colour, alpha=0.35, linewidths=0, zorder=2)
    merged = entry.member.merged_front
    points = axes.scatter(
        merged[:, across],
        merged[:, up],
        s=44,
        marker=MARKS[entry.role],
        facecolors="none",
        edgecolors=colour,
        linewidths=1.3,
        zorder=3,
    )
    picture.tip(points, [f"{entry.name}: {', '.join(map(number, row.tolist()))}" for row in merged])
    set_scale(axes, "x", log=False)
    set_scale(axes, "y", log=False)
    axes.set_xlabel(f"return {across}, higher is better")
    axes.set_ylabel(f"return {up}, higher is better")


def _parallel(
    axes: Axes, content: StudyContent, entry: Entry, fronts: Sequence[FloatArray], low: FloatArray, span: FloatArray
) -> None:
    from matplotlib.collections import LineCollection

    places = np.arange(len(low))

    def lines(front: FloatArray, **how: Any) -> None:
        scaled = (front - low) / span
        axes.add_collection(LineCollection([np.column_stack([places, row]) for row in scaled], **how))

    if content.known_front is not None:
        lines(content.known_front, colors=MUTED, linewidths=0.7, linestyles="dashed", alpha=0.6)
    for front in fronts:
        lines(front, colors=COLOURS[entry.role], linewidths=0.6, alpha=0.25)
    merged = entry.member.merged_front
    thin = min(1.0, max(0.4, (12 / max(1, len(merged))) ** 0.5))  # dozens of lines would hide all the others
    lines(merged, colors=COLOURS[entry.role], linewidths=1.3 * thin, alpha=0.4 + 0.6 * thin)
    axes.set_xlim(-0.2, len(low) - 0.8)
    axes.set_ylim(-0.05, 1.05)
    axes.set_xticks(places, [f"{place}" for place in places])
    axes.set_xlabel("return of reward")
    axes.set_ylabel("share of the range drawn")


def _caption(
    content: StudyContent, drawn: Sequence[tuple[Entry, Sequence[FloatArray]]], left_out: int, rewards: int
) -> str:
    counts = " or ".join(map(str, sorted({len(fronts) for _, fronts in drawn})))
    text = (
        f"Undominated mean returns over the evaluation episodes of each policy, {rewards} rewards. Faint: per test "
        f"seed (n = {counts}); strong: merged over the seeds."
    )
    if content.known_front is not None:
        text += " Grey: the environment's true front."
    if left_out:
        text += f" {left_out} further configurations are not drawn."
    return text


def _legend(content: StudyContent, *, points: bool) -> list[Artist]:
    from matplotlib.lines import Line2D

    def sample(label: str, marker: str, line: Any, **how: Any) -> Line2D:
        return Line2D([], [], marker=marker if points else "", linestyle="" if points else line, label=label, **how)

    handles: list[Artist] = [
        sample("a test seed", "o", "-", color=INK, alpha=0.35, markersize=3.5, linewidth=0.8),
        sample("merged", "o", "-", color=INK, fillstyle="none", markersize=7, linewidth=1.4),
    ]
    if content.known_front is not None:
        handles.append(sample("true front", "+", "--", color=MUTED, markersize=8, linewidth=0.9))
    return handles
