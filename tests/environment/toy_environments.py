"""Environments whose every number is known beforehand."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box, Discrete, MultiDiscrete, Sequence


class Line(gymnasium.Env[npt.NDArray[np.float64], Any]):
    """Walks 0, 1, 2, ... and terminates at `length`; at `cut` it truncates itself.

    The observation is (episode, step, draw) with a fresh draw at every reset and step. The reward is the step just
    taken, counted from 1, plus 100 times the action. It hands out one array and writes it in place.
    """

    def __init__(
        self,
        length: int = 3,
        start: int = 0,
        rewards: int = 1,
        actions: int = 2,
        multi: bool = False,
        log: list[str] | None = None,
        cut: int = 10**9,
    ) -> None:
        if length < 1:
            raise ValueError(f"length {length} is below 1")
        self.length, self.rewards, self.log, self.cut = length, rewards, log, cut
        self.action_space = (
            MultiDiscrete([actions, actions], start=[start, start]) if multi else Discrete(actions, start=start)
        )
        self.observation_space = Box(-np.inf, np.inf, (3,), np.float64)
        if rewards > 1:
            self.reward_space = Box(-np.inf, np.inf, (rewards,), np.float64)
        self.seen = np.zeros(3)
        self.episode = -1

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.float64], dict[str, Any]]:
        super().reset(seed=seed)
        self.episode += 1
        if self.log is not None:
            self.log.append("reset")
        self.seen[:] = self.episode, 0, self.np_random.random()
        return self.seen, {}

    def step(self, action: Any) -> tuple[npt.NDArray[np.float64], Any, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        self.seen[1:] = self.seen[1] + 1, self.np_random.random()
        reward = float(self.seen[1]) + 100.0 * float(np.sum(action))
        several = np.array([reward * 10**place for place in range(self.rewards)])
        terminated, truncated = bool(self.seen[1] >= self.length), bool(self.seen[1] >= self.cut)
        return self.seen, several if self.rewards > 1 else reward, terminated, truncated, {}


class Uninstalled(Line):
    """Lacks a dependency."""

    def __init__(self) -> None:
        raise gymnasium.error.DependencyNotInstalled('Toy is not installed, run `pip install "gymnasium[toy]"`')


class Wordy(Line):
    """Observes sequences, which have no fixed size."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space: Any = Sequence(Discrete(2))


class Shout(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Multiplies rewards."""

    def __init__(self, env: gymnasium.Env[Any, Any], by: float = 2.0) -> None:
        super().__init__(env)
        self.by = by

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, self.by * float(reward), terminated, truncated, info


def no_environment(env: gymnasium.Env[Any, Any]) -> str:
    """A wrapper that forgets to wrap."""
    return "nothing"


not_callable = 3

for name, entry, limit in (
    ("toy/Line-v0", Line, 5),
    ("toy/Line-v1", Line, 5),
    ("toy/Endless-v0", Line, None),
    ("toy/Uninstalled-v0", Uninstalled, 5),
    ("toy/Wordy-v0", Wordy, 5),
):
    if name not in gymnasium.registry:
        gymnasium.register(name, f"{__name__}:{entry.__name__}", max_episode_steps=limit)
