"""Who stands in the tables and pictures: the configurations reported, each once and by one name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from autorl.report.content import Member, Quantity, StudyContent
from autorl.report.feasibility import feasible
from autorl.report.results import dominated_on_test

if TYPE_CHECKING:
    from autorl.statistics import Estimate

__all__ = ["Entry", "entries", "equal_scores", "interval_methods"]


@dataclass(frozen=True, eq=False)
class Entry:
    """One reported configuration.

    Attributes:
        name: For headings and legends.
        short: For a label beside a point.
        role: What it is drawn as.
        member: The configuration.
        dominated: Whether another member of the front beats it on the test seeds.
    """

    name: str
    short: str
    role: Literal["chosen", "default", "baseline"]
    member: Member
    dominated: bool = False


def entries(content: StudyContent) -> tuple[Entry, ...]:
    """The chosen, then the default, then the baseline; one that coincides with another is named with it.

    The chosen stand in the order of their tuning score in the first objective, best first: a front reads along itself.
    The baseline and the default coincide if every number of theirs does (equal configurations share all runs).
    """
    several = len(content.objectives) > 1
    default, baseline = content.default, content.baseline
    found: list[Entry] = []
    shared = False
    marks = dominated_on_test(content.objectives, content.chosen)
    for member, dominated in sorted(zip(content.chosen, marks, strict=True), key=lambda pair: _place(content, pair[0])):
        infeasible = feasible(content.constraints, member) is False
        name = f"Trial {member.trial}" if several else f"Best: trial {member.trial}"
        if infeasible:
            name = f"Trial {member.trial}, infeasible" if several else f"Least infeasible: trial {member.trial}"
        if default is not None and member.trial == default.trial:
            shared = True
            name += " = default"
            if baseline is not None and _same(default, baseline):
                name, baseline = f"{name} = baseline", None
        found.append(Entry(name, str(member.trial), "chosen", member, dominated))
    if default is not None and not shared:
        name = "Default"
        if baseline is not None and _same(default, baseline):
            name, baseline = "Default = baseline", None
        found.append(Entry(name, "default", "default", default))
    if baseline is not None:
        found.append(Entry("Baseline", "baseline", "baseline", baseline))
    return tuple(found)


def interval_methods(shown: Sequence[Entry], quantities: Sequence[Quantity]) -> str:
    """Methods and counts of the intervals, each once: `Student's t, n = 5 tuning seeds`."""
    found: dict[str, None] = {}
    for kind in ("test", "tuning"):
        for entry in shown:
            scores = entry.member.test if kind == "test" else entry.member.tuning
            for quantity in quantities:
                score = scores.get(quantity.label)
                if score is not None and score.method != "none":
                    found[f"{score.method}, n = {score.n} {kind} seeds"] = None
    return "; ".join(found) or "none (one seed, or values missing)"


def _place(content: StudyContent, member: Member) -> tuple[bool, float]:
    first = content.objectives[0]
    score = member.tuning[first.label].mean if first.label in member.tuning else math.nan
    return not math.isfinite(score), -score if first.direction == "maximize" else score


def _same(one: Member, other: Member) -> bool:
    return equal_scores(one.tuning, other.tuning) and equal_scores(one.test, other.test)


def equal_scores(one: Mapping[str, Estimate], other: Mapping[str, Estimate]) -> bool:
    """Whether every number of both is the same, seed by seed, as it is where they share their runs."""
    return one.keys() == other.keys() and all(
        np.array_equal(np.asarray(one[label].per_seed), np.asarray(other[label].per_seed), equal_nan=True)
        for label in one
    )
