"""Batches of ours against the libraries' environments stepped one by one: every number, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from gymnasium.utils import seeding

from autorl.environment import Environment, VectorEnvironment
from autorl.environment.description import _backend
from autorl.environment.gymnasium_backend import GymnasiumBackend, GymnasiumVector
from autorl.environment.minecart import _Angles

Draw = Callable[[np.random.Generator, npt.NDArray[Any]], npt.NDArray[Any]]
"""Actions after these observations."""
TREASURES = ("deep-sea-treasure-v0", "deep-sea-treasure-concave-v0", "deep-sea-treasure-mirrored-v0")


@dataclass
class Lively:
    """Mostly goes on with what it did, so that carts get somewhere; mines and drives more than it turns."""

    actions: npt.NDArray[Any] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __call__(self, generator: np.random.Generator, seen: npt.NDArray[Any]) -> npt.NDArray[Any]:
        count = len(seen)
        drawn = generator.choice([0, 0, 1, 2, 3, 3, 3, 4, 4, 5], count)
        stay = generator.random(count) < 0.75
        self.actions = np.where(stay, self.actions, drawn) if len(self.actions) == count else drawn
        return self.actions


def uniform(actions: int) -> Draw:
    return lambda generator, seen: generator.integers(0, actions, len(seen))


def to_the_goal(generator: np.random.Generator, seen: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Up and right, where Four-Room ends."""
    return generator.choice(4, len(seen), p=[0.15, 0.35, 0.35, 0.15])


def accelerating(generator: np.random.Generator, seen: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Carts race along the walls, which turn them."""
    return np.where(generator.random(len(seen)) < 0.93, 3, generator.integers(0, 6, len(seen)))


def swinging(generator: np.random.Generator, seen: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Mostly drives the elbow on in its direction, which takes an arm up and round."""
    return np.where(generator.random(len(seen)) < 0.8, 2 * (seen[:, 5] > 0), generator.integers(0, 3, len(seen)))


CASES: dict[str, tuple[Environment, Draw]] = {
    **{id: (Environment(id), uniform(4)) for id in TREASURES},
    "short treasure": (Environment(TREASURES[0], max_episode_steps=7), uniform(4)),
    "float treasure": (Environment(TREASURES[1], {"float_state": True}), uniform(4)),
    "scalarised treasure": (
        Environment(TREASURES[0], wrappers=[{"name": "LinearReward", "kwargs": {"weight": [0.3, 0.7]}}]),
        uniform(4),
    ),
    "cart pole": (Environment("CartPole-v1"), uniform(2)),
    "short cart pole": (Environment("CartPole-v0", max_episode_steps=15), uniform(2)),
    "acrobot": (Environment("Acrobot-v1"), swinging),
    "short acrobot": (Environment("Acrobot-v1", max_episode_steps=110), swinging),
    "fruit tree": (Environment("fruit-tree-v0"), uniform(2)),
    "cut fruit tree": (Environment("fruit-tree-v0", {"depth": 7}, max_episode_steps=5), uniform(2)),
    "resources": (Environment("resource-gathering-v0"), uniform(4)),
    "four rooms": (Environment("four-room-v0", max_episode_steps=90), to_the_goal),
    "minecart": (Environment("minecart-v0"), Lively()),
    "minecart without frames": (Environment("minecart-v0", {"frame_skip": 1}, max_episode_steps=300), Lively()),
    "racing minecart": (Environment("minecart-v0"), accelerating),
    "deterministic minecart": (Environment("minecart-deterministic-v0"), Lively()),
    "short minecart": (Environment("minecart-deterministic-v0", max_episode_steps=40), Lively()),
    "scalarised minecart": (
        Environment("minecart-v0", wrappers=[{"name": "LinearReward", "kwargs": {"weight": [1, 0.5, 0.1]}}]),
        Lively(),
    ),
}


def pair(environment: Environment, seeds: list[int]) -> tuple[VectorEnvironment, VectorEnvironment]:
    """The twin, and the loop over the library's own environments."""
    backend = _backend(environment)
    assert isinstance(backend, GymnasiumBackend)
    twin = environment.vector(seeds)
    assert not isinstance(twin, GymnasiumVector)
    return twin, GymnasiumVector([backend.make() for _ in seeds], seeds, backend.spaces())


@dataclass
class Seen:
    """What happened on the way, so that a comparison of nothing is noticed."""

    terminated: int = 0
    truncated: int = 0
    rewards: set[bytes] = field(default_factory=set)


def compare(environment: Environment, draw: Draw, count: int, steps: int) -> Seen:
    generator, seen = np.random.default_rng(0), Seen()
    twin, loop = pair(environment, list(range(50, 50 + count)))
    first, expected = twin.reset(), loop.reset()
    assert first.dtype == expected.dtype
    np.testing.assert_array_equal(first, expected)
    observations = first
    for index in range(steps):
        actions = draw(generator, observations)
        running = generator.random(count) < 0.8 if index % 5 == 0 else None
        step, other = twin.step(actions, running), loop.step(actions, running)
        observations = step.observations
        for name in ("next_observations", "observations", "rewards", "terminated", "truncated"):
            ours, theirs = getattr(step, name), getattr(other, name)
            assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), name
            np.testing.assert_array_equal(ours, theirs, err_msg=f"{name} of step {index}")
        seen.terminated += int(step.terminated.sum())
        seen.truncated += int(step.truncated.sum())
        seen.rewards |= {row.tobytes() for row in step.rewards[step.terminated]}
    twin.close()
    loop.close()
    return seen


@pytest.mark.parametrize("name", CASES)
def test_a_twin_is_the_environment(name: str) -> None:
    seen = compare(*CASES[name], count=12, steps=250)
    assert seen.terminated or name == "cut fruit tree"


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CASES)
def test_a_twin_is_the_environment_over_100000_steps(name: str) -> None:
    seen = compare(*CASES[name], count=40, steps=2500)
    assert seen.terminated or name == "cut fruit tree"
    if "minecart" in name and name not in ("racing minecart", "short minecart"):
        assert len(seen.rewards) > 10, "ore was mined and sold"


def test_a_cart_that_mines_sells_what_its_own_generator_gave() -> None:
    """Straight to the mine of both ores and back, alone and in company; the draws are those of seed 7."""
    there, back = [3, 3, 5, 5, 5, 5, 4], [*[1] * 5, *[3] * 20]
    sold = []
    for seeds in ([7], [1, 7, 2]):
        row = seeds.index(7)
        twin, loop = pair(Environment("minecart-v0"), seeds)
        twin.reset()
        loop.reset()
        for action in [*there, 0, *back]:
            actions = np.full(len(seeds), action)
            step, other = twin.step(actions), loop.step(actions)
            np.testing.assert_array_equal(step.next_observations, other.next_observations)
            np.testing.assert_array_equal(step.rewards, other.rewards)
            if step.terminated[row]:
                sold.append(step.rewards[row, :2])
                break
    draws = 0.05 * seeding.np_random(7)[0].standard_normal((4, 2)) + 0.2
    room = 1.5 - draws[:3].sum()
    assert 0 < room < draws[3].sum(), "the last frame fills the cart"
    np.testing.assert_allclose(sold, [draws[:3].sum(0) + draws[3] * room / draws[3].sum()] * 2, rtol=1e-6)


def test_walls_turn_a_cart_more_than_once_round() -> None:
    twin, loop = pair(Environment("minecart-deterministic-v0"), [1, 2])
    twin.reset()
    loop.reset()
    cart: Any = twin
    widest = 0
    for index in range(400):
        actions = np.array([1 if index < 2 else 3, 1 if index < 11 else 3])
        np.testing.assert_array_equal(twin.step(actions).next_observations, loop.step(actions).next_observations)
        widest = max(widest, int(np.abs(cart._angle).max()))
    assert widest > 360


def test_angles_are_those_of_math_however_far() -> None:
    angles = _Angles()
    for degrees in (45, -715, 100_005):
        angles.cover(abs(degrees))
        ((cosine, sine),) = angles.directions(np.array([degrees]))
        assert (cosine, sine) == (math.cos(degrees * math.pi / 180), math.sin(degrees * math.pi / 180))
        ((seen_sine, seen_cosine),) = angles.seen(np.array([degrees]))
        assert seen_sine == np.float32(math.sin(math.radians(degrees)))
        assert seen_cosine == np.float32(math.cos(math.radians(degrees)))


@pytest.mark.parametrize(
    "environment",
    [
        Environment("minecart-v0", {"incremental_frane_skip": False}),
        Environment("deep-sea-treasure-v0", wrappers=["FlattenObservation"]),
        Environment("mo-mountaincar-v0"),
        Environment("CartPole-v1", {"sutton_barto_reward": True}),
        Environment("MountainCar-v0"),
        Environment("Acrobot-v1"),  # so few are swifter one by one
    ],
)
def test_the_loop_runs_where_there_is_no_twin(environment: Environment) -> None:
    vector = environment.vector([3])
    assert isinstance(vector, GymnasiumVector)
    vector.reset()
    assert vector.step(np.zeros(1, int)).rewards.shape == (1, environment.spaces().rewards)
    vector.close()


def test_arrays_handed_out_are_never_written_again() -> None:
    for environment, draw in CASES.values():
        generator, twin = np.random.default_rng(1), environment.vector([1, 2, 3, 4, 5])
        observations = twin.reset()
        kept, copies = [observations], [observations.copy()]
        for _ in range(60):
            step = twin.step(draw(generator, observations))
            observations = step.observations
            for array in (step.next_observations, step.observations, step.rewards, step.terminated, step.truncated):
                kept.append(array)
                copies.append(array.copy())
        for array, copy in zip(kept, copies, strict=True):
            np.testing.assert_array_equal(array, copy)
