"""Random spaces, and a second reading of their rules that shares no code with the package."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from autorl.errors import InvalidInput
from autorl.records import Value
from autorl.space import SearchSpace

Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Example:
    """A space, its mapping, and its relations as (left, sign, function of values)."""

    space: SearchSpace
    entries: dict[str, Any]
    relations: tuple[tuple[str, str, Callable[[Numbers], float]], ...]


@st.composite
def priors(draw: st.DrawFn, means: st.SearchStrategy[float] | st.SearchStrategy[int]) -> dict[str, Any]:
    if draw(st.booleans()):
        return {}
    return {"prior": {"mean": draw(means), "std": draw(st.floats(0.01, 1))}}


@st.composite
def floats(draw: st.DrawFn) -> dict[str, Any]:
    scale = draw(st.sampled_from(["linear", "log", "reverse_log"]))
    if scale == "linear":
        lower = draw(st.floats(0, 100) | st.floats(-1e6, 0))
        upper = lower + draw(st.floats(0.01, 1e4))
    elif scale == "log":
        lower = 10.0 ** draw(st.floats(-9, 3))
        upper = lower * 10.0 ** draw(st.floats(0.01, 8))
    else:
        upper = 1 - 10.0 ** draw(st.floats(-7, -0.5))
        lower = upper * draw(st.floats(0, 0.99))
    default = min(max(lower + draw(st.floats(0, 1)) * (upper - lower), lower), upper)
    return {"float": [lower, upper], scale: True, "default": default, **draw(priors(st.floats(lower, upper)))}


@st.composite
def ints(draw: st.DrawFn) -> dict[str, Any]:
    scale = draw(st.sampled_from(["linear", "log", "pow2"]))
    if scale == "pow2":
        first = draw(st.integers(0, 8))
        last = first + draw(st.integers(1, 8))
        default = 2 ** draw(st.integers(first, last))
        means = st.integers(first, last).map(lambda exponent: 2**exponent)
        return {"int": [2**first, 2**last], "pow2": True, "default": default, **draw(priors(means))}
    lower = draw(st.integers(1, 50) if scale == "log" else st.integers(0, 50) | st.integers(-(10**9), 10**9))
    upper = lower + draw(st.integers(1, 30) | st.integers(1, 10**10))
    default = draw(st.integers(lower, upper))
    return {"int": [lower, upper], scale: True, "default": default, **draw(priors(st.integers(lower, upper)))}


CHOICES = st.lists(
    st.sampled_from([True, False, None, 0, 1, 2, 0.5, "tanh", "true", "null", "1", "0.5", '"q"', "", "ä b"]),
    min_size=1,
    max_size=6,
    unique_by=lambda value: (type(value) is bool, value),
)


@st.composite
def choices(draw: st.DrawFn) -> dict[str, Any]:
    values = draw(CHOICES)
    return {draw(st.sampled_from(["choice", "ordered"])): values, "default": draw(st.sampled_from(values))}


@st.composite
def ordered_numbers(draw: st.DrawFn) -> dict[str, Any]:
    values = sorted(draw(st.lists(st.integers(1, 64), min_size=1, max_size=6, unique=True)))
    return {"ordered": values, "default": draw(st.sampled_from(values))}


def possible(entry: Mapping[str, Any]) -> list[Any]:
    """Some values a hyperparameter can take, for conditions on it."""
    for kind in ("choice", "ordered"):
        if kind in entry:
            return list(entry[kind])
    bounds = entry.get("float") or entry.get("int")
    return [entry["constant"]] if bounds is None else [*bounds, entry["default"]]


@st.composite
def examples(draw: st.DrawFn) -> Example:
    count = draw(st.integers(1, 6))
    kinds = st.one_of(
        floats(), ints(), choices(), ordered_numbers(), st.builds(lambda value: {"constant": value}, st.integers(0, 3))
    )
    entries: dict[str, dict[str, Any]] = {f"h{number}": draw(kinds) for number in range(count)}
    names = list(entries)
    for place, name in enumerate(names[1:], 1):
        if draw(st.integers(0, 2)) == 0:
            for parent in draw(st.lists(st.sampled_from(names[:place]), min_size=1, max_size=2, unique=True)):
                values = draw(st.lists(st.sampled_from(possible(entries[parent])), min_size=1, max_size=2))
                entries[name].setdefault("when", {})[parent] = values if draw(st.booleans()) else values[0]
    texts: list[str] = []
    checks: list[tuple[str, str, Callable[[Numbers], float]]] = []
    for place, name in enumerate(names[1:], 1):
        if draw(st.booleans()):
            right = draw(st.lists(st.sampled_from(names[:place]), min_size=1, max_size=2))
            factor, summand = draw(st.integers(1, 5)), draw(st.integers(0, 50))
            sign, product = draw(st.sampled_from(["<=", ">="])), draw(st.booleans())
            text = f"{name} {sign} {factor} * ({(' * ' if product else ' + ').join(right)}) + {summand}"

            def bound(
                v: Numbers, right: list[str] = right, f: int = factor, s: int = summand, p: bool = product
            ) -> float:
                numbers = [v[other] for other in right]
                return float(f * (math.prod(numbers) if p else sum(numbers)) + s)

            try:  # relations that the checks at load refuse are left out, one by one
                SearchSpace.load({**entries, "relations": [*texts, text]})
            except InvalidInput:
                continue
            texts.append(text)
            checks.append((name, sign, bound))
    mapping = {**entries, "relations": texts}
    return Example(SearchSpace.load(mapping), entries, tuple(checks))


@st.composite
def vectors(draw: st.DrawFn, space: SearchSpace) -> dict[str, float | int | str]:
    vector: dict[str, float | int | str] = {}
    for coordinate in space.coordinates:
        if coordinate.kind == "unit":
            vector[coordinate.name] = draw(st.floats(0, 1) | st.sampled_from([0.0, 1.0, 0.5, 1 - 2**-53, 5e-324]))
        elif coordinate.kind == "index":
            vector[coordinate.name] = draw(st.integers(0, coordinate.size - 1))
        else:
            vector[coordinate.name] = draw(st.sampled_from(coordinate.labels))
    return vector


def same(left: object, right: object) -> bool:
    """Equal in value and type."""
    return left == right and type(left) is type(right)


def lies_in(value: Value, entry: Mapping[str, Any]) -> bool:
    if "constant" in entry:
        return same(value, entry["constant"])
    for kind in ("choice", "ordered"):
        if kind in entry:
            return any(same(value, choice) for choice in entry[kind])
    kind = "float" if "float" in entry else "int"
    lower, upper = entry[kind]
    if type(value) is not (float if kind == "float" else int):
        return False
    return lower <= value <= upper and (not entry.get("pow2") or math.log2(value) % 1 == 0)


def follows_the_rules(example: Example, configuration: Mapping[str, Value]) -> bool:
    """Whether a configuration is one of the space, by a reading of the rules of its own."""
    expected = []
    for name, entry in example.entries.items():
        active = True
        for parent, values in entry.get("when", {}).items():
            wanted = values if isinstance(values, list) else [values]
            found = configuration.get(parent)
            met = any(value == found and (type(value) is bool) == (type(found) is bool) for value in wanted)
            active = active and parent in expected and met
        if active:
            expected.append(name)
    if list(configuration) != expected:
        return False
    if not all(lies_in(value, example.entries[name]) for name, value in configuration.items()):
        return False
    taken = {name: entry.get("default", entry.get("constant")) for name, entry in example.entries.items()}
    taken.update(configuration)
    for left, sign, bound in example.relations:
        value = float(taken[left])
        if not (value <= bound(taken) if sign == "<=" else value >= bound(taken)):
            return False
    return True
