"""A small environment whose spaces, rewards and accidents are set by arguments."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box, Discrete, MultiDiscrete


class Toy(gymnasium.Env[npt.NDArray[Any], Any]):
    """A noisy point that an action pushes; terminates now and then, by its own draws.

    Args:
        actions: Number of discrete actions; 0 takes a Box.
        dimensions: Length of an action in the Box.
        explode: Share of episodes whose third reward is infinite.
        rewards: 1, or 2 for a vector of two that cannot both be had.
        cells: Whether observations are whole numbers from 0 to 2.
        pixels: Whether observations are images of 6 x 5 pixels and three colours.
        choices: Discrete choices of an action; more than 1 have 1, 2, ... actions more than the first.
    """

    def __init__(
        self, actions: int = 2, dimensions: int = 2, explode: float = 0.0, rewards: int = 1, cells: bool = False,
        pixels: bool = False, choices: int = 1,
    ) -> None:  # fmt: skip
        space = Box(0, 2, (3,), np.int32) if cells else Box(-np.inf, np.inf, (3,), np.float32)
        self.observation_space = Box(0, 255, (6, 5, 3), np.uint8) if pixels else space
        self.cells, self.pixels = cells, pixels
        if rewards > 1:
            self.reward_space = Box(-np.inf, np.inf, (rewards,), np.float64)
        self.rewards = rewards
        self.action_space: Any = Discrete(actions) if actions else Box(-0.5, 0.5, (dimensions,), np.float32)
        if choices > 1:
            self.action_space = MultiDiscrete([actions + more for more in range(choices)])
        self.actions, self.explode = actions, explode

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[Any], dict[str, Any]]:
        super().reset(seed=seed)
        self.point, self.steps = self.np_random.normal(size=3), 0
        self.doomed = self.np_random.random() < self.explode
        return self.seen(), {}

    def seen(self) -> npt.NDArray[Any]:
        if self.pixels:
            places = np.arange(30).reshape(6, 5, 1)
            return (128 + 60 * self.point + 10 * places).clip(0, 255).astype(np.uint8)
        if self.cells:
            return (np.rint(self.point) + 1).clip(0, 2).astype(np.int32)
        return self.point.astype(np.float32)

    def step(self, action: Any) -> tuple[npt.NDArray[Any], Any, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        push = (float(np.mean(action)) + 1) / self.actions - 0.5 if self.actions else float(np.sum(action))
        self.steps += 1
        self.point = 0.9 * self.point + 0.3 * push + 0.1 * self.np_random.normal(size=3)
        reward = math.inf if self.doomed and self.steps == 3 else 5.0 * float(self.point[0]) - float(push)
        earned = reward if self.rewards == 1 else np.array([reward, *[-float(self.point[1])] * (self.rewards - 1)])
        return self.seen(), earned, bool(self.np_random.random() < 0.05), False, {}


if "contract/Toy-v0" not in gymnasium.registry:
    gymnasium.register("contract/Toy-v0", f"{__name__}:Toy", max_episode_steps=7)
