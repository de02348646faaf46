"""`trials.csv`: one row a configuration."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import TypeVar

from autorl.report.content import StudyContent
from autorl.report.formats import finite, printable

__all__ = ["trials_csv"]

Item = TypeVar("Item")


def trials_csv(content: StudyContent) -> str:
    """The table as text.

    Columns: `trial`, `status`, `origin`, `rung`, one `config.NAME` a hyperparameter, one column an objective, with
    constraints one `constraint.METRIC` a bounded metric and `feasible`, one `METRIC[seed=S]` a metric and tuning seed,
    `env_steps`, `evaluation_steps`, `train_seconds`, `reason`. An inactive hyperparameter and what is unknown are
    empty; None is written `null`, truth values `true` and `false`.
    """
    names = _union([row.name for row in content.space], *(trial.configuration for trial in content.trials))
    objectives = [quantity.label for quantity in content.objectives]
    bounded = _union(constraint.label for constraint in content.constraints)
    labels = _union([quantity.label for quantity in content.quantities], *(trial.per_seed for trial in content.trials))
    seeds = _union(content.seeds.tuning, *(trial.seeds for trial in content.trials))
    measured = {(label, seed) for trial in content.trials for label in trial.per_seed for seed in trial.seeds}
    cells = [(label, seed) for label in labels for seed in seeds if (label, seed) in measured]

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["trial", "status", "origin", "rung"]
        + [f"config.{name}" for name in names]
        + objectives
        + [f"constraint.{label}" for label in bounded]
        + ["feasible"] * bool(bounded)
        + [f"{label}[seed={seed}]" for label, seed in cells]
        + ["env_steps", "evaluation_steps", "train_seconds", "reason"]
    )
    for trial in content.trials:
        per_seed = {
            (label, seed): number
            for label, numbers in trial.per_seed.items()
            for seed, number in zip(trial.seeds, numbers, strict=False)
        }
        writer.writerow(
            [trial.number, trial.status.value, trial.origin, trial.rung]
            + [_cell(trial.configuration[name]) if name in trial.configuration else "" for name in names]
            + [_number(trial.values.get(label)) for label in objectives]
            + [_number(trial.constraints.get(label)) for label in bounded]
            + ["" if trial.feasible is None else _cell(trial.feasible)] * bool(bounded)
            + [_number(per_seed.get(cell)) for cell in cells]
            + [trial.env_steps, trial.evaluation_steps, _number(trial.train_seconds), printable(trial.reason or "")]
        )
    return text.getvalue()


def _cell(entry: object) -> str:
    if entry is None:
        return "null"
    if isinstance(entry, bool):
        return "true" if entry else "false"
    return repr(entry) if isinstance(entry, float) else str(entry)


def _number(entry: float | None) -> str:
    known = finite(entry)
    return "" if known is None else repr(known)


def _union(*groups: Iterable[Item]) -> list[Item]:
    """Every item once, in the order of first appearance."""
    return list(dict.fromkeys(item for group in groups for item in group))
