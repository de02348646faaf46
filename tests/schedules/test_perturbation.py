"""Exploring: steps worked out by hand, and properties over random spaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autorl.records import Value
from autorl.schedules.perturbation import explored
from autorl.seeds import stream
from autorl.space import SearchSpace
from tests.space.space_examples import examples, follows_the_rules, same, vectors

UP, DOWN = 0.2, 0.7
"""Which of the factors 1.2 and 0.8 is taken."""
KEEP, ANEW = 0.25, 0.2
"""Whether a hyperparameter is drawn anew, at a probability of 0.25."""


class Script:
    """A generator whose numbers are known."""

    def __init__(self, rows: Sequence[Sequence[float]]) -> None:
        self._rows = np.array(rows)

    def random(self, shape: tuple[int, int]) -> Any:
        assert self._rows.shape == shape
        return self._rows


def step(entry: dict[str, Any], value: Value, which: float, luck: float = KEEP, place: float = 0.5) -> Value:
    """What becomes of one hyperparameter."""
    space = SearchSpace.load({"x": entry})
    return explored(space, {"x": value}, Script([(luck, which, place)]), 0.25, (1.2, 0.8))["x"]  # type: ignore[arg-type]  # a stand-in for the generator


@pytest.mark.parametrize(
    ("entry", "value", "up", "down"),
    [
        ({"float": [1e-5, 1e-1], "log": True}, 1e-3, 1.2e-3, 0.8e-3),
        ({"float": [-1.0, 1.0]}, -0.5, -0.6, -0.4),
        ({"float": [0.0, 1.0]}, 0.9, 1.0, 0.72),  # clipped
        ({"float": [0.9, 0.999], "reverse_log": True}, 0.99, 0.988, 0.992),  # 0.01 is what is multiplied
        ({"float": [0.9, 0.999], "reverse_log": True}, 0.999, 0.9988, 0.999),
        ({"int": [1, 100]}, 50, 60, 40),
        ({"int": [1, 100]}, 7, 8, 6),  # 8.4 and 5.6
        ({"int": [1, 100]}, 2, 3, 1),  # 2.4 and 1.6 round to 2: a step all the same
        ({"int": [1, 100], "log": True}, 1, 2, 1),
        ({"int": [-8, 8]}, 0, 1, -1),
        ({"int": [16, 256], "pow2": True}, 64, 128, 32),
        ({"int": [16, 256], "pow2": True}, 16, 32, 16),
        ({"ordered": ["a", "b", "c"]}, "b", "c", "a"),
        ({"ordered": ["a", "b", "c"]}, "c", "c", "b"),
        ({"choice": ["a", "b", "c"]}, "b", "b", "b"),
        ({"float": [0, 0.5], "default": 0.1}, 0.0, 0.01, 0.0),  # a tenth of the range stands for its size
        ({"float": [-1, 1], "default": 0.1}, 0.0, 0.04, -0.04),
    ],
)
def test_steps_by_hand(entry: dict[str, Any], value: Value, up: Value, down: Value) -> None:
    found = step(entry, value, UP), step(entry, value, DOWN)
    if isinstance(up, float):
        assert found == pytest.approx((up, down), rel=1e-9)
    else:
        assert found == (up, down)


@pytest.mark.parametrize(
    ("entry", "value", "place", "anew"),
    [
        ({"float": [1e-4, 1e-2], "log": True}, 1e-4, 0.5, 1e-3),
        ({"int": [1, 4]}, 1, 0.76, 4),
        ({"ordered": ["a", "b", "c"]}, "a", 0.99, "c"),
        ({"choice": ["a", "b", "c"]}, "a", 0.5, "b"),
    ],
)
def test_draws_anew_by_hand(entry: dict[str, Any], value: Value, place: float, anew: Value) -> None:
    assert step(entry, value, UP, ANEW, place) == anew


def test_a_child_that_becomes_active_is_drawn_and_one_that_becomes_inactive_is_dropped() -> None:
    space = SearchSpace.load(
        {"kind": {"choice": ["a", "b"]}, "size": {"int": [1, 10], "default": 1, "when": {"kind": "b"}}}
    )
    rows = [(ANEW, UP, 0.9), (KEEP, UP, 0.35)]
    assert explored(space, {"kind": "a"}, Script(rows), 0.25, (1.2, 0.8)) == {"kind": "b", "size": 4}  # type: ignore[arg-type]  # a stand-in for the generator
    rows[0] = (ANEW, UP, 0.1)
    assert explored(space, {"kind": "b", "size": 7}, Script(rows), 0.25, (1.2, 0.8)) == {"kind": "a"}  # type: ignore[arg-type]  # a stand-in for the generator


def test_what_breaks_a_relation_moves_to_the_nearest_value_that_holds_it() -> None:
    space = SearchSpace.load(
        {
            "long": {"int": [1, 100], "default": 50},
            "short": {"int": [1, 100], "default": 10},
            "relations": ["short <= long"],
        }
    )
    rows = [(KEEP, DOWN, 0.5), (KEEP, UP, 0.5)]
    changed = explored(space, {"long": 50, "short": 45}, Script(rows), 0.25, (1.2, 0.8))  # type: ignore[arg-type]  # a stand-in for the generator
    assert changed == {"long": 40, "short": 40}


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_what_comes_out_is_always_a_configuration_of_the_space(data: st.DataObject) -> None:
    example = data.draw(examples())
    space = example.space
    before = space.decode(data.draw(vectors(space)))
    for member in range(4):
        changed = explored(space, before, stream(0, "test", index=member), 0.25, (1.2, 0.8))
        assert follows_the_rules(example, changed)
        again = space.decode(space.encode(changed))
        assert all(same(again[name], changed[name]) for name in changed)
    kept = explored(space, before, stream(0, "test"), 0.0, (1.2,))
    for name, entry in example.entries.items():
        if "choice" in entry and name in kept and name in before:
            assert same(kept[name], before[name])
