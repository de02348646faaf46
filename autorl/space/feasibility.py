"""What a space can come to: the worst case of its relations, and how many static combinations it holds.

Right sides of relations never fall when a name rises (see `relations`), so the tightest bound lies where every name is
at an end of what is left of its range. Only a name bounded from both sides may be emptied in between: there, short
ranges are run through completely, and otherwise a proof is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from autorl.errors import InvalidInput
from autorl.records import Value
from autorl.space.choices import Constant
from autorl.space.hyperparameters import Hyperparameter
from autorl.space.numbers import Float, Int
from autorl.space.relations import Relation
from autorl.space.structure import Structure
from autorl.space.values import is_number, key

__all__ = ["check_relations", "static_combinations"]

_LARGEST_SEARCH = 100_000
_SHORT_RANGE = 64


class _TooManyError(Exception):
    """The search passed its limit."""


def check_relations(structure: Structure) -> None:
    """Makes sure that no configuration leaves a name without a value, and that held names keep to their relations.

    Raises:
        InvalidInput: If one does, with the values at which it happens; or if that cannot be decided.
    """
    for left in structure.relations_of:
        try:
            found = _counterexample(structure, left, complete=False)
        except _TooManyError:
            raise InvalidInput(
                f"relation {str(structure.relations_of[left][0])!r} depends on more than {_LARGEST_SEARCH} "
                "combinations of values, too many to be checked; bound fewer names"
            ) from None
        if found is None and _two_sided(structure, left):
            found = _between(structure, left)
        if found is not None:
            raise InvalidInput(structure.leaves_nothing(left, found))


def static_combinations(structure: Structure, static: Collection[str]) -> int:
    """How many feasible combinations of values the tuned names among `static` have; an inactive name has one value.

    Relations to a name that is not static are taken at its ends. Beyond 100,000, or where a static name is a float,
    the answer is `sys.maxsize`.
    """
    wanted = [one.name for one in structure.hyperparameters if one.name in static and not isinstance(one, Constant)]
    if any(isinstance(structure.by_name[name], Float) for name in wanted if name not in structure.never_active()):
        return sys.maxsize
    found = set()
    try:
        for values in _assignments(structure, structure.needed(wanted), frozenset(wanted)):
            found.add(tuple(key(values[name]) if name in values else "inactive" for name in wanted))
    except _TooManyError:
        return sys.maxsize
    return len(found)


def _counterexample(structure: Structure, left: str, complete: bool) -> Mapping[str, Value] | None:
    """Values at which the relations of a name cannot be kept, among ends of ranges or, if complete, all values."""
    needed = [one for one in structure.needed([left]) if one.name != left]
    every = frozenset(one.name for one in needed) if complete else frozenset()
    one = structure.by_name.get(left)
    for values in _assignments(structure, needed, every):
        if one is not None and structure.active(one, values):
            if structure.allowed(one, values) is None:
                return values
        elif not all(
            relation.satisfied(structure.otherwise[left], values, structure.otherwise)
            for relation in structure.relations_of[left]
        ):
            return values
    return None


def _assignments(
    structure: Structure, needed: Sequence[Hyperparameter[Any]], complete: frozenset[str]
) -> Iterator[dict[str, Value]]:
    """Active values of some hyperparameters: all values of the names in `complete`, the telling ones of others."""
    listed: dict[str, list[Value]] = {}
    for one in structure.hyperparameters:
        for condition in one.conditions:
            listed.setdefault(condition.parent, []).extend(condition.values)
    visited = 0

    def extend(place: int, values: dict[str, Value]) -> Iterator[dict[str, Value]]:
        nonlocal visited
        if place == len(needed):
            visited += 1
            if visited > _LARGEST_SEARCH:
                raise _TooManyError
            yield values
            return
        one = needed[place]
        if not structure.active(one, values):
            yield from extend(place + 1, values)
            return
        allowed = structure.allowed(one, values)
        if allowed is None:  # reported where this name's own relations are checked
            return
        for value in _candidates(one, allowed, listed.get(one.name, []), one.name in complete):
            yield from extend(place + 1, {**values, one.name: value})

    yield from extend(0, {})


def _candidates(one: Hyperparameter[Any], allowed: Any, listed: Sequence[Value], complete: bool) -> list[Value]:
    if complete:
        values, all_of_it = one.some_values(allowed, _LARGEST_SEARCH)
        if not all_of_it:
            raise _TooManyError
        return values
    values, all_of_it = one.some_values(allowed, _SHORT_RANGE if listed else 1)
    if listed and not all_of_it:  # a condition may hold at one value only, or at all others
        middle = one.decode(0.5, allowed)
        values += [value for value in (*listed, middle) if one.contains(value, allowed) and value not in values]
    return values


def _two_sided(structure: Structure, left: str) -> bool:
    one = structure.by_name.get(left)
    held = one is None or isinstance(one, Constant)
    return not held and len({relation.operator for relation in structure.relations_of[left]}) > 1


def _between(structure: Structure, left: str) -> Mapping[str, Value] | None:
    """Looks for a name emptied between its two bounds although it is not at the ends of the other ranges."""
    try:
        return _counterexample(structure, left, complete=True)
    except _TooManyError:
        pass
    relations = structure.relations_of[left]
    below = [relation for relation in relations if relation.operator == ">="]
    above = [relation for relation in relations if relation.operator == "<="]
    if all(_never_crosses(structure, left, lower, upper) for lower in below for upper in above):
        return None
    raise InvalidInput(
        f"relations {' and '.join(repr(str(relation)) for relation in relations)} cannot be shown to leave {left!r} a "
        "value always; bound it from one side, or by ranges with fewer values"
    )


def _never_crosses(structure: Structure, left: str, below: Relation, above: Relation) -> bool:
    """Whether the upper bound is the lower one plus terms that are never negative, with a grid point between them."""
    one = structure.by_name[left]
    names = {*below.names, *above.names}
    wholes = all(_whole(structure, name) for name in names) and all(
        isinstance(coefficient, int) for _, coefficient in (*below.terms, *above.terms)
    )
    if not isinstance(one, Float) and not (isinstance(one, Int) and one.scale != "pow2" and wholes):
        return False
    if any(_smallest(structure, name) < 0 for name in names):
        return False
    lower = dict(below.terms)
    upper = dict(above.terms)
    return all(coefficient <= upper.get(term, 0) for term, coefficient in lower.items())


def _values_of(structure: Structure, name: str) -> list[Value]:
    one = structure.by_name.get(name)
    ends = [] if one is None else one.some_values(one.range, 1)[0]
    return [value for value in (structure.otherwise[name], *ends) if is_number(value)]


def _whole(structure: Structure, name: str) -> bool:
    return all(isinstance(value, int) for value in _values_of(structure, name))


def _smallest(structure: Structure, name: str) -> float:
    return min(value for value in _values_of(structure, name) if isinstance(value, (int, float)))
