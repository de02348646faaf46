"""Whole numbers as indicators: which, in the loop and with an algorithm, and what is refused."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box

from autorl.environment import Environment
from autorl.environment.one_hot import OneHot
from autorl.errors import InvalidInput

ONE_HOT = "autorl.environment.one_hot:OneHot"


class Empty(gymnasium.Env[np.ndarray, int]):
    def __init__(self, space: Box) -> None:
        self.observation_space = space


def test_every_number_becomes_an_indicator_of_its_value() -> None:
    bare, encoded = Environment("deep-sea-treasure-v0"), Environment("deep-sea-treasure-v0", wrappers=[ONE_HOT])
    space = encoded.spaces().observation
    assert space.shape == (24,), "two numbers from 0 to 11"
    assert encoded.spaces().rewards == 2
    plain, indicators = bare.vector([1, 2]), encoded.vector([1, 2])
    generator = np.random.default_rng(0)
    expected, found = plain.reset(), indicators.reset()
    for _ in range(60):
        assert (found.reshape(2, 2, 12).argmax(2) == expected).all()
        assert (found.sum(1) == 2).all()
        actions = generator.integers(0, 4, 2)
        one, other = plain.step(actions), indicators.step(actions)
        assert (one.rewards == other.rewards).all()
        expected, found = one.observations, other.observations


def test_numbers_are_counted_from_their_lower_bound() -> None:
    wrapped = OneHot(Empty(Box(np.array([-2, 5]), np.array([2, 5]), dtype=np.int32)))
    assert wrapped.observation_space == gymnasium.spaces.MultiDiscrete([5, 1])
    assert wrapped.observation(np.array([-1, 5], np.int32)).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (Box(0, 1, (2,), np.float32), "is no Box of whole numbers"),
        (Box(0, 6000, (2,), np.int32), "takes 12002 values in all; at most 10000"),
    ],
)
def test_what_has_no_few_values_is_refused(space: Box, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        OneHot(Empty(space))
