"""A smallest multi-objective population: what it does follows from the weight vector alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from autorl.agents.population import StackedPopulation, State, observation_length
from autorl.agents.training import TrainingEnvironments
from autorl.environment import Environment, Spaces
from autorl.population import Algorithm, Plan, hyperparameter
from autorl.records import Agent

DOWN, RIGHT = 1, 3


@dataclass(frozen=True)
class Diving(Algorithm):
    """Dives in Deep Sea Treasure: the more treasure matters, the farther out.

    Attributes:
        reach: Columns out for a weight of 1 on treasure.
    """

    name: ClassVar[str] = "diving"
    rewards: ClassVar[Literal["scalar", "vector", "any"]] = "vector"
    counts: ClassVar[frozenset[str]] = frozenset()

    reach: float = hyperparameter(9.0)

    @classmethod
    def default_space(cls) -> dict[str, object]:
        return {"reach": {"float": [0.0, 9.0]}}

    @classmethod
    def population(
        cls, agents: Sequence[Agent], environment: Environment, horizon: int, device: str = "cpu"
    ) -> DivingPopulation:
        return DivingPopulation.begin(cls, agents, environment, horizon, device)

    def plan(self, spaces: Spaces, horizon: int) -> Plan:
        observation_length(spaces, type(self))
        return Plan(iteration_env_steps=4)


class DivingPopulation(StackedPopulation[Diving]):
    """Learns nothing: it steps its environments and adds up the vector rewards."""

    def __init__(
        self,
        configurations: Sequence[Diving],
        agents: Sequence[Agent],
        environment: Environment,
        horizon: int,
        device: str,
    ) -> None:
        super().__init__(configurations, agents, environment, horizon, device)
        self.earned = np.zeros((self.size, environment.spaces().rewards))

    def initialise(self) -> None:
        self.earned[:] = 0

    @property
    def iteration_env_steps(self) -> int:
        return 4

    @property
    def environments_per_agent(self) -> int:
        return 2

    @property
    def parameters(self) -> int:
        return 1

    def flops(self, row: int) -> float:
        return 0.0

    def iterate(self, training: TrainingEnvironments) -> npt.NDArray[np.bool_]:
        for _ in range(2):
            self.earned += training.step(np.full((self.size, 2), RIGHT)).rewards.sum(1)
        return np.asarray(np.isfinite(self.earned.sum(axis=1)))

    def greedy(self, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        treasure = self.policy_weights(observations.shape[1])[:, 0]
        goal = np.rint(self.columns.numbers("reach")[:, None] * treasure)
        return np.where(observations[..., 1] < goal, RIGHT, DOWN)

    def states(self) -> dict[str, State]:
        return {"earned": self.earned}
