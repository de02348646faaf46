"""How the hyperparameters of a space hang together: who is active, and what relations leave of a range."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from autorl.errors import InvalidInput, UnknownName
from autorl.records import Value
from autorl.space.choices import Categorical, Constant
from autorl.space.conditions import holds
from autorl.space.hyperparameters import Hyperparameter
from autorl.space.relations import Relation
from autorl.space.values import is_number, show

__all__ = ["Structure"]


class Structure:
    """The compiled form of a space, in which every other question about it is answered.

    Args:
        hyperparameters: In space order.
        relations: In file order.
        given: Values of names that the space does not hold, and the algorithm's own of conditional ones.

    Raises:
        InvalidInput: If conditions or relations name what they may not.

    Attributes:
        hyperparameters: In space order.
        by_name: The same by name.
        outside: Values of names the space does not hold.
        otherwise: The value a relation takes for a name that is inactive or outside the space.
        relations_of: Relations by the name on their left.
    """

    def __init__(
        self,
        hyperparameters: Sequence[Hyperparameter[Any]],
        relations: Sequence[Relation],
        given: Mapping[str, Value],
    ) -> None:
        self.hyperparameters = tuple(hyperparameters)
        self.by_name: dict[str, Hyperparameter[Any]] = {}
        for one in hyperparameters:
            if one.name in self.by_name:
                raise InvalidInput(f"{one.name}: duplicate hyperparameter; each name must stand once")
            self.by_name[one.name] = one
        self.outside = {name: value for name, value in given.items() if name not in self.by_name}
        self.otherwise = {**{one.name: one.default for one in hyperparameters}, **given}
        self.relations_of: dict[str, list[Relation]] = {}
        for relation in relations:
            self.relations_of.setdefault(relation.left, []).append(relation)
        self._check_conditions()
        for relation in relations:
            self._check_relation(relation)

    def active(self, one: Hyperparameter[Any], values: Mapping[str, Value]) -> bool:
        """Whether a hyperparameter is active, given the active values of those before it."""
        return not one.conditions or holds(one.conditions, {**self.outside, **values} if self.outside else values)

    def allowed(self, one: Hyperparameter[Any], values: Mapping[str, Value]) -> Any | None:
        """What the relations leave of an active hyperparameter's range; None if nothing."""
        relations = self.relations_of.get(one.name)
        if not relations:
            return one.range
        low, high = -math.inf, math.inf
        for relation in relations:
            bound = relation.bound(values, self.otherwise)
            if relation.operator == "<=":
                high = min(high, bound)
            else:
                low = max(low, bound)
        return one.narrow(low, high)

    def required(self, one: Hyperparameter[Any], values: Mapping[str, Value]) -> Any:
        """What the relations leave of a range that must not be empty.

        Raises:
            InvalidInput: If nothing is left; loading a space rules that out.
        """
        allowed = self.allowed(one, values)
        if allowed is None:
            raise InvalidInput(self.leaves_nothing(one.name, values))
        return allowed

    def value(self, name: str, values: Mapping[str, Value]) -> Value:
        """The value a relation takes for a name."""
        return values[name] if name in values else self.otherwise[name]

    def never_active(self) -> frozenset[str]:
        """Names whose conditions no configuration meets, because a parent is held at another value."""
        dead: set[str] = set()
        for one in self.hyperparameters:
            for condition in one.conditions:
                parent = self.by_name.get(condition.parent)
                held = parent is None or isinstance(parent, Constant)
                value = self.outside[condition.parent] if parent is None else parent.default
                if condition.parent in dead or (held and not condition.allows(value)):
                    dead.add(one.name)
        return frozenset(dead)

    def needed(self, names: Iterable[str]) -> list[Hyperparameter[Any]]:
        """The hyperparameters on which activity and ranges of some names depend, themselves included, in order."""
        found: set[str] = set()
        todo = list(names)
        while todo:
            name = todo.pop()
            if name in found:
                continue
            found.add(name)
            todo += [other for relation in self.relations_of.get(name, []) for other in relation.names]
            if name in self.by_name:
                todo += [condition.parent for condition in self.by_name[name].conditions]
        return [one for one in self.hyperparameters if one.name in found]

    def leaves_nothing(self, name: str, values: Mapping[str, Value]) -> str:
        """Says that, and at which values, the relations leave a name no value."""
        relations = self.relations_of[name]
        names = sorted({other for relation in relations for other in relation.names})
        witness = ", ".join(f"{other} = {show(self.value(other, values))}" for other in names)
        bounds = " and ".join(f"{r.operator} {r.bound(values, self.otherwise):.12g}" for r in relations)
        rule = " and ".join(repr(str(relation)) for relation in relations)
        case = f"with {witness}, {name}" if witness else name
        one = self.by_name.get(name)
        if one is None or isinstance(one, Constant):
            return f"relation {rule}: {case} must be {bounds}, but it is held at {show(self.value(name, values))}"
        if not self.active(one, values):
            return (
                f"relation {rule}: {case} must be {bounds}, but while inactive it is {show(self.value(name, values))}"
            )
        return f"relation {rule}: {case} must be {bounds}, which leaves nothing of its range {one.spread()}"

    def _check_conditions(self) -> None:
        self._refuse_cycles()
        earlier: set[str] = set()
        for one in self.hyperparameters:
            for condition in one.conditions:
                parent = condition.parent
                if parent not in self.by_name and parent not in self.outside:
                    raise UnknownName("hyperparameter", parent, [*self.by_name, *self.outside], f"{one.name}.when")
                if parent in self.by_name and parent not in earlier:
                    raise InvalidInput(
                        f"{one.name}.when: {parent!r} is listed later; a condition names only what is listed earlier"
                    )
            earlier.add(one.name)

    def _refuse_cycles(self) -> None:
        done: set[str] = set()
        for start in self.by_name:
            path: list[str] = []
            stack = [(start, 0)]
            while stack:  # depth first; a name met again on the current path closes a cycle
                name, depth = stack.pop()
                del path[depth:]
                if name in path:
                    cycle = " -> ".join([*path[path.index(name) :], name])
                    raise InvalidInput(f"{name}.when: the conditions form a cycle: {cycle}; none could ever be decided")
                if name in done:
                    continue
                path.append(name)
                parents = [condition.parent for condition in self.by_name[name].conditions]
                stack += [(parent, depth + 1) for parent in parents if parent in self.by_name]
            done.update(path)

    def _check_relation(self, relation: Relation) -> None:
        place = f"relation {str(relation)!r}"
        for name in (relation.left, *relation.names):
            if name not in self.by_name and name not in self.outside:
                raise UnknownName("hyperparameter", name, [*self.by_name, *self.outside], place)
            one = self.by_name.get(name)
            if not is_number(self.otherwise[name]) or not (one is None or one.numeric):
                found = show(self.otherwise[name]) if one is None else one.spread()
                raise InvalidInput(f"{place}: {name!r} takes {found}; a relation needs numbers")
        left = self.by_name.get(relation.left)
        if isinstance(left, Categorical) and not left.ordered:
            raise InvalidInput(
                f"{place}: {relation.left!r} is an unordered choice, which has no range to narrow; write it as ordered"
            )
        order = list(self.by_name)
        if left is not None and not isinstance(left, Constant):
            for name in relation.names:
                held = name in self.outside or isinstance(self.by_name[name], Constant)
                if not held and order.index(name) > order.index(relation.left):
                    raise InvalidInput(
                        f"{place}: {name!r} is listed after {relation.left!r}; the name a relation narrows comes last"
                    )
        for names, _ in relation.terms:
            for name in names if len(names) > 1 else ():
                lowest = self._lowest(name)
                if lowest < 0:
                    raise InvalidInput(
                        f"{place}: {name!r} can be {lowest!r}; only names that are never negative are multiplied"
                    )

    def _lowest(self, name: str) -> float:
        values = [self.otherwise[name]]
        if name in self.by_name:
            one = self.by_name[name]
            values += one.some_values(one.range, 0)[0]
        return min(value for value in values if isinstance(value, (int, float)))
