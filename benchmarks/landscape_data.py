"""Recorded landscapes: what an algorithm scored on one environment, over configurations, checkpoints and seeds.

A folder holds two files a landscape. `NAME.configs.csv` has one row a configuration and hyperparameters in columns; an
empty cell is an inactive hyperparameter, and a column `config` numbers the rows. `NAME.scores.npz` has
`scores[config, checkpoint, seed]` (higher is better, missing where the run diverged), `env_steps[checkpoint]` and
`seeds`.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autorl.errors import InvalidInput
from autorl.records import Configuration, FloatArray, Value
from autorl.space import SearchSpace

__all__ = ["Landscape", "features", "landscape_names", "read_landscape", "recorded_space"]

CONFIGURATIONS, SCORES = ".configs.csv", ".scores.npz"
NUMBER_COLUMN = "config"
FEW = 8
"""Up to so many different numbers in a column are ordered choices, more are a range."""


@dataclass(frozen=True, eq=False)
class Landscape:
    """One recorded landscape.

    Attributes:
        name: The files' common name.
        space: The region of the space that was recorded; see `recorded_space`.
        configurations: The recorded ones, all of them members of the space.
        scores: Shape (configurations, checkpoints, seeds), higher is better; nan from where a run diverged on.
        marks: The checkpoints in env steps, increasing; the last one is the horizon.
        digest: Of both files.
    """

    name: str
    space: SearchSpace
    configurations: tuple[Configuration, ...]
    scores: FloatArray
    marks: tuple[int, ...]
    digest: str

    @property
    def horizon(self) -> int:
        """A full training in env steps."""
        return self.marks[-1]

    @property
    def seeds(self) -> int:
        """How many seeds were recorded."""
        return int(self.scores.shape[2])

    @functools.cached_property
    def features(self) -> FloatArray:
        """Where the recorded configurations lie, shape (configurations, features)."""
        return np.stack([features(self.space, one) for one in self.configurations])


def landscape_names(folder: Path) -> list[str]:
    """Names of the landscapes in a folder, sorted.

    Raises:
        InvalidInput: If there is none.
    """
    names = sorted(path.name.removesuffix(SCORES) for path in folder.glob(f"*{SCORES}"))
    if not names:
        raise InvalidInput(f"{folder}: holds no file *{SCORES}, so there is no landscape to replay")
    return names


def read_landscape(folder: Path, name: str) -> Landscape:
    """Reads one landscape; a run that is missing at a checkpoint counts as diverged from there on.

    Raises:
        InvalidInput: If the two files do not fit together, or a column allows no space.
    """
    table, archive = folder / f"{name}{CONFIGURATIONS}", folder / f"{name}{SCORES}"
    with table.open(newline="") as file:
        rows = [{key: _value(text) for key, text in row.items()} for row in csv.DictReader(file)]
    with np.load(archive) as stored:
        scores = stored["scores"].astype(np.float64)
        marks = tuple(int(mark) for mark in stored["env_steps"])
    if scores.ndim != 3 or scores.shape[:2] != (len(rows), len(marks)):
        raise InvalidInput(
            f"{archive}: scores of shape {scores.shape} beside {len(rows)} configurations and {len(marks)} "
            "checkpoints; the shape must be (configurations, checkpoints, seeds)"
        )
    scores[np.logical_or.accumulate(~np.isfinite(scores), axis=1)] = np.nan
    configurations = [
        {key: value for key, value in row.items() if value is not None and key != NUMBER_COLUMN} for row in rows
    ]
    space = recorded_space(configurations)
    checked = tuple(space.check(one, f"{table} row {row}") for row, one in enumerate(configurations))
    digest = hashlib.sha256(table.read_bytes() + archive.read_bytes()).hexdigest()
    return Landscape(name, space, checked, scores, marks, digest)


def recorded_space(configurations: Sequence[Configuration]) -> SearchSpace:
    """The space that recorded configurations fill, read off them: nothing is known of a landscape outside its record.

    Text and truth values are unordered choices, up to eight different numbers ordered ones. Other numbers are a range
    from the smallest to the largest recorded, on a log scale if their median lies nearer to the geometric than to the
    arithmetic centre, as it does for a sample even on that scale. A hyperparameter that is not always there depends on
    the first choice whose values tell when it is.

    Args:
        configurations: Active hyperparameters only.

    Raises:
        InvalidInput: If a hyperparameter comes and goes with none of the choices.
    """
    names = list(dict.fromkeys(name for one in configurations for name in one))
    always = [name for name in names if all(name in one for one in configurations)]
    lines: dict[str, dict[str, object]] = {name: _line(name, configurations) for name in always}
    for name in names:
        if name not in lines:
            parents = (
                _when(name, parent, configurations) for parent in always if {"choice", "ordered"} & set(lines[parent])
            )
            when = next((found for found in parents if found), None)
            if when is None:
                missing = sum(name not in one for one in configurations)
                raise InvalidInput(f"{name}: {missing} cells are empty, and no choice's values tell which")
            lines[name] = {**_line(name, configurations), "when": when}
    return SearchSpace.load(lines, where="recorded space")


def features(space: SearchSpace, configuration: Configuration) -> FloatArray:
    """Where a configuration lies in the unit cube: what the surrogate sees, and what distances are taken in.

    Ordered choices are spread evenly over [0, 1]. Unordered ones have one entry a label, scaled so that two that differ
    are at distance 1. An inactive hyperparameter stands at the centre.

    Returns:
        Shape (features,).
    """
    vector = space.encode(configuration)
    found: list[float] = []
    for coordinate in space.coordinates:
        place = vector[coordinate.name]
        if coordinate.kind == "label":
            found += [math.sqrt(0.5) * (label == place) for label in coordinate.labels]
        else:
            found.append(float(place) / (1 if coordinate.kind == "unit" else max(1, coordinate.size - 1)))
    return np.array(found)


def _value(text: str) -> Value:
    if text in ("", "True", "False"):
        return None if text == "" else text == "True"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _line(name: str, configurations: Sequence[Configuration]) -> dict[str, object]:
    """The line of a space file for one column."""
    values = [one[name] for one in configurations if name in one]
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(numbers) < len(values):
        return {"choice": sorted(set(values), key=str)}
    if len(set(numbers)) <= FEW:
        return {"ordered": sorted(set(numbers))}
    low, high, median = min(numbers), max(numbers), float(np.median(numbers))
    log = low > 0 and abs(math.log(median / math.sqrt(low * high))) < abs(math.log(median / ((low + high) / 2)))
    if all(float(number).is_integer() for number in numbers):
        return {"int": [int(low), int(high)], "log": log}
    return {"float": [low, high], "log": log}


def _when(name: str, parent: str, configurations: Sequence[Configuration]) -> Mapping[str, object] | None:
    """The condition on one choice, if its values tell when the hyperparameter is there."""
    there = {one[parent] for one in configurations if name in one}
    if there & {one[parent] for one in configurations if name not in one}:
        return None
    return {parent: sorted(there, key=str)}
