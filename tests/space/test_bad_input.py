"""Every mistake in a space file gets its own sentence, naming file, key, value and rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autorl.errors import InvalidInput, UnknownName
from autorl.space import SearchSpace

X = "x: {float: [0.0, 1.0], default: 0.5}\n"

BAD = {
    "unknown kind": ("x: {flot: [0, 1]}", ["x:", "unknown kind 'flot'", "did you mean 'float'"]),
    "no kind": ("x: {log: true}", ["x:", "no kind", "float, int, choice, ordered, constant"]),
    "two kinds": ("x: {float: [0, 1], int: [0, 1]}", ["x:", "float and int", "exclude"]),
    "a bare value": ("x: 0.5", ["x: 0.5", "mapping with a kind"]),
    "nothing": ("x:", ["x: null", "mapping with a kind"]),
    "a list for an entry": ("x: [0, 1]", ["x: [0, 1]", "mapping with a kind"]),
    "unknown option": ("x: {float: [1, 2], defualt: 1}", ["x:", "'defualt'", "did you mean 'default'"]),
    "option of another kind": ("x: {float: [1, 2], pow2: true}", ["x:", "option of the kind float 'pow2'"]),
    "default of a constant": ("x: {constant: 1, default: 1}", ["x:", "option of the kind constant 'default'"]),
    "lower above upper": ("x: {float: [1.0, 0.5]}", ["x.float", "1.0", "must be below", "0.5"]),
    "lower equals upper": ("x: {int: [3, 3]}", ["x.int", "3 must be below the upper bound 3"]),
    "three bounds": ("x: {int: [1, 2, 3]}", ["x.int", "[1, 2, 3]", "two bounds"]),
    "bounds no list": ("x: {int: 5}", ["x.int", "5", "two bounds"]),
    "bound no number": ("x: {float: [low, 1]}", ["x.float", "'low'", "no number"]),
    "bound a truth value": ("x: {float: [true, 2]}", ["x.float", "True", "no number"]),
    "bound not finite": ("x: {float: [0, .inf]}", ["x.float", "inf", "within 1e100"]),
    "bound nan": ("x: {float: [0, .nan]}", ["x.float", "nan"]),
    "int bound with a fraction": ("x: {int: [1, 2.5]}", ["x.int", "2.5", "whole number"]),
    "int bound too large": ("x: {int: [1, 10000000000000]}", ["x.int", "10000000000000", "must lie within"]),
    "log of zero": ("x: {float: [0, 1], log: true}", ["x.float", "0.0", "log scale must be above 0"]),
    "log of zero, whole": ("x: {int: [0, 9], log: true}", ["x.int", "0", "log scale must be above 0"]),
    "reverse_log up to one": ("x: {float: [0.9, 1.0], reverse_log: true}", ["x.float", "[0.9, 1.0]", "[0, 1)"]),
    "reverse_log below zero": ("x: {float: [-0.5, 0.9], reverse_log: true}", ["x.float", "[-0.5, 0.9]", "[0, 1)"]),
    "pow2 bounds": ("x: {int: [3, 64], pow2: true}", ["x.int", "3", "power of two"]),
    "pow2 upper bound": ("x: {int: [2, 100], pow2: true}", ["x.int", "100", "power of two"]),
    "pow2 default": ("x: {int: [2, 64], pow2: true, default: 48}", ["x.default", "48", "power of two"]),
    "two scales": ("x: {float: [0.1, 0.9], log: true, reverse_log: true}", ["x:", "log and reverse_log", "exclude"]),
    "scale no flag": ("x: {float: [0.1, 0.9], log: 10}", ["x.log", "10", "true or false"]),
    "default outside": ("x: {float: [0, 1], default: 1.5}", ["x.default", "1.5", "outside the range [0.0, 1.0]"]),
    "int default outside": ("x: {int: [1, 9], default: 0}", ["x.default", "0", "outside the range [1, 9]"]),
    "default no number": ("x: {float: [0, 1], default: high}", ["x.default", "'high'", "no number"]),
    "default null": ("x: {float: [0, 1], default: null}", ["x.default", "None", "no number"]),
    "int default with a fraction": ("x: {int: [1, 9], default: 2.5}", ["x.default", "2.5", "whole number"]),
    "default no choice": ("x: {choice: [a, b], default: c}", ["x.default: c is none of the choices a, b"]),
    "default of another type": (
        "x: {choice: [1, 2], default: true}",
        ["x.default", "true", "none of the choices 1, 2"],
    ),
    "no choice": ("x: {choice: []}", ["x.choice", "[]", "empty"]),
    "choices no list": ("x: {choice: tanh}", ["x.choice", "'tanh'", "list of values"]),
    "duplicate choice": ("x: {choice: [tanh, relu, tanh]}", ["x.choice", "tanh stands twice"]),
    "duplicate number": ("x: {ordered: [1, 2, 1.0]}", ["x.ordered", "1.0 stands twice"]),
    "a list among the choices": ("x: {choice: [[64, 64], [32]]}", ["x.choice", "[64, 64]", "no value"]),
    "1e-5 as a choice": ("x: {choice: [1e-5, 1e-4]}", ["x.choice", "reads 1e-5 as text", "write 1.0e-5"]),
    "1e5 as a constant": ("x: {constant: 1e5}", ["x.constant", "reads 1e5 as text", "write 1.0e+5"]),
    "missing parent": (X + "y: {int: [1, 2], when: {xx: 1}}", ["y.when", "'xx'", "did you mean 'x'"]),
    "later parent": ("y: {int: [1, 2], when: {x: 0.5}}\n" + X, ["y.when", "'x' is listed later"]),
    "own parent": ("y: {int: [1, 2], when: {y: 1}}", ["y.when", "cycle: y -> y"]),
    "cycle": (
        "a: {int: [1, 2], when: {c: 1}}\nb: {int: [1, 2], when: {a: 1}}\nc: {int: [1, 2], when: {b: 1}}",
        ["when", "cycle: a -> c -> b -> a"],
    ),
    "impossible condition": (
        "p: {choice: [a, b]}\ny: {int: [1, 2], when: {p: c}}",
        ["y.when", "p never holds c", "a, b"],
    ),
    "condition of another type": ("p: {choice: [true, false]}\ny: {int: [1, 2], when: {p: 1}}", ["p never holds 1"]),
    "condition out of range": (X + "y: {int: [1, 2], when: {x: 7}}", ["y.when", "x never holds 7", "[0.0, 1.0]"]),
    "empty condition": (X + "y: {int: [1, 2], when: {}}", ["y.when", "{}", "mapping of a name"]),
    "condition no mapping": (X + "y: {int: [1, 2], when: x}", ["y.when", "'x'", "mapping of a name"]),
    "condition without a value": (X + "y: {int: [1, 2], when: {x: []}}", ["y.when.x", "[]", "at least one"]),
    "duplicate key": (
        "x: {int: [1, 2]}\ny: {int: [1, 2]}\nx: {int: [1, 3]}",
        ["line 3", "duplicate key 'x'", "line 1"],
    ),
    "duplicate option": ("x: {int: [1, 2], int: [1, 3]}", ["line 1", "duplicate key 'int'"]),
    "empty file": ("", ["empty"]),
    "only relations": ("relations: []", ["no hyperparameter"]),
    "a list": ("- x\n- y", ["a list where a mapping"]),
    "a tag": ("x: !!python/name:os.system {}", ["line 1", "tag"]),
    "a tuple's tag": ("x: {choice: !!python/tuple [1, 2]}", ["line 1", "'!!python/tuple'"]),
    "broken YAML": ("x: {int: [1, 2}", ["line 1", "broken YAML"]),
    "name no text": ("3: {int: [1, 2]}", ["line 1", "key 3 is no text"]),
}


@pytest.mark.parametrize("case", BAD)
def test_each_mistake_has_its_own_message(case: str, tmp_path: Path) -> None:
    text, parts = BAD[case]
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        SearchSpace.load(file)
    message = str(caught.value)
    assert message.startswith(str(file))
    assert message.count(str(file)) == 1
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_no_two_mistakes_share_a_message(tmp_path: Path) -> None:
    messages = set()
    for text, _ in BAD.values():
        file = tmp_path / "mine.yaml"
        file.write_text(text)
        with pytest.raises(InvalidInput) as caught:
            SearchSpace.load(file)
        messages.add(str(caught.value))
    assert len(messages) == len(BAD)


def test_numbers_yaml_reads_as_text_are_taken_where_a_number_belongs(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "x: {float: [1e-5, 1e-1], log: true, default: 1e-3}\nn: {int: [1e2, 1e6], default: 1e3}\n"
        "y: {float: [0, 1], default: 0.5, when: {n: 1e3}}\n"
    )
    space = SearchSpace.load(file)
    assert space.default() == {"x": 1e-3, "n": 1000, "y": 0.5}
    assert [type(value) for value in space.default().values()] == [float, int, float]


DEFAULTS: dict[str, Any] = {"learning_rate": 3e-4, "gamma": 0.99, "n_steps": 2048, "clip": None}


def refused(kind: type[InvalidInput], source: Any, **more: Any) -> str:
    with pytest.raises(kind) as caught:
        SearchSpace.load(source, **more)
    return str(caught.value)


def test_an_unknown_hyperparameter_is_named_with_the_nearest() -> None:
    message = refused(UnknownName, {"learning_rat": {"float": [0, 1]}}, defaults=DEFAULTS, where="study.yaml: space")
    assert message == "study.yaml: space: unknown hyperparameter 'learning_rat'; did you mean 'learning_rate'?"


def test_a_default_of_the_algorithm_outside_the_range_says_whose_it_is() -> None:
    message = refused(InvalidInput, {"n_steps": {"int": [8, 64]}}, defaults=DEFAULTS)
    assert "n_steps.default: 2048 lies outside the range [8, 64]" in message
    assert "algorithm's own" in message
    assert "clip.default: None is no number" in refused(InvalidInput, {"clip": {"float": [0, 1]}}, defaults=DEFAULTS)


def test_fixed_values_are_checked() -> None:
    space = {"gamma": {"float": [0.9, 0.999]}}
    message = refused(UnknownName, space, defaults=DEFAULTS, fixed={"n_stepps": 3})
    assert "fixed: unknown hyperparameter 'n_stepps'; did you mean 'n_steps'" in message
    assert "fixed.clip" in refused(InvalidInput, space, defaults=DEFAULTS, fixed={"clip": "1e-1"})
    listed: Any = {"gamma": [1]}
    assert "fixed.gamma: [1] is no value" in refused(InvalidInput, space, defaults=DEFAULTS, fixed=listed)


def test_sources_that_lead_nowhere() -> None:
    assert "unknown space 'pppo'; did you mean 'ppo'" in refused(UnknownName, "pppo")
    assert "no such file" in refused(InvalidInput, "somewhere/absent.yaml")
    assert "no_such_module" in refused(InvalidInput, "no_such_module:SPACE")
    assert "PI" in refused(UnknownName, "math:PI")
    assert "math:pi: 3.14" in refused(InvalidInput, "math:pi")
    assert "mapping" in refused(InvalidInput, [{"x": {"float": [0, 1]}}])
    assert "empty" in refused(InvalidInput, {})
    assert "5" in refused(InvalidInput, 5)


@pytest.mark.parametrize(
    ("configuration", "parts"),
    [
        ({"lr": 1.0}, ["lr: 1.0 lies outside [0.0001, 0.01]"]),
        ({"lr": "fast"}, ["lr: 'fast'"]),
        ({"lr": True}, ["lr: True"]),
        ({"lr": float("nan")}, ["lr: nan is not finite"]),
        ({"n": 65}, ["n: 65 lies outside [2, 64]"]),
        ({"n": 3}, ["n: 3 lies outside"]),
        ({"n": 2.5}, ["n: 2.5"]),
        ({"p": 1}, ["p: 1 lies outside true, false"]),
        ({"p": False, "child": 3}, ["child: 3 is given", "active only if p = true"]),
        ({"m": 32, "n": 16}, ["m: 32 breaks the relation 'm <= n', whose right is 16"]),
        ({"k": 2}, ["k: 2 lies outside 1"]),
        ({"lrr": 1}, ["unknown hyperparameter 'lrr'; did you mean 'lr'"]),
        ({"gamma": 0.9}, ["unknown hyperparameter 'gamma'"]),
    ],
)
def test_configurations_from_elsewhere_are_checked(configuration: dict[str, Any], parts: list[str]) -> None:
    space = SearchSpace.load(
        {
            "lr": {"float": [1e-4, 1e-2], "log": True, "default": 1e-3},
            "n": {"int": [2, 64], "pow2": True, "default": 64},
            "m": {"int": [2, 64], "default": 8},
            "p": {"choice": [True, False], "default": True},
            "child": {"int": [1, 9], "default": 5, "when": {"p": True}},
            "k": {"constant": 1},
            "relations": ["m <= n"],
        },
        fixed={"gamma": 0.99},
    )
    with pytest.raises(InvalidInput, match="start_from") as caught:
        space.check(configuration, "start_from[0]")
    for part in parts:
        assert part in str(caught.value)
    good = space.check({"n": 4.0, "lr": "1e-3", "gamma": 0.99}, "start_from[0]")
    assert good == {"lr": 1e-3, "n": 4, "m": 4, "p": True, "child": 5, "k": 1}
    assert type(good["n"]) is int


def test_encoding_names_what_is_wrong() -> None:
    space = SearchSpace.load({"f": {"float": [0, 1]}, "i": {"int": [0, 9]}, "c": {"choice": ["a", "b"]}})
    good: dict[str, Any] = {"f": 0.5, "i": 3, "c": "a"}
    for wrong, part in (({"f": "x"}, "f: 'x'"), ({"i": 0.5}, "i: 0.5"), ({"i": None}, "i: None"), ({"c": 1}, "c: 1")):
        with pytest.raises(InvalidInput, match=part):
            space.encode({**good, **wrong})
    del good["i"]
    with pytest.raises(InvalidInput, match="i: the configuration has no value"):
        space.encode(good)
