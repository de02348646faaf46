"""Where a space comes from, and what the algorithm's defaults and the study's fixed values make of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from autorl.documents import parse_document, read_document, read_text
from autorl.errors import InvalidInput, UnknownName
from autorl.records import Value
from autorl.registry import load_attribute
from autorl.space.choices import Constant
from autorl.space.configspace import is_configspace, is_configspace_text, read_configspace
from autorl.space.hyperparameters import Hyperparameter
from autorl.space.numbers import Float, Int
from autorl.space.parsing import RESERVED, check_condition_values, parse_hyperparameter, parse_relations
from autorl.space.relations import Relation
from autorl.space.values import is_number, natural

__all__ = ["Parts", "bundled_spaces", "load_parts", "placed", "source_mapping"]

PACKAGE = "autorl.search_spaces"


@dataclass(frozen=True)
class Parts:
    """What a space is made of.

    Attributes:
        hyperparameters: In space order, pinned ones as constants.
        relations: In file order.
        fixed: Every pinned name with its value.
        given: Values relations and conditions take for names the space does not hold, or that are inactive.
        name: What a ConfigSpace file calls the space, else None.
    """

    hyperparameters: tuple[Hyperparameter[Any], ...]
    relations: tuple[Relation, ...]
    fixed: dict[str, Value]
    given: dict[str, Value]
    name: str | None = None


@contextmanager
def placed(where: str) -> Iterator[None]:
    """Puts the file's name before the message of an error raised inside."""
    try:
        yield
    except InvalidInput as error:
        error.args = (f"{where}: {error}",)
        raise


def bundled_spaces() -> list[str]:
    """Names of the bundled search spaces, sorted."""
    files = resources.files(PACKAGE).iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def source_mapping(source: object, where: str) -> tuple[Mapping[str, object], str]:
    """The mapping a source stands for, and how messages call it.

    Args:
        source: A bundled name, a path, `module:attribute`, a mapping, or an object with `describe()`.
        where: The file and key the source stands in.

    Raises:
        InvalidInput: If the source leads to no mapping.
        UnknownName: If a bare name is none of the bundled spaces.
    """
    if isinstance(source, Path):
        return _read(source), str(source)
    if isinstance(source, str):
        if source.endswith((".yaml", ".yml", ".json")) or "/" in source or os.sep in source:
            return _read(Path(source)), source
        if ":" in source:
            return source_mapping(_attribute(source, where), f"{where}: {source}")
        if source not in bundled_spaces():
            raise UnknownName("space", source, bundled_spaces(), where)
        with resources.as_file(resources.files(PACKAGE) / f"{source}.yaml") as path:
            return read_document(path), f"space {source!r}"
    describe = getattr(source, "describe", None)
    found = describe() if callable(describe) else source
    if not isinstance(found, Mapping):
        kind = "a list" if isinstance(found, (list, tuple)) else repr(found)
        raise InvalidInput(
            f"{where}: {kind} where a mapping (name: kind) belongs; a space may also be a name or a path"
        )
    if not found:
        raise InvalidInput(f"{where}: {{}} is empty; a space holds at least one hyperparameter")
    return found, where


def _read(path: Path) -> dict[str, object]:
    if path.suffix == ".json":
        return read_document(path)
    text = read_text(path)
    return parse_document(text, str(path), tuples=is_configspace_text(text))


def _attribute(source: str, where: str) -> object:
    found = load_attribute("space", source, where)
    if isinstance(found, str):  # a name leading to a name could lead anywhere, itself included
        raise InvalidInput(f"{where}: space {source!r} is the text {found!r}; it must be a mapping or a SearchSpace")
    return found


def load_parts(
    mapping: Mapping[str, object], defaults: Mapping[str, Value] | None, fixed: Mapping[str, object] | None
) -> Parts:
    """Reads a space and applies what surrounds it.

    Args:
        mapping: The space: our own form or ConfigSpace's.
        defaults: The algorithm's hyperparameters with their defaults, or None if no algorithm is known.
        fixed: Names held at a value.

    Raises:
        InvalidInput: If an entry breaks a rule; messages name the key.
    """
    own = dict(defaults or {})
    if is_configspace(mapping):
        hyperparameters, relations = read_configspace(mapping)
        reserved: dict[str, dict[str, Value]] = {"fixed": {}, "given": {}}
    else:
        reserved = {name: _values(name, mapping.get(name, {}), own) for name in ("fixed", "given")}
        relations = parse_relations(mapping.get("relations", ()))
        entries = {name: entry for name, entry in mapping.items() if name not in RESERVED}
        if defaults is not None:
            _refuse_unknown(entries, own, "")
        hyperparameters = tuple(parse_hyperparameter(name, entry, own) for name, entry in entries.items())
    if not hyperparameters:
        raise InvalidInput(f"{dict(mapping)!r} names no hyperparameter; a space holds at least one")
    if defaults is not None:
        _refuse_unknown([one.name for one in hyperparameters], own, "")
    hyperparameters = check_condition_values(hyperparameters)
    tuned = {one.name: one for one in hyperparameters}
    numbers = {
        **own,
        **{one.name: one.default for one in hyperparameters if isinstance(one, (Float, Int)) or one.numeric},
    }
    pinned = {**reserved["fixed"], **_values("fixed", fixed or {}, numbers)}
    if defaults is not None:
        _refuse_unknown(pinned, own, "fixed")
    hyperparameters = tuple(
        Constant(one.name, pinned[one.name]) if one.name in pinned else one for one in hyperparameters
    )
    pool = {**reserved["given"], **own, **pinned}
    for relation in relations:
        for name in (relation.left, *relation.names):
            if name not in tuned and name not in pool:
                raise UnknownName("hyperparameter", name, {*tuned, *pool}, f"relation {str(relation)!r}")
    called = mapping.get("name") if is_configspace(mapping) else None
    own_name = called if isinstance(called, str) else None
    return Parts(hyperparameters, relations, pinned, _given(hyperparameters, relations, pool), own_name)


def _refuse_unknown(names: Mapping[str, object] | list[str], known: Mapping[str, Value], where: str) -> None:
    for name in names:
        if name not in known:
            raise UnknownName("hyperparameter", name, known, where)


def _values(key: str, values: object, numbers: Mapping[str, Value]) -> dict[str, Value]:
    if not isinstance(values, Mapping):
        raise InvalidInput(f"{key}: {values!r} must be a mapping of names to values")
    return {
        str(name): natural(value, f"{key}.{name}", is_number(numbers.get(str(name)))) for name, value in values.items()
    }


def _given(
    hyperparameters: tuple[Hyperparameter[Any], ...], relations: tuple[Relation, ...], pool: Mapping[str, Value]
) -> dict[str, Value]:
    """Of the values known around the space, those its relations and conditions can ask for."""
    conditional = {one.name: bool(one.conditions) for one in hyperparameters}
    asked = {name for relation in relations for name in (relation.left, *relation.names) if conditional.get(name, True)}
    asked |= {condition.parent for one in hyperparameters for condition in one.conditions} - set(conditional)
    return {name: pool[name] for name in sorted(asked) if name in pool}
