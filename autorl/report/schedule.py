"""Schedules of hyperparameters: how those chosen changed in training, as data, as a table and as a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from autorl.records import Configuration, Value
from autorl.report.axes import COLOURS, logarithmic, set_scale
from autorl.report.content import Schedule, StudyContent
from autorl.report.formats import number, printable, value
from autorl.report.picture import Picture, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from autorl.report.entries import Entry

__all__ = ["schedule_document", "schedule_picture", "schedule_rows", "schedule_yaml"]

MAX_LINES, MAX_PANELS, MAX_CHOICES = 10, 12, 12


def schedule_document(schedule: Schedule) -> list[dict[str, object]]:
    """A schedule as plain data."""
    return [{"from_env_steps": begin, "config": dict(settings)} for begin, settings in schedule]


def schedule_yaml(content: StudyContent) -> bytes | None:
    """The schedules of those chosen as a YAML file, or None if none of them changed its hyperparameters."""
    import yaml

    changing = [member for member in content.chosen if member.schedule]
    if not changing:
        return None
    entries = [{"trial": member.trial, "schedule": schedule_document(member.schedule)} for member in changing]
    text: str = yaml.safe_dump(
        {"study": content.name, "schedules": entries},
        sort_keys=False,
        default_flow_style=None,
        allow_unicode=True,
        width=110,
    )
    comment = "# Hyperparameters in training, each from that env step on. The others stay as the study has them."
    return f"{comment}\n{text}".encode()


def schedule_rows(shown: Sequence[Entry]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Head and rows of a table with a row a change of those chosen."""
    changing = _changing(shown)
    names = _names(changing)
    head = ("configuration", "from env step", *names)
    rows = tuple(
        (
            entry.name,
            number(begin),
            *(value(settings[name]) if name in settings else "–" for name in names),
        )
        for entry in changing
        for begin, settings in entry.member.schedule
    )
    return head, rows


def schedule_picture(content: StudyContent, shown: Sequence[Entry]) -> Picture | None:
    """A panel a hyperparameter that changed, over env steps, a line each of those chosen; None where none changed."""
    changing = _changing(shown)
    names = [name for name in _names(changing) if any(len(set(map(repr, _column(one, name)))) > 1 for one in changing)]
    if not names:
        return None
    panels, columns = names[:MAX_PANELS], min(3, len(names))
    rows = math.ceil(len(panels) / columns)
    figure = new_figure(9.2, 2.2 * rows + 0.5)
    text = (
        "Hyperparameters over the env steps of training, of what was chosen; the tests train under the same schedule."
    )
    if len(changing) > MAX_LINES:
        text += f" {len(changing) - MAX_LINES} further configurations are not drawn."
    if len(names) > len(panels):
        text += f" {len(names) - len(panels)} further hyperparameters are not drawn."
    alt = f"Values of {', '.join(panels)} over env steps."
    picture = Picture("schedule", "Schedule of hyperparameters", text, alt, figure)
    scales = {row.name: row.scale for row in content.space}
    last = max(trial.rung for trial in content.trials)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for place, axes in enumerate(grid.flat):
        if place >= len(panels):
            axes.set_visible(False)
            continue
        _panel(axes, panels[place], scales.get(panels[place], ""), changing[:MAX_LINES], last)
        if place + columns >= len(panels):
            axes.tick_params(labelbottom=True)
    figure.supxlabel("env steps of training", fontsize=10.5)
    return picture


def _panel(axes: Axes, name: str, scale: str, changing: Sequence[Entry], last: int) -> None:
    values = [entry for one in changing for entry in _column(one, name)]
    known = [float(entry) for entry in values if isinstance(entry, (int, float)) and not isinstance(entry, bool)]
    places: Mapping[str, float] = {}
    if len(known) == len(values):
        decade = max(known) >= 10 * min(known) > 0  # less has no round tick of its own
        set_scale(axes, "y", log=decade and (scale in ("log", "pow2") or logarithmic(known)))
    else:
        labels = sorted({value(entry) for entry in values})[:MAX_CHOICES]
        places = {label: float(place) for place, label in enumerate(labels)}
        axes.set_yticks(list(places.values()), [label if len(label) < 13 else f"{label[:11]}…" for label in labels])
        axes.set_ylim(-0.6, len(labels) - 0.4)
    for one in changing:
        begins = [begin for begin, _ in one.member.schedule]
        heights = [_height(settings, name, places) for _, settings in one.member.schedule]
        axes.plot(
            [*begins, last],
            [*heights, heights[-1]],
            drawstyle="steps-post",
            color=COLOURS[one.role],
            linewidth=2.0 if len(changing) == 1 else 1.2,
            alpha=1.0 if len(changing) == 1 else 0.6,
        )
    set_scale(axes, "x", log=False)
    axes.set_title(printable(name), fontsize=9.5)


def _height(settings: Configuration, name: str, places: Mapping[str, float]) -> float:
    """Where a value stands; nan, a gap, where it is inactive."""
    entry = settings.get(name)
    if places or name not in settings or not isinstance(entry, (int, float)):
        return places.get(value(entry), math.nan) if name in settings else math.nan
    return float(entry)


def _changing(shown: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in shown if entry.role == "chosen" and entry.member.schedule]


def _names(changing: Sequence[Entry]) -> list[str]:
    settings = [settings for entry in changing for _, settings in entry.member.schedule]
    return list(dict.fromkeys(name for one in settings for name in one))


def _column(entry: Entry, name: str) -> list[Value]:
    """The values a hyperparameter had while it was active."""
    return [settings[name] for _, settings in entry.member.schedule if name in settings]
