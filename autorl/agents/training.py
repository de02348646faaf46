"""The training environments of a population between two rungs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autorl.environment import Environment, Step
from autorl.records import Agent
from autorl.seeds import integer_seed

__all__ = ["TrainingEnvironments", "environment_seeds"]

Array = npt.NDArray[Any]


def environment_seeds(agent: Agent, count: int, mark: int) -> list[int]:
    """Seeds of an agent's training environments from a rung on, keyed by (seed, lineage, mark, index)."""
    return [
        integer_seed(agent.seed, f"environment {index}", lineage=agent.lineage, index=mark) for index in range(count)
    ]


class TrainingEnvironments:
    """N sub-environments for each of M agents, stepped together.

    Args:
        environment: Their description.
        agents: Who acts in them (M).
        count: Sub-environments per agent (N).
        mark: The rung's mark in env steps.

    Attributes:
        observations: Where to act next, flattened, shape (size, N, inputs); size counts a lone agent's copy.
        running: Which agents' environments are stepped (M); those of frozen agents rest.
    """

    def __init__(self, environment: Environment, agents: Sequence[Agent], count: int, mark: int) -> None:
        self._agents, self._count = len(agents), count
        self._vector = environment.vector([seed for agent in agents for seed in environment_seeds(agent, count, mark)])
        self.running = np.ones(len(agents), dtype=np.bool_)
        self.observations = self._rows(self._vector.reset())

    def step(self, actions: Array) -> Step:
        """Steps with actions (size, N, *action).

        The answer's arrays have shape (size, N, ...); rewards are (size, N), or (size, N, rewards) if they are several.
        """
        flat = actions[: self._agents].reshape(self._agents * self._count, *actions.shape[2:])
        running = None
        if np.count_nonzero(self.running) < self._agents:
            running = np.repeat(self.running, self._count)
            flat = np.where(running.reshape(-1, *[1] * (flat.ndim - 1)), flat, np.zeros((), flat.dtype))
        step = self._vector.step(flat, running)
        self.observations = self._rows(step.observations)
        return Step(
            next_observations=self._rows(step.next_observations),
            rewards=self._rows(step.rewards) if step.rewards.shape[1] > 1 else self._rows(step.rewards)[..., 0],
            terminated=self._rows(step.terminated)[..., 0],
            truncated=self._rows(step.truncated)[..., 0],
            observations=self.observations,
        )

    def close(self) -> None:
        """Closes the sub-environments."""
        self._vector.close()

    def _rows(self, array: Array) -> Array:
        """Shape (size, N, length) for (M N, ...), a lone agent's rows twice."""
        shaped = array.reshape(self._agents, self._count, -1)
        return np.repeat(shaped, 2, axis=0) if self._agents == 1 else shaped
