"""`autorl check`: is this study sound, and what will it cost?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from autorl.cli.console import print_json, print_table, warn
from autorl.cli.options import Json, Overrides, StudySource

if TYPE_CHECKING:
    from autorl.study.planning import StudyPlan
    from autorl.study.resolved import ResolvedStudy

__all__ = ["check"]

MEBIBYTE = 2**20


def check(study: StudySource, set_: Overrides = None, json: Json = False) -> None:
    """Check a study and print what it will train and cost. Trains nothing."""
    from autorl.study.loading import load_description
    from autorl.study.machine import check_machine
    from autorl.study.overrides import parse_overrides
    from autorl.study.resolved import resolve

    resolved = resolve(load_description(study, parse_overrides(set_ or [])))
    plan = check_machine(resolved)
    if json:
        print_json({"study": resolved.description.name, "valid": True, **plan.describe()})
        return
    for line in _summary(resolved, plan):
        typer.echo(line)
    print_table(plan.rows(), right=range(1, 6))
    typer.echo("Numbers are upper bounds; configurations that are equal share their training.")
    warn(plan.warnings)


def _summary(resolved: ResolvedStudy, plan: StudyPlan) -> list[str]:
    description = resolved.description
    objectives = ", ".join(f"{entry.direction} {entry.label}" for entry in resolved.criteria)
    memory, disk = map(_size, (plan.memory_bytes, plan.disk_bytes))
    combinations = "endless" if plan.static_combinations is None else f"{plan.static_combinations}"
    tuner, schedule = (
        entry if isinstance(entry, str) else entry["name"] for entry in (description.tuner, description.schedule)
    )
    constraints = (
        [f"Constraints: {'; '.join(one.rule for one in resolved.constraints)}"] if resolved.constraints else []
    )
    return [
        f"Study {description.name}: {resolved.algorithm.name} on {resolved.environment.id}; {objectives}",
        *constraints,
        f"Tuner {tuner}, schedule {schedule}; {description.budget.env_steps:,} env steps an agent at full length",
        f"Space of {len(resolved.space.names)} hyperparameters; static combinations: {combinations}",
        f"Memory of {plan.group_agents} agents that train at the same time: {memory}, beside Python and its libraries",
        f"Disk for saved states: {disk} at a time",
    ]


def _size(count: int | None) -> str:
    return "unknown" if count is None else f"at most {count / MEBIBYTE:,.0f} MiB"
