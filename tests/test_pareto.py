"""Fronts: closed forms, naive definitions, and what happens at the edges."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autorl.errors import InvalidInput
from autorl.pareto import (
    crowding_distance,
    dominates,
    hypervolume,
    non_dominated,
    non_dominated_ranks,
    select_by_hypervolume,
    total_violation,
    undominated,
)
from autorl.records import FloatArray

TABLES = st.integers(1, 5).flatmap(
    lambda m: st.lists(st.lists(st.integers(0, 4), min_size=m, max_size=m), min_size=1, max_size=9)
)
"""Few values, so that ties and copies are common."""
FEW = settings(max_examples=60, deadline=None)


def _array(rows: list[list[int]]) -> FloatArray:
    return np.array(rows, dtype=np.float64)


def _naive_front(table: FloatArray) -> list[bool]:
    return [not any((b <= a).all() and (b < a).any() for b in table) for a in table]


def _naive_volume(table: FloatArray, reference: FloatArray) -> float:
    """Inclusion and exclusion over all subsets."""
    total = 0.0
    for size in range(1, len(table) + 1):
        for rows in itertools.combinations(table, size):
            total -= (-1) ** size * float(np.prod(np.clip(reference - np.max(rows, axis=0), 0, None)))
    return total


def test_the_front_of_returns_is_maximised_and_holds_no_copies() -> None:
    returns = np.array([[3.0, 1.0], [1.0, 3.0], [1.0, 1.0], [3.0, 1.0], [2.0, 1.0]])
    assert undominated(returns).tolist() == [[1, 3], [3, 1]]
    assert undominated(returns[:0]).shape == (0, 2)


def test_dominance_is_strict_somewhere_and_nowhere_worse() -> None:
    assert dominates([1, 2], [1, 3])
    assert not dominates([1, 2], [1, 2])
    assert not dominates([1, 3], [2, 2])
    assert not dominates([1, 3], [1, 2])


def test_known_front_with_copies_and_weakly_dominated_rows() -> None:
    losses = [[1, 4], [2, 2], [4, 1], [2, 2], [2, 3], [4, 4], [1, 5]]
    assert non_dominated(losses).tolist() == [True, True, True, True, False, False, False]
    assert non_dominated_ranks(losses).tolist() == [0, 0, 0, 0, 1, 2, 1]


def test_single_objective_front_is_every_minimum() -> None:
    assert non_dominated([[2.0], [1.0], [1.0]]).tolist() == [False, True, True]
    assert non_dominated_ranks([[2.0], [1.0], [1.0], [3.0]]).tolist() == [1, 0, 0, 2]


def test_nothing_in_nothing_out() -> None:
    cases: tuple[list[list[float]] | FloatArray, ...] = ([], np.empty((0, 2)))
    for empty in cases:
        assert non_dominated(empty).tolist() == []
        assert non_dominated_ranks(empty).tolist() == []
        assert crowding_distance(empty).tolist() == []
        assert hypervolume(empty, [1.0, 1.0]) == 0.0
        assert select_by_hypervolume(empty, 3) == []


@FEW
@given(TABLES)
def test_front_and_ranks_match_the_definition(rows: list[list[int]]) -> None:
    table = _array(rows)
    front = non_dominated(table)
    assert front.tolist() == _naive_front(table)
    ranks = non_dominated_ranks(table)
    for rank in range(int(ranks.max()) + 1):
        left = table[ranks >= rank]
        assert _naive_front(left) == (ranks[ranks >= rank] == rank).tolist()


@FEW
@given(TABLES, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(rows: list[list[int]], random: object) -> None:
    table = _array(rows)
    order = np.array(random.sample(range(len(table)), len(table)))  # type: ignore[attr-defined]  # a Random
    assert non_dominated(table[order]).tolist() == non_dominated(table)[order].tolist()
    assert non_dominated_ranks(table[order]).tolist() == non_dominated_ranks(table)[order].tolist()
    reference = np.full(table.shape[1], 5.0)
    assert hypervolume(table[order], reference) == pytest.approx(hypervolume(table, reference), rel=1e-12)


def test_crowding_distance_by_hand() -> None:
    # Ranges 4 and 8: the inner rows gain (3 - 0)/4 + (8 - 2)/8 and (4 - 1)/4 + (3 - 0)/8.
    losses = [[0, 8], [1, 3], [3, 2], [4, 0]]
    assert crowding_distance(losses).tolist() == [np.inf, 0.75 + 0.75, 0.75 + 0.375, np.inf]


def test_crowding_distance_is_per_front_and_small_fronts_are_infinite() -> None:
    front = [[0, 8], [1, 3], [3, 2], [4, 0]]
    behind = [[10, 18], [11, 13], [13, 12], [14, 10]]
    both = crowding_distance([*front, *behind])
    assert both.tolist() == [*crowding_distance(front).tolist(), *crowding_distance(behind).tolist()]
    assert crowding_distance([[1, 2]]).tolist() == [np.inf]
    assert crowding_distance([[1, 2], [2, 1]]).tolist() == [np.inf, np.inf]
    assert crowding_distance([[1, 1], [1, 1]]).tolist() == [np.inf, np.inf]


def test_crowding_distance_leaves_a_constant_objective_out() -> None:
    with_constant = [[0, 7, 8], [1, 7, 3], [3, 7, 2], [4, 7, 0]]
    assert crowding_distance(with_constant).tolist() == crowding_distance(np.delete(with_constant, 1, axis=1)).tolist()
    assert crowding_distance([[1, 1]] * 4).tolist() == [0.0] * 4


@pytest.mark.parametrize(
    ("losses", "reference", "volume"),
    [
        ([[1.0]], [3.0], 2.0),
        ([[3.0], [2.0]], [3.0], 1.0),
        ([[1, 2], [2, 1]], [3, 3], 3.0),
        ([[1, 2], [2, 1], [2, 2], [1, 2]], [3, 3], 3.0),
        ([[1, 3], [3, 1]], [3, 3], 0.0),
        ([[-5, 4], [1, 1]], [3, 3], 4.0),
        ([[0, 0, 0]], [2, 3, 4], 24.0),
        ([[0, 1, 1], [1, 0, 1], [1, 1, 0]], [2, 2, 2], 4.0),
        ([[0] * 5], [1] * 5, 1.0),
    ],
)
def test_hypervolume_closed_forms(losses: list[list[float]], reference: list[float], volume: float) -> None:
    assert hypervolume(losses, reference) == pytest.approx(volume, rel=1e-12)


@FEW
@given(TABLES)
def test_hypervolume_matches_inclusion_and_exclusion(rows: list[list[int]]) -> None:
    table = _array(rows)
    reference = np.full(table.shape[1], 3.5)
    assert hypervolume(table, reference) == pytest.approx(_naive_volume(table, reference), rel=1e-9, abs=1e-9)


def test_selection_takes_the_ends_then_the_greatest_contribution() -> None:
    # Row 2 is the knee; rows 1 and 3 lie near the ends; row 5 is dominated.
    losses = [[0, 10], [1, 9], [3, 3], [9, 1], [10, 0], [9, 9]]
    assert select_by_hypervolume(losses, 2) == [0, 4]
    assert select_by_hypervolume(losses, 3) == [0, 4, 2]
    assert select_by_hypervolume(losses, 4) == [0, 4, 2, 1]
    assert select_by_hypervolume(losses, 9) == [0, 4, 2, 1, 3]
    assert select_by_hypervolume(losses, 1) == [0]


def test_selection_is_scaled_so_units_do_not_matter() -> None:
    losses = np.array([[0, 10], [1, 8], [3, 3], [8, 1], [10, 0]], dtype=np.float64)
    stretched = losses * [1e-6, 1e9] + [5.0, -3.0]
    assert select_by_hypervolume(stretched, 4) == select_by_hypervolume(losses, 4)
    assert select_by_hypervolume((losses - 5) * 3e307, 4) == select_by_hypervolume(losses, 4)


def test_selection_breaks_ties_by_number_and_takes_copies_last() -> None:
    # Rows 1 and 2 contribute equally by symmetry; their sums round differently.
    losses = np.array([[0, 1], [0.7, 0.1], [0.1, 0.7], [1, 0]])
    assert select_by_hypervolume(losses, 3) == [0, 3, 1]
    assert select_by_hypervolume(losses[[0, 2, 1, 3]], 3) == [0, 3, 1]
    copies: list[list[float]] = [[0, 1], [0, 1], [1, 0], [0.5, 0.4]]
    assert select_by_hypervolume(copies, 4) == [0, 2, 3, 1]


def test_selection_with_one_point_one_objective_and_one_best_of_all() -> None:
    assert select_by_hypervolume([[3.0, 4.0]], 2) == [0]
    assert select_by_hypervolume([[3.0], [1.0], [1.0]], 5) == [1, 2]
    assert select_by_hypervolume([[5, 5], [1, 1], [2, 3]], 2) == [1]


@FEW
@given(TABLES, st.integers(1, 6))
@example([[3, 1, 0], [1, 0, 4], [1, 4, 1], [2, 3, 2], [4, 0, 3], [2, 1, 3]], 4)  # reference 1.0 chooses otherwise
def test_selection_is_a_step_by_step_greedy_choice(rows: list[list[int]], count: int) -> None:
    table = _array(rows)
    members = np.flatnonzero(_naive_front(table))
    front = table[members]
    span = np.ptp(front, axis=0)
    scaled = (front - front.min(axis=0)) / np.where(span > 0, span, 1)
    reference = np.full(table.shape[1], 1.1)
    chosen = select_by_hypervolume(table, count)
    assert len(chosen) == len(set(chosen)) == min(count, len(members))
    assert set(chosen) <= set(members.tolist())
    place = {int(member): row for row, member in enumerate(members)}
    best = list(dict.fromkeys(int(members[row]) for row in front.argmin(axis=0)))
    assert chosen[: len(best)] == best[:count]
    for step in range(len(best), len(chosen)):
        taken = [place[row] for row in chosen[:step]]
        volumes = {row: _naive_volume(scaled[[*taken, row]], reference) for row in place.values() if row not in taken}
        assert volumes[place[chosen[step]]] == pytest.approx(max(volumes.values()), rel=1e-9)
        winners = [row for row, volume in volumes.items() if volume >= max(volumes.values()) - 1e-10]
        assert place[chosen[step]] == min(winners)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_are_named(bad: float) -> None:
    losses = [[1.0, 2.0], [3.0, bad]]
    for function in (non_dominated, non_dominated_ranks, crowding_distance):
        with pytest.raises(InvalidInput, match=r"row 1 of the losses is \[3.0, -?(nan|inf)\]"):
            function(losses)
    with pytest.raises(InvalidInput, match="row 1"):
        hypervolume(losses, [9.0, 9.0])
    with pytest.raises(InvalidInput, match="row 1"):
        select_by_hypervolume(losses, 1)
    with pytest.raises(InvalidInput, match="row 1"):
        dominates(*losses)


def test_shapes_that_do_not_fit_are_refused_with_what_was_received() -> None:
    with pytest.raises(InvalidInput, match=r"shape \(3,\)"):
        non_dominated([1.0, 2.0, 3.0])
    with pytest.raises(InvalidInput, match=r"shape \(2, 0\)"):
        non_dominated(np.empty((2, 0)))
    with pytest.raises(InvalidInput, match=r"3 number\(s\) for losses of 2 objective"):
        hypervolume([[1.0, 2.0]], [1.0, 2.0, 3.0])
    with pytest.raises(InvalidInput, match="nan"):
        hypervolume([[1.0, 2.0]], [1.0, np.nan])
    with pytest.raises(InvalidInput, match=r"shapes \(2,\) and \(3,\)"):
        dominates([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(InvalidInput, match="0 members"):
        select_by_hypervolume([[1.0]], 0)


def test_total_violation_by_hand() -> None:
    table = [[-3.0, 0.0], [2.0, -1.0], [4.0, 10.0], [0.0, 20.0]]
    assert total_violation(table).tolist() == [0.0, 0.5, 1.5, 1.0]  # the largest violations are 4 and 20
    assert total_violation([[1e6 * one, two] for one, two in table]).tolist() == [0.0, 0.5, 1.5, 1.0]


def test_total_violation_is_zero_only_where_nothing_is_broken() -> None:
    assert (total_violation([[1e300], [5e-324], [0.0]]) > 0).tolist() == [True, True, False]
    assert total_violation([[], [], []]).tolist() == [0.0, 0.0, 0.0]
    assert total_violation([]).tolist() == []


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_violations_that_are_not_finite_are_named(bad: float) -> None:
    with pytest.raises(InvalidInput, match="row 1"):
        total_violation([[0.0], [bad]])
