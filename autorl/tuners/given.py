"""`list`: the configurations of somebody's table, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from autorl.errors import InvalidInput
from autorl.seeds import stream
from autorl.space import SearchSpace
from autorl.tuners.base import Vector
from autorl.tuners.finite import FiniteTuner
from autorl.tuners.tables import Row, read_table

__all__ = ["Given", "ReadsFiles"]

Configurations = Sequence[Mapping[str, object]]


@runtime_checkable
class ReadsFiles(Protocol):
    """A tuner whose options name files; a study stores others in their place that say the same without them."""

    def stored_options(self) -> Mapping[str, object]:
        """Options to build an equal tuner from, as plain data that depends on no file."""


class Given(FiniteTuner):
    """Proposes given configurations in the order given, repeats included.

    Floats have about twelve digits in a space; of a value with more, those are what is tried.

    Args:
        space: What to search.
        objectives: How many losses a trial has.
        seed: The tuner's seed, which changes nothing.
        path: A file of configurations, as `read_table` reads it; relative to the study file it stands in.
        configurations: The configurations themselves, in place of a file. What is left out takes its default.
        ignore: Columns or keys of the file that are no hyperparameters.

    Raises:
        InvalidInput: If there is neither path nor configurations, or both, or a configuration does not fit the space;
            the message names file, line, hyperparameter, value and rule.
    """

    name: ClassVar[str] = "list"
    summary: ClassVar[str] = "the configurations of a file or of the study file, in their order"

    def __init__(
        self,
        space: SearchSpace,
        objectives: int,
        seed: int,
        *,
        path: str | Path | None = None,
        configurations: Configurations | None = None,
        ignore: Sequence[str] = (),
    ) -> None:
        super().__init__(space, objectives, seed)
        if (path is None) == (configurations is None):
            raise InvalidInput(
                f"tuner {self.name!r}: path is {path!r} and configurations are {configurations!r}; give one of the two"
            )
        if isinstance(ignore, str) or not all(isinstance(name, str) for name in ignore):
            raise InvalidInput(f"tuner {self.name!r}: ignore is {ignore!r}; it must be a list of columns")
        if path is None and ignore:
            raise InvalidInput(
                f"tuner {self.name!r}: ignore is {list(ignore)!r}; it goes with `path`, since configurations given "
                f"outright hold nothing else"
            )
        rows = read_table(_checked(path), space, ignore) if path is not None else _inline(configurations)
        self._configurations = [space.check(values, where) for where, values in rows]
        self._vectors = [space.encode(configuration) for configuration in self._configurations]

    @classmethod
    def examples(cls, space: SearchSpace) -> Sequence[Mapping[str, object]]:
        """Forty configurations drawn uniformly."""
        return ({"configurations": [_drawn(space, index) for index in range(40)]},)

    @property
    def vectors(self) -> Sequence[Vector]:
        """Those of the configurations."""
        return self._vectors

    def stored_options(self) -> Mapping[str, object]:
        """The configurations, complete and as they are tried."""
        return {"configurations": [dict(configuration) for configuration in self._configurations]}


def _checked(path: object) -> str | Path:
    if not isinstance(path, (str, Path)):
        raise InvalidInput(f"tuner 'list': path is {path!r}; it must name a file")
    return path


def _inline(configurations: object) -> list[Row]:
    if isinstance(configurations, (str, Mapping)) or not isinstance(configurations, Sequence) or not configurations:
        raise InvalidInput(
            f"tuner 'list': configurations are {configurations!r}; they must be a list of at least one mapping of "
            f"hyperparameters to values"
        )
    rows: list[Row] = []
    for index, entry in enumerate(configurations):
        if not isinstance(entry, Mapping):
            raise InvalidInput(f"configurations[{index}]: {entry!r} is no mapping of hyperparameters to values")
        rows.append((f"configurations[{index}]", dict(entry)))
    return rows


def _drawn(space: SearchSpace, index: int) -> dict[str, object]:
    generator = stream(0, "tuner list example", index=index)
    vector: dict[str, float | int | str] = {}
    for one in space.coordinates:
        place = int(generator.integers(max(one.size, 1)))
        vector[one.name] = (
            float(generator.random()) if one.kind == "unit" else place if one.kind == "index" else one.labels[place]
        )
    return dict(space.decode(vector))
