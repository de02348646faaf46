"""A trained policy, loaded for use."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.population import Population

__all__ = ["Policy"]


class Policy:
    """The deterministic policy of one agent; call it with an observation, get an action.

    Args:
        population: A population of the agent alone.
        environment: Where it was trained.

    Attributes:
        agent: Whose policy it is.
    """

    def __init__(self, population: Population, environment: Environment) -> None:
        (self.agent,) = population.agents
        self._population, self._shape = population, environment.spaces().observation.shape

    def __call__(self, observation: npt.ArrayLike, policy: int = 0) -> npt.NDArray[Any]:
        """The action for one observation, or the actions for a batch.

        Args:
            observation: Shape (*observation) or (n, *observation), as the study's environment gives it.
            policy: Which of the agent's policies acts; 0 outside multi-objective RL.

        Returns:
            Shape (*action) or (n, *action).

        Raises:
            InvalidInput: If the shape does not fit.
        """
        array = np.asarray(observation)
        single = array.shape == self._shape
        batch = array[None] if single else array
        if self._shape is None or batch.ndim == 0 or batch.shape[1:] != self._shape:
            raise InvalidInput(f"observation of shape {array.shape}: {self._shape} or a batch of that is needed")
        given = np.broadcast_to(batch, (1, self._population.policies, *batch.shape))
        actions: npt.NDArray[Any] = self._population.act(given)[0, policy]
        return np.asarray(actions[0]) if single else actions

    def predict(self, observation: npt.ArrayLike, deterministic: bool = True) -> tuple[npt.NDArray[Any], None]:
        """As `__call__`, with the signature of Stable-Baselines3.

        Raises:
            InvalidInput: If `deterministic` is False: only the deterministic policy is kept.
        """
        if not deterministic:
            raise InvalidInput(f"deterministic={deterministic!r}: only the deterministic policy was kept")
        return self(observation), None
