"""The cells of the table: one study each, computed once, kept as lines of JSON, and found again by what they depend on.

A cell's key digests the method, the landscape's files, the repetition, and the source code of the tuner, the schedule
and this simulation (docstrings and comments left out), so that a changed tuner is measured anew. A change elsewhere,
of a library's version say, is not seen: take another folder then.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from joblib import Parallel, delayed

from autorl.content import digest
from autorl.registry import resolve_class
from autorl.schedules import Schedule
from autorl.tuners import Tuner
from benchmarks.code_digest import code_digest
from benchmarks.kept import Kept
from benchmarks.landscape_data import Landscape, read_landscape
from benchmarks.landscape_simulation import Entry, Method, Outcome, play
from benchmarks.landscape_surrogate import Surrogate

__all__ = ["Cell", "Cells", "compute", "label", "surrogate"]

FILE = "cells.jsonl"
CHUNK = 5
"""Repetitions a worker does at a time: few, so that little is lost when the run is stopped."""
SIMULATION = ("benchmarks.landscape", "autorl.study.telling", "autorl.study.selection")


@dataclass(frozen=True)
class Cell:
    """One study of the table."""

    landscape: str
    method: Method
    repetition: int


class Cells:
    """Outcomes by cell, kept in a folder.

    Args:
        folder: Where they are kept; None keeps them in memory alone.
    """

    def __init__(self, folder: Path | None) -> None:
        self._kept = Kept(None if folder is None else folder / FILE)

    def find(self, cell: Cell, landscape: Landscape) -> Outcome | None:
        """The outcome of a cell, if it is known."""
        entry = self._kept.entries.get(_key(cell, landscape))
        return None if entry is None else Outcome(**entry["outcome"])

    def store(self, cell: Cell, landscape: Landscape, outcome: Outcome) -> None:
        """Keeps an outcome."""
        entry = {"cell": dataclasses.asdict(cell), "outcome": dataclasses.asdict(outcome)}
        self._kept.add(_key(cell, landscape), entry)


def compute(
    folder: Path, landscapes: Mapping[str, Landscape], wanted: Iterable[Cell], cells: Cells, jobs: int
) -> Iterator[tuple[Cell, Outcome]]:
    """Computes the cells that are not known, stores and yields each as it is done.

    Args:
        folder: Where the landscapes lie.
        landscapes: Those of the cells, by name.
        wanted: Cells; the order does not matter.
        cells: What is known.
        jobs: Worker processes.
    """
    groups: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in wanted:
        if cells.find(cell, landscapes[cell.landscape]) is None:
            place = (cell.landscape, digest(dataclasses.asdict(cell.method)), cell.repetition // CHUNK)
            groups.setdefault(place, []).append(cell)
    # By landscape, so that a worker seldom fits a surrogate anew.
    tasks = [groups[place] for place in sorted(groups)]
    workers = Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch=jobs, batch_size=1)
    for group, outcomes in workers(delayed(_work)(folder, group) for group in tasks):
        for cell, outcome in zip(group, outcomes, strict=True):
            cells.store(cell, landscapes[cell.landscape], outcome)
            yield cell, outcome


def label(entry: Entry) -> str:
    """A tuner or schedule as it is written on one line."""
    if isinstance(entry, str):
        return entry
    options = ", ".join(f"{name}: {value}" for name, value in entry.items() if name != "name")
    return f"{entry['name']} ({options})" if options else str(entry["name"])


@functools.cache
def surrogate(folder: Path, name: str) -> Surrogate:
    """The surrogate of a landscape; fitting one takes seconds, so each process does it once."""
    return Surrogate(read_landscape(folder, name))


def _work(folder: Path, group: Sequence[Cell]) -> tuple[Sequence[Cell], list[Outcome]]:
    return group, [play(surrogate(folder, cell.landscape), cell.method, cell.repetition) for cell in group]


def _key(cell: Cell, landscape: Landscape) -> str:
    method = cell.method
    tuner, schedule = _home("tuner", method.tuner), _home("schedule", method.schedule)
    return digest(
        {
            "landscape": landscape.digest,
            "method": dataclasses.asdict(method),
            "repetition": cell.repetition,
            "tuner": code_digest(tuner, ("autorl.tuners.",)),
            "schedule": code_digest(schedule, ("autorl.schedules.",)),
            "simulation": code_digest("benchmarks.landscape_simulation", SIMULATION),
        }
    )


def _home(kind: str, entry: Entry) -> str:
    """The module in which a tuner or schedule is defined."""
    return _class(kind, entry if isinstance(entry, str) else str(entry.get("name"))).__module__


@functools.cache
def _class(kind: str, name: str) -> type:
    base: type = {"tuner": Tuner, "schedule": Schedule}[kind]
    return resolve_class(kind, name, f"autorl.{kind}s", base)
