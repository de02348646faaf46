"""From the entries of a space file to hyperparameters: one line each, the kind written out, never guessed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from autorl.documents import as_number
from autorl.errors import InvalidInput, UnknownName
from autorl.records import Value
from autorl.space.choices import Categorical, Constant
from autorl.space.conditions import Condition
from autorl.space.hyperparameters import Hyperparameter
from autorl.space.numbers import Float, Int
from autorl.space.priors import Prior, parse_prior
from autorl.space.relations import Relation, parse_relation
from autorl.space.scales import FLOAT_SCALES, INT_SCALES
from autorl.space.values import integral, label, natural, plain

__all__ = ["RESERVED", "check_condition_values", "parse_hyperparameter", "parse_relations"]

RESERVED = ("relations", "fixed", "given")
"""Keys of a space file that are no hyperparameters."""

Entry = Mapping[str, object]
Reader = Callable[[str, Entry, tuple[Condition, ...], Mapping[str, Value]], Hyperparameter[Any]]


def parse_hyperparameter(name: object, entry: object, defaults: Mapping[str, Value]) -> Hyperparameter[Any]:
    """Reads one line of a space file.

    Args:
        name: The hyperparameter's name.
        entry: A mapping with its kind and options.
        defaults: The algorithm's own defaults, for a default left out; without one there it is the centre.

    Raises:
        InvalidInput: If the entry breaks a rule; the message begins with the key.
    """
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"{name!r}: the name of a hyperparameter must be text")
    if not isinstance(entry, Mapping):
        shown = "null" if entry is None else repr(entry)
        raise InvalidInput(
            f"{name}: {shown} must be a mapping with a kind ({', '.join(KINDS)}), such as {{float: [0.0, 1.0]}}"
        )
    kinds = [kind for kind in KINDS if kind in entry]
    if not kinds:
        unknown = [str(option) for option in entry if option not in _ALL_OPTIONS]
        if unknown:
            raise UnknownName("kind", unknown[0], KINDS, name)
        raise InvalidInput(f"{name}: {dict(entry)!r} has no kind; write one of {', '.join(KINDS)}")
    if len(kinds) > 1:
        raise InvalidInput(f"{name}: the kinds {' and '.join(kinds)} exclude each other; write one")
    kind = kinds[0]
    read, options = KINDS[kind]
    for option in entry:
        if option != kind and option not in options:
            raise UnknownName(f"option of the kind {kind}", option, options, name)
    return read(name, entry, _conditions(name, entry), defaults)


def parse_relations(entries: object) -> tuple[Relation, ...]:
    """Reads the list of relations.

    Raises:
        InvalidInput: If it is no list, or an entry is no relation.
    """
    if isinstance(entries, str) or not isinstance(entries, Sequence):
        raise InvalidInput(f'relations: {entries!r} must be a list of texts, such as ["batch_size <= n_steps"]')
    return tuple(parse_relation(entry, f"relations[{number}]") for number, entry in enumerate(entries))


def check_condition_values(hyperparameters: Sequence[Hyperparameter[Any]]) -> tuple[Hyperparameter[Any], ...]:
    """Makes sure that each value of a condition is one its parent can take, and gives it the parent's type.

    Raises:
        InvalidInput: If the parent can never hold the value, so that the condition could not be met.
    """
    parents = {one.name: one for one in hyperparameters}
    checked = []
    for one in hyperparameters:
        conditions = []
        for condition in one.conditions:
            parent = parents.get(condition.parent)
            values = condition.values
            if parent is not None and parent is not one:
                number = isinstance(parent, (Float, Int))
                values = tuple(natural(value, f"{one.name}.when.{parent.name}", number) for value in values)
                for value in values:
                    held = isinstance(parent, Constant)  # whose children may well be never active
                    if not held and not parent.contains(value, parent.range):
                        raise InvalidInput(
                            f"{one.name}.when: {parent.name} never holds {label(value)}; it takes {parent.spread()}"
                        )
            conditions.append(Condition(condition.parent, values, condition.listed))
        changed: Any = dataclasses.replace(one, conditions=tuple(conditions))  # type: ignore[type-var]  # a dataclass
        checked.append(changed)
    return tuple(checked)


def _conditions(name: str, entry: Entry) -> tuple[Condition, ...]:
    if "when" not in entry:
        return ()
    when = entry["when"]
    if not isinstance(when, Mapping) or not when:
        raise InvalidInput(f"{name}.when: {when!r} must be a mapping of a name to a value or a list of values")
    found = []
    for parent, values in when.items():
        listed = isinstance(values, Sequence) and not isinstance(values, str)
        place = f"{name}.when.{parent}"
        if listed and not values:
            raise InvalidInput(f"{place}: [] is empty; at least one value is needed")
        # Text such as 1e-5 is left as it is until the parent's kind is known.
        form: Literal["", "list", "tuple"] = ("tuple" if isinstance(values, tuple) else "list") if listed else ""
        found.append(Condition(str(parent), tuple(plain(v, place) for v in (values if listed else [values])), form))
    return tuple(found)


def _bounds(name: str, kind: str, entry: Entry) -> tuple[int | float, int | float]:
    bounds = entry[kind]
    if isinstance(bounds, str) or not isinstance(bounds, Sequence) or len(bounds) != 2:
        raise InvalidInput(f"{name}.{kind}: {bounds!r} must be a list of two bounds, [lower, upper]")
    return as_number(bounds[0], f"{name}.{kind}"), as_number(bounds[1], f"{name}.{kind}")


def _scale(name: str, entry: Entry, scales: Sequence[str]) -> str:
    chosen = []
    for scale in scales:
        if scale in entry:
            flag = entry[scale]
            if not isinstance(flag, bool):
                raise InvalidInput(f"{name}.{scale}: {flag!r} must be true or false")
            if flag:
                chosen.append(scale)
    if len(chosen) > 1:
        raise InvalidInput(f"{name}: the scales {' and '.join(chosen)} exclude each other; write one")
    return chosen[0] if chosen else "linear"


def _default(name: str, entry: Entry, defaults: Mapping[str, Value], number: bool) -> tuple[Value, bool]:
    """The default that was written or is the algorithm's own, and whether there is one."""
    if "default" in entry:
        return natural(entry["default"], f"{name}.default", number), True
    return (defaults[name], True) if name in defaults else (None, False)


def _prior(name: str, entry: Entry) -> Prior | None:
    return parse_prior(entry["prior"], f"{name}.prior") if "prior" in entry else None


def _own(name: str, entry: Entry) -> str:
    """The end of a message about a default that the file does not hold."""
    return "" if "default" in entry else "; it is the algorithm's own, so write a default for this space"


def _float(
    name: str, entry: Entry, conditions: tuple[Condition, ...], defaults: Mapping[str, Value]
) -> Hyperparameter[Any]:
    lower, upper = (float(bound) for bound in _bounds(name, "float", entry))
    scale = _scale(name, entry, list(FLOAT_SCALES))
    prior = _prior(name, entry)
    found, given = _default(name, entry, defaults, number=True)
    if not given:
        whole = Float(name, lower, upper, lower, scale, conditions, prior)
        return Float(name, lower, upper, whole.decode(0.5, whole.range), scale, conditions, prior)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise InvalidInput(f"{name}.default: {found!r} is no number{_own(name, entry)}")
    # Bounds are checked before the default, so that each mistake gets its own message.
    Float(name, lower, upper, lower, scale)
    if not lower <= found <= upper:
        raise InvalidInput(
            f"{name}.default: {found!r} lies outside the range [{lower!r}, {upper!r}]{_own(name, entry)}"
        )
    return Float(name, lower, upper, float(found), scale, conditions, prior)


def _int(
    name: str, entry: Entry, conditions: tuple[Condition, ...], defaults: Mapping[str, Value]
) -> Hyperparameter[Any]:
    lower, upper = (_whole(bound, f"{name}.int") for bound in _bounds(name, "int", entry))
    scale = _scale(name, entry, list(INT_SCALES))
    prior = _prior(name, entry)
    found, given = _default(name, entry, defaults, number=True)
    whole = Int(name, lower, upper, lower, scale, prior=prior)
    if not given:
        return Int(name, lower, upper, whole.decode(0.5, whole.range), scale, conditions, prior)
    if isinstance(found, bool) or not isinstance(found, (int, float)) or integral(found) is None:
        raise InvalidInput(f"{name}.default: {found!r} is no whole number{_own(name, entry)}")
    if not lower <= found <= upper:
        raise InvalidInput(f"{name}.default: {found!r} lies outside the range [{lower}, {upper}]{_own(name, entry)}")
    if not whole.contains(found, whole.range):
        raise InvalidInput(f"{name}.default: {found!r} on a pow2 scale must be a power of two{_own(name, entry)}")
    return Int(name, lower, upper, int(found), scale, conditions, prior)


def _whole(bound: int | float, place: str) -> int:
    whole = integral(bound)
    if whole is None:
        raise InvalidInput(f"{place}: the bound {bound!r} must be a whole number")
    return whole


def _categorical(
    name: str, entry: Entry, conditions: tuple[Condition, ...], defaults: Mapping[str, Value]
) -> Hyperparameter[Any]:
    ordered = "ordered" in entry
    kind = "ordered" if ordered else "choice"
    choices = entry[kind]
    if isinstance(choices, str) or not isinstance(choices, Sequence):
        raise InvalidInput(f"{name}.{kind}: {choices!r} must be a list of values")
    values = tuple(natural(choice, f"{name}.{kind}") for choice in choices)
    if not values:
        raise InvalidInput(f"{name}.{kind}: [] is empty; at least one value is needed")
    whole = Categorical(name, values, values[0], ordered)
    found, given = _default(name, entry, defaults, number=whole.numeric)
    if not given:
        found = values[(len(values) - 1) // 2] if ordered else values[0]
    if not whole.contains(found, values):
        raise InvalidInput(
            f"{name}.default: {label(found)} is none of the choices {', '.join(map(label, values))}{_own(name, entry)}"
        )
    return Categorical(name, values, found, ordered, conditions)


def _constant(
    name: str, entry: Entry, conditions: tuple[Condition, ...], defaults: Mapping[str, Value]
) -> Hyperparameter[Any]:
    default = defaults.get(name)
    number = isinstance(default, (int, float)) and not isinstance(default, bool)
    return Constant(name, natural(entry["constant"], f"{name}.constant", number), conditions)


_COMMON = ("default", "when")
KINDS: dict[str, tuple[Reader, tuple[str, ...]]] = {
    "float": (_float, (*FLOAT_SCALES, "prior", *_COMMON)),
    "int": (_int, (*INT_SCALES, "prior", *_COMMON)),
    "choice": (_categorical, _COMMON),
    "ordered": (_categorical, _COMMON),
    "constant": (_constant, ("when",)),
}
_ALL_OPTIONS = {option for _, options in KINDS.values() for option in options}
