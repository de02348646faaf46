"""`autorl list`: what is bundled."""

from __future__ import annotations

import enum
import importlib.resources
import itertools
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from autorl.cli.console import print_json, print_table
from autorl.cli.options import Json

__all__ = ["Kind", "bundled_spaces", "listing"]


class Kind(enum.StrEnum):
    """What can be listed."""

    ALGORITHMS = "algorithms"
    TUNERS = "tuners"
    SCHEDULES = "schedules"
    METRICS = "metrics"
    STUDIES = "studies"
    SPACES = "spaces"


def listing(kind: Kind, json: Json = False) -> None:
    """List what is bundled: algorithms, tuners, schedules, metrics, studies or spaces."""
    found = LISTS[kind]()
    if json:
        print_json(found)
        return
    print_table([("name", "summary"), *found.items()])


def bundled_spaces() -> dict[str, Path]:
    """The bundled search spaces by name, sorted."""
    folder = Path(str(importlib.resources.files("autorl.search_spaces")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def _algorithms() -> dict[str, str]:
    from autorl.population import bundled_algorithms

    return {name: found.summary for name, found in bundled_algorithms().items()}


def _tuners() -> dict[str, str]:
    from autorl.tuners import bundled_tuners

    return {name: found.summary for name, found in bundled_tuners().items()}


def _schedules() -> dict[str, str]:
    from autorl.schedules import bundled_schedules

    return {name: found.summary for name, found in bundled_schedules().items()}


def _metrics() -> dict[str, str]:
    from autorl.metrics import bundled_metrics
    from autorl.metrics.base import option_fields

    shown = {}
    for name, found in bundled_metrics().items():
        options = ", ".join(option_fields(found))
        shown[name] = f"{found.summary} [{found.direction}{f'; options: {options}' if options else ''}]"
    return shown


def _studies() -> dict[str, str]:
    from autorl.study.loading import bundled_studies

    return _first_comments(bundled_studies())


def _spaces() -> dict[str, str]:
    return _first_comments(bundled_spaces())


def _first_comments(files: Mapping[str, Path]) -> dict[str, str]:
    """A YAML file's summary is the first sentence of the comment it begins with."""
    found = {}
    for name, path in files.items():
        lines = itertools.takewhile(lambda line: line.startswith("#"), path.read_text(encoding="utf-8").splitlines())
        comment = " ".join(line.lstrip("# ") for line in lines)
        found[name] = re.split(r"(?<!et al)\. ", comment)[0].rstrip(".")
    return found


LISTS: Mapping[Kind, Callable[[], dict[str, str]]] = {
    Kind.ALGORITHMS: _algorithms,
    Kind.TUNERS: _tuners,
    Kind.SCHEDULES: _schedules,
    Kind.METRICS: _metrics,
    Kind.STUDIES: _studies,
    Kind.SPACES: _spaces,
}
