"""Evaluation, against returns added up by hand."""

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest
from gymnasium.utils import seeding

from autorl.environment import Environment
from autorl.environment.base import Backend
from autorl.environment.evaluation import evaluate, random_returns
from autorl.errors import InvalidInput
from autorl.seeds import integer_seed, stream


def line(limit: int = 5, **kwargs: object) -> Environment:
    return Environment("toy/Line-v1", kwargs, max_episode_steps=limit)


def still(observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.zeros(observations.shape[:3], int)


def test_returns_are_discounted_from_the_first_step() -> None:
    """Rewards 1, 2, 3 at discount 0.5: 1 + 1 + 0.75."""
    returns, steps = evaluate(still, line(length=3), [4, 9], 6, discount=0.5)
    assert returns.shape == (2, 1, 6, 1)
    np.testing.assert_allclose(returns, 2.75)
    assert steps.tolist() == [18, 18]


def test_a_truncation_before_the_limit_ends_the_episode() -> None:
    returns, steps = evaluate(still, line(limit=6, length=9, cut=2), [4], 3)
    np.testing.assert_array_equal(returns, 3)
    assert steps.tolist() == [6]


def test_only_the_first_episode_counts_when_lengths_differ() -> None:
    """CartPole pushed one way falls after a number of steps that a plain loop over each episode confirms."""

    def push(observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.ones(observations.shape[:3], int)

    returns, steps = evaluate(push, Environment("CartPole-v1"), [3, 7], 5, discount=0.9)
    own = gymnasium.make("CartPole-v1")
    lengths = np.zeros((2, 5), int)
    for row, seed in enumerate((3, 7)):
        for episode in range(5):
            own.reset(seed=integer_seed(seed, "evaluation", index=episode))
            over = False
            while not over:
                over = own.step(np.int64(1))[2]
                lengths[row, episode] += 1
    assert len(np.unique(lengths)) > 1
    np.testing.assert_allclose(returns[:, 0, :, 0], (1 - 0.9**lengths) / 0.1)
    assert steps.tolist() == lengths.sum(axis=1).tolist()


def test_seeds_are_keyed_by_agent_and_episode_alone() -> None:
    """Equal for an agent's policies, for any number of episodes, and in any company."""
    seen: list[npt.NDArray[Any]] = []

    def look(observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        seen.append(observations.copy())
        return np.zeros(observations.shape[:3], int)

    evaluate(look, line(length=1), [4, 9], 3, policies=2)
    evaluate(look, line(length=1), [9], 2)
    assert seen[0].shape == (2, 2, 3, 3)
    expected = [
        [seeding.np_random(integer_seed(seed, "evaluation", index=episode))[0].random() for episode in range(3)]
        for seed in (4, 9)
    ]
    for policy in range(2):
        np.testing.assert_array_equal(seen[0][:, policy, :, 2], expected)
    np.testing.assert_array_equal(seen[1][0, 0, :, 2], expected[1][:2])


def test_policies_act_for_themselves_and_rewards_stay_vectors() -> None:
    def second(observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.broadcast_to(np.array([0, 1])[None, :, None], observations.shape[:3])

    returns, steps = evaluate(second, line(length=2, rewards=2), [4], 3, policies=2)
    np.testing.assert_array_equal(returns[0, :, 0], [[3, 30], [203, 2030]])
    assert returns.shape == (1, 2, 3, 2)
    assert steps.tolist() == [12]


@pytest.mark.parametrize("backend", ["gymnasium", "envpool"])
def test_the_time_limit_ends_an_episode(backend: str) -> None:
    def balance(observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.asarray(observations[..., 2] + 0.5 * observations[..., 3] > 0).astype(int)

    environment = Environment("CartPole-v1", max_episode_steps=40, backend=backend)
    returns, steps = evaluate(balance, environment, [1, 2], 4)
    np.testing.assert_array_equal(returns, 40)
    assert steps.tolist() == [160, 160]


def test_repeats_itself() -> None:
    """Nothing passes from one call to the next."""
    environment = Environment("CartPole-v1")
    first, again = random_returns(environment, [1, 2], 5), random_returns(environment, [1, 2], 5)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    alone, _ = random_returns(environment, [2], 3)
    np.testing.assert_array_equal(alone[0], first[0][1, :, :3])


def test_random_actions_are_those_of_the_named_stream() -> None:
    """600 steps, so that three blocks are drawn; the reward tells each action."""
    environment = line(limit=600, length=600, actions=7)
    returns, steps = random_returns(environment, [5, 6], 2)
    assert returns.shape == (2, 1, 2, 1)
    for row, seed in enumerate((5, 6)):
        for episode in range(2):
            generator = stream(seed, "random policy", index=episode)
            drawn = np.concatenate([generator.integers(0, 7, size=256) for _ in range(3)])[:600]
            assert returns[row, 0, episode, 0] == 600 * 601 / 2 + 100 * drawn.sum()
    assert steps.tolist() == [1200, 1200]


def test_random_actions_fill_a_box() -> None:
    """A pendulum's bounded torque, and its return by a plain loop."""
    returns, _ = random_returns(Environment("Pendulum-v1", max_episode_steps=5), [3], 2)
    own = gymnasium.make("Pendulum-v1", max_episode_steps=5)
    for episode in range(2):
        own.reset(seed=integer_seed(3, "evaluation", index=episode))
        torques = -2 + 4 * stream(3, "random policy", index=episode).random((256, 1))
        expected = sum(float(own.step(torque.astype(np.float32))[1]) for torque in torques[:5])
        np.testing.assert_allclose(returns[0, 0, episode, 0], expected, rtol=1e-12)


@pytest.mark.parametrize(("most", "blocks"), [(64, [5]), (7, [3, 2]), (4, [2, 2, 1]), (1, [1] * 5)])
def test_many_episodes_are_played_in_blocks_with_the_same_returns(
    monkeypatch: pytest.MonkeyPatch, most: int, blocks: list[int]
) -> None:
    """Two policies: blocks hold half as many episodes as sub-environments; one at least."""
    shapes: list[tuple[int, ...]] = []
    begun: list[range] = []

    def push(observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        shapes.append(observations.shape[:3])
        return np.broadcast_to(np.array([0, 1])[None, :, None], observations.shape[:3])

    environment = Environment("CartPole-v1", wrappers=["FlattenObservation"])  # the wrapper keeps the twin away
    at_once = evaluate(push, environment, [3, 7, 9], 5, 2, 0.9)
    random = random_returns(environment, [3, 7], 5)
    monkeypatch.setattr(Backend, "at_once", most)
    shapes.clear()
    returns, steps = evaluate(push, environment, [3, 7, 9], 5, 2, 0.9, begin=begun.append)
    assert list(dict.fromkeys(shapes)) == list(dict.fromkeys((3, 2, count) for count in blocks))
    assert [len(numbers) for numbers in begun] == blocks
    assert [number for numbers in begun for number in numbers] == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(returns, at_once[0])
    np.testing.assert_array_equal(steps, at_once[1])
    for ours, theirs in zip(random_returns(environment, [3, 7], 5), random, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_only_a_twin_plays_any_number_at_once() -> None:
    assert Environment("CartPole-v1").at_once is None
    assert Environment("deep-sea-treasure-v0").at_once is None
    assert line().at_once == 64


@pytest.mark.parametrize(
    "episodes, policies, discount, seeds, message",
    [
        (0, 1, 1.0, [1], "evaluation.episodes: 0"),
        (1, 0, 1.0, [1], "evaluation.policies: 0"),
        (1, 1, 1.5, [1], "evaluation.discount: 1.5"),
        (1, 1, 1.0, [], "evaluation.agents: 0"),
    ],
)
def test_refuses_what_is_no_evaluation(
    episodes: int, policies: int, discount: float, seeds: list[int], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        evaluate(still, line(), seeds, episodes, policies, discount)


def test_an_environment_without_a_limit_is_refused() -> None:
    with pytest.raises(InvalidInput, match="set max_episode_steps"):
        evaluate(still, Environment("toy/Endless-v0"), [1], 1)
