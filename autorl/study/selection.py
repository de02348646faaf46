"""From trials to the few that are tested; no test seed is seen here."""

from __future__ import annotations

from collections.abc import Sequence

from autorl.content import canonical_json
from autorl.pareto import select_by_hypervolume
from autorl.records import Status, Trial

__all__ = ["best_trials", "chosen_front", "selectable"]


def selectable(trials: Sequence[Trial]) -> list[Trial]:
    """Complete trials of the highest rung reached, by number; of equal configurations the first."""
    complete = [trial for trial in trials if trial.status is Status.COMPLETE and trial.losses is not None]
    top = max((trial.rung for trial in complete), default=0)
    found: dict[str, Trial] = {}
    for trial in sorted(complete, key=lambda trial: trial.number):
        if trial.rung == top:
            found.setdefault(canonical_json(dict(trial.configuration)), trial)
    return list(found.values())


def best_trials(trials: Sequence[Trial], count: int) -> list[Trial]:
    """With one objective the trials of lowest loss, best first, ties by number."""
    return sorted(selectable(trials), key=lambda trial: (_losses(trial)[0], trial.number))[:count]


def chosen_front(trials: Sequence[Trial], count: int) -> list[Trial]:
    """With several objectives members of the front, in the order of choice.

    Each objective's best first, then greedily by hypervolume contribution (`autorl.pareto.select_by_hypervolume`).
    """
    candidates = selectable(trials)
    if not candidates:
        return []
    chosen = select_by_hypervolume([_losses(trial) for trial in candidates], count)
    return [candidates[index] for index in chosen]


def _losses(trial: Trial) -> tuple[float, ...]:
    assert trial.losses is not None  # a complete trial has them
    return trial.losses
