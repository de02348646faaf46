"""`results.json`: the numbers of a study for machines; `docs/results.md` describes every field."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from autorl.pareto import non_dominated
from autorl.report.content import Member, Phase, Quantity, StudyContent, TrialRow
from autorl.report.feasibility import feasible, holds
from autorl.report.formats import finite, gap
from autorl.report.schedule import schedule_document

if TYPE_CHECKING:
    from autorl.metrics import Constraint
    from autorl.statistics import Difference, Estimate

__all__ = ["SCHEMA_VERSION", "dominated_on_test", "results_document"]

SCHEMA_VERSION = 1
"""Raised by one whenever a field changes its meaning or goes away; new fields do not raise it."""


def results_document(content: StudyContent) -> dict[str, object]:
    """The document, as strict JSON data: infinities and nan become None.

    With one objective there is `best` (None without a complete trial) and no `front`. With several there is `front`,
    in the order in which its members were chosen, and `best` is None. What is said of constraints is there in a study
    that has some.
    """
    document: dict[str, object] = {
        "schema_version": SCHEMA_VERSION,
        "autorl_version": content.autorl_version,
        "study": {"name": content.name, "description": _plain(content.description)},
        "objectives": [_quantity(quantity) for quantity in content.objectives],
        **_constraints(content),
        "metrics": [_quantity(quantity) for quantity in content.quantities],
        "seeds": {
            "tuning": list(content.seeds.tuning),
            "validation": list(content.seeds.validation),
            "test": list(content.seeds.test),
        },
        "warnings": list(content.warnings),
        "nondeterministic": list(content.nondeterministic),
        "interrupted": content.interrupted,
        "incomplete": content.incomplete,
        "status_counts": content.status_counts,
        "env_steps": _steps(content.phases),
        "baseline": _member(content, content.baseline),
        "default": _member(content, content.default),
        "best": _member(content, content.best),
    }
    if len(content.objectives) > 1:
        dominated = dominated_on_test(content.objectives, content.front)
        document["front"] = [
            {**(_member(content, member) or {}), "dominated_on_test": mark}
            for member, mark in zip(content.front, dominated, strict=True)
        ]
    if content.known_front is not None:
        document["known_front"] = content.known_front.tolist()
    document["finalists"] = [_member(content, member) for member in content.finalists]
    document["trials"] = [_trial(content, trial) for trial in content.trials]
    return document


def dominated_on_test(objectives: Sequence[Quantity], members: Sequence[Member]) -> list[bool]:
    """Which members another one beats on the test means: no worse in every objective and better in one.

    A member without finite test means neither dominates nor is dominated.
    """
    signs = [-1.0 if quantity.direction == "maximize" else 1.0 for quantity in objectives]
    losses = np.full((len(members), len(objectives)), math.nan)
    for row, member in enumerate(members):
        for column, quantity in enumerate(objectives):
            if quantity.label in member.test:
                losses[row, column] = signs[column] * member.test[quantity.label].mean
    measured = np.isfinite(losses).all(axis=1)
    dominated = np.zeros(len(members), dtype=bool)
    dominated[measured] = ~non_dominated(losses[measured])
    return [bool(mark) for mark in dominated]


def _quantity(quantity: Quantity) -> dict[str, object]:
    return {
        "metric": quantity.label,
        "direction": quantity.direction,
        "unit": quantity.unit,
        "summary": quantity.summary,
    }


def _constraints(content: StudyContent) -> dict[str, object]:
    """The constraints, and whether everything chosen holds them all (None where nothing is)."""
    if not content.constraints:
        return {}
    marks = [feasible(content.constraints, member) for member in content.chosen]
    return {
        "constraints": [{**_bound(one), "unit": one.metric.unit} for one in content.constraints],
        "feasible": False if False in marks else None if None in marks or not marks else True,
    }


def _bound(constraint: Constraint) -> dict[str, object]:
    return {"metric": constraint.label, constraint.side: constraint.bound}


def _steps(phases: Mapping[str, Phase]) -> dict[str, object]:
    return {
        "training": sum(phase.training for phase in phases.values()),
        "evaluation": sum(phase.evaluation for phase in phases.values()),
        "phases": {
            name: {"training": phase.training, "evaluation": phase.evaluation} for name, phase in phases.items()
        },
    }


def _member(content: StudyContent, member: Member | None) -> dict[str, object] | None:
    if member is None:
        return None
    gaps = {
        quantity.label: gap(quantity, member.tuning.get(quantity.label), member.test.get(quantity.label))
        for quantity in content.quantities
        if quantity.label in member.tuning and quantity.label in member.test
    }
    return {
        "trial": member.trial,
        "config": _plain(member.configuration),
        "schedule": _plain(schedule_document(member.schedule)),
        "tuning": {label: _estimate(entry) for label, entry in member.tuning.items()},
        "validation": {label: _estimate(entry) for label, entry in member.validation.items()},
        "test": {label: _estimate(entry) for label, entry in member.test.items()},
        "gap": gaps,
        "minus_baseline": {label: _difference(entry) for label, entry in member.minus_baseline.items()},
        "diverged_test_seeds": list(member.diverged_test_seeds),
        "missing_test_seeds": list(member.missing_test_seeds),
        **_member_constraints(content, member),
        **_fronts(member),
    }


def _fronts(member: Member) -> dict[str, object]:
    """What its policies return, where the reward is a vector."""
    if not member.fronts:
        return {}
    per_seed = [front.tolist() for front in member.fronts]
    return {"fronts": {"per_seed": per_seed, "merged": member.merged_front.tolist()}}


def _member_constraints(content: StudyContent, member: Member) -> dict[str, object]:
    """On which seeds each constraint holds."""
    if not content.constraints:
        return {}
    scores = {"tuning": member.tuning, "validation": member.validation, "test": member.test}
    return {
        "constraints": [
            {**_bound(one), **{kind: holds(one, known) for kind, known in scores.items()}}
            for one in content.constraints
        ],
        "feasible": feasible(content.constraints, member),
    }


def _estimate(entry: Estimate) -> dict[str, object]:
    return {
        "mean": finite(entry.mean),
        "low": finite(entry.low),
        "high": finite(entry.high),
        "per_seed": [finite(number) for number in entry.per_seed],
        "n": int(entry.n),
        "method": entry.method,
        "warning": entry.warning or None,
    }


def _difference(entry: Difference) -> dict[str, object]:
    return {
        "mean": finite(entry.mean),
        "low": finite(entry.low),
        "high": finite(entry.high),
        "n": list(entry.n),
        "method": entry.method,
    }


def _trial(content: StudyContent, trial: TrialRow) -> dict[str, object]:
    bounded = {label: finite(number) for label, number in trial.constraints.items()}
    return {
        "trial": trial.number,
        "origin": trial.origin,
        "status": trial.status.value,
        "config": _plain(trial.configuration),
        "schedule": _plain(schedule_document(trial.schedule)),
        "values": {label: finite(number) for label, number in trial.values.items()},
        "seeds": list(trial.seeds),
        "per_seed": {label: [finite(number) for number in row] for label, row in trial.per_seed.items()},
        "rung": trial.rung,
        "env_steps": {"training": trial.env_steps, "evaluation": trial.evaluation_steps},
        "train_seconds": finite(trial.train_seconds),
        "reason": trial.reason,
        **({"constraints": bounded, "feasible": trial.feasible} if content.constraints else {}),
    }


def _plain(value: object) -> object:
    """The value as strict JSON data; what JSON has no form for becomes its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return finite(value)
    return value if value is None or type(value) in (bool, int, str) else str(value)
