"""From trials to the few that are tested; no test seed is seen here.

Where a study has constraints, feasibility goes first (constrained domination, Deb et al. 2002, NSGA-II, section VI): a
feasible trial is preferred to one that breaks a constraint, and of two that do the one with the smaller total violation
(`autorl.pareto.total_violation`, which compares the candidates at hand). Losses decide among feasible trials, and where
total violations are equal. Every choice by feasibility is made here or by `autorl.schedules.ranking.order`.
Only trials that came furthest are compared: a score from a shorter training, or on fewer seeds, is another one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autorl.content import canonical_json
from autorl.pareto import non_dominated, select_by_hypervolume, total_violation
from autorl.records import Trial
from autorl.schedules import ranking

__all__ = ["best_trials", "chosen_front", "front_places", "preferred", "reached", "selectable"]


def reached(trial: Trial) -> tuple[int, int]:
    """How far a trial came: its mark, then on how many seeds."""
    return trial.rung, len(trial.runs)


def selectable(trials: Sequence[Trial]) -> list[Trial]:
    """Complete trials that came furthest (see `reached`), by number; of those with equal histories the first."""
    complete = [trial for trial in trials if trial.complete]
    top = max(map(reached, complete), default=(0, 0))
    found: dict[str, Trial] = {}
    for trial in sorted(complete, key=lambda trial: trial.number):
        if reached(trial) == top:
            found.setdefault(canonical_json(_history(trial)), trial)
    return list(found.values())


def front_places(losses: Sequence[Sequence[float]], violations: Sequence[Sequence[float]]) -> list[int]:
    """Places of the front of those that no other one beats by feasibility alone, in the order given.

    Args:
        losses: One sequence a candidate.
        violations: One sequence a candidate, 0 or below where a constraint holds; empty without constraints.
    """
    if not losses:
        return []
    places = _least_infeasible(violations)
    return [place for place, kept in zip(places, non_dominated([losses[one] for one in places]), strict=True) if kept]


def preferred(trials: Sequence[Trial]) -> list[Trial]:
    """The complete trials that no other one beats by feasibility alone, in the order given.

    These are the feasible ones; where there is none, those with the smallest total violation.
    """
    complete = [trial for trial in trials if trial.losses is not None]
    if not complete:
        return []
    return [complete[place] for place in _least_infeasible([trial.violations for trial in complete])]


def best_trials(trials: Sequence[Trial], count: int) -> list[Trial]:
    """With one objective the best trials, best first, as `autorl.schedules.ranking` orders them; ties by number."""
    return ranking.ranked(selectable(trials))[:count]


def chosen_front(trials: Sequence[Trial], count: int) -> list[Trial]:
    """With several objectives members of the front of the preferred trials, in the order of choice.

    A trial that breaks a constraint enters only where all do, and then only with the smallest total violation. Each
    objective's best first, then greedily by hypervolume contribution (`autorl.pareto.select_by_hypervolume`).
    """
    candidates = preferred(selectable(trials))
    if not candidates:
        return []
    chosen = select_by_hypervolume([_losses(trial) for trial in candidates], count)
    return [candidates[index] for index in chosen]


def _least_infeasible(violations: Sequence[Sequence[float]]) -> list[int]:
    """Places of the smallest total violation, of which there is at least one."""
    total = total_violation(violations)
    return [int(place) for place in np.flatnonzero(total == total.min())]


def _history(trial: Trial) -> list[object]:
    """All that a trial trained under: its configuration alone says nothing of whom it once copied."""
    past = [[one.until, dict(one.configuration), one.lineage] for one in trial.earlier]
    return [dict(trial.configuration), trial.lineage, past]


def _losses(trial: Trial) -> tuple[float, ...]:
    assert trial.losses is not None  # a complete trial has them
    return trial.losses
