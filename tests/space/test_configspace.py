"""ConfigSpace's own files: the subset read and written without loss, the rest refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ConfigSpace as Library
import pytest
from ConfigSpace.conditions import (
    AndConjunction,
    EqualsCondition,
    GreaterThanCondition,
    InCondition,
    NotEqualsCondition,
    OrConjunction,
)
from ConfigSpace.forbidden import (
    ForbiddenAndConjunction,
    ForbiddenEqualsClause,
    ForbiddenEqualsRelation,
    ForbiddenGreaterThanEqualsRelation,
    ForbiddenGreaterThanRelation,
    ForbiddenInClause,
    ForbiddenLessThanRelation,
)

from autorl.errors import InvalidInput
from autorl.space import SearchSpace


def everything() -> Any:
    space = Library.ConfigurationSpace(name="everything")
    lr = Library.Float("lr", (1e-6, 1e-2), log=True, default=3e-4)
    beta = Library.Float("beta", (0.0, 1.0), default=0.25)
    zeta = Library.Integer("zeta", (1, 64), default=8)
    alpha = Library.Integer("alpha", (1, 64), log=True, default=4)
    prioritized = Library.Categorical("prioritized", [True, False], default=True)
    activation = Library.Categorical("activation", ["tanh", "relu", "elu"], default="relu")
    batch = Library.Categorical("batch", [16, 32, 64], default=32, ordered=True)
    held = Library.Constant("held", 0.5)
    child = Library.Float("child", (0.1, 1.0), default=0.6)
    grandchild = Library.Integer("grandchild", (0, 3), default=1)
    either = Library.Categorical("either", ["x", "y"], default="x")
    space.add(lr, beta, zeta, alpha, prioritized, activation, batch, held, child, grandchild, either)
    space.add(EqualsCondition(child, prioritized, True))
    space.add(InCondition(either, activation, ("tanh", "relu")))
    space.add(AndConjunction(InCondition(grandchild, activation, ["relu"]), EqualsCondition(grandchild, batch, 32)))
    space.add(ForbiddenGreaterThanRelation(alpha, zeta))
    return space


def test_files_are_read_into_the_same_ranges(tmp_path: Path) -> None:
    library = everything()
    library.to_yaml(tmp_path / "a.yaml")
    library.to_json(tmp_path / "a.json")
    space = SearchSpace.load(str(tmp_path / "a.yaml"))
    for other in (
        SearchSpace.load(tmp_path / "a.json"),
        SearchSpace.from_configspace(tmp_path / "a.yaml"),
        SearchSpace.from_configspace(str(tmp_path / "a.json")),
        SearchSpace.from_configspace((tmp_path / "a.yaml").read_text()),
        SearchSpace.from_configspace((tmp_path / "a.json").read_text()),
        SearchSpace.load(json.loads((tmp_path / "a.json").read_text())),
        SearchSpace.load(space.describe()),
    ):
        assert other == space
    assert sorted(space.names) == sorted(library)
    assert space.default() == dict(library.get_default_configuration())
    assert list(map(str, space.relations)) == ["alpha <= zeta"]
    assert space.names.index("zeta") < space.names.index("alpha")  # the narrowed name comes last
    assert space.describe()["grandchild"] == {
        "int": [0, 3],
        "default": 1,
        "when": {"activation": ["relu"], "batch": 32},
    }


def test_round_trip_is_equal(tmp_path: Path) -> None:
    library = everything()
    library.to_yaml(tmp_path / "a.yaml")
    space = SearchSpace.from_configspace(tmp_path / "a.yaml")
    again = space.to_configspace()
    assert again == library
    again.to_yaml(tmp_path / "b.yaml")
    assert (tmp_path / "b.yaml").read_text() == (tmp_path / "a.yaml").read_text()
    assert SearchSpace.from_configspace(tmp_path / "b.yaml") == space


def test_what_we_decode_is_legal_there_and_the_other_way_round(tmp_path: Path) -> None:
    library = everything()
    library.seed(0)
    library.to_yaml(tmp_path / "a.yaml")
    space = SearchSpace.from_configspace(tmp_path / "a.yaml")
    for sample in library.sample_configuration(100):
        ours = space.check(dict(sample))
        assert ours == pytest.approx(dict(sample))
        assert set(ours) == set(dict(sample))
        legal = Library.Configuration(library, values=space.decode(space.encode(ours)))
        legal.check_valid_configuration()


def test_a_relation_is_turned_where_only_the_other_side_can_be_narrowed() -> None:
    library = Library.ConfigurationSpace()
    a, b = Library.Integer("a", (1, 10), default=2), Library.Integer("b", (5, 20), default=10)
    library.add(a, b)
    library.add(ForbiddenLessThanRelation(b, a))  # b >= a; b = 5 allows a up to 5, and a = 10 allows b from 10
    space = SearchSpace.from_configspace(json.dumps(library.to_serialized_dict()))
    assert list(map(str, space.relations)) == ["b >= a"]
    assert space.to_configspace() == library
    short = Library.ConfigurationSpace()
    c, d = Library.Integer("c", (1, 10), default=2), Library.Integer("d", (5, 8), default=5)
    short.add(c, d)
    short.add(ForbiddenGreaterThanRelation(c, d))
    short.add(ForbiddenLessThanRelation(d, c))  # d >= c would leave nothing of d at c = 9
    turned = SearchSpace.from_configspace(json.dumps(short.to_serialized_dict()))
    assert list(map(str, turned.relations)) == ["c <= d", "c <= d"]
    assert turned.to_configspace() == short


def library_with(*parts: Any) -> Any:
    space = Library.ConfigurationSpace()
    for part in parts:
        space.add(part)
    return space


A, B = Library.Integer("a", (1, 9), default=2), Library.Integer("b", (1, 9), default=2)
P, Q = Library.Categorical("p", ["x", "y"], default="x"), Library.Categorical("q", ["x", "y"], default="x")
HIGHER = Library.Integer("b", (1, 9), default=5)

REFUSED: dict[str, tuple[Any, list[str]]] = {
    "normal": (
        library_with(Library.Float("n", (0.0, 1.0), distribution=Library.Normal(0.5, 0.1), default=0.5)),
        ["n:", "'normal_float'"],
    ),
    "beta": (
        library_with(Library.Integer("n", (0, 9), distribution=Library.Beta(2, 2), default=5)),
        ["n:", "'beta_int'"],
    ),
    "weights": (
        library_with(Library.Categorical("w", ["x", "y"], weights=[1, 2], default="x")),
        ["w.weights", "[1, 2]"],
    ),
    "meta": (library_with(Library.Float("m", (0.0, 1.0), meta={"unit": "s"})), ["m.meta", "{'unit': 's'}"]),
    "not equals": (library_with(A, P, NotEqualsCondition(A, P, "x")), ["conditions", "'a'", "'NEQ'"]),
    "greater than": (library_with(A, B, GreaterThanCondition(A, B, 3)), ["conditions", "'a'", "'GT'"]),
    "or": (
        library_with(A, P, Q, OrConjunction(EqualsCondition(A, P, "x"), EqualsCondition(A, Q, "x"))),
        ["conditions", "'a'", "'OR'"],
    ),
    "forbidden value": (library_with(A, ForbiddenEqualsClause(A, 3)), ["forbiddens", "'EQUALS'"]),
    "forbidden values": (library_with(A, ForbiddenInClause(A, [3, 4])), ["forbiddens", "'IN'"]),
    "forbidden pair": (
        library_with(A, B, ForbiddenAndConjunction(ForbiddenEqualsClause(A, 3), ForbiddenEqualsClause(B, 4))),
        ["forbiddens", "'AND'"],
    ),
    "equal": (
        library_with(A, HIGHER, ForbiddenEqualsRelation(A, HIGHER)),
        ["'RELATION_EQ'"],
    ),
    "greater or equal": (
        library_with(A, HIGHER, ForbiddenGreaterThanEqualsRelation(A, HIGHER)),
        ["'RELATION_GE'"],
    ),
    "relation of a child": (
        library_with(A, B, P, EqualsCondition(A, P, "x"), ForbiddenGreaterThanRelation(A, B)),
        ["forbiddens", "'a' is conditional"],
    ),
    "circle": (
        library_with(A, B, ForbiddenGreaterThanRelation(A, B), ForbiddenGreaterThanRelation(B, A)),
        ["circle among a, b"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_counterpart_is_refused_by_name(case: str, tmp_path: Path) -> None:
    library, parts = REFUSED[case]
    file = tmp_path / "theirs.yaml"
    library.to_yaml(file)
    with pytest.raises(InvalidInput) as caught:
        SearchSpace.load(file)
    message = str(caught.value)
    assert message.startswith(str(file))
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"format_version": 0.3}, "format_version: 0.3"),
        ({"surprise": 1}, "surprise"),
        ({"conditions": 3}, "conditions: 3"),
        ({"hyperparameters": ["x"]}, "hyperparameters: ['x']"),
        ({"hyperparameters": [{"type": "constant", "value": 1}]}, "hyperparameters[0].name: None"),
        ({"hyperparameters": [{"name": "x", "type": "constant", "value": 1}] * 2}, "x: duplicate"),
        ({"hyperparameters": [{"name": "x", "type": "uniform_int", "lower": 3, "upper": 1}]}, "x.int"),
        ({"hyperparameters": [{"name": "x", "type": "constant", "value": 1, "q": 2}]}, "x.q: 2"),
        ({"conditions": [{"child": "z", "parent": "a", "type": "EQ", "value": 1}]}, "'z'"),
        ({"forbiddens": [{"left": "a", "right": "z", "type": "RELATION_GT"}]}, "'z'"),
        ({"hyperparameters": []}, "no hyperparameter"),
    ],
)
def test_broken_files_are_refused(change: dict[str, Any], part: str) -> None:
    mapping = {**library_with(A, P).to_serialized_dict(), **change}
    with pytest.raises(InvalidInput, match="theirs") as caught:
        SearchSpace.load(mapping, where="theirs")
    assert part in str(caught.value)


def test_our_own_form_is_no_configspace_text() -> None:
    with pytest.raises(InvalidInput, match="no list under the key 'hyperparameters'"):
        SearchSpace.from_configspace("x: {float: [0, 1]}\n")


@pytest.mark.parametrize(
    ("mapping", "part"),
    [
        ({"x": {"float": [0, 0.9], "reverse_log": True}}, "x: the scale 'reverse_log'"),
        ({"x": {"int": [2, 8], "pow2": True}}, "x: the scale 'pow2'"),
        ({"x": {"choice": [None, 1]}}, "x: null"),
        ({"x": {"constant": None}}, "x: null"),
        ({"a": {"int": [1, 2]}, "x": {"int": [1, 2], "default": 1}, "relations": ["x <= 2 * a"]}, "'x <= 2 * a'"),
    ],
)
def test_what_cannot_be_written_is_refused_by_name(mapping: dict[str, Any], part: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        SearchSpace.load(mapping).to_configspace()
    assert part in str(caught.value)
