"""The search space: ordered, immutable, and the one place where vectors become configurations."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from autorl.content import canonical_json
from autorl.documents import parse_document
from autorl.errors import InvalidInput, UnknownName
from autorl.records import Configuration, Value
from autorl.space.choices import Constant
from autorl.space.configspace import is_configspace, is_configspace_text, write_configspace
from autorl.space.description import Row, describe, rows
from autorl.space.feasibility import check_relations, static_combinations
from autorl.space.hyperparameters import Coordinate, Hyperparameter
from autorl.space.loading import load_parts, placed, source_mapping
from autorl.space.numbers import Float, Int
from autorl.space.relations import Relation
from autorl.space.structure import Structure
from autorl.space.values import key, natural, show

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

__all__ = ["SearchSpace"]


@dataclass(frozen=True, eq=False)
class SearchSpace:
    """What a study tunes.

    A tuner proposes one fixed vector over all hyperparameters that are searched; `decode` goes through them in space
    order, narrows each range by the relations, and drops inactive entries. Values are natural ones in plain types.
    Two spaces are equal if their order and description are; 1, 1.0 and true stay apart.

    Attributes:
        hyperparameters: In space order; pinned ones are constants.
        relations: In file order.
        fixed: Every name held at a value, whether or not the space names it.
        given: Values that relations and conditions take for names outside the space, and for inactive ones.
        name: What a ConfigSpace file calls the space, else None; it does not count when spaces are compared.

    Raises:
        InvalidInput: If conditions form a cycle or name something later, a relation can leave a range empty, or the
            default breaks a relation; messages give the values at which it happens.
    """

    hyperparameters: tuple[Hyperparameter[Any], ...]
    relations: tuple[Relation, ...] = ()
    fixed: Mapping[str, Value] = field(default_factory=dict)
    given: Mapping[str, Value] = field(default_factory=dict)
    name: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "fixed", MappingProxyType(dict(self.fixed)))
        object.__setattr__(self, "given", MappingProxyType(dict(self.given)))
        check_relations(self._structure)
        self._check_default()

    @classmethod
    def load(
        cls,
        source: str | Path | Mapping[str, object] | SearchSpace,
        *,
        defaults: Mapping[str, Value] | None = None,
        fixed: Mapping[str, Value] | None = None,
        where: str = "space",
    ) -> SearchSpace:
        """Reads a space, in our own short form or in ConfigSpace's.

        Args:
            source: A bundled name, a path, `module:attribute`, a mapping, or a space to be fitted anew.
            defaults: The algorithm's hyperparameters with their defaults; names must be among them, and a default
                left out is taken from them. With None, no name is checked and a default left out is the centre.
            fixed: Hyperparameters held at a value; one that the space tunes becomes a constant.
            where: What messages call the place of a source that is no file, and of `fixed`.

        Raises:
            InvalidInput: If anything breaks a rule; the message names file, key, value and rule.
            UnknownName: If a name is unknown, with the nearest known one.
        """
        if isinstance(source, SearchSpace) and defaults is None and not fixed:
            return source
        mapping, place = source_mapping(source, where)
        with placed(place):
            parts = load_parts(mapping, defaults, fixed)
            return cls(parts.hyperparameters, parts.relations, parts.fixed, parts.given, parts.name)

    @classmethod
    def from_configspace(cls, source: str | Path) -> SearchSpace:
        """Reads ConfigSpace's own YAML or JSON.

        Args:
            source: A path, or the text itself (anything with a line break or a brace in it).

        Raises:
            InvalidInput: If it is none, or holds something this package has no counterpart for, by name.
        """
        place = "ConfigSpace text"
        if isinstance(source, str) and ("\n" in source or "{" in source):
            mapping: Mapping[str, object] = parse_document(source, place, tuples=is_configspace_text(source))
        else:
            mapping, place = source_mapping(Path(source), place)
        if not is_configspace(mapping):
            raise InvalidInput(f"{place}: no list under the key 'hyperparameters', as ConfigSpace writes it")
        return cls.load(mapping, where=place)

    def to_configspace(self) -> ConfigurationSpace:
        """The space as ConfigSpace's own object, which writes itself with `to_yaml` and `to_json`.

        Raises:
            InvalidInput: If something has no counterpart there, by name.
        """
        return write_configspace(self.name, self.hyperparameters, self.relations)

    @functools.cached_property
    def _structure(self) -> Structure:
        return Structure(self.hyperparameters, self.relations, self.given)

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """All hyperparameters, in space order."""
        return tuple(one.name for one in self.hyperparameters)

    @functools.cached_property
    def _searched(self) -> tuple[Hyperparameter[Any], ...]:
        dead = self._structure.never_active()
        return tuple(o for o in self.hyperparameters if not isinstance(o, Constant) and o.name not in dead)

    @functools.cached_property
    def _searched_names(self) -> frozenset[str]:
        return frozenset(one.name for one in self._searched)

    @functools.cached_property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """What a tuner's vector holds: one entry per hyperparameter that is not constant and can be active."""
        return tuple(one.coordinate() for one in self._searched)

    def decode(self, vector: Mapping[str, float | int | str]) -> dict[str, Value]:
        """Turns a tuner's vector into a configuration.

        Args:
            vector: One entry per coordinate; further entries are not looked at.

        Returns:
            Natural values of the active hyperparameters, constants included, in space order.

        Raises:
            InvalidInput: If an entry is missing or lies outside its coordinate.
        """
        structure = self._structure
        values: dict[str, Value] = {}
        for one in self.hyperparameters:
            if not structure.active(one, values):
                continue
            if isinstance(one, Constant):
                values[one.name] = one.value
                continue
            if one.name not in vector:
                raise InvalidInput(f"{one.name}: the vector has no entry for it; it must hold every coordinate")
            values[one.name] = one.decode(vector[one.name], structure.required(one, values))
        return values

    def encode(self, configuration: Configuration) -> dict[str, float | int | str]:
        """Turns a configuration into the vector at the centre of its cells; `decode` gives it back.

        A value outside its range is taken at the nearest end, and an inactive hyperparameter stands at its default.

        Args:
            configuration: Values of the active hyperparameters, as `decode` or `check` returns them.

        Raises:
            InvalidInput: If an active hyperparameter is missing or its value is of the wrong kind.
        """
        structure = self._structure
        values: dict[str, Value] = {}
        vector: dict[str, float | int | str] = {}
        for one in self.hyperparameters:
            active = structure.active(one, values)
            if active and isinstance(one, Constant):
                values[one.name] = one.value
            elif active:
                if one.name not in configuration:
                    raise InvalidInput(f"{one.name}: the configuration has no value for it, although it is active")
                allowed = structure.required(one, values)
                vector[one.name] = position = one.encode(configuration[one.name], allowed)
                values[one.name] = one.decode(position, allowed)
            elif one.name in self._searched_names:
                vector[one.name] = one.encode(one.default, one.range)
        return vector

    def decisive(self, name: str) -> tuple[str, ...]:
        """The hyperparameters on which activity and range of one depend, itself included, in space order."""
        return tuple(one.name for one in self._structure.needed([name]))

    def default(self) -> dict[str, Value]:
        """The default configuration: the active hyperparameters at their defaults."""
        values: dict[str, Value] = {}
        for one in self.hyperparameters:
            if self._structure.active(one, values):
                values[one.name] = one.default
        return values

    def check(self, configuration: Mapping[str, object], where: str = "configuration") -> dict[str, Value]:
        """Takes a configuration from elsewhere.

        Args:
            configuration: Natural values; an active hyperparameter left out takes its default, moved into what the
                relations leave. A name outside the space may stand there if it is held at that value.
            where: What messages call it.

        Returns:
            The configuration in space order, in plain types, floats with about twelve digits, as `decode` returns it.

        Raises:
            UnknownName: If a name is unknown.
            InvalidInput: If a value lies outside its range or breaks a relation, or an inactive one is given.
        """
        structure = self._structure
        held = {**structure.outside, **self.fixed}
        for name, value in configuration.items():
            if name not in structure.by_name and not (name in held and key(held[name]) == key(natural(value, where))):
                raise UnknownName("hyperparameter", name, self.names, where)
        values: dict[str, Value] = {}
        for one in self.hyperparameters:
            place = f"{where}: {one.name}"
            if not structure.active(one, values):
                if one.name in configuration:
                    rule = " and ".join(map(str, one.conditions))
                    raise InvalidInput(
                        f"{place}: {configuration[one.name]!r} is given, but it is active only if {rule}"
                    )
                continue
            allowed = structure.required(one, values)
            value = one.default
            if one.name in configuration:
                value = natural(configuration[one.name], place, isinstance(one, (Float, Int)))
                self._refuse_outside(one, value, allowed, values, place)
            values[one.name] = (
                one.value if isinstance(one, Constant) else one.decode(one.encode(value, allowed), allowed)
            )
        return values

    def _refuse_outside(
        self, one: Hyperparameter[Any], value: Value, allowed: Any, values: Mapping[str, Value], place: str
    ) -> None:
        if not one.contains(value, one.range):
            raise InvalidInput(f"{place}: {value!r} lies outside {one.spread()}")
        if not one.contains(value, allowed):
            for relation in self._structure.relations_of[one.name]:
                if not relation.satisfied(value, values, self._structure.otherwise):
                    bound = relation.bound(values, self._structure.otherwise)
                    raise InvalidInput(
                        f"{place}: {value!r} breaks the relation {str(relation)!r}, whose right is {bound}"
                    )

    def static_combinations(self, static: Collection[str]) -> int:
        """How many feasible combinations of static values the space holds, so many populations it needs at most.

        Args:
            static: Names of the algorithm's static hyperparameters.

        Returns:
            The number; `sys.maxsize` beyond 100,000 or if a static name is a float.
        """
        return static_combinations(self._structure, static)

    def rows(self, static: Collection[str] = ()) -> list[Row]:
        """The rows of the space's table: name, kind, range, scale, default, static, condition."""
        return rows(self.hyperparameters, static)

    def describe(self) -> dict[str, object]:
        """The space as plain data in space order; `load` reads it back as an equal space."""
        return describe(self.hyperparameters, self.relations, self.fixed, self.given)

    def _check_default(self) -> None:
        structure, default = self._structure, self.default()
        for relation in self.relations:
            value = structure.value(relation.left, default)
            if not relation.satisfied(value, default, structure.otherwise):
                names = (relation.left, *relation.names)
                values = ", ".join(f"{name} = {show(structure.value(name, default))}" for name in names)
                raise InvalidInput(f"the default with `fixed` breaks the relation {str(relation)!r}: {values}")

    @functools.cached_property
    def _canonical(self) -> str:
        return canonical_json([self.names, self.describe()])

    def __eq__(self, other: object) -> bool:
        return self._canonical == other._canonical if isinstance(other, SearchSpace) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._canonical)

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), (self.hyperparameters, self.relations, dict(self.fixed), dict(self.given), self.name)
