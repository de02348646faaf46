"""Scalarised views of environments whose reward is a vector, for algorithms that maximise one reward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from autorl.environment.base import Step, VectorEnvironment
from autorl.errors import InvalidInput
from autorl.simplex import weight_vector

__all__ = ["LinearReward", "LinearVector"]

WHERE = "weight"


class LinearReward(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Gives the weighted sum of a reward vector as the reward; a study names it as `LinearReward`.

    MO-Gymnasium's wrapper of this name, with plain data for weights, and with the sum in a fixed order, so that a
    vectorised environment can give the same bits.

    Args:
        env: An environment whose reward is a vector.
        weight: One non-negative number a reward.

    Raises:
        InvalidInput: If a weight is negative, or there are not as many as rewards (seen at the first step).
    """

    def __init__(self, env: gymnasium.Env[Any, Any], weight: Sequence[float]) -> None:
        super().__init__(env)
        self._weights: list[float] = weight_vector(weight, WHERE).tolist()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Steps; the vector stands in the information under "vector_reward"."""
        observation, vector, terminated, truncated, info = self.env.step(action)
        rewards: list[float] = np.asarray(vector, dtype=np.float64).reshape(-1).tolist()
        if len(rewards) != len(self._weights):
            raise InvalidInput(
                f"LinearReward: {WHERE} {self._weights!r} has {len(self._weights)} numbers for a reward of "
                f"{len(rewards)}; it takes one weight a reward"
            )
        total = 0.0
        for number, factor in zip(rewards, self._weights, strict=True):
            total += factor * number
        return observation, total, terminated, truncated, {**info, "vector_reward": vector}


class LinearVector(VectorEnvironment):
    """The same view of a whole vector environment, bit for bit.

    Args:
        vector: Whose rewards are weighed.
        weight: As `LinearReward`'s; as many as rewards.
    """

    def __init__(self, vector: VectorEnvironment, weight: Sequence[float]) -> None:
        self._vector, self._weights = vector, weight_vector(weight, WHERE)

    def reset(self) -> npt.NDArray[Any]:
        """Starts the first episodes."""
        return self._vector.reset()

    def step(self, actions: npt.NDArray[Any], running: npt.NDArray[np.bool_] | None = None) -> Step:
        """Steps, and weighs the rewards."""
        step = self._vector.step(actions, running)
        total = np.zeros(len(step.rewards))
        for column, factor in zip(step.rewards.T, self._weights, strict=True):
            total += factor * column
        return Step(step.next_observations, total[:, None], step.terminated, step.truncated, step.observations)

    def close(self) -> None:
        """Closes what it views."""
        self._vector.close()
