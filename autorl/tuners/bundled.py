"""Tuners by name, and from the `tuner` entry of a study file."""

from __future__ import annotations

from collections.abc import Mapping

from autorl.registry import build, discover
from autorl.space import SearchSpace
from autorl.tuners.base import Tuner

__all__ = ["build_tuner", "bundled_tuners"]

PACKAGE = "autorl.tuners"


def bundled_tuners() -> dict[str, type[Tuner]]:
    """The bundled tuners by name, sorted; finding them loads no optimiser."""
    return discover(PACKAGE, Tuner)  # type: ignore[type-abstract]  # the base of what is looked for


def build_tuner(
    source: str | Mapping[str, object], space: SearchSpace, objectives: int, seed: int, where: str = "tuner"
) -> Tuner:
    """Builds a tuner.

    Args:
        source: A bundled name, `module:Class`, or `{name: ..., OPTION: ...}`.
        space: What to search.
        objectives: How many losses a trial has.
        seed: The tuner's seed.
        where: The file and key the entry stands in, for messages.

    Raises:
        UnknownName: If the tuner or an option is unknown.
        InvalidInput: If an option has a wrong value, or the tuner cannot handle the space or the objectives.
    """
    return build("tuner", source, PACKAGE, Tuner, (space, objectives, seed), where)  # type: ignore[type-abstract]  # the base
