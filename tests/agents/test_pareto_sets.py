"""Sets of vectors by hand: dominance, worth of an action, union and sum, and tracking a return."""

from __future__ import annotations

import numpy as np
import pytest

from autorl.agents.pareto_sets import ParetoTable, cardinalities, hypervolumes, spread, undominated

ONE = np.ones(1)
FIRST = np.zeros(1, dtype=np.int64)
NO, YES = np.zeros(1, dtype=np.bool_), np.ones(1, dtype=np.bool_)


def taught(
    *steps: tuple[int, int, tuple[float, float], int, bool], gamma: float = 1.0, capacity: int = 8
) -> ParetoTable:
    """A table of four states and two actions after transitions (state, action, reward, next state, over)."""
    table = ParetoTable(1, 4, 2, capacity, 2)
    for state, action, reward, arrived, over in steps:
        table.learn(
            FIRST, FIRST + state, FIRST + action, np.array([reward]), FIRST + arrived, YES if over else NO, gamma * ONE
        )
    return table


def test_of_equal_vectors_the_first_is_kept() -> None:
    vectors = np.array([[[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [1.0, 1.0], [9.0, 9.0]]])
    valid = np.array([[True, True, True, True, False]])
    assert undominated(vectors, valid).tolist() == [[True, True, False, False, False]]


def test_a_few_of_a_front_are_spread_over_it() -> None:
    front = np.array([[0.0, 10.0], [1.0, 9.0], [5.0, 5.0], [10.0, 0.0]])
    assert {tuple(row) for row in spread(front, 3)} == {(0, 10), (5, 5), (10, 0)}
    assert len(spread(front, 9)) == 4


def test_hypervolumes_are_taken_on_the_states_own_scale() -> None:
    # Scaled losses: first action (0, 1) and (1, 0), second (.5, .5); reference (1.1, 1.1).
    vectors = np.array([[[10.0, 0.0], [0.0, 2.0]], [[5.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    valid = np.array([[True, True], [True, False], [False, False]])
    assert hypervolumes(vectors, valid) == pytest.approx([0.11 + 0.11 - 0.01, 0.36, 0.0])


def test_cardinality_counts_an_actions_share_of_the_front() -> None:
    vectors = np.array([[[10.0, 0.0], [0.0, 2.0]], [[5.0, 1.0], [4.0, 0.5]], [[0.0, 0.0], [0.0, 0.0]]])
    valid = np.array([[True, True], [True, True], [False, False]])
    assert cardinalities(vectors, valid).tolist() == [2, 1, 0]


def test_the_undominated_union_of_the_next_states_sets_follows_a_step() -> None:
    table = taught(
        (1, 0, (4.0, 0.0), 3, True),
        (1, 1, (0.0, 4.0), 3, True),
        (2, 0, (1.0, 1.0), 1, False),
        (2, 1, (3.0, 0.0), 3, True),
        (0, 0, (-1.0, -1.0), 2, False),
        gamma=0.5,
    )
    # From state 1 on (4, 0) or (0, 4); from state 2 on (1, 1) and half of those, (3, 1) dominating (3, 0), and (1, 3).
    assert {tuple(row) for row in table.front(0, 2, 0.5)} == {(3, 1), (1, 3)}
    assert {tuple(row) for row in table.front(0, 0, 0.5)} == {(0.5, -0.5), (-0.5, 0.5)}
    assert table.counts[0, 0].tolist() == [2, 0]


def test_an_untried_action_adds_nothing_and_an_unknown_state_nothing_but_zero() -> None:
    table = taught((0, 0, (0.0, -1.0), 1, False), gamma=0.9)
    assert table.front(0, 0, 0.9).tolist() == [[0.0, -1.0]]
    assert table.front(0, 1, 0.9).shape == (0, 2)


def test_rewards_are_averaged() -> None:
    table = taught(*[(0, 1, (gain, 0.0), 3, True) for gain in (1.0, 2.0, 6.0)])
    assert table.front(0, 0, 1.0).tolist() == [[3.0, 0.0]]
    assert table.visits[0, 0].tolist() == [0, 3]


def test_a_set_that_is_too_large_keeps_its_ends_and_gaps() -> None:
    gains = [(0.0, 10.0), (1.0, 9.0), (5.0, 5.0), (10.0, 0.0)]
    table = ParetoTable(1, 2, 4, 3, 2)
    for action, gain in enumerate(gains):
        table.learn(FIRST, FIRST + 1, FIRST + action, np.array([gain]), FIRST, YES, ONE)
    table.learn(FIRST, FIRST, FIRST, np.zeros((1, 2)), FIRST + 1, NO, ONE)
    assert {tuple(row) for row in table.front(0, 0, 1.0)} == {(0, 10), (5, 5), (10, 0)}


def test_tracking_gives_the_action_and_what_is_left() -> None:
    table = taught(
        (1, 0, (4.0, 0.0), 3, True), (1, 1, (0.0, 4.0), 3, True),
        (0, 0, (1.0, 1.0), 1, False), (0, 1, (2.0, 2.5), 3, True), gamma=0.5,
    )  # fmt: skip
    states = np.array([0, 0, 0])
    actions, left = table.track(0, states, np.array([[3.0, 1.0], [1.0, 3.2], [2.0, 2.4]]), 0.5)
    assert actions.tolist() == [0, 0, 1]
    assert left.tolist() == [[4, 0], [0, 4], [0, 0]]
    assert table.track(0, states[:2] + 1, left[:2], 0.5)[0].tolist() == [0, 1]
