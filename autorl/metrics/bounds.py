"""Black-box constraints: a metric that must stay on one side of a bound."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from autorl.documents import as_number, looks_like_number
from autorl.errors import InvalidInput, UnknownName
from autorl.metrics.base import Metric, option_fields
from autorl.metrics.parsing import built, metric_class_of, reference_of, taken_apart

__all__ = ["Constraint", "Side", "constraints", "describe_constraint", "refuse_shared_labels"]

Side = Literal["at_most", "at_least"]
SIDES: tuple[Side, ...] = get_args(Side)


@dataclass(frozen=True)
class Constraint:
    """A metric, aggregated over seeds as an objective is, that must be at most or at least a bound.

    Attributes:
        metric: What is measured.
        side: On which side of the bound it must lie; the bound itself is allowed.
        bound: In the metric's natural unit and sign; finite.
    """

    metric: Metric
    side: Side
    bound: float

    @property
    def label(self) -> str:
        """The metric's label; two constraints share it where a metric is bounded on both sides."""
        return self.metric.label

    @property
    def rule(self) -> str:
        """The constraint in words: `train_seconds at most 60`."""
        return f"{self.label} {self.side.replace('_', ' ')} {self.bound:.15g}"

    def violation(self, value: float) -> float:
        """By how much a value breaks it, in the metric's unit; 0 or below where it holds."""
        return value - self.bound if self.side == "at_most" else self.bound - value


def constraints(entries: object, where: str = "constraints") -> tuple[Constraint, ...]:
    """The constraints of a study, in its order; there may be none.

    Args:
        entries: A list of entries: `{metric: NAME, at_most: NUMBER}`, with `at_least` instead, and with a metric's
            options beside or, as for objectives, below its name: `{NAME: {OPTION: ...}, at_most: NUMBER}`.
        where: The file and key the list stands in.

    Raises:
        UnknownName: If a metric or a key is unknown; the message has the nearest known one.
        InvalidInput: If it is no list, an entry has no bound or two, a bound is no finite number, or two entries bound
            a metric on the same side or leave it no value.
    """
    if isinstance(entries, (str, bytes, Mapping)) or not isinstance(entries, Sequence):
        raise InvalidInput(f"{where}: {entries!r} must be a list, such as [{{metric: train_seconds, at_most: 60}}]")
    found: list[Constraint] = []
    for index, entry in enumerate(entries):
        place = f"{where}[{index}]"
        one = _constraint(entry, place)
        for other in found:
            if other.label != one.label:
                continue
            if other.side == one.side:
                raise InvalidInput(
                    f"{place}: {one.rule!r} comes after {other.rule!r}; bound a metric once on each side"
                )
            if max(one.violation(other.bound), other.violation(one.bound)) > 0:
                raise InvalidInput(f"{place}: {one.rule!r} contradicts {other.rule!r}; no value satisfies both")
        found.append(one)
    refuse_shared_labels([one.metric for one in found], where)
    return tuple(found)


def describe_constraint(constraint: Constraint) -> dict[str, object]:
    """The constraint as a plain mapping that `constraints` reads back."""
    reference = reference_of(constraint.metric)
    return {"metric": reference, constraint.side: constraint.bound, **constraint.metric.options}


def refuse_shared_labels(metrics: Sequence[Metric], where: str) -> None:
    """Refuses two different metrics of one label: what is measured goes by labels, whatever it is measured for.

    Raises:
        InvalidInput: Naming the label and both metrics.
    """
    known: dict[str, str] = {}
    for metric in metrics:
        reference = reference_of(metric)
        if known.setdefault(metric.label, reference) != reference:
            raise InvalidInput(
                f"{where}: {reference!r} and {known[metric.label]!r} are both called {metric.label!r}; different "
                f"metrics of a study need different names"
            )


def _constraint(entry: object, where: str) -> Constraint:
    parts = taken_apart(entry, SIDES)
    if parts is None:
        raise InvalidInput(
            f"{where}: {entry!r} is no constraint; write {{metric: NAME, at_most: NUMBER}} or "
            f"{{metric: NAME, at_least: NUMBER}}"
        )
    reference, options, bounds = parts
    metric_class = metric_class_of(reference, where)
    known = [*option_fields(metric_class), *SIDES]
    for name in options:
        if name not in known:
            raise UnknownName(f"key of a constraint on {metric_class.name!r}", name, known, where)
    if len(bounds) != 1:
        which = "neither at_most nor at_least" if not bounds else "both at_most and at_least"
        raise InvalidInput(f"{where}: {entry!r} has {which}; a constraint has exactly one bound")
    metric = built(metric_class, options, where)
    side: Side = "at_most" if "at_most" in bounds else "at_least"
    return Constraint(metric, side, _bound(bounds[side], f"{where}: {side}"))


def _bound(value: object, where: str) -> float:
    if isinstance(value, str) and looks_like_number(value):  # YAML reads 1e5 as text
        value = as_number(value, where)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= sys.float_info.max:
        raise InvalidInput(f"{where}: {value!r} is no finite number; the bound is one, in the metric's own unit")
    return float(value)
