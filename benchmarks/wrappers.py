"""Wrappers of environments that benchmarks name."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium

__all__ = ["Repeated", "TenthReward"]


class TenthReward(gymnasium.RewardWrapper[Any, Any]):
    """Divides rewards by ten: what a value function of Pendulum's costs takes long to reach is then near."""

    def reward(self, reward: SupportsFloat) -> float:
        return float(reward) / 10


class Repeated(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Does every action several times: independent random actions then move far enough to find distant rewards.

    Args:
        env: Around which it stands.
        times: How often; the rewards are added, and an episode that ends in between is over.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], times: int) -> None:
        super().__init__(env)
        self._times = times

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        total = 0.0
        for _ in range(self._times):
            observation, reward, terminated, truncated, info = self.env.step(action)
            total += float(reward)
            if terminated or truncated:
                break
        return observation, total, terminated, truncated, info
