"""Weight vectors, against pymoo's and against what can be counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pymoo.util.ref_dirs import get_reference_directions

from autorl.errors import InvalidInput
from autorl.simplex import lattice, lattice_at_least, simplex_weights, weight_table, weight_vector


@pytest.mark.parametrize("partitions, rewards", [(1, 2), (19, 2), (5, 3), (3, 6)])
def test_the_lattice_is_pymoos(partitions: int, rewards: int) -> None:
    made = lattice(partitions, rewards)
    np.testing.assert_array_equal(made, get_reference_directions("das-dennis", rewards, n_partitions=partitions))
    assert len(made) == math.comb(partitions + rewards - 1, rewards - 1)


def test_two_rewards_take_a_linspace_of_any_number() -> None:
    for count in (2, 7, 20, 100):
        made = simplex_weights(count, 2)
        np.testing.assert_allclose(made[:, 0], np.linspace(0, 1, count), atol=1e-15)
        np.testing.assert_allclose(made.sum(1), 1)


def test_a_number_no_lattice_has_takes_pymoos_energy_directions_and_is_kept() -> None:
    before = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002  # it is not to move
    made = simplex_weights(7, 3)
    assert made.shape == (7, 3)
    assert made.min() >= 0
    np.testing.assert_allclose(made.sum(1), 1)
    for corner in np.eye(3):
        assert np.abs(made - corner).sum(1).min() < 1e-9, "each reward has a vector of its own"
    gaps = np.linalg.norm(made[:, None] - made, axis=2) + 9 * np.eye(7)
    assert gaps.min() > 0.3
    made[:] = 0
    assert simplex_weights(7, 3).sum() == pytest.approx(7), "nobody writes into what is remembered"
    assert (np.random.get_state()[1] == before).all()  # type: ignore[index]  # noqa: NPY002  # the legacy state is a tuple


def test_the_smallest_lattice_of_at_least_a_number() -> None:
    assert [len(lattice_at_least(20, rewards)) for rewards in (2, 3, 4, 6)] == [20, 21, 20, 21]
    assert len(lattice_at_least(21, 3)) == 21
    assert len(lattice_at_least(22, 3)) == 28


@pytest.mark.parametrize(
    "count, rewards, message",
    [(5, 1, "weights over 1 reward"), (2, 3, "2 weight vectors for 3 rewards"), (10**6, 2, "it takes 2 to 100000")],
)
def test_refuses_numbers_out_of_range(count: int, rewards: int, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        simplex_weights(count, rewards)


def test_a_vector_is_taken_as_it_is_and_a_table_divided_by_its_sums() -> None:
    assert weight_vector([1, 3], "w").tolist() == [1, 3]
    assert weight_vector(np.array([0.0, 2.0]), "w").tolist() == [0, 2]
    np.testing.assert_array_equal(weight_table([[1, 3], [0, 2]], "w"), [[0.25, 0.75], [0, 1]])


@pytest.mark.parametrize(
    "given, message",
    [
        ([0.5, -0.5], "-0.5 in .* is negative"),
        ([0.0, 0.0], "weighs nothing"),
        ([1.0], "no list of at least 2 weights"),
        ("ab", "no list of at least 2 weights"),
        ([math.nan, 1.0], "nan in .* is no finite number"),
        ([True, 1.0], "True in .* is no finite number"),
    ],
)
def test_refuses_what_weighs_nothing(given: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=f"^here: .*{message}"):
        weight_vector(given, "here")
    with pytest.raises(InvalidInput, match=rf"^here\[1\]: .*{message}"):
        weight_table([[1, 1], given], "here")


def test_a_table_has_one_length() -> None:
    with pytest.raises(InvalidInput, match=r"here: vectors of lengths \[2, 3\]"):
        weight_table([[1, 1], [1, 1, 1]], "here")
    with pytest.raises(InvalidInput, match="no list of weight vectors"):
        weight_table([], "here")
