"""MO-Gymnasium through `Environment`: ids, known fronts, scalarised views, and where ore is drawn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autorl.environment import Environment
from autorl.environment.evaluation import constant_returns, evaluate
from autorl.errors import InvalidInput, UnknownName
from autorl.pareto import hypervolume, non_dominated

FAMILY = {
    "deep-sea-treasure-v0": 2,
    "deep-sea-treasure-concave-v0": 2,
    "deep-sea-treasure-mirrored-v0": 2,
    "resource-gathering-v0": 3,
    "four-room-v0": 3,
    "fruit-tree-v0": 6,
    "minecart-v0": 3,
    "minecart-deterministic-v0": 3,
    "mo-mountaincar-v0": 3,
    "mo-mountaincarcontinuous-v0": 2,
    "mo-lunar-lander-v3": 4,
    "mo-lunar-lander-continuous-v3": 4,
    "mo-reacher-v5": 4,
    "mo-halfcheetah-v5": 2,
}


@pytest.mark.parametrize("id", FAMILY)
def test_bare_ids_are_found_and_rewards_are_vectors(id: str) -> None:
    environment = Environment(id)
    spaces = environment.spaces()
    assert spaces.rewards == FAMILY[id]
    assert environment.describe()["id"] == f"mo_gymnasium:{id}"
    assert Environment.of(environment.describe()).describe() == environment.describe()
    assert environment.versions()["mo-gymnasium"]
    vector = environment.vector([1, 2, 3])
    vector.reset()
    spaces.action.seed(0)
    step = vector.step(np.stack([spaces.action.sample() for _ in range(3)]))
    assert step.rewards.shape == (3, FAMILY[id])
    vector.close()


def test_one_environment_has_one_resolved_id() -> None:
    written = [Environment(id) for id in ("fruit-tree-v0", "fruit-tree", "mo_gymnasium:fruit-tree-v0")]
    assert len({str(environment.describe()) for environment in written}) == 1


def test_an_episode_that_ends_by_itself_needs_no_limit() -> None:
    assert Environment("fruit-tree-v0").spaces().max_episode_steps == 6
    assert Environment("fruit-tree-v0", {"depth": 7}).spaces().max_episode_steps == 7
    assert Environment("fruit-tree-v0", max_episode_steps=3).spaces().max_episode_steps == 3
    with pytest.raises(InvalidInput, match="Depth must be 5, 6 or 7"):
        Environment("fruit-tree-v0", {"depth": 8}).spaces()


def test_a_misspelt_id_knows_these_too() -> None:
    with pytest.raises(UnknownName, match="did you mean 'minecart-deterministic-v0'"):
        Environment("minecart-determinstic-v0").spaces()


# Discounted hypervolumes of the true fronts, worked out with pymoo from MO-Gymnasium 1.3.2.
VOLUMES: list[tuple[str, float, list[float], float, int]] = [
    ("deep-sea-treasure-v0", 0.99, [0, -50], 854.8504, 10),
    ("deep-sea-treasure-v0", 1.0, [0, -25], 401.8, 10),
    ("deep-sea-treasure-v0", 0.98, [0, -50], 731.614, 10),
    ("deep-sea-treasure-concave-v0", 0.99, [0, -50], 3688.3771, 10),
    ("deep-sea-treasure-mirrored-v0", 0.99, [0, -50], 3688.3771, 10),
    ("minecart-deterministic-v0", 0.98, [-1, -1, -200], 723.0482, 20),
    ("minecart-deterministic-v0", 0.98, [0, 0, -200], 81.7997, 20),
    ("minecart-v0", 0.98, [0, 0, -200], 100.322, 20),
    ("resource-gathering-v0", 0.98, [-1, -1, -2], 4.8066, 3),
    ("fruit-tree-v0", 0.99, [0] * 6, 9302.3782, 64),
]


@pytest.mark.parametrize("id, discount, reference, volume, points", VOLUMES)
def test_known_fronts(id: str, discount: float, reference: list[float], volume: float, points: int) -> None:
    front = Environment(id).known_front(discount)
    assert front is not None
    assert len(front) == points
    assert hypervolume(-front, -np.array(reference, dtype=float)) == pytest.approx(volume, abs=6e-4)


def test_dominated_points_of_a_stated_front_are_left_out() -> None:
    """At discount 0.9 a treasure far out is worth less than a near one."""
    front = Environment("deep-sea-treasure-v0").known_front(0.9)
    assert front is not None
    assert len(front) == 3
    assert non_dominated(-front).all()
    front[:] = 0
    again = Environment("deep-sea-treasure-v0").known_front(0.9)
    assert again is not None
    assert again.any(), "nobody writes into what is remembered"


def test_who_states_no_front_has_none() -> None:
    wrapped = Environment("deep-sea-treasure-v0", wrappers=[{"name": "LinearReward", "kwargs": {"weight": [1, 1]}}])
    for environment in (wrapped, Environment("four-room-v0"), Environment("CartPole-v1", backend="envpool")):
        assert environment.known_front(1.0) is None


@pytest.mark.parametrize("name", ["autorl.environment.one_hot:OneHot", "FlattenObservation"])
def test_a_wrapper_of_observations_leaves_the_front_as_it_is(name: str) -> None:
    plain, seen = (Environment("fruit-tree-v0", wrappers=wrappers) for wrappers in ([], [name]))
    np.testing.assert_array_equal(seen.known_front(0.99), plain.known_front(0.99))
    weighed: list[str | dict[str, Any]] = [name, {"name": "LinearReward", "kwargs": {"weight": [1] * 6}}]
    assert Environment("fruit-tree-v0", wrappers=weighed).known_front(0.99) is None


class TestScalarisedViews:
    def view(self, weight: list[float], id: str = "deep-sea-treasure-v0") -> Environment:
        return Environment(id, wrappers=[{"name": "LinearReward", "kwargs": {"weight": weight}}])

    def test_the_reward_is_the_weighted_sum(self) -> None:
        environment = self.view([2.0, 0.5])
        assert environment.spaces().rewards == 1
        vector = environment.vector([1])
        vector.reset()
        assert vector.step(np.array([1])).rewards.tolist() == [[2.0 * float(np.float32(0.7)) - 0.5]]
        made = environment.make(3)
        _, reward, terminated, _, info = made.step(1)
        assert reward == 2.0 * float(np.float32(0.7)) - 0.5
        assert terminated
        assert info["vector_reward"].tolist() == [np.float32(0.7), -1.0]

    @pytest.mark.parametrize(
        "weight, message",
        [
            ([0.5, -0.5], "-0.5 in .* is negative"),
            ([0.2, 0.3, 0.5], "has 3 numbers for a reward of 2"),
            ([0, 0], "weighs nothing"),
            ([1], "no list of at least 2 weights"),
        ],
    )
    def test_weights_that_do_not_fit_are_refused(self, weight: list[float], message: str) -> None:
        with pytest.raises(InvalidInput, match=message):
            self.view(weight).spaces()

    def test_a_scalar_reward_has_nothing_to_weigh(self) -> None:
        with pytest.raises(InvalidInput, match="has 2 numbers for a reward of 1"):
            self.view([0.5, 0.5], "CartPole-v1").spaces()

    def test_a_misspelt_name_is_told(self) -> None:
        with pytest.raises(UnknownName, match="did you mean 'LinearReward'"):
            Environment("deep-sea-treasure-v0", wrappers=["LinearRewards"]).spaces()


def mine_there(environment: Environment, seeds: list[int], draw_between: bool) -> list[float]:
    """What one frame of mining gives after a drive to the mine of both ores, from MO-Gymnasium's own environments."""
    made = [environment.make(seed) for seed in seeds]
    found = []
    for one in made:
        for action in (3, 3, 5, 5, 5, 5, 4):
            one.step(action)
        if draw_between:
            np.random.random(5)  # noqa: NPY002  # somebody else draws from the process's generator
        found += one.step(0)[0][5:].tolist()
    return found


def test_ore_comes_from_the_environments_own_generator() -> None:
    environment = Environment("minecart-v0")
    alone = mine_there(environment, [4], draw_between=False)
    assert alone == mine_there(environment, [9, 4], draw_between=True)[2:]
    assert alone != mine_there(environment, [9], draw_between=False)


def test_constant_policies_by_hand() -> None:
    """In Deep Sea Treasure only down ends anywhere: at 0.7 after a step; the rest stay at the surface."""
    time = -(1 - 0.9**100) / 0.1
    found = constant_returns(Environment("deep-sea-treasure-v0"), 2, 0.9)
    np.testing.assert_allclose(found, [[0, time], [0.7, -1], [0, time], [0, time]], rtol=1e-6)
    still = constant_returns(Environment("mo-mountaincarcontinuous-v0", max_episode_steps=4), 2)
    np.testing.assert_allclose(still, [[-4, 0]])


def test_policies_are_told_what_they_earn() -> None:
    """Straight down, or right twice before: rewards add up to the return, and a finished episode gives zeros."""
    told: list[npt.NDArray[Any]] = []

    def act(observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.where(observations[..., 1] < np.array([0, 2])[None, :, None], 3, 1)

    returns, steps = evaluate(
        act, Environment("deep-sea-treasure-v0"), [1, 2], 3, policies=2, earned=lambda rewards: told.append(rewards)
    )
    assert {array.shape for array in told} == {(2, 2, 3, 2)}
    np.testing.assert_array_equal(np.sum(told, axis=0), returns)
    assert [array[0, 0, 0].tolist() for array in told[1:]] == [[0, 0]] * (len(told) - 1)
    assert steps.tolist() == [3 * (1 + len(told))] * 2
