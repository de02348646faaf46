"""Differential evolution: the method itself; the contract of all tuners is tested elsewhere."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from autorl.errors import InvalidInput
from autorl.space import SearchSpace
from autorl.tuners import Outcome, Proposal, Vector, build_tuner
from autorl.tuners.differential_evolution import DifferentialEvolution

BOX = SearchSpace.load({name: {"float": [0.0, 1.0], "default": 0.5} for name in "abc"})
MIXED = SearchSpace.load(
    {
        "x": {"float": [0.0, 1.0], "default": 0.5},
        "width": {"ordered": [16, 32, 64, 128], "default": 32},
        "activation": {"choice": ["tanh", "relu"], "default": "tanh"},
    }
)
Point = tuple[float, ...]
MIDDLE: tuple[Point, ...] = tuple(map(tuple, (0.4 + 0.2 * np.random.default_rng(1).random((5, 3))).tolist()))
"""Five points between which no mutant leaves the cube."""


def box(point: Point) -> Vector:
    return dict(zip("abc", point, strict=True))


def point(proposal: Proposal) -> np.ndarray:
    return np.array([float(value) for value in proposal.vector.values()])


def target(proposal: Proposal) -> int:
    slot = proposal.attributes["target"]
    assert isinstance(slot, int)
    return slot


def settled(
    points: tuple[Point, ...] = MIDDLE,
    losses: tuple[Point, ...] | None = None,
    seed: int = 0,
    violations: tuple[Point, ...] | None = None,
    **options: float,
) -> DifferentialEvolution:
    """A tuner whose slots hold these points, in this order; by default, a later one is better."""
    losses = losses or tuple((float(-slot),) for slot in range(len(points)))
    tuner = DifferentialEvolution(BOX, len(losses[0]), seed, population_size=len(points), **options)
    for number, one in enumerate(points):
        tuner.accept(Proposal(number, box(one), origin="user"))
        tuner.tell([Outcome(number, losses[number], violations=violations[number] if violations else ())])
    return tuner


def members(tuner: DifferentialEvolution) -> list[Point]:
    return [tuple(member.losses) for member in tuner._population]


def test_a_population_is_drawn_before_a_child_is_bred() -> None:
    tuner = DifferentialEvolution(BOX, 1, 0, population_size=4)
    assert [one.attributes["target"] for one in tuner.ask(range(6))] == [None] * 6, "none is told yet"
    tuner.tell([Outcome(number, (1.0,)) for number in range(4)])
    assert [one.attributes["target"] for one in tuner.ask(range(6, 12))] == [0, 1, 2, 3, 0, 1], "slot after slot"


def test_a_mutant_is_a_member_and_part_of_a_difference_none_of_them_the_target() -> None:
    tuner = settled(crossover_probability=1.0, mutation_factor=0.5)
    found = set()
    for number in range(5, 45):
        (child,) = tuner.ask([number])
        others = [np.array(one) for slot, one in enumerate(MIDDLE) if slot != target(child)]
        fitting = [
            trio
            for trio in itertools.permutations(range(4), 3)
            if np.allclose(others[trio[0]] + 0.5 * (others[trio[1]] - others[trio[2]]), point(child))
        ]
        assert len(fitting) == 1, f"trial {number}"
        found.add(fitting[0])
    assert len(found) > 15, "of 24 trios"


def test_a_child_takes_at_least_one_coordinate_of_its_mutant_and_the_rest_of_its_target() -> None:
    children = settled(crossover_probability=0.0).ask(range(5, 65))
    changed = np.array([point(child) != np.array(MIDDLE[target(child)]) for child in children])
    assert set(changed.sum(axis=1)) == {1}
    assert changed.any(axis=0).all(), "every coordinate has its turn"


def test_what_leaves_the_cube_is_drawn_anew_not_clipped() -> None:
    corners: tuple[Point, ...] = ((0, 0, 0), (1, 1, 1), (0, 1, 0), (1, 0, 1))
    children = settled(corners, crossover_probability=1.0, mutation_factor=0.9).ask(range(4, 204))
    values = np.concatenate([point(child) for child in children])
    assert values.min() >= 0
    assert values.max() <= 1
    inside = values[(values > 0) & (values < 1) & ~np.isclose(values, 0.9) & ~np.isclose(values, 0.1)]
    assert 100 < len(inside) < 300, "0 + .9 (0 - 1) and 1 + .9 (1 - 0) leave: a fourth of 600, or a little more"
    assert 0.4 < inside.mean() < 0.6
    assert inside.std() > 0.2


@pytest.mark.parametrize(("loss", "taken"), [(-0.5, True), (0.0, True), (0.1, False)])
def test_a_child_takes_the_slot_of_its_target_if_it_is_not_worse(loss: float, taken: bool) -> None:
    tuner = settled()
    (child,) = tuner.ask([5])
    assert target(child) == 0
    tuner.tell([Outcome(5, (loss,))])
    assert members(tuner) == [(loss if taken else 0.0,), (-1.0,), (-2.0,), (-3.0,), (-4.0,)]
    assert tuple(tuner._population[0].position) == (tuple(point(child)) if taken else MIDDLE[0])


def test_with_one_objective_only_the_order_of_losses_matters() -> None:
    losses, ranks = DifferentialEvolution(BOX, 1, 3), DifferentialEvolution(BOX, 1, 3)
    for number in range(40):
        (one,), (other,) = losses.ask([number]), ranks.ask([number])
        assert one == other
        loss = float(((point(one) - 0.3) ** 2).sum())
        losses.tell([Outcome(number, (loss,))])
        ranks.tell([Outcome(number, (1000 + loss**3,))])


FRONT: tuple[Point, ...] = ((0.0, 4.0), (1.0, 2.0), (1.1, 1.9), (4.0, 0.0))
"""The losses of four members that do not dominate each other; the third is most crowded."""


@pytest.mark.parametrize(
    ("losses", "left"),
    [
        ((0.0, 3.0), [(0.0, 3.0), *FRONT[1:]]),  # dominates its target
        ((0.0, 5.0), list(FRONT)),  # is dominated by it
        ((2.5, 0.5), [*FRONT[:2], (2.5, 0.5), FRONT[3]]),  # joins: the most crowded leaves
        ((5.0, 3.0), list(FRONT)),  # joins, dominated by others: it is the worst
    ],
)
def test_with_several_objectives_the_last_by_rank_and_crowding_leaves(losses: Point, left: list[Point]) -> None:
    tuner = settled(MIDDLE[:4], FRONT)
    (child,) = tuner.ask([4])
    assert target(child) == 0
    tuner.tell([Outcome(4, losses)])
    assert members(tuner) == left


def test_with_several_objectives_the_base_is_of_the_front_and_the_difference_points_to_it() -> None:
    losses: tuple[Point, ...] = ((0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0), (4.0, 4.0))
    tuner = settled(MIDDLE, losses, crossover_probability=1.0)
    for child in tuner.ask(range(5, 30)):
        others = [slot for slot in range(5) if slot != target(child)]
        expected = [
            np.array(MIDDLE[others[0]]) + 0.5 * (np.array(MIDDLE[better]) - np.array(MIDDLE[worse]))
            for better, worse in itertools.combinations(others[1:], 2)
        ]
        assert any(np.allclose(one, point(child)) for one in expected), child


@pytest.mark.parametrize("objectives", [1, 2])
def test_constraints_come_before_losses(objectives: int) -> None:
    losses = tuple((float(slot),) * objectives for slot in range(4))
    broken: tuple[Point, ...] = ((0.5, -9.0), (0.0, -1.0), (0.2, 0.2), (-1.0, -1.0))
    tuner = settled(MIDDLE[:4], losses, violations=broken)
    tuner.ask([4, 5, 6])
    tuner.tell([Outcome(4, (-9.0,) * objectives, violations=(0.6, -1.0))])
    assert members(tuner)[0] == losses[0], "better losses, more violation than its target"
    tuner.tell([Outcome(5, (-9.0,) * objectives, violations=(0.1, -1.0))])
    assert members(tuner)[1] == losses[1], "better losses, but its target is feasible"
    tuner.tell([Outcome(6, (9.0,) * objectives, violations=(0.3, 0.0))])
    assert members(tuner)[2] == (9.0,) * objectives, "worse losses, less violation: .3 in sum against .4"
    tuner.accept(Proposal(7, box(MIDDLE[4]), origin="user"))
    tuner.tell([Outcome(7, (9.0,) * objectives, violations=(0.0, 0.0))])
    assert members(tuner)[0] == (9.0,) * objectives, "a feasible one from elsewhere: the most infeasible leaves"


def test_a_trial_without_a_target_joins_and_the_worst_leaves() -> None:
    tuner = settled()
    tuner.accept(Proposal(5, box((0.9, 0.9, 0.9)), origin="user"))
    tuner.tell([Outcome(5, (-3.5,))])
    assert members(tuner) == [(-3.5,), (-1.0,), (-2.0,), (-3.0,), (-4.0,)]
    tuner.accept(Proposal(6, box((0.1, 0.1, 0.1)), origin="user"))
    tuner.tell([Outcome(6, (7.0,))])
    assert (7.0,) not in members(tuner)


def test_choices_have_positions_that_travel_and_the_cells_of_equal_size_they_lie_in() -> None:
    tuner = DifferentialEvolution(MIXED, 1, 0, population_size=4)
    proposals = tuner.ask(range(200))
    for proposal in proposals:
        position = proposal.attributes["position"]
        assert isinstance(position, dict)
        assert list(position) == ["width", "activation"]
        assert proposal.vector["width"] == int(position["width"] * 4)
        assert proposal.vector["activation"] == ("tanh", "relu")[int(position["activation"] * 2)]
    assert {proposal.vector["width"] for proposal in proposals} == {0, 1, 2, 3}
    restored = DifferentialEvolution(MIXED, 1, 0, population_size=4)
    restored.accept(Proposal(0, proposals[0].vector, json.loads(json.dumps(dict(proposals[0].attributes)))))
    elsewhere: Vector = {"x": 0.25, "width": 3, "activation": "relu"}
    restored.accept(Proposal(1, elsewhere, origin="user"))
    restored.tell([Outcome(0, (0.0,)), Outcome(1, (0.0,))])
    first, second = (member.position for member in restored._population)
    assert list(first) == [proposals[0].vector["x"], *proposals[0].attributes["position"].values()]  # type: ignore[attr-defined]  # JSON, a mapping here
    assert list(second) == [0.25, 0.875, 0.75], "the centres of its cells"


def test_asks_beyond_the_population_stay_varied() -> None:
    children = settled().ask(range(5, 65))
    assert len({json.dumps(dict(child.vector)) for child in children}) > 50


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"target": 8}, r"trial 0 has the target 8; it must be a slot in \[0, 8\)"),
        ({"target": "first"}, "target 'first'"),
        ({"position": {"width": 1.5}}, r"position \{'width': 1.5\}; it must map choices to numbers in \[0, 1\]"),
        ({"position": 3}, "position 3"),
    ],
)
def test_attributes_that_it_did_not_give_are_refused(attributes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        DifferentialEvolution(MIXED, 1, 0).accept(Proposal(0, MIXED.encode(MIXED.default()), attributes))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population_size": 3}, "population_size is 3; it must be at least 4"),
        ({"mutation_factor": 0.0}, "mutation_factor is 0.0; it must lie above 0 and be at most 2"),
        ({"mutation_factor": 2.1}, "mutation_factor is 2.1"),
        ({"crossover_probability": 1.1}, r"crossover_probability is 1.1; it must lie in \[0, 1\]"),
        ({"crossover_probability": -0.1}, "crossover_probability is -0.1"),
        ({"population": 8}, "did you mean 'population_size'"),
        ({"population_size": 8.5}, "not a whole number"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        build_tuner({"name": "de", **options}, BOX, 1, 0)


def test_a_space_with_nothing_to_choose_is_searched() -> None:
    tuner = DifferentialEvolution(SearchSpace.load({"x": {"constant": 1.0}}), 1, 0, population_size=4)
    for number in range(8):
        (proposal,) = tuner.ask([number])
        assert dict(proposal.vector) == {}
        tuner.tell([Outcome(number, (1.0,))])
