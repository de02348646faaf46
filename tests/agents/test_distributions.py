"""Log-probabilities, entropies and draws beside torch's own distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Text

from autorl.agents.distributions import CategoricalActions, GaussianActions, SeveralCategoricalActions, actions_for
from autorl.errors import InvalidInput


def test_categorical_is_torchs() -> None:
    logits = 3 * torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0))
    taken = torch.arange(14).view(2, 7) % 5
    policy = CategoricalActions(Discrete(5)).policy(logits, torch.empty(2, 0), taken)
    other = torch.distributions.Categorical(logits=logits.transpose(1, 2))
    torch.testing.assert_close(policy.log_prob, other.log_prob(taken))  # type: ignore[no-untyped-call]  # torch's
    torch.testing.assert_close(policy.entropy, other.entropy())  # type: ignore[no-untyped-call]  # torch's


def test_several_choices_add_up() -> None:
    logits = 3 * torch.randn(2, 3 + 2 + 4, 7, generator=torch.Generator().manual_seed(0))
    taken = torch.stack([torch.arange(14).view(2, 7) % count for count in (3, 2, 4)], 2)
    policy = SeveralCategoricalActions(MultiDiscrete([3, 2, 4])).policy(logits, torch.empty(2, 0), taken)
    others = [
        torch.distributions.Categorical(logits=part) for part in torch.split(logits.transpose(1, 2), [3, 2, 4], 2)
    ]
    log_prob = sum(other.log_prob(taken[:, :, place]) for place, other in enumerate(others))  # type: ignore[no-untyped-call]  # torch's
    torch.testing.assert_close(policy.log_prob, log_prob)
    torch.testing.assert_close(policy.entropy, sum(other.entropy() for other in others))  # type: ignore[no-untyped-call]  # torch's


@pytest.mark.parametrize(
    "space", [MultiDiscrete(np.array([[3, 2], [4, 2]])), MultiBinary((2, 3))], ids=["numbers", "switches"]
)
def test_several_choices_are_drawn_each_by_its_own_logits_and_shaped_as_the_space(space: Any) -> None:
    actions, count = actions_for(space, "PPO"), 20_000
    sizes = [3, 2, 4, 2] if isinstance(space, MultiDiscrete) else [2] * 6
    assert actions.heads == sum(sizes)
    wanted = [np.arange(1, size + 1) / np.arange(1, size + 1).sum() for size in sizes]
    logits = np.broadcast_to(np.log(np.concatenate(wanted)).astype(np.float32), (1, count, actions.heads))
    drawn = actions.sample(logits, np.empty((1, 0)), actions.noise(np.random.default_rng(0), (1, count)))
    assert drawn.shape == (1, count, *actions.stored)
    for place, shares in enumerate(wanted):
        # Three standard deviations of a share of one half are 0.011.
        np.testing.assert_allclose(np.bincount(drawn[0, :, place]) / count, shares, atol=0.011)
    assert space.contains(actions.for_environment(drawn)[0, 0])
    likeliest = actions.mode(logits)[0, 0]
    assert space.contains(likeliest)
    assert likeliest.ravel().tolist() == [size - 1 for size in sizes]


def test_gaussian_is_torchs() -> None:
    generator = torch.Generator().manual_seed(0)
    means, log_std = torch.randn(2, 3, 7, generator=generator), torch.randn(2, 3, generator=generator)
    taken = torch.randn(2, 7, 3, generator=generator)
    policy = GaussianActions(Box(-1, 1, (3,))).policy(means, log_std, taken)
    other = torch.distributions.Normal(means.transpose(1, 2), log_std.exp()[:, None])
    torch.testing.assert_close(policy.log_prob, other.log_prob(taken).sum(2))  # type: ignore[no-untyped-call]  # torch's
    torch.testing.assert_close(policy.entropy.expand(2, 7), other.entropy().sum(2))  # type: ignore[no-untyped-call]  # torch's


def test_draws_follow_the_softmax() -> None:
    actions, count = CategoricalActions(Discrete(3)), 40_000
    noise = actions.noise(np.random.default_rng(0), (1, count))
    logits = np.log(np.array([0.2, 0.5, 0.3], dtype=np.float32))
    drawn = actions.sample(np.broadcast_to(logits, (1, count, 3)), np.empty((1, 0)), noise)
    shares = np.bincount(drawn[0], minlength=3) / count
    # Three standard deviations of a share of one half are 0.0075.
    np.testing.assert_allclose(shares, [0.2, 0.5, 0.3], atol=0.0075)


def test_draws_follow_the_gaussian_and_are_clipped_for_the_environment_only() -> None:
    actions = GaussianActions(Box(-1.0, 1.0, (2, 1)))
    noise = actions.noise(np.random.default_rng(0), (1, 20_000))
    log_std = np.log(np.array([[0.5, 2.0]], dtype=np.float32))
    drawn = actions.sample(np.zeros((1, 20_000, 2), np.float32), log_std, noise)
    np.testing.assert_allclose(drawn[0].std(0), [0.5, 2.0], rtol=0.03)
    taken = actions.for_environment(drawn)
    assert taken.shape == (1, 20_000, 2, 1)
    assert np.abs(taken).max() == 1
    assert np.abs(drawn).max() > 1
    assert actions.for_environment(np.array([[[np.nan, np.inf]]], np.float32)).ravel().tolist() == [0, 1]


def test_other_spaces_are_refused_by_name() -> None:
    for space in (Text(3), Box(0, 5, (2,), np.int64)):
        with pytest.raises(InvalidInput, match="PPO acts in discrete spaces"):
            actions_for(space, "PPO")
