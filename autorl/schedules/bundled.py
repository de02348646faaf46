"""Schedules by name, and from the `schedule` entry of a study file."""

from __future__ import annotations

from collections.abc import Mapping

from autorl.registry import build, discover
from autorl.schedules.base import Schedule

__all__ = ["build_schedule", "bundled_schedules"]

PACKAGE = "autorl.schedules"


def bundled_schedules() -> dict[str, type[Schedule]]:
    """The bundled schedules by name, sorted."""
    return discover(PACKAGE, Schedule)  # type: ignore[type-abstract]  # the base of what is looked for


def build_schedule(source: str | Mapping[str, object], where: str = "schedule") -> Schedule:
    """Builds a schedule.

    Args:
        source: A bundled name, `module:Class`, or `{name: ..., OPTION: ...}`.
        where: The file and key the entry stands in, for messages.

    Raises:
        UnknownName: If the schedule or an option is unknown.
        InvalidInput: If an option has a wrong value.
    """
    return build("schedule", source, PACKAGE, Schedule, (), where)  # type: ignore[type-abstract]  # the base
