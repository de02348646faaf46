"""Which configurations hold the constraints of a study, and on which seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from autorl.report.content import Member, StudyContent
from autorl.report.formats import estimate, finite

if TYPE_CHECKING:
    from autorl.metrics import Constraint
    from autorl.report.entries import Entry
    from autorl.statistics import Estimate

__all__ = ["broken_on_test", "constraint_rows", "feasible", "holds", "yes_or_no"]


def holds(constraint: Constraint, scores: Mapping[str, Estimate]) -> bool | None:
    """Whether the aggregate of a constraint's metric satisfies it; None where that was not measured."""
    score = scores.get(constraint.label)
    if score is None or not math.isfinite(score.mean):
        return None
    return constraint.violation(score.mean) <= 0


def feasible(constraints: Sequence[Constraint], member: Member) -> bool | None:
    """Whether a configuration holds every constraint on the seeds that chose it.

    These are the validation seeds where it was judged on them, else the tuning seeds.

    Returns:
        None without constraints, and where one was not measured while none is broken.
    """
    marks = [holds(constraint, member.validation or member.tuning) for constraint in constraints]
    if False in marks:
        return False
    return None if None in marks or not marks else True


def broken_on_test(content: StudyContent, shown: Sequence[Entry]) -> list[str]:
    """A sentence for each constraint that a chosen configuration breaks on the test seeds."""
    return [
        f"{entry.name}: breaks {constraint.rule} on the test seeds: {estimate(entry.member.test[constraint.label])}."
        for entry in shown
        if entry.role == "chosen"
        for constraint in content.constraints
        if holds(constraint, entry.member.test) is False
    ]


def constraint_rows(content: StudyContent, shown: Sequence[Entry]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Head and rows of a table: per configuration and constraint test, tuning, and whether it holds on the test."""
    head = ["configuration"]
    for constraint in content.constraints:
        head += [f"{constraint.rule}: test", "tuning", "holds on test"]
    rows = []
    for entry in shown:
        cells = [entry.name]
        for constraint in content.constraints:
            tuned, tested = entry.member.tuning.get(constraint.label), entry.member.test.get(constraint.label)
            cells += [estimate(tested), estimate(tuned), _verdict(constraint, entry.member.test)]
        rows.append(tuple(cells))
    return head, rows


def yes_or_no(mark: bool | None) -> str:
    """A mark in words; a dash for an unknown one."""
    return "–" if mark is None else "yes" if mark else "no"


def _verdict(constraint: Constraint, scores: Mapping[str, Estimate]) -> str:
    """Whether it holds on average, and whether the interval leaves that open."""
    mark = holds(constraint, scores)
    if mark is None:
        return yes_or_no(mark)
    ends = [finite(scores[constraint.label].low), finite(scores[constraint.label].high)]
    sides = {constraint.violation(end) <= 0 for end in ends if end is not None}
    return yes_or_no(mark) if sides <= {mark} else f"{yes_or_no(mark)}, not clearly"
