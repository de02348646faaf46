"""ConfigSpace's own YAML and JSON, for the part of it that a `SearchSpace` can say too.

Numbers, categoricals, ordinals, constants, Equals and In conditions joined by And, and the relations "forbidden:
left greater than right" and "left less than right". Everything else is refused by its name: to drop it silently would
search another space than the one written down.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from autorl.errors import InvalidInput
from autorl.records import Value
from autorl.space.choices import Categorical, Constant
from autorl.space.conditions import Condition
from autorl.space.hyperparameters import Hyperparameter
from autorl.space.numbers import Float, Int
from autorl.space.parsing import parse_hyperparameter
from autorl.space.relations import Relation

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

__all__ = ["is_configspace", "is_configspace_text", "read_configspace", "write_configspace"]

Item = Mapping[str, object]
Hyperparameters = tuple[Hyperparameter[Any], ...]
Operator = Literal["<=", ">="]
FORMAT = 0.4
_TOP = {"name", "hyperparameters", "conditions", "forbiddens", "python_module_version", "format_version"}
_RELATIONS: dict[str, Operator] = {"RELATION_GT": "<=", "RELATION_LT": ">="}
"""What is forbidden -> what therefore holds between left and right."""
_TURNED: dict[Operator, Operator] = {"<=": ">=", ">=": "<="}


def is_configspace(mapping: Mapping[str, object]) -> bool:
    """Whether a mapping is written as ConfigSpace writes it: a list under `hyperparameters`."""
    return isinstance(mapping.get("hyperparameters"), list)


def is_configspace_text(text: str) -> bool:
    """Whether YAML text has ConfigSpace's top key, so that its tag for tuples is to be understood."""
    return re.search(r"^hyperparameters:", text, re.MULTILINE) is not None


def read_configspace(mapping: Mapping[str, object]) -> tuple[Hyperparameters, tuple[Relation, ...]]:
    """Reads what `to_yaml` and `to_json` of ConfigSpace wrote.

    Hyperparameters come in the file's order, except that a parent comes before its children and the right of a
    relation before its left.

    Raises:
        InvalidInput: If something in it has no counterpart here, by name.
    """
    for top in mapping:
        if top not in _TOP:
            raise InvalidInput(f"{top}: ConfigSpace writes no such key; known: {', '.join(sorted(_TOP))}")
    if mapping.get("format_version", FORMAT) != FORMAT:
        raise InvalidInput(f"format_version: {mapping['format_version']!r} is not the known {FORMAT}")
    entries: dict[str, Item] = {}
    for number, item in enumerate(_items(mapping, "hyperparameters")):
        called = item.get("name")
        if not isinstance(called, str):
            raise InvalidInput(f"hyperparameters[{number}].name: {called!r} must be text")
        if called in entries:
            raise InvalidInput(f"{called}: duplicate hyperparameter; each name must stand once")
        entries[called] = item
    conditions = _conditions(_items(mapping, "conditions"))
    for child in conditions:
        if child not in entries:
            raise InvalidInput(f"conditions: the child {child!r} is no hyperparameter of the file")
    plain = {name: _hyperparameter(name, item, conditions.get(name, {})) for name, item in entries.items()}
    relations = tuple(_relation(item, plain) for item in _items(mapping, "forbiddens"))
    return _ordered(plain, relations), relations


def _items(mapping: Mapping[str, object], name: str) -> Sequence[Item]:
    found = mapping.get(name) or []
    if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
        raise InvalidInput(f"{name}: {found!r} must be a list of mappings")
    return found


def _hyperparameter(name: str, item: Item, when: Mapping[str, object]) -> Hyperparameter[Any]:
    kind = item.get("type")
    readers: dict[object, Callable[[Item], dict[str, object]]] = {
        "uniform_float": lambda i: {"float": [i.get("lower"), i.get("upper")], "log": i.get("log", False)},
        "uniform_int": lambda i: {"int": [i.get("lower"), i.get("upper")], "log": i.get("log", False)},
        "categorical": lambda i: {"choice": i.get("choices")},
        "ordinal": lambda i: {"ordered": i.get("sequence")},
        "constant": lambda i: {"constant": i.get("value")},
    }
    if kind not in readers:
        raise InvalidInput(
            f"{name}: the type {kind!r} of ConfigSpace has no counterpart here; read are "
            f"{', '.join(str(known) for known in readers)}"
        )
    known = {"type", "name", "lower", "upper", "log", "choices", "sequence", "value", "default_value"}
    for option, value in item.items():
        if option not in known and value is not None:
            raise InvalidInput(f"{name}.{option}: {value!r} of ConfigSpace has no counterpart here; remove it")
    entry = readers[kind](item)
    if kind != "constant" and "default_value" in item:
        entry["default"] = item["default_value"]
    if when:
        entry["when"] = dict(when)
    return parse_hyperparameter(name, entry, {})


def _conditions(items: Sequence[Item]) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for item in items:
        child = str(item.get("child"))
        if child in found:
            raise InvalidInput(f"conditions: {child!r} has two conditions that no And joins")
        parts = item.get("conditions") if item.get("type") == "AND" else [item]
        found[child] = when = {}
        for part in parts if isinstance(parts, list) else []:
            kind = part.get("type")
            if kind not in ("EQ", "IN"):
                raise InvalidInput(
                    f"conditions: {child!r} has the condition {kind!r} of ConfigSpace, which has no "
                    "counterpart here; read are EQ, IN, and AND of them"
                )
            parent = str(part.get("parent"))
            if parent in when:
                raise InvalidInput(f"conditions: {child!r} names its parent {parent!r} twice; join the values in one")
            when[parent] = part.get("value") if kind == "EQ" else part.get("values")
    return found


def _relation(item: Item, known: Mapping[str, Hyperparameter[Any]]) -> Relation:
    kind = item.get("type")
    if kind not in _RELATIONS:
        raise InvalidInput(
            f"forbiddens: the clause {kind!r} of ConfigSpace has no counterpart here; read are {', '.join(_RELATIONS)}"
        )
    left, right = (str(item.get(side)) for side in ("left", "right"))
    operator = _RELATIONS[str(kind)]
    for name in (left, right):
        if name not in known:
            raise InvalidInput(f"forbiddens: {name!r} is no hyperparameter of the file")
        _refuse_conditional(known[name])
    # Either side may be the one that is narrowed; the other way round is chosen where only that leaves a value always.
    if not _always(known[left], operator, known[right]) and _always(known[right], _TURNED[operator], known[left]):
        return Relation(right, _TURNED[operator], (((left,), 1),), left, mirrored=True)
    return Relation(left, operator, (((right,), 1),), right)


def _refuse_conditional(one: Hyperparameter[Any]) -> None:
    if one.conditions:
        raise InvalidInput(
            f"forbiddens: {one.name!r} is conditional; ConfigSpace drops a relation while a name in it is inactive, "
            "which has no counterpart here"
        )


def _always(left: Hyperparameter[Any], operator: Operator, right: Hyperparameter[Any]) -> bool:
    if isinstance(left, Constant) or not (left.numeric and right.numeric):
        return False
    ends = [value for value in right.some_values(right.range, 1)[0] if isinstance(value, (int, float))]
    bound = min(ends) if operator == "<=" else max(ends)
    return left.narrow(*((float("-inf"), bound) if operator == "<=" else (bound, float("inf")))) is not None


def _ordered(known: Mapping[str, Hyperparameter[Any]], relations: Sequence[Relation]) -> Hyperparameters:
    before: dict[str, set[str]] = {name: set() for name in known}
    for name, one in known.items():
        before[name] |= {condition.parent for condition in one.conditions} & set(known)
    for relation in relations:
        before[relation.left] |= set(relation.names)
    order: list[str] = []
    while len(order) < len(known):
        ready = [name for name in known if name not in order and before[name] <= set(order)]
        if not ready:
            waiting = ", ".join(name for name in known if name not in order)
            raise InvalidInput(
                f"conditions and relations lead in a circle among {waiting}; none could be decided first"
            )
        order.append(ready[0])
    return tuple(known[name] for name in order)


def write_configspace(
    name: str | None, hyperparameters: Sequence[Hyperparameter[Any]], relations: Sequence[Relation]
) -> ConfigurationSpace:
    """Writes a space as ConfigSpace's object.

    Raises:
        InvalidInput: If something has no counterpart in ConfigSpace, by name.
    """
    import ConfigSpace
    from ConfigSpace.conditions import AndConjunction, EqualsCondition, InCondition
    from ConfigSpace.forbidden import ForbiddenGreaterThanRelation, ForbiddenLessThanRelation

    space = ConfigSpace.ConfigurationSpace(name=name)
    made = {one.name: _written(one, ConfigSpace) for one in hyperparameters}
    space.add(*made.values())

    def condition(child: str, one: Condition) -> Any:
        if one.parent not in made:
            raise InvalidInput(
                f"{child}.when: {one.parent!r} is no hyperparameter of the space, so ConfigSpace cannot refer to it"
            )
        if one.listed or len(one.values) > 1:
            return InCondition(made[child], made[one.parent], (tuple if one.listed == "tuple" else list)(one.values))
        return EqualsCondition(made[child], made[one.parent], one.values[0])

    for one in hyperparameters:
        parts = [condition(one.name, part) for part in one.conditions]
        if parts:
            space.add(parts[0] if len(parts) == 1 else AndConjunction(*parts))
    by_name = {one.name: one for one in hyperparameters}
    for relation in relations:
        names = relation.names
        if relation.terms != ((names, 1),) or len(names) != 1 or not {relation.left, *names} <= set(made):
            raise InvalidInput(
                f"relation {str(relation)!r} has no counterpart in ConfigSpace, which compares two names"
            )
        for name in (relation.left, *names):
            _refuse_conditional(by_name[name])
        left, right, operator = relation.left, names[0], relation.operator
        if relation.mirrored:
            left, right, operator = right, left, _TURNED[operator]
        forbidden = ForbiddenGreaterThanRelation if operator == "<=" else ForbiddenLessThanRelation
        space.add(forbidden(made[left], made[right]))
    return space


def _written(one: Hyperparameter[Any], library: Any) -> Any:
    if isinstance(one, (Float, Int)):
        if one.scale not in ("linear", "log"):
            raise InvalidInput(f"{one.name}: the scale {one.scale!r} has no counterpart in ConfigSpace")
        if one.prior is not None:
            raise InvalidInput(f"{one.name}: {str(one.prior)!r} has no counterpart in ConfigSpace")
        kind = library.UniformFloatHyperparameter if isinstance(one, Float) else library.UniformIntegerHyperparameter
        return kind(one.name, one.lower, one.upper, default_value=one.default, log=one.scale == "log")
    values: tuple[Value, ...] = one.choices if isinstance(one, Categorical) else (one.default,)
    if None in values:
        raise InvalidInput(f"{one.name}: null has no counterpart among the values of ConfigSpace")
    if isinstance(one, Constant):
        return library.Constant(one.name, one.value)
    assert isinstance(one, Categorical)
    if one.ordered:
        return library.OrdinalHyperparameter(one.name, list(one.choices), default_value=one.default)
    return library.CategoricalHyperparameter(one.name, list(one.choices), default_value=one.default)
