"""Scalarisations, neighbourhoods, Pareto simulated annealing, whose network to take, and earnings, all by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from autorl.agents.decomposition import Earnings, neighborhoods, psa, sources, utilities, worths

KNOWN = np.ones(3, dtype=np.bool_)


def test_a_weighed_sum_and_chebyshevs_distance() -> None:
    # Two policies, two rewards, two actions in one state: actions earn (1, 4) and (3, 1).
    values = torch.tensor([[[1.0, 3.0], [4.0, 1.0]]] * 2)[..., None]
    weights, utopia = torch.tensor([[0.5, 0.5], [0.9, 0.1]]), torch.tensor([[4.0, 5.0], [2.0, 5.0]])
    linear = utilities(values, weights, utopia, "linear")
    assert linear.shape == (2, 2, 1)
    torch.testing.assert_close(linear[..., 0], torch.tensor([[2.5, 2.0], [1.3, 2.8]]))
    # Shortfalls (3, 1) and (1, 4) of the first: largest halves 1.5 and 2. Of the second (1, 1) and (-1, 4).
    found = utilities(values, weights, utopia, "chebyshev")[..., 0]
    torch.testing.assert_close(found, torch.tensor([[-1.5, -2.0], [-0.9, -0.4]]))


def test_what_lies_beyond_the_point_is_better_still() -> None:
    values = torch.tensor([[[1.0, 2.0], [1.0, 2.0]]])
    worth = utilities(values, torch.tensor([[0.5, 0.5]]), torch.zeros(1, 2), "chebyshev")
    torch.testing.assert_close(worth, torch.tensor([[0.5, 1.0]]))


def test_chebyshev_finds_a_compromise_that_no_weighed_sum_prefers() -> None:
    returns = np.array([[0.0, 10.0], [4.0, 4.0], [10.0, 0.0]])  # concave: (5, 5) lies between the outer two
    weights = np.array([[0.5, 0.5], [0.1, 0.9], [0.9, 0.1]])
    linear = worths(returns, weights, np.array([10.0, 10.0]), "linear")
    chebyshev = worths(returns, weights, np.array([10.0, 10.0]), "chebyshev")
    assert linear.tolist() == pytest.approx(np.array([[5, 4, 5], [9, 4, 1], [1, 4, 9]]))
    assert chebyshev.argmax(1).tolist() == [1, 0, 2]
    assert chebyshev[0].tolist() == pytest.approx([-5, -3, -5])


def test_neighbours_are_the_nearest_others_and_the_first_of_equals() -> None:
    vectors = np.array([[0.0, 1.0], [0.3, 0.7], [0.5, 0.5], [0.7, 0.3], [1.0, 0.0]])
    assert neighborhoods(vectors, 2).tolist() == [[1, 2], [2, 0], [1, 3], [2, 4], [3, 2]]
    assert neighborhoods(vectors, 0).shape == (5, 0)
    twins = np.array([[0.5, 0.5], [0.5, 0.5], [0.4, 0.6]])
    assert neighborhoods(twins, 1).tolist() == [[1], [0], [0]]


def test_weights_grow_where_a_policy_earns_more_than_the_nearest_of_the_front() -> None:
    vectors = np.array([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]])
    returns = np.array([[1.0, 5.0], [2.0, 4.0], [9.0, 0.0]])
    found = psa(vectors, returns, KNOWN, KNOWN, 0.1)
    # The first two are each other's nearest; the third's is (2, 4), and a weight of 0 stays 0.
    first = np.array([0.25 / 1.1, 0.75 * 1.1])
    second = np.array([0.5 * 1.1, 0.5 / 1.1])
    np.testing.assert_allclose(found, np.stack([first / first.sum(), second / second.sum(), np.array([1.0, 0.0])]))
    assert vectors[0].tolist() == [0.25, 0.75], "what was given stays"


def test_dominated_unknown_and_equal_returns_move_nobody_else() -> None:
    vectors = np.array([[0.25, 0.75], [0.5, 0.5], [0.75, 0.25]])
    two = np.array([True, True, False])
    # The second is dominated: the first has nobody on the front besides itself. It moves, but earns less in both.
    dominated = psa(vectors, np.array([[3.0, 5.0], [2.0, 4.0], [9.0, 9.0]]), two, two, 0.5)
    np.testing.assert_allclose(dominated, vectors)
    equal = psa(vectors, np.array([[3.0, 5.0]] * 3), KNOWN, KNOWN, 0.5)
    np.testing.assert_allclose(equal, vectors)
    assert psa(vectors, np.full((3, 2), np.nan), ~KNOWN, KNOWN, 0.5).tolist() == vectors.tolist()
    # Better in the second reward than the only one of the front that is elsewhere
    mixed = psa(vectors, np.array([[3.0, 5.0], [2.0, 5.0], [9.0, 9.0]]), two, two, 0.5)
    moved = np.array([0.5 / 1.5, 0.5 * 1.5])
    np.testing.assert_allclose(mixed, np.stack([vectors[0], moved / moved.sum(), vectors[2]]))


def test_old_news_moves_nobody_but_counts_for_the_front() -> None:
    vectors = np.array([[0.25, 0.75], [0.5, 0.5]])
    returns, fresh = np.array([[1.0, 5.0], [2.0, 4.0]]), np.array([False, True])
    found = psa(vectors, returns, KNOWN[:2], fresh, 0.1)
    moved = np.array([0.5 * 1.1, 0.5 / 1.1])
    np.testing.assert_allclose(found, np.stack([vectors[0], moved / moved.sum()]))


def test_a_network_comes_from_the_neighbour_that_is_worth_more() -> None:
    worth = np.array([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0], [4.0, 9.0, 1.0]])
    near = np.array([[1], [0], [1]])
    assert sources(worth, KNOWN, KNOWN, near).tolist() == [1, 1, 1], "a tie keeps one's own"
    everybody = np.array([[1, 2], [2, 0], [1, 0]])
    assert sources(worth, KNOWN, KNOWN, everybody).tolist() == [2, 1, 1]
    assert sources(worth, np.array([True, False, True]), KNOWN, everybody).tolist() == [2, 1, 0]
    assert sources(worth, KNOWN, np.array([True, False, False]), everybody).tolist() == [2, 1, 2], "old news"


def test_earnings_are_means_of_whole_episodes_since_an_exchange() -> None:
    earnings = Earnings(2, 2, 2, 1)  # two policies with two environments each
    gammas, running, both = np.array([0.5, 1.0]), np.array([True, True]), np.ones(2, dtype=np.bool_)
    rewards = np.tile(np.array([[1.0], [2.0], [3.0], [4.0]]), (2, 1, 1))
    nothing, first = np.zeros((2, 4), dtype=np.bool_), np.tile([True, True, False, False], (2, 1))
    earnings.add(rewards, nothing, gammas, running)
    earnings.add(rewards, first, gammas, np.array([True, False]))
    assert earnings.exchange(both).tolist() == [[True, False], [False, False]]
    # The first agent's first policy: 1 + 1/2 and 2 + 1; nothing of the second agent ended, which rested.
    assert earnings.means[:, :, 0].tolist() == [[2.25, 0.0], [0.0, 0.0]]
    assert earnings.known.tolist() == [[True, False], [False, False]]
    assert earnings.best[:, 0].tolist() == [3.0, -np.inf]
    earnings.forget(np.array([False, True]))
    earnings.add(rewards, ~nothing, gammas, running)
    assert earnings.exchange(np.array([True, False])).tolist() == [[True, True], [False, False]]
    # The first policy's episodes began anew; the second's go on, 3 + 3/2 + 3/4 and 4 + 2 + 1.
    assert earnings.means[:, :, 0].tolist() == [[1.5, 6.125], [0.0, 0.0]]
    assert earnings.exchange(both).tolist() == [[False, False], [True, True]]
    assert earnings.means[:, :, 0].tolist() == [[1.5, 6.125], [1.5, 3.5]], "nothing new keeps the old"
    assert earnings.best[:, 0].tolist() == [7.0, 4.0]
    earnings.reset(np.array([False, True]))
    assert earnings.known.tolist() == [[True, True], [False, False]]
    assert earnings.best[:, 0].tolist() == [7.0, -np.inf]
