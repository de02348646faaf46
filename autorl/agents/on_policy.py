"""Algorithms that act with the current policy, learn from what it met, and forget it (PPO; A2C and MDPO alike)."""

from __future__ import annotations

import math
import sys
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from autorl.agents.actor_critic import ActorCriticShape
from autorl.agents.advantages import generalized_advantages
from autorl.agents.distributions import actions_for
from autorl.agents.image_actor_critic import ImageActorCriticShape
from autorl.agents.images import image_shape
from autorl.agents.normalization import ObservationNormalizer
from autorl.agents.optimiser import SMALLEST_EPSILON, Adam
from autorl.agents.population import StackedPopulation, State, observation_length
from autorl.agents.rollout import Batch, Rollout, collect, flat
from autorl.agents.training import TrainingEnvironments
from autorl.checks import check_choice, check_number, check_whole
from autorl.environment import Environment, Spaces
from autorl.errors import InvalidInput
from autorl.population.base import Algorithm, Plan
from autorl.records import Agent

__all__ = ["OnPolicyAlgorithm", "OnPolicyPopulation"]


class OnPolicyAlgorithm(Algorithm):
    """The hyperparameters and costs that on-policy algorithms share; a subclass declares them as its own fields."""

    learning_rate: float
    n_envs: int
    n_steps: int
    n_epochs: int
    batch_size: int
    gamma: float
    gae_lambda: float
    clip_range_vf: float | None
    ent_coef: float
    vf_coef: float
    max_grad_norm: float
    normalize_observations: bool
    width: int
    depth: int
    share_trunk: bool
    activation: str
    ortho_init: bool
    adam_eps: float

    def check_shared(self) -> None:
        """Refuses values of the shared hyperparameters that are out of range.

        Raises:
            InvalidInput: If one is, or a minibatch is larger than a rollout.
        """
        for name in ("learning_rate", "ent_coef", "vf_coef"):
            check_number(name, getattr(self, name), 0, sys.float_info.max)
        check_number("max_grad_norm", self.max_grad_norm, 0, above=True)
        check_number("adam_eps", self.adam_eps, SMALLEST_EPSILON)
        check_number("clip_range_vf", self.clip_range_vf, 0, above=True, optional=True)
        for name in ("gamma", "gae_lambda"):
            check_number(name, getattr(self, name), 0, 1)
        for name in ("n_envs", "n_steps", "n_epochs", "batch_size", "width"):
            check_whole(name, getattr(self, name), 1)
        check_whole("depth", self.depth, 0, 3)
        check_choice("activation", self.activation, ("tanh", "relu"))
        if self.batch_size > self.n_steps * self.n_envs:
            raise InvalidInput(
                f"batch_size: {self.batch_size} exceeds the rollout of "
                f"n_steps * n_envs = {self.n_steps} * {self.n_envs} = {self.n_steps * self.n_envs} rows"
            )

    def shape(self, spaces: Spaces) -> ActorCriticShape:
        """The networks this configuration needs.

        Raises:
            InvalidInput: If the algorithm cannot handle the spaces.
        """
        who = type(self).__name__
        inputs, actions = observation_length(spaces, type(self)), actions_for(spaces.action, who)
        shape = ActorCriticShape(
            inputs=inputs,
            heads=actions.heads,
            log_stds=actions.log_stds,
            width=self.width,
            depth=self.depth,
            share_trunk=self.share_trunk,
            activation=self.activation,
        )
        image = image_shape(spaces.observation)
        if image is None:
            return shape
        if self.normalize_observations:
            raise InvalidInput(
                f"normalize_observations: {self.normalize_observations} is for vectors; images such as those of "
                f"{spaces.observation} are divided by 255"
            )
        return ImageActorCriticShape.of(shape, image)

    def flops(self, shape: ActorCriticShape, env_steps: int, samples: int) -> float:
        """Two operations a weight: one pass to act, one to value, and three a sample to learn."""
        learning = shape.learning_parameters + shape.extra_operations
        return (
            2.0 * env_steps * (shape.acting_parameters + shape.extra_operations + learning) + 6.0 * samples * learning
        )

    def plan(self, spaces: Spaces, horizon: int) -> Plan:
        """What this configuration costs; updates and flops as if no early stopping took place.

        Raises:
            InvalidInput: If the algorithm cannot handle the spaces.
        """
        shape, rollout = self.shape(spaces), self.n_steps * self.n_envs
        iterations = horizon // rollout
        weights = math.prod(shape.row)
        step = shape.observation_bytes + 4 * (3 * shape.heads + 16 + shape.networks * 2 * self.width)
        activations = self.batch_size * shape.activations
        return Plan(
            iteration_env_steps=rollout,
            parameters=shape.acting_parameters,
            gradient_updates=iterations * self.n_epochs * math.ceil(rollout / self.batch_size),
            flops=self.flops(shape, iterations * rollout, iterations * self.n_epochs * rollout),
            memory_bytes=4 * (5 * weights + activations) + rollout * step,
        )


A = TypeVar("A", bound=OnPolicyAlgorithm)


class OnPolicyPopulation(StackedPopulation[A]):
    """Agents with a policy and a value function that learn from rollouts.

    A subclass says in `learn` how.

    Args:
        configurations: One per agent.
        agents: Who trains.
        environment: Where.
        horizon: Full budget in env steps.
        device: "cpu" or a torch device.

    Attributes:
        keeps_heads: Whether `learn` is handed the outputs of the policy that acted.
        network: Policies and value functions.
        optimiser: Adam on all of their parameters.
        normalizer: Running statistics of observations.
        samples: Rows of minibatches learned from, per agent.
    """

    keeps_heads: ClassVar[bool] = False

    def __init__(
        self, configurations: Sequence[A], agents: Sequence[Agent], environment: Environment, horizon: int, device: str
    ) -> None:
        super().__init__(configurations, agents, environment, horizon, device)
        spaces = environment.spaces()
        for configuration in configurations:  # what is not static may be wrong for the spaces in any of them
            self.shape = configuration.shape(spaces)
        self.actions = actions_for(spaces.action, type(self.static).__name__)
        parameters = torch.zeros(self.size, *self.shape.row, device=device)
        self.network = self.shape.network(parameters)
        self.optimiser = Adam(parameters.view(self.size, -1), self.columns.numbers("adam_eps"))
        images = isinstance(self.shape, ImageActorCriticShape)
        normalized = self.columns.flags("normalize_observations")
        self.normalizer = ObservationNormalizer(normalized, self.shape.inputs, images)
        self.samples = np.zeros(self.size, dtype=np.int64)

    def initialise(self) -> None:
        """Draws every agent's initial weights, from its stream "weights"."""
        made = [
            self.shape.initial(agent.seed, agent.lineage, ortho_init=configuration.ortho_init)
            for agent, configuration in zip(self.agents, self._configurations, strict=True)
        ]
        self.network.parameters.copy_(torch.from_numpy(np.stack(self._inside(made))))

    @property
    def iteration_env_steps(self) -> int:
        """Env steps of one rollout, per agent."""
        return self.static.n_steps * self.static.n_envs

    @property
    def environments_per_agent(self) -> int:
        """Sub-environments of one agent."""
        return self.static.n_envs

    @property
    def parameters(self) -> int:
        """Parameters of the acting network."""
        return self.shape.acting_parameters

    def flops(self, row: int) -> float:
        """Floating-point operations an agent has spent."""
        return self.static.flops(self.shape, int(self.env_steps[row]), int(self.samples[row]))

    def reconfigure(self) -> None:
        """Hands changed hyperparameters to the optimiser and the normaliser."""
        self.optimiser.epsilons = self.columns.numbers("adam_eps")
        self.normalizer.enabled = self.columns.flags("normalize_observations")

    @abstractmethod
    def learn(self, data: Batch) -> None:
        """Updates the networks from a rollout, steps and sub-environments flattened."""

    def iterate(self, training: TrainingEnvironments) -> npt.NDArray[np.bool_]:
        """A rollout, its advantages, and learning from them."""
        self.normalizer.enabled = self.columns.flags("normalize_observations") & ~self.frozen
        rollout = collect(
            training,
            self.network,
            self.actions,
            self.normalizer,
            self.inside,
            self.static.n_steps,
            self.iteration,
        )
        data = self._valued(rollout)
        self.learn(data)
        numbers = (data.advantages, data.log_probs, self.network.parameters.view(self.size, -1))
        sound: npt.NDArray[np.bool_] = torch.stack([part.isfinite().all(1) for part in numbers]).all(0).cpu().numpy()
        return sound

    def _valued(self, rollout: Rollout) -> Batch:
        """Log-probabilities, values and advantages of a rollout, in one pass over all of it."""
        device = self.device
        actions = flat(rollout.actions, device)
        observations = self.network.spread(flat(rollout.observations, device))
        heads, predicted = self.network.forward(observations, learning=False)
        log_probs = self.actions.policy(heads, self.network.log_std, actions).log_prob
        values = predicted.cpu().numpy().reshape(rollout.rewards.shape)
        advantages = generalized_advantages(
            rollout.rewards,
            values,
            rollout.next_values(values),
            rollout.terminated,
            rollout.ended,
            self.columns.numbers("gamma"),
            self.columns.numbers("gae_lambda"),
        )
        return Batch(
            observations,
            actions,
            log_probs.contiguous(),
            predicted.contiguous(),
            flat(self.credited(advantages, rollout), device),
            flat(advantages + values, device),
            heads.transpose(1, 2).contiguous() if self.keeps_heads else None,
        )

    def credited(self, advantages: npt.NDArray[np.float64], rollout: Rollout) -> npt.NDArray[np.float64]:
        """What every action is credited with, (M, steps, N): its advantage."""
        return advantages

    def greedy(self, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The likeliest actions."""
        seen = torch.from_numpy(self.normalizer(observations)).to(self.device)
        return self.actions.mode(self.network.heads(seen).cpu().numpy())

    def states(self) -> dict[str, State]:
        """Weights, Adam's moments and steps, the normaliser's statistics, and the count of samples."""
        return {
            "weights": self.network.parameters,
            **self.optimiser.states(),
            "observation_mean": self.normalizer.mean,
            "observation_variance": self.normalizer.variance,
            "observation_count": self.normalizer.count,
            "samples": self.samples,
        }
