"""What Q-learning of several rewards shares: scaled rewards, normalised observations, how epsilon and targets move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from autorl.agents.normalization import ObservationNormalizer
from autorl.agents.population import State, observation_length
from autorl.agents.preferences import reward_scales
from autorl.agents.q_learning import QLearningAlgorithm, QLearningPopulation
from autorl.agents.targets import track
from autorl.environment import Environment
from autorl.records import Agent, FloatArray

__all__ = ["VectorQAlgorithm", "VectorQPopulation"]

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]


class VectorQAlgorithm(QLearningAlgorithm):
    """Hyperparameters that Q-learning of several rewards shares; a subclass declares them as its own fields."""

    gradient_updates: int
    reward_scale: float | str

    @property
    def gradient_steps(self) -> int:
        """Gradient steps of an update."""
        return self.gradient_updates


A = TypeVar("A", bound=VectorQAlgorithm)


class VectorQPopulation(QLearningPopulation[A], Generic[A]):
    """Agents whose networks value every reward. A subclass calls `reconfigure` when all it needs is there.

    Args:
        configurations: One per agent.
        agents: Who trains.
        environment: Where.
        horizon: Full budget in env steps.
        device: "cpu" or a torch device.

    Attributes:
        rewards: How many rewards there are.
        scales: Factors of the rewards (M, rewards).
        normalizer: Running statistics of observations.
    """

    scales: FloatArray

    def __init__(
        self, configurations: Sequence[A], agents: Sequence[Agent], environment: Environment, horizon: int, device: str
    ) -> None:
        super().__init__(configurations, agents, environment, horizon, device)
        self.rewards = self.spaces.rewards
        inputs = observation_length(self.spaces, type(self.static))
        self.normalizer = ObservationNormalizer(self.columns.flags("normalize_observations"), inputs)

    def reconfigure(self) -> None:
        """Hands changed hyperparameters to those who keep a copy of their own."""
        super().reconfigure()
        self.normalizer.enabled = self.columns.flags("normalize_observations")
        inside = self._inside(self._configurations)
        self.scales = np.stack([reward_scales(one.reward_scale, self.rewards) for one in inside])

    @property
    def turns(self) -> npt.NDArray[np.int64]:
        """Gradient steps of everybody's update (M)."""
        return self.columns.whole("gradient_updates")

    def moved(self, name: str, env_steps: int) -> FloatArray:
        """A number on its way from its first to its last value, after so many env steps (M)."""
        h = self.columns
        decay = h.numbers(f"{name.removesuffix('_lambda')}_decay_steps")
        decay = np.where(np.isfinite(decay), decay, max(1, self.horizon // 2))
        share = (env_steps - h.numbers("learning_starts")) / decay
        first, last = h.numbers(f"initial_{name}"), h.numbers(f"final_{name}")
        return first + share.clip(0, 1) * (last - first)

    def epsilons(self, env_steps: int) -> FloatArray:
        """Everybody's epsilon (M)."""
        return self.moved("epsilon", env_steps)

    def explore(self, observations: Array, random: Flags, draws: Mapping[str, Array]) -> tuple[Array, Array]:
        """The best action, or with probability epsilon any; what is seen enters the statistics of who is training."""
        self.normalizer.enabled = self.columns.flags("normalize_observations") & ~self.frozen
        self.normalizer.update(observations)
        self.normalizer.enabled = self.columns.flags("normalize_observations")
        return super().explore(observations, random, draws)

    def stepped(self, step: int, going: Flags) -> None:
        """Moves target networks a share of the way, or copies to those whose interval is over."""
        h = self.columns
        every = np.maximum(h.whole("target_net_update_freq") // self.static.environments, 1)
        due = going & ((h.numbers("tau") < 1) | ((step + 1) % every == 0))
        if due.any():
            track(self.target_weights, self.weights, h.numbers("tau") * due)

    def states(self) -> dict[str, State]:
        """What Q-learning keeps, and the normaliser's statistics."""
        return {
            **super().states(),
            "observation_mean": self.normalizer.mean,
            "observation_variance": self.normalizer.variance,
            "observation_count": self.normalizer.count,
        }
