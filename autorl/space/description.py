"""A space written out: as the plain mapping it can be loaded from, and as the rows of a table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from autorl.records import Value
from autorl.space.choices import Categorical, Constant
from autorl.space.hyperparameters import Hyperparameter
from autorl.space.numbers import Float, Int
from autorl.space.relations import Relation
from autorl.space.values import show

__all__ = ["Row", "describe", "rows"]


class Row(NamedTuple):
    """One hyperparameter as text ready to be shown.

    Attributes:
        name: The hyperparameter.
        kind: "float", "int", "choice", "ordered" or "constant".
        range: Bounds or choices.
        scale: "linear", "log", "reverse_log", "pow2" or ""; then the prior, if there is one.
        default: The space's default.
        static: Whether agents of one population must agree on it.
        condition: When it is active, or "".
    """

    name: str
    kind: str
    range: str
    scale: str = ""
    default: str = ""
    static: bool = False
    condition: str = ""


def rows(hyperparameters: Sequence[Hyperparameter[Any]], static: Collection[str]) -> list[Row]:
    """One row a hyperparameter.

    Args:
        hyperparameters: In space order.
        static: Names of the algorithm's static hyperparameters.
    """
    return [
        Row(
            name=one.name,
            kind=one.kind,
            range=one.spread(),
            scale=_scale(one) if isinstance(one, (Float, Int)) else "",
            default=show(one.default),
            static=one.name in static,
            condition=" and ".join(map(str, one.conditions)),
        )
        for one in hyperparameters
    ]


def _scale(one: Float | Int) -> str:
    return one.scale if one.prior is None else f"{one.scale}, {one.prior}"


def describe(
    hyperparameters: Sequence[Hyperparameter[Any]],
    relations: Sequence[Relation],
    fixed: Mapping[str, Value],
    given: Mapping[str, Value],
) -> dict[str, object]:
    """The mapping `SearchSpace.load` reads back as an equal space; its order is the space's."""
    found: dict[str, object] = {one.name: _entry(one) for one in hyperparameters}
    if relations:
        found["relations"] = [str(relation) for relation in relations]
    if fixed:
        found["fixed"] = dict(fixed)
    if given:
        found["given"] = dict(given)
    return found


def _entry(one: Hyperparameter[Any]) -> dict[str, object]:
    entry: dict[str, object]
    if isinstance(one, (Float, Int)):
        entry = {one.kind: [one.lower, one.upper]}
        if one.scale != "linear":
            entry[one.scale] = True
        entry["default"] = one.default
        if one.prior is not None:
            entry["prior"] = one.prior.describe()
    elif isinstance(one, Categorical):
        entry = {one.kind: list(one.choices), "default": one.default}
    else:
        assert isinstance(one, Constant)
        entry = {one.kind: one.value}
    if one.conditions:
        entry["when"] = {
            condition.parent: list(condition.values)
            if condition.listed or len(condition.values) > 1
            else condition.values[0]
            for condition in one.conditions
        }
    return entry
