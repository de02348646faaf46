"""Where a space may come from, and what defaults and fixed values make of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from autorl.errors import InvalidInput
from autorl.space import Categorical, Constant, Float, Int, SearchSpace, bundled_spaces

SPACE: dict[str, Any] = {
    "lr": {"float": [1e-5, 1e-1], "log": True, "default": 1e-3},
    "n": {"int": [1, 8]},
    "act": {"choice": ["tanh", "relu"], "when": {"n": [2, 3]}},
}
NOT_A_SPACE = 3


def test_every_form_of_source_gives_the_same_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = SearchSpace.load(SPACE)
    for suffix, write in ((".yaml", yaml.safe_dump), (".yml", yaml.safe_dump), (".json", json.dumps)):
        file = tmp_path / f"mine{suffix}"
        file.write_text(write(SPACE, sort_keys=False))
        assert SearchSpace.load(file) == SearchSpace.load(str(file)) == expected
    (tmp_path / "my_module_of_spaces.py").write_text(
        f"MAPPING = {SPACE!r}\nfrom autorl.space import SearchSpace\n"
        "class Holder:\n    space = SearchSpace.load(MAPPING)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert SearchSpace.load("my_module_of_spaces:MAPPING") == expected
    assert SearchSpace.load("my_module_of_spaces:Holder.space") == expected
    assert SearchSpace.load(expected) is expected
    monkeypatch.chdir(tmp_path)
    assert SearchSpace.load("mine.yaml") == expected


def test_a_default_left_out_is_the_algorithms_own() -> None:
    defaults: dict[str, Any] = {"lr": 1e-2, "n": 3, "act": "relu", "gamma": 0.9}
    space = SearchSpace.load(SPACE, defaults=defaults)
    assert space.default() == {"lr": 1e-3, "n": 3, "act": "relu"}
    assert SearchSpace.load(SPACE).default() == {"lr": 1e-3, "n": 5}


def test_pinned_names_become_constants_of_their_own_type() -> None:
    defaults: dict[str, Any] = {"lr": 0.1, "n": 3, "act": "relu", "g": 1}
    space = SearchSpace.load(SPACE, defaults=defaults, fixed={"n": 100, "lr": 1e-4, "g": 2})
    assert space.fixed == {"n": 100, "lr": 1e-4, "g": 2}
    assert space.default() == {"lr": 1e-4, "n": 100}
    assert isinstance(space.hyperparameters[1], Constant)
    assert [coordinate.name for coordinate in space.coordinates] == []
    assert SearchSpace.load(space.describe()) == space
    text: Any = {"lr": "1e-4"}
    assert SearchSpace.load(SPACE, fixed=text).default()["lr"] == 1e-4


def test_fitting_a_space_anew_keeps_it() -> None:
    space = SearchSpace.load(SPACE)
    pinned = SearchSpace.load(space, fixed={"n": 2})
    assert pinned == SearchSpace.load(SPACE, fixed={"n": 2})
    assert SearchSpace.load(pinned, fixed={"lr": 0.01}).fixed == {"n": 2, "lr": 0.01}


def test_equality_sees_order_types_and_defaults() -> None:
    space = SearchSpace.load(SPACE)
    assert SearchSpace.load({**SPACE, "n": {"int": [1, 9], "default": 5}}) != space
    assert SearchSpace.load({name: SPACE[name] for name in ("n", "lr", "act")}) != space
    assert SearchSpace.load({"x": {"constant": 1}}) != SearchSpace.load({"x": {"constant": True}})
    assert SearchSpace.load({"x": {"constant": 1}}) != SearchSpace.load({"x": {"constant": 1.0}})
    assert SearchSpace.load({"x": {"choice": ["a", "b"]}}) != SearchSpace.load(
        {"x": {"ordered": ["a", "b"], "default": "a"}}
    )
    assert space != SPACE
    assert len({space, SearchSpace.load(SPACE)}) == 1


def test_spaces_cannot_be_changed() -> None:
    space = SearchSpace.load(SPACE, fixed={"g": 1})
    with pytest.raises(TypeError):
        space.fixed["g"] = 2  # type: ignore[index]  # what is refused
    with pytest.raises(AttributeError):
        space.hyperparameters = ()  # type: ignore[misc]  # what is refused
    description = space.describe()
    description.clear()
    assert space.describe()


def test_spaces_may_be_built_in_python() -> None:
    built = SearchSpace(
        (
            Float("lr", 1e-5, 1e-1, 1e-3, "log"),
            Int("n", 1, 8, 5),
            Categorical("act", ("tanh", "relu"), "tanh"),
        )
    )
    assert built == SearchSpace.load({**SPACE, "act": {"choice": ["tanh", "relu"]}})
    with pytest.raises(InvalidInput, match="n: duplicate"):
        SearchSpace((Int("n", 1, 8, 5), Int("n", 1, 9, 5)))
    with pytest.raises(InvalidInput, match="outside the range"):
        Int("n", 1, 8, 9)
    with pytest.raises(InvalidInput, match="stands twice"):
        Categorical("c", (1, 1), 1)


def test_rows_are_what_the_report_shows() -> None:
    space = SearchSpace.load(
        {**SPACE, "gamma": {"float": [0.9, 0.9999], "reverse_log": True, "default": 0.99}, "k": {"constant": None}}
    )
    assert [tuple(row) for row in space.rows({"n", "act"})] == [
        ("lr", "float", "[1e-05, 0.1]", "log", "0.001", False, ""),
        ("n", "int", "[1, 8]", "linear", "5", True, ""),
        ("act", "choice", "tanh, relu", "", "tanh", True, "n in 2, 3"),
        ("gamma", "float", "[0.9, 0.9999]", "reverse_log", "0.99", False, ""),
        ("k", "constant", "null", "", "null", False, ""),
    ]


def test_loading_stays_light() -> None:
    code = (
        "import sys; from autorl.space import SearchSpace; SearchSpace.load('ppo');"
        "print([name for name in ('torch', 'ConfigSpace', 'optuna', 'gymnasium') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_bundled_names() -> None:
    assert {"ppo", "ppo_small", "ppo_wide", "ppo_architecture"} <= set(bundled_spaces())
