"""Weights of rewards: their distribution, what they mean of scaled rewards, and that an episode keeps its own."""

from __future__ import annotations

import numpy as np
import pytest

from autorl.agents.normalization import ObservationNormalizer
from autorl.agents.preferences import (
    LeadingNormalizer,
    WeightedEnvironments,
    check_reward_scale,
    drawn_weights,
    in_scaled_rewards,
    joined,
    reward_scales,
)
from autorl.agents.training import TrainingEnvironments
from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.records import Agent
from autorl.seeds import stream


@pytest.mark.parametrize("concentration", [0.3, 1.0, 4.0])
def test_weights_have_the_moments_of_the_dirichlet_distribution(concentration: float) -> None:
    drawn = drawn_weights(stream(0, "test"), concentration, (40_000, 3))
    np.testing.assert_allclose(drawn.sum(1), 1, rtol=1e-12)
    assert (drawn >= 0).all()
    np.testing.assert_allclose(drawn.mean(0), 1 / 3, atol=0.01)
    # Var = (1/3) (2/3) / (3 c + 1)
    np.testing.assert_allclose(drawn.var(0), 2 / 9 / (3 * concentration + 1), rtol=0.03)


def test_the_smallest_concentrations_give_one_reward_alone() -> None:
    drawn = drawn_weights(stream(0, "test"), 1e-6, (300, 2))
    assert np.isfinite(drawn).all()
    assert set(drawn.ravel().tolist()) == {0.0, 1.0}
    assert 0.4 < drawn[:, 0].mean() < 0.6


def test_a_number_scales_all_rewards_and_a_text_each() -> None:
    assert reward_scales(0.5, 3).tolist() == [0.5, 0.5, 0.5]
    assert reward_scales("0.5", 2).tolist() == [0.5, 0.5]
    assert reward_scales("1 1 2e-1", 3).tolist() == [1, 1, 0.2]
    with pytest.raises(InvalidInput, match="'1 1' has 2 numbers, and the environment 3 rewards"):
        reward_scales("1 1", 3)


@pytest.mark.parametrize("given", ["", "1 x", "1 0", "1 -2", "1 inf", "nan", "1, 2"])
def test_texts_that_scale_nothing_are_refused(given: str) -> None:
    with pytest.raises(InvalidInput, match="is no text of numbers above 0"):
        check_reward_scale(given)


@pytest.mark.parametrize("given", [0, -1.0, None, True])
def test_numbers_that_scale_nothing_are_refused(given: object) -> None:
    with pytest.raises(InvalidInput, match=f"reward_scale: {given}"):
        check_reward_scale(given)


def test_weights_of_scaled_rewards_rank_policies_as_the_weights_do() -> None:
    weights, scales = np.array([[0.5, 0.5], [1.0, 0.0], [0.2, 0.8]]), np.array([[1.0, 0.2], [3.0, 3.0]])
    found = in_scaled_rewards(weights, scales)
    np.testing.assert_allclose(found[0], [[1 / 6, 5 / 6], [1.0, 0.0], [0.2 / 4.2, 4 / 4.2]], rtol=1e-6)
    np.testing.assert_allclose(found[1], weights, rtol=1e-6)
    values = np.random.default_rng(0).normal(size=(50, 2))
    assert ((values @ weights.T).argmax(0) == ((values * scales[0]) @ found[0].T).argmax(0)).all()


def test_only_an_observations_columns_are_normalised() -> None:
    generator, enabled = np.random.default_rng(0), np.array([True, False])
    leading, whole = LeadingNormalizer(enabled, 3), ObservationNormalizer(enabled, 3)
    observations, weights = generator.normal(2, 3, (2, 8, 3)), generator.random((2, 8, 2))
    leading.update(joined(observations, weights))
    whole.update(observations)
    assert (leading.mean == whole.mean).all()
    assert (leading.variance == whole.variance).all()
    seen = leading(joined(observations, weights))
    assert (seen[..., :3] == whole(observations)).all()
    assert (seen[..., 3:] == weights.astype(np.float32)).all()
    assert seen.dtype == np.float32


def test_an_episode_keeps_its_weights_and_rewards_are_scaled() -> None:
    environment = Environment("deep-sea-treasure-v0", max_episode_steps=7)
    agents, count, steps = [Agent({}, 0), Agent({}, 1)], 3, 20
    plain, weighted = (made(environment, agents, count, 0) for made in (TrainingEnvironments, WeightedEnvironments))
    assert isinstance(weighted, WeightedEnvironments)
    generator = np.random.default_rng(0)
    for _ in range(2):  # weights are taken up anew in the middle of episodes
        drawn = generator.random((2, steps + 1, count, 2))
        scales = np.array([[1.0, 0.2], [3.0, 0.5]])
        weighted.begin(drawn, scales)
        current = drawn[:, 0]
        changes = 0
        for step in range(steps):
            assert (weighted.observations == joined(plain.observations, current)).all()
            actions = generator.integers(0, 4, (2, count))
            expected, answer = plain.step(actions), weighted.step(actions)
            assert (answer.next_observations == joined(expected.next_observations, current)).all()
            assert (answer.rewards == expected.rewards * scales[:, None]).all()
            assert (answer.terminated == expected.terminated).all()
            assert (answer.truncated == expected.truncated).all()
            for agent, place in zip(*np.nonzero(expected.terminated | expected.truncated), strict=True):
                current = current.copy()
                current[agent, place] = drawn[agent, step + 1, place]
                changes += 1
            assert (answer.observations == joined(expected.observations, current)).all()
        assert changes > 5
    plain.close()
    weighted.close()
