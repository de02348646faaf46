"""Proximal policy optimisation for many weights of several rewards at once, for a whole population of agents.

One actor-critic an agent, conditioned on the weight vector that it is to act for (Abels et al., 2019, "Dynamic Weights
in Multi-Objective Deep Reinforcement Learning", for Q-learning; Lu et al., 2023, "Multi-Objective Reinforcement
Learning: Convexity, Stationarity and Pareto Optimality", for an off-policy actor-critic): the weights stand behind the
observation, the critic has a value for every reward, and an action is credited with its advantages in all rewards,
weighed by the weights it was taken for. Everything else but the defaults is `ppo`, which neither of them uses.

Weights are drawn from a Dirichlet distribution for every episode, and anew for all when an iteration begins, so that
long episodes see several; where rewards are scaled, they are drawn for the scaled ones. The value losses of the rewards
are summed. No term is added to the reward that would make optima unique (Lu et al. augment it). Reached are the
policies that are best for some weights: the convex part of a front.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from autorl.agents.actor_critic import ActorCriticShape
from autorl.agents.images import refuse_images
from autorl.agents.preferences import (
    LeadingNormalizer,
    WeightedEnvironments,
    check_reward_scale,
    drawn_weights,
    in_scaled_rewards,
    joined,
    reward_scales,
)
from autorl.agents.rollout import Rollout
from autorl.agents.training import TrainingEnvironments
from autorl.algorithms.ppo import PPO, PPOPopulation
from autorl.checks import check_number
from autorl.environment import Environment, Spaces
from autorl.population import hyperparameter
from autorl.records import Agent
from autorl.seeds import stream

__all__ = ["MOPPO", "MOPPOPopulation"]


@dataclass(frozen=True)
class MOPPO(PPO):
    """One configuration of multi-objective PPO: PPO's, with defaults found on MO-Gymnasium's grid worlds, and two more.

    Attributes:
        weight_concentration: Of the Dirichlet distribution that weights are drawn from in training: 1 is uniform, less
            prefers one reward alone.
        reward_scale: Factor of the rewards in training, or a text with a factor for each, such as "1 1 0.2": the unit
            they are valued in. Weights mean the rewards as the environment gives them, whatever it is.

    Raises:
        InvalidInput: If a value is out of range, or a minibatch larger than a rollout.
    """

    name: ClassVar[str] = "mo_ppo"
    summary: ClassVar[str] = "Weight-conditioned PPO with a value for each of several rewards, any actions"
    rewards: ClassVar[Literal["scalar", "vector", "any"]] = "vector"

    learning_rate: float = hyperparameter(2e-3)
    n_envs: int = hyperparameter(32, static=True)
    n_steps: int = hyperparameter(32, static=True)
    n_epochs: int = hyperparameter(8, static=True)
    batch_size: int = hyperparameter(256, static=True)
    gae_lambda: float = hyperparameter(0.9)
    clip_range: float = hyperparameter(0.1)
    ent_coef: float = hyperparameter(0.003)
    max_grad_norm: float = hyperparameter(2.0)
    normalize_observations: bool = hyperparameter(True)
    activation: str = hyperparameter("relu", static=True)
    weight_concentration: float = hyperparameter(0.5)
    reward_scale: float | str = hyperparameter(1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("weight_concentration", self.weight_concentration, 0, above=True)
        check_reward_scale(self.reward_scale)

    @classmethod
    def population(
        cls, agents: Sequence[Agent], environment: Environment, horizon: int, device: str = "cpu"
    ) -> MOPPOPopulation:
        """Builds agents at their initial weights.

        Raises:
            InvalidInput: If the agents disagree on a static hyperparameter, or the spaces are not supported.
        """
        return MOPPOPopulation.begin(cls, agents, environment, horizon, device)

    def shape(self, spaces: Spaces) -> ActorCriticShape:
        """The networks: PPO's with the weights as further inputs and a value for each reward.

        Raises:
            InvalidInput: If the algorithm cannot handle the spaces.
        """
        refuse_images(spaces.observation, type(self).__name__)
        shape = super().shape(spaces)
        reward_scales(self.reward_scale, spaces.rewards)
        return dataclasses.replace(shape, inputs=shape.inputs + spaces.rewards, values=spaces.rewards)


class MOPPOPopulation(PPOPopulation):
    """Agents that learn by weight-conditioned PPO.

    Args:
        configurations: One per agent.
        agents: Who trains.
        environment: Where.
        horizon: Full budget in env steps.
        device: "cpu" or a torch device.
    """

    _configurations: tuple[MOPPO, ...]

    def __init__(
        self,
        configurations: Sequence[MOPPO],
        agents: Sequence[Agent],
        environment: Environment,
        horizon: int,
        device: str,
    ) -> None:
        super().__init__(configurations, agents, environment, horizon, device)
        self.rewards = environment.spaces().rewards
        inputs = self.shape.inputs - self.rewards
        self.normalizer = LeadingNormalizer(self.columns.flags("normalize_observations"), inputs)
        self.reconfigure()

    def reconfigure(self) -> None:
        """Hands changed hyperparameters to those who keep a copy of their own."""
        super().reconfigure()
        inside = self._inside(self._configurations)
        self.scales = np.stack([reward_scales(one.reward_scale, self.rewards) for one in inside])

    def restart(self, mark: int) -> None:
        """Starts training episodes on seeds keyed by (seed, lineage, mark, index); earlier ones end as truncated."""
        self.close()
        self._training = WeightedEnvironments(self.environment, self._agents, self.environments_per_agent, mark)

    def iterate(self, training: TrainingEnvironments) -> npt.NDArray[np.bool_]:
        """A rollout under weights from every agent's stream "weights of rewards", and learning from it."""
        assert isinstance(training, WeightedEnvironments)  # as `restart` made them
        shape = (self.static.n_steps + 1, self.static.n_envs, self.rewards)
        drawn = [
            drawn_weights(
                stream(agent.seed, "weights of rewards", lineage=agent.lineage, index=self.iteration),
                concentration,
                shape,
            )
            for agent, concentration in zip(
                self.inside, self.columns.numbers("weight_concentration").tolist(), strict=True
            )
        ]
        training.begin(np.stack(drawn), self.scales)
        return super().iterate(training)

    def credited(self, advantages: npt.NDArray[np.float64], rollout: Rollout) -> npt.NDArray[np.float64]:
        """An action's advantages in all rewards, weighed by what it was taken for."""
        weights = rollout.observations[..., -self.rewards :]
        weighed: Any = sum(weights[..., reward] * advantages[..., reward] for reward in range(self.rewards))
        return np.asarray(weighed, dtype=np.float64)

    def greedy(self, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The likeliest actions, for the weights of every row's policy."""
        weights = in_scaled_rewards(self.policy_weights(observations.shape[1]), self.scales)
        return super().greedy(joined(observations, weights))
