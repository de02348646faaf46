"""Vectors and configurations: properties over random spaces, and cells worked out by hand."""

from __future__ import annotations

import json
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autorl.errors import InvalidInput
from autorl.space import SearchSpace
from tests.space.space_examples import examples, follows_the_rules, same, vectors

FEW = settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def load(entry: dict[str, Any], **more: Any) -> SearchSpace:
    return SearchSpace.load({"x": entry, **more})


@FEW
@given(st.data())
def test_decoding_an_encoded_configuration_gives_it_back(data: st.DataObject) -> None:
    example = data.draw(examples())
    space = example.space
    for configuration in (space.decode(data.draw(vectors(space))), space.default()):
        assert follows_the_rules(example, configuration)
        vector = space.encode(configuration)
        assert list(vector) == [coordinate.name for coordinate in space.coordinates]
        for coordinate in space.coordinates:
            position = vector[coordinate.name]
            if coordinate.kind == "unit":
                assert isinstance(position, float)
                assert 0 <= position <= 1
            elif coordinate.kind == "index":
                assert isinstance(position, int)
                assert 0 <= position < coordinate.size
            else:
                assert position in coordinate.labels
        again = space.decode(vector)
        assert list(again) == list(configuration)
        assert all(same(again[name], configuration[name]) for name in again)
        assert space.encode(again) == vector
        assert space.check(configuration) == configuration


@FEW
@given(st.data())
def test_a_space_survives_description_json_and_pickle(data: st.DataObject) -> None:
    space = data.draw(examples()).space
    for copy in (
        SearchSpace.load(space.describe()),
        SearchSpace.load(json.loads(json.dumps(space.describe()))),
        pickle.loads(pickle.dumps(space)),  # noqa: S301  # the test's own bytes
    ):
        assert copy == space
        assert hash(copy) == hash(space)
        assert copy.names == space.names
        assert copy.default() == space.default()


@pytest.mark.parametrize(
    ("entry", "cells"),
    [
        # k equal cells, the last one closed
        ({"int": [3, 6]}, {0.0: 3, 0.2499: 3, 0.25: 4, 0.5: 5, 0.75: 6, 0.9999: 6, 1.0: 6}),
        ({"int": [4, 32], "pow2": True}, {0.0: 4, 0.24: 4, 0.25: 8, 0.5: 16, 0.75: 32, 1.0: 32}),
        # log(x) runs from log 0.5 to log 4.5: 1 ends at log(3) / log(9) = 1/2, 2 at log(5) / log(9)
        ({"int": [1, 4], "log": True}, {0.0: 1, 0.499: 1, 0.501: 2, 0.732: 2, 0.733: 3, 0.885: 3, 0.887: 4, 1.0: 4}),
        ({"float": [2.0, 6.0]}, {0.0: 2.0, 0.25: 3.0, 1.0: 6.0}),
        ({"float": [1e-4, 1e-2], "log": True}, {0.0: 1e-4, 0.5: 1e-3, 1.0: 1e-2}),
        ({"float": [0.9, 0.999], "reverse_log": True}, {0.0: 0.9, 0.5: 0.99, 1.0: 0.999}),
        ({"ordered": ["a", "b", "c"]}, {0: "a", 1: "b", 2: "c"}),
        ({"choice": [True, None, 1, 1.5, "true"]}, {"true": True, "null": None, "1": 1, "1.5": 1.5, '"true"': "true"}),
    ],
)
def test_cells_by_hand(entry: dict[str, Any], cells: dict[Any, Any]) -> None:
    space = load(entry)
    for position, value in cells.items():
        assert same(space.decode({"x": position})["x"], value)


def test_encoding_stands_at_the_centre_of_the_cell() -> None:
    assert load({"int": [3, 6]}).encode({"x": 4}) == {"x": 0.375}
    assert load({"int": [4, 32], "pow2": True}).encode({"x": 32}) == {"x": 0.875}
    assert load({"float": [2.0, 6.0]}).encode({"x": 3}) == {"x": 0.25}
    centre = (math.log(1.5) + math.log(2.5)) / 2
    expected = (centre - math.log(0.5)) / (math.log(4.5) - math.log(0.5))
    assert load({"int": [1, 4], "log": True}).encode({"x": 2})["x"] == pytest.approx(expected)


def test_a_narrowed_grid_has_its_own_cells() -> None:
    space = SearchSpace.load(
        {
            "n": {"int": [1, 8], "default": 8},
            "x": {"int": [1, 8], "default": 1},
            "o": {"ordered": [1, 2, 4, 8], "default": 1},
            "f": {"float": [0, 8], "default": 0},
            "relations": ["x <= n", "o <= n", "f <= 0.5 * n"],
        }
    )
    # n = 2 leaves two values of x, so u = 0.49 and 0.5 part them; o keeps 1 and 2, two indices each; f reaches 1.
    at = {"n": 1.5 / 8, "f": 0.25}
    assert space.decode({**at, "x": 0.49, "o": 1}) == {"n": 2, "x": 1, "o": 1, "f": 0.25}
    assert space.decode({**at, "x": 0.5, "o": 2}) == {"n": 2, "x": 2, "o": 2, "f": 0.25}
    assert space.decode({**at, "x": 1.0, "o": 3, "f": 1.0}) == {"n": 2, "x": 2, "o": 2, "f": 1.0}
    assert space.encode({"n": 2, "x": 1, "o": 2, "f": 1.0}) == {"n": 1.5 / 8, "x": 0.25, "o": 3, "f": 1.0}


def test_values_outside_are_encoded_at_the_nearest_end() -> None:
    assert load({"float": [1.0, 2.0]}).encode({"x": 9.0}) == {"x": 1.0}
    assert load({"float": [1e-4, 1e-2], "log": True}).encode({"x": -9.0}) == {"x": 0.0}
    assert load({"int": [3, 6]}).encode({"x": 100}) == {"x": 0.875}


def test_defaults_and_bounds_come_back_exactly_whatever_their_digits() -> None:
    third, seventh = 1 / 3, 1 / 7
    for scale in ("linear", "log", "reverse_log"):
        space = load({"float": [seventh, 2 / 3 + 0.1], scale: True, "default": third})
        for value in (third, seventh, 2 / 3 + 0.1):
            assert space.decode(space.encode({"x": value}))["x"] == value


def test_decoded_floats_are_rounded_to_twelve_digits() -> None:
    space = load({"float": [1e-6, 1e-1], "log": True})
    value = space.decode({"x": 0.123456789})["x"]
    assert isinstance(value, float)
    assert value == float(f"{value:.12g}")


def test_the_distribution_is_even_in_the_scale() -> None:
    # A linear int, a pow2 int and a narrowed ordered choice: every value equally often over an even grid of positions.
    space = load({"int": [1, 5]})
    drawn = [space.decode({"x": (n + 0.5) / 100})["x"] for n in range(100)]
    assert {value: drawn.count(value) for value in drawn} == dict.fromkeys(range(1, 6), 20)


def test_numpy_positions_give_plain_values() -> None:
    space = SearchSpace.load(
        {"f": {"float": [0, 1]}, "i": {"int": [1, 9]}, "o": {"ordered": [1, 2]}, "c": {"choice": ["a", "b"]}}
    )
    vector: Any = {"f": np.float64(0.5), "i": np.float64(0.5), "o": np.int64(1), "c": np.str_("b")}
    found = space.decode(vector)
    assert found == {"f": 0.5, "i": 5, "o": 2, "c": "b"}
    assert [type(value) for value in found.values()] == [float, int, int, str]


@pytest.mark.parametrize(
    ("entry", "position"),
    [
        ({"float": [0, 1]}, -1e-9),
        ({"float": [0, 1]}, 1.0001),
        ({"float": [0, 1]}, float("nan")),
        ({"float": [0, 1]}, "0.5"),
        ({"float": [0, 1]}, None),
        ({"int": [0, 9]}, 2.0),
        ({"ordered": [1, 2]}, 2),
        ({"ordered": [1, 2]}, -1),
        ({"ordered": [1, 2]}, 0.5),
        ({"ordered": [1, 2]}, "x"),
        ({"choice": ["a", "b"]}, "c"),
        ({"choice": ["a", "b"]}, 0),
        ({"choice": ["a", "b"]}, ["a"]),
    ],
)
def test_positions_outside_the_coordinate_are_refused(entry: dict[str, Any], position: Any) -> None:
    with pytest.raises(InvalidInput, match="x: ") as caught:
        load(entry).decode({"x": position})
    assert repr(position) in str(caught.value)


def test_a_missing_position_is_named() -> None:
    with pytest.raises(InvalidInput, match="x: the vector has no entry"):
        load({"float": [0, 1]}).decode({})


def test_coordinates() -> None:
    space = SearchSpace.load(
        {
            "f": {"float": [0, 1]},
            "c": {"constant": "text"},
            "o": {"ordered": [1, 2, 3]},
            "a": {"choice": [False, "x"]},
        }
    )
    f, o, a = space.coordinates
    assert (f.name, f.kind, f.size, f.labels) == ("f", "unit", 0, ())
    assert (o.name, o.kind, o.size, o.labels) == ("o", "index", 3, ())
    assert (a.name, a.kind, a.size, a.labels) == ("a", "label", 2, ("false", "x"))
    assert space.names == ("f", "c", "o", "a")


def test_a_default_left_out_without_an_algorithm_is_the_centre() -> None:
    space = SearchSpace.load(
        {
            "lr": {"float": [1e-4, 1e-2], "log": True},
            "n": {"int": [0, 10]},
            "w": {"int": [2, 32], "pow2": True},
            "o": {"ordered": [1, 2, 3]},
            "c": {"choice": ["a", "b"]},
        }
    )
    assert space.default() == {"lr": 1e-3, "n": 5, "w": 8, "o": 2, "c": "a"}


def test_a_default_next_to_a_bound_stays_apart_from_it() -> None:
    for scale, lower, upper, default in (
        ("reverse_log", 0.0, 0.9, 1.58e-173),
        ("linear", 0.0, 1.0, 1e-300),
        ("linear", 0.0, 1.0, 1 - 2**-53),
        ("log", 1e-3, 0.30000000000000004, 0.3),
    ):
        space = load({"float": [lower, upper], scale: True, "default": default})
        for value in (lower, default, upper):
            assert space.decode(space.encode({"x": value})) == {"x": value}
