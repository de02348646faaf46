"""Tuners with an end: what each lists, in which order, how often, and what it refuses."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from autorl.content import canonical_json
from autorl.errors import InvalidInput
from autorl.records import Value
from autorl.space import SearchSpace
from autorl.tuners import Outcome, Proposal, Tuner, build_tuner, bundled_tuners
from autorl.tuners.finite import Default
from autorl.tuners.given import Given, ReadsFiles
from autorl.tuners.grid import Grid

PLAIN = SearchSpace.load(
    {
        "learning_rate": {"float": [1e-4, 1e-2], "log": True, "default": 3e-4},
        "n_steps": {"int": [32, 512], "pow2": True, "default": 128},
        "n_epochs": {"int": [1, 2], "default": 1},
        "width": {"ordered": [16, 32], "default": 32},
        "activation": {"choice": ["tanh", "relu", None], "default": "tanh"},
        "normalize": {"constant": True},
    }
)
CONDITIONAL = SearchSpace.load(
    {
        "prioritized": {"choice": [True, False], "default": False},
        "alpha": {"float": [0.0, 1.0], "default": 0.6, "when": {"prioritized": True}},
    }
)
RELATED = SearchSpace.load(
    {
        "n_steps": {"ordered": [32, 64], "default": 64},
        "batch_size": {"int": [32, 128], "pow2": True, "default": 32},
        "relations": ["batch_size <= n_steps"],
    }
)


def configurations(tuner: Tuner) -> list[dict[str, Value]]:
    """All it proposes, in batches of two."""
    assert tuner.size is not None
    numbers = range(1, 1 + tuner.size)
    proposals = [one for start in range(0, tuner.size, 2) for one in tuner.ask(numbers[start : start + 2])]
    assert [one.number for one in proposals] == [*numbers]
    for one in proposals:
        assert one.vector == tuner.space.encode(tuner.space.decode(one.vector))
    return [tuner.space.decode(one.vector) for one in proposals]


def refusal(name: str, space: SearchSpace = PLAIN, **options: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        build_tuner({"name": name, **options}, space, 1, 0, "a.yaml: tuner")
    assert str(caught.value).startswith("a.yaml: tuner: ")
    return str(caught.value)


class TestGrid:
    def test_the_product_in_space_order(self) -> None:
        found = configurations(Grid(PLAIN, 1, 0, points=3, shuffle=False))
        axes: Mapping[str, list[Value]] = {
            "learning_rate": [1e-4, 1e-3, 1e-2],
            "n_steps": [32, 128, 512],
            "n_epochs": [1, 2],
            "width": [16, 32],
            "activation": ["tanh", "relu", None],
            "normalize": [True],
        }
        assert found == [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]

    def test_points_of_single_hyperparameters_and_one_point_is_the_default(self) -> None:
        found = configurations(Grid(PLAIN, 1, 0, points={"learning_rate": 1, "n_steps": 9}, shuffle=False))
        assert {one["learning_rate"] for one in found} == {3e-4}
        assert [one["n_steps"] for one in found[::12]] == [32, 64, 128, 256, 512]
        assert len(found) == 5 * 2 * 2 * 3

    def test_what_is_inactive_multiplies_nothing(self) -> None:
        assert configurations(Grid(CONDITIONAL, 1, 0, points=3, shuffle=False)) == [
            {"prioritized": True, "alpha": 0.0},
            {"prioritized": True, "alpha": 0.5},
            {"prioritized": True, "alpha": 1.0},
            {"prioritized": False},
        ]

    def test_relations_leave_what_they_allow_each_once(self) -> None:
        found = configurations(Grid(RELATED, 1, 0, points=3, shuffle=False))
        assert [(one["n_steps"], one["batch_size"]) for one in found] == [(32, 32), (64, 32), (64, 64)]

    def test_equal_configurations_do_not_end_a_tree_of_conditions(self) -> None:
        """Twelve alternatives with an option each: 3^12 combinations, 36 configurations."""
        names = [f"kind_{index}" for index in range(12)]
        tree: dict[str, object] = {"kind": {"choice": names, "default": names[0]}}
        tree |= {f"of_{name}": {"float": [0.0, 1.0], "default": 0.5, "when": {"kind": name}} for name in names}
        grid = Grid(SearchSpace.load(tree), 1, 0)
        assert math.prod([12, *[3] * 12]) > 100_000
        assert grid.size == 36

    def test_the_seed_orders_a_shuffled_grid(self) -> None:
        plain = [canonical_json(one) for one in configurations(Grid(PLAIN, 1, 0, shuffle=False))]
        drawn = [[canonical_json(one) for one in configurations(Grid(PLAIN, 1, seed))] for seed in (0, 0, 1)]
        assert drawn[0] == drawn[1]
        assert drawn[0] != drawn[2]
        assert drawn[0] != plain
        assert sorted(drawn[0]) == sorted(drawn[2]) == sorted(plain)

    def test_a_grid_too_large_is_refused_with_its_count(self) -> None:
        message = refusal("grid", points={"learning_rate": 100_000})
        assert "the grid has 3,600,000 combinations and more than 100,000 configurations" in message

    @pytest.mark.parametrize(
        ("points", "message"),
        [
            (0, "points of 'learning_rate': 0 must be at least 1"),
            (True, "points of 'learning_rate': True is no whole number"),
            ({"n_steps": 2.5}, "points of 'n_steps': 2.5 is no whole number"),
            ("3", "points of 'learning_rate': '3' is no whole number"),
            ({"n_step": 3}, "points: unknown hyperparameter 'n_step'; did you mean 'n_steps'?"),
            ({"normalize": 3}, "points: unknown hyperparameter 'normalize'"),
            ({"width": 2}, "points: 'width' is a choice, which takes all its values, and not 2"),
        ],
    )
    def test_points_it_does_not_take(self, points: object, message: str) -> None:
        assert message in refusal("grid", points=points)


class TestList:
    def test_values_come_out_as_given_in_their_order_and_repeated(self) -> None:
        rows: list[dict[str, Value]] = [
            {
                "learning_rate": 0.000271828182846, "n_steps": 64, "n_epochs": 2, "width": 16, "activation": None,
                "normalize": True,
            },
            PLAIN.default(),
            PLAIN.default(),
        ]  # fmt: skip
        tuner = Given(PLAIN, 1, 0, configurations=rows)
        assert configurations(tuner) == rows
        assert isinstance(tuner, ReadsFiles)

    def test_what_is_left_out_takes_its_default(self) -> None:
        assert configurations(Given(CONDITIONAL, 1, 0, configurations=[{"prioritized": True}, {}])) == [
            {"prioritized": True, "alpha": 0.6},
            {"prioritized": False},
        ]

    def test_stored_options_build_an_equal_tuner_without_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "table.csv"
        path.write_text("n_steps,activation\n64,null\n,relu\n")
        tuner = Given(PLAIN, 1, 0, path=path)
        path.unlink()
        stored = json.loads(json.dumps(tuner.stored_options()))
        again = build_tuner({"name": "list", **stored}, PLAIN, 1, 0)
        assert configurations(again) == configurations(tuner)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, "path is None and configurations are None; give one of the two"),
            ({"path": "a.csv", "configurations": [{}]}, "give one of the two"),
            ({"path": 3}, "path is 3; it must name a file"),
            ({"configurations": []}, "configurations are []; they must be a list of at least one"),
            ({"configurations": {"n_steps": 64}}, "they must be a list"),
            ({"configurations": [3]}, "configurations[0]: 3 is no mapping"),
            ({"configurations": [{}, {"n_steps": 65}]}, "configurations[1]: n_steps: 65 lies outside [32, 512]"),
            ({"configurations": [{"n_step": 64}]}, "configurations[0]: unknown hyperparameter 'n_step'"),
            ({"path": "a.csv", "ignore": "config"}, "ignore is 'config'; it must be a list of columns"),
            ({"configurations": [{}], "ignore": ["config"]}, "ignore is ['config']; it goes with `path`"),
        ],
    )
    def test_entries_it_does_not_take(self, options: dict[str, Any], message: str) -> None:
        assert message in refusal("list", **options)


def test_the_default_tuner_has_nothing_to_propose() -> None:
    tuner = Default(PLAIN, 2, 0)
    assert tuner.size == 0
    assert tuner.ask([]) == []


@pytest.mark.parametrize("name", ["grid", "list"])
@pytest.mark.parametrize("space", [PLAIN, CONDITIONAL, RELATED])
def test_a_restored_tuner_goes_on_after_its_own_proposals_alone(name: str, space: SearchSpace) -> None:
    def built() -> Tuner:
        options = bundled_tuners()[name].examples(space)[0]
        return build_tuner({"name": name, **options}, space, 1, 3)

    expected = configurations(built())
    tuner, restored = built(), built()
    elsewhere = Proposal(0, space.encode(space.default()), origin="user")
    for one in (elsewhere, *tuner.ask([1, 2])):
        restored.accept(one)
    restored.tell([Outcome(0, (1.0,))])
    rest = restored.ask(range(3, 1 + len(expected)))
    assert [space.decode(one.vector) for one in rest] == expected[2:]
    with pytest.raises(InvalidInput, match=r"1 proposals are asked for, but 0 of its \d+ are left"):
        restored.ask([1000])
