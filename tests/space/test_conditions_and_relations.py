"""Who is active, what relations leave, and worst cases found at load, each worked out by hand."""

from __future__ import annotations

import itertools
import sys
from typing import Any

import pytest

from autorl.errors import InvalidInput
from autorl.space import SearchSpace, parse_relation


def refused(mapping: dict[str, Any], **more: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        SearchSpace.load(mapping, **more)
    return str(caught.value)


def test_children_are_dropped_and_return_at_their_default() -> None:
    space = SearchSpace.load(
        {
            "p": {"choice": [True, False], "default": False},
            "kind": {"choice": ["a", "b", "c"], "default": "a", "when": {"p": True}},
            "child": {"float": [0, 1], "default": 0.25, "when": {"kind": ["a", "b"]}},
            "both": {"int": [1, 4], "default": 1, "when": {"p": True, "kind": "c"}},
        }
    )
    vector: dict[str, float | int | str] = {"p": "true", "kind": "b", "child": 0.5, "both": 0.9}
    assert space.decode(vector) == {"p": True, "kind": "b", "child": 0.5}
    assert space.decode({**vector, "kind": "c"}) == {"p": True, "kind": "c", "both": 4}
    # The parent holds "b", but it is inactive itself, and so is its child.
    assert space.decode({**vector, "p": "false"}) == {"p": False}
    assert space.default() == {"p": False}
    assert space.encode({"p": False}) == {"p": "false", "kind": "a", "child": 0.25, "both": 0.125}


def test_conditions_tell_types_apart() -> None:
    space = SearchSpace.load(
        {
            "p": {"choice": [True, 1, "1", None]},
            "one": {"constant": 0, "when": {"p": 1}},
            "no": {"constant": 0, "when": {"p": None}},
        }
    )
    labels = space.coordinates[0].labels
    active = [tuple(name for name in space.decode({"p": label}) if name != "p") for label in labels]
    assert active == [(), ("one",), (), ("no",)]


def test_a_pinned_parent_settles_its_children() -> None:
    mapping = {
        "p": {"choice": [True, False], "default": False},
        "child": {"float": [0, 1], "default": 0.5, "when": {"p": True}},
        "lr": {"float": [0, 1], "default": 0.5},
    }
    off, on = (SearchSpace.load(mapping, fixed={"p": value}) for value in (False, True))
    assert [one.name for one in off.coordinates] == ["lr"]  # the child can never be active
    assert off.decode({"lr": 0.0}) == {"p": False, "lr": 0.0}
    assert [one.name for one in on.coordinates] == ["child", "lr"]
    assert off.fixed == {"p": False}
    assert off != on
    outside = SearchSpace.load(
        {"child": mapping["child"], "lr": mapping["lr"]}, defaults={"p": True, "child": 0, "lr": 0}
    )
    assert outside.decode({"child": 0.0, "lr": 1.0}) == {"child": 0.0, "lr": 1.0}


def test_relations_narrow_from_both_sides_and_on_every_scale() -> None:
    space = SearchSpace.load(
        {
            "a": {"int": [1, 8], "default": 2},
            "log": {"float": [0.01, 100.0], "log": True, "default": 0.01},
            "reverse": {"float": [0.0, 0.99], "reverse_log": True, "default": 0.0},
            "pow2": {"int": [1, 64], "pow2": True, "default": 4},
            "relations": ["log <= a", "reverse <= 0.1 * a", "pow2 >= 1 + a", "pow2 <= 4 * a + 4"],
        }
    )
    low: dict[str, float | int | str] = {"a": 0.3, "log": 0.0, "reverse": 0.0, "pow2": 0.0}
    high = {**low, "log": 1.0, "reverse": 1.0, "pow2": 1.0}
    # a = 3: log up to 3, reverse up to 0.3, pow2 in [4, 16]
    assert space.decode(low) == {"a": 3, "log": 0.01, "reverse": 0.0, "pow2": 4}
    assert space.decode(high) == {"a": 3, "log": 3.0, "reverse": 0.30000000000000004, "pow2": 16}
    middle = space.decode({**low, "log": 0.5, "pow2": 0.5})
    assert middle["log"] == pytest.approx((0.01 * 3) ** 0.5)  # the middle of the narrowed range on its scale
    assert middle["pow2"] == 8


def test_of_several_relations_the_tightest_counts() -> None:
    mapping: dict[str, Any] = {
        "a": {"int": [2, 9], "default": 9},
        "b": {"int": [2, 9], "default": 9},
        "x": {"int": [1, 20], "default": 9},
        "y": {"int": [1, 20], "default": 9},
        "relations": ["x <= a", "x <= b", "y >= a", "y >= b"],
    }
    space = SearchSpace.load(mapping)
    for a, b in ((0.0, 1.0), (1.0, 0.0)):
        at: dict[str, float | int | str] = {"a": a, "b": b}
        assert space.decode({**at, "x": 1.0, "y": 1.0})["x"] == 2
        assert space.decode({**at, "x": 0.0, "y": 0.0})["y"] == 9


def test_an_inactive_name_takes_the_algorithms_default_in_a_relation() -> None:
    mapping: dict[str, Any] = {
        "p": {"choice": [True, False], "default": True},
        "n": {"int": [4, 8], "default": 8, "when": {"p": True}},
        "x": {"int": [1, 9], "default": 1},
        "relations": ["x <= n"],
    }
    own = SearchSpace.load(mapping, defaults={"p": True, "n": 2, "x": 1})
    assert own.decode({"p": "false", "n": 0.0, "x": 1.0}) == {"p": False, "x": 2}
    assert own.decode({"p": "true", "n": 0.0, "x": 1.0}) == {"p": True, "n": 4, "x": 4}
    alone = SearchSpace.load(mapping)
    assert alone.decode({"p": "false", "n": 0.0, "x": 1.0}) == {"p": False, "x": 8}
    assert SearchSpace.load(own.describe()) == own != alone


PPO: dict[str, Any] = {
    "n_steps": {"int": [32, 256], "pow2": True, "default": 128},
    "batch_size": {"int": [64, 512], "pow2": True, "default": 64},
    "relations": ["batch_size <= n_steps * n_envs"],
}


def test_a_relation_that_can_leave_nothing_is_refused_with_a_witness() -> None:
    message = refused(PPO, defaults={"n_steps": 64, "batch_size": 64, "n_envs": 1})
    assert "batch_size <= n_steps * n_envs" in message
    assert "n_envs = 1, n_steps = 32" in message
    assert "<= 32" in message
    assert "[64, 512]" in message
    SearchSpace.load(PPO, defaults={"n_steps": 64, "batch_size": 64, "n_envs": 2})
    SearchSpace.load(PPO, defaults={"n_steps": 64, "batch_size": 64, "n_envs": 1}, fixed={"n_envs": 2})


def test_a_held_left_side_is_checked_in_the_worst_case() -> None:
    defaults = {"n_steps": 64, "batch_size": 64, "n_envs": 8}
    SearchSpace.load(PPO, defaults=defaults, fixed={"batch_size": 256})
    message = refused(PPO, defaults=defaults, fixed={"batch_size": 512})
    assert "n_envs = 8, n_steps = 32" in message
    assert "held at 512" in message
    untuned = {"n_steps": PPO["n_steps"], "relations": PPO["relations"]}
    assert "held at 512" in refused(untuned, defaults={**defaults, "batch_size": 512})


def test_an_inactive_left_side_is_checked_in_the_worst_case() -> None:
    mapping: dict[str, Any] = {
        "p": {"choice": [True, False], "default": True},
        "n": {"int": [1, 9], "default": 5},
        "x": {"int": [1, 9], "default": 3, "when": {"p": True}},
        "relations": ["x <= n"],
    }
    message = refused(mapping)
    assert "n = 1, x must be <= 1, but while inactive it is 3" in message
    mapping["x"]["default"] = 1
    SearchSpace.load(mapping)


def test_the_default_with_fixed_must_keep_to_every_relation() -> None:
    mapping: dict[str, Any] = {**PPO, "batch_size": {"int": [32, 512], "pow2": True, "default": 256}}
    defaults = {"n_steps": 64, "batch_size": 64, "n_envs": 2}
    SearchSpace.load(mapping, defaults=defaults)
    message = refused(mapping, defaults=defaults, fixed={"n_envs": 1})
    assert "default with `fixed`" in message
    assert "batch_size = 256, n_envs = 1, n_steps = 128" in message


def test_a_name_emptied_only_between_the_ends_is_found() -> None:
    # At a = 1 and a = 9 a power of two lies in [a, a + 1] ([1, 2], none in [9, 10] either: so bound a by 8).
    mapping: dict[str, Any] = {
        "a": {"int": [1, 8], "default": 1},
        "x": {"int": [1, 16], "pow2": True, "default": 1},
        "relations": ["x >= a", "x <= a + 1"],
    }
    message = refused(mapping)
    assert "a = 5" in message  # [5, 6] holds no power of two; [3, 4] holds 4
    mapping["relations"] = ["x >= a", "x <= 2 * a"]
    SearchSpace.load(mapping)
    wide = {
        "a": {"float": [1, 8], "default": 1},
        "x": {"float": [0, 100], "default": 1},
        "relations": ["x >= a", "x <= 2 * a"],
    }
    SearchSpace.load(wide)  # proved: 2 a - a has no negative term
    wide["relations"] = ["x >= a", "x <= 0.5 * a * a + 0.5"]  # touches at a = 1 and holds, but is not proved
    assert "cannot be shown" in refused(wide)


def test_worst_cases_follow_chains_of_relations_and_conditions() -> None:
    chain: dict[str, Any] = {
        "a": {"int": [4, 8], "default": 8},
        "b": {"int": [2, 8], "default": 8},
        "c": {"int": [2, 64], "default": 2},
        "relations": ["b >= 0.5 * a", "c <= a * b"],
    }
    space = SearchSpace.load(chain)
    for a, b, c in itertools.product((0.0, 0.3, 1.0), repeat=3):
        found = space.decode({"a": a, "b": b, "c": c})
        assert isinstance(found["c"], int)
        assert isinstance(found["a"], int)
        assert isinstance(found["b"], int)
        assert found["c"] <= found["a"] * found["b"]
    chain["c"] = {"int": [9, 64], "default": 9}
    message = refused(chain)
    assert "a = 4, b = 2" in message


@pytest.mark.parametrize(
    ("relation", "part"),
    [
        ("b < a", "must be"),
        ("b == a", "other than <= or >="),
        ("b", "must be `name <= expression`"),
        ("2 * b <= a", "must be `name <= expression`"),
        ("1 <= b <= a", "must be `name <= expression`"),
        ("b <= a - 1", "holds 'a - 1'"),
        ("b <= a / 2", "holds 'a / 2'"),
        ("b <= a ** 2", "holds 'a ** 2'"),
        ("b <= -1 * a", "holds '-1'"),
        ("b <= min(a, 3)", "holds 'min(a, 3)'"),
        ("b <= __import__('os').system('ls')", "holds"),
        ("b <= a.real", "holds 'a.real'"),
        ("b <= [a][0]", "holds"),
        ("b <= (a if a else 1)", "holds"),
        ("b <= (lambda: 1)()", "holds"),
        ("b <= 'a'", "holds"),
        ("b <= True", "holds 'True'"),
        ("b <= 1e400", "larger than 1e100"),
        ("b <= 1j", "holds '1j'"),
        ("b <= b + a", "'b' on both sides"),
        ("b <= (a", "cannot be read"),
        ("", "cannot be read"),
        (3, "no text"),
        ("b <= aa", "unknown hyperparameter 'aa'; did you mean 'a'"),
        ("bb <= a", "unknown hyperparameter 'bb'; did you mean 'b'"),
        ("a <= b", "'b' is listed after 'a'"),
        ("label <= a", "unordered choice"),
        ("b <= word", "'word' takes x, y; a relation needs numbers"),
        ("word <= a", "a relation needs numbers"),
        ("b <= signed * a", "'signed' can be -1; only names that are never negative"),
    ],
)
def test_relations_that_are_refused(relation: object, part: str) -> None:
    space = {
        "a": {"int": [5, 9], "default": 9},
        "signed": {"int": [-1, 9], "default": 9},
        "word": {"choice": ["x", "y"]},
        "b": {"int": [1, 9], "default": 1},
        "label": {"choice": [1, 2]},
        "relations": [relation],
    }
    message = refused(space, where="f.yaml")
    assert message.startswith("f.yaml: ")
    assert part in message


def test_relations_must_be_a_list() -> None:
    assert "relations: 'b <= a'" in refused({"b": {"int": [1, 2]}, "relations": "b <= a"})


def test_expressions_are_polynomials() -> None:
    relation = parse_relation("x <= (a + 2) * (b + a) + 3 * 2", "here")
    assert relation.names == ("a", "b")
    for a, b in itertools.product((0, 1, 5), (0, 2.5, 7)):
        assert relation.bound({"a": a}, {"a": 100, "b": b}) == (a + 2) * (b + a) + 6


def test_static_combinations_are_counted_as_by_listing_them() -> None:
    defaults = {"n_steps": 64, "batch_size": 64, "n_envs": 4, "lr": 0.1}
    mapping = {"lr": {"float": [0, 1]}, **PPO}
    space = SearchSpace.load(mapping, defaults=defaults)
    steps, batches = (32, 64, 128, 256), (64, 128, 256, 512)
    expected = sum(batch <= step * 4 for step in steps for batch in batches)
    assert space.static_combinations({"n_steps", "batch_size", "n_envs"}) == expected == 2 + 3 + 4 + 4
    assert space.static_combinations({"batch_size"}) == 4
    assert space.static_combinations({"n_envs"}) == 1
    assert space.static_combinations(()) == 1
    assert space.static_combinations({"lr"}) == sys.maxsize
    pinned = SearchSpace.load(mapping, defaults=defaults, fixed={"n_steps": 64})
    assert pinned.static_combinations({"n_steps", "batch_size"}) == 3


def test_inactive_static_names_have_one_value() -> None:
    space = SearchSpace.load(
        {
            "depth": {"int": [0, 2]},
            "width": {"ordered": [8, 16, 32], "when": {"depth": [1, 2]}},
            "act": {"choice": ["a", "b"], "when": {"depth": 2}},
        }
    )
    assert space.static_combinations({"depth", "width", "act"}) == 1 + 3 + 3 * 2
    assert space.static_combinations({"width"}) == 4
    assert SearchSpace.load({"n": {"int": [1, 10**9]}}).static_combinations({"n"}) == sys.maxsize
