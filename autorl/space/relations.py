"""Relations between hyperparameters: `name <= expression` or `>=`, over names and numbers by + and *.

The expression is parsed by Python's own parser and read by a whitelist; nothing is ever evaluated as code. It is
kept as a polynomial with no negative number in it, so it never falls when a name that is not negative rises: the
worst case of a relation then lies where the names on its right are at their ends.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from autorl.errors import InvalidInput
from autorl.records import Value

__all__ = ["Relation", "parse_relation"]

Polynomial = dict[tuple[str, ...], int | float]
"""Sorted names multiplied together -> coefficient; () is the constant term."""

_RULE = "must be `name <= expression` or `name >= expression`, over names and numbers by + and *"
_LARGEST_TERMS = 100


@dataclass(frozen=True)
class Relation:
    """One relation; it narrows the range of the name on its left.

    Attributes:
        left: The name it narrows.
        operator: "<=" or ">=".
        terms: The right side: sorted (names, coefficient) pairs, to be multiplied and summed.
        expression: The right side as it was written.
        mirrored: Whether it was read from a ConfigSpace relation whose left and right are exchanged here.
    """

    left: str
    operator: Literal["<=", ">="]
    terms: tuple[tuple[tuple[str, ...], int | float], ...]
    expression: str = field(compare=False)
    mirrored: bool = field(default=False, compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The names on the right, sorted."""
        return tuple(sorted({name for names, _ in self.terms for name in names}))

    def bound(self, active: Mapping[str, Value], otherwise: Mapping[str, Value]) -> float:
        """The right side's value.

        Args:
            active: Values of the active names.
            otherwise: Values of names that are inactive or not in the space.
        """
        total: float = 0
        for names, coefficient in self.terms:
            product: float = coefficient
            for name in names:
                product *= active[name] if name in active else otherwise[name]  # type: ignore[operator]  # numbers
            total += product
        return total

    def satisfied(self, value: Value, active: Mapping[str, Value], otherwise: Mapping[str, Value]) -> bool:
        """Whether a value of the left name keeps to the relation."""
        bound = self.bound(active, otherwise)
        if not isinstance(value, (int, float)):
            return False
        return value <= bound if self.operator == "<=" else value >= bound

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.expression}"


def parse_relation(text: object, where: str) -> Relation:
    """Reads a relation.

    Args:
        text: Such as "batch_size <= n_steps * n_envs".
        where: The file and key it stands in.

    Raises:
        InvalidInput: If it is no text, or holds anything but the whitelisted parts.
    """
    if not isinstance(text, str):
        raise InvalidInput(f"{where}: {text!r} is no text; a relation {_RULE}")
    place = f"{where}: relation {text!r}"
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise InvalidInput(f"{place} cannot be read; it {_RULE}") from None
    if not isinstance(tree, ast.Compare) or len(tree.ops) != 1 or not isinstance(tree.left, ast.Name):
        raise InvalidInput(f"{place} {_RULE}")
    if not isinstance(tree.ops[0], (ast.LtE, ast.GtE)):
        raise InvalidInput(f"{place} compares by something other than <= or >=; it {_RULE}")
    right = tree.comparators[0]
    polynomial = _polynomial(right, place)
    left = tree.left.id
    if any(left in names for names in polynomial):
        raise InvalidInput(f"{place} has {left!r} on both sides; the right side may not hold the name it bounds")
    return Relation(
        left,
        "<=" if isinstance(tree.ops[0], ast.LtE) else ">=",
        tuple(sorted(polynomial.items())),
        ast.unparse(right),
    )


def _polynomial(node: ast.expr, place: str) -> Polynomial:
    if isinstance(node, ast.Name):
        return {(node.id,): 1}
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        number = node.value
        assert isinstance(number, (int, float))
        if not number <= 1e100:
            raise InvalidInput(f"{place} holds the number {ast.unparse(node)}, which is larger than 1e100")
        return {(): number}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _sum(_polynomial(node.left, place), _polynomial(node.right, place))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = _polynomial(node.left, place), _polynomial(node.right, place)
        if len(left) * len(right) > _LARGEST_TERMS:
            raise InvalidInput(f"{place} has more than {_LARGEST_TERMS} terms when multiplied out")
        product: Polynomial = {}
        for names, factor in left.items():
            for others, other in right.items():
                product = _sum(product, {tuple(sorted((*names, *others))): factor * other})
        return product
    raise InvalidInput(f"{place} holds {ast.unparse(node)!r}; it {_RULE}")


def _sum(left: Polynomial, right: Polynomial) -> Polynomial:
    total = dict(left)
    for names, coefficient in right.items():
        total[names] = total.get(names, 0) + coefficient
    return total
