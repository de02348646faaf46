"""Off-policy algorithms with a squashed Gaussian actor and twin critics (SAC and the off-policy MDPO)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autorl.agents.bounded_actions import BoundedActions
from autorl.agents.networks import Layout, StackedMLP, stacked_layers
from autorl.agents.off_policy import OffPolicyAlgorithm, OffPolicyPopulation, observation_length, track
from autorl.agents.optimiser import Adam
from autorl.agents.population import State
from autorl.agents.replay import Transitions
from autorl.agents.squashed import SquashedGaussian
from autorl.agents.twin_critics import TwinCritics
from autorl.checks import check_whole
from autorl.environment import Environment, Spaces
from autorl.records import Agent
from autorl.seeds import stream

__all__ = ["SquashedActorAlgorithm", "SquashedActorPopulation"]

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]


class SquashedActorAlgorithm(OffPolicyAlgorithm):
    """The hyperparameters and networks they share; a subclass declares the hyperparameters as its own fields."""

    target_update_interval: int

    def check_shared(self) -> None:
        """Refuses values of the shared hyperparameters that are out of range.

        Raises:
            InvalidInput: If one is.
        """
        super().check_shared()
        check_whole("target_update_interval", self.target_update_interval, 1)

    def action_length(self, spaces: Spaces) -> int:
        """Coordinates of an action.

        Raises:
            InvalidInput: If actions are not continuous between finite bounds.
        """
        return BoundedActions(spaces.action, type(self).__name__).length

    def layouts(self, spaces: Spaces) -> tuple[Layout, Layout]:
        """The actor (means, then log standard deviations), and one critic."""
        inputs, actions, hidden = observation_length(spaces), self.action_length(spaces), [self.width] * self.depth
        return Layout((inputs, *hidden, 2 * actions)), Layout((inputs + actions, *hidden, 1))


A = TypeVar("A", bound=SquashedActorAlgorithm)


class SquashedActorPopulation(OffPolicyPopulation[A]):
    """Agents with a squashed Gaussian actor and twin critics; a subclass writes `learn` from the parts here.

    Args:
        configurations: One per agent.
        agents: Who trains.
        environment: Where.
        horizon: Full budget in env steps.
        device: "cpu" or a torch device.

    Attributes:
        actions: The action space.
        weights: Of the actors, shape (M, P).
        gradients: Of the actors' losses, shape (M, P).
        actor: The policies.
        optimiser: Adam on the actors.
        critics: Both of every agent.
        unlimited: Gradient norms without a limit (M, 1).
    """

    learned = frozenset({"current", "following"})

    def __init__(
        self, configurations: Sequence[A], agents: Sequence[Agent], environment: Environment, horizon: int, device: str
    ) -> None:
        super().__init__(configurations, agents, environment, horizon, device)
        static = self.static
        self.actions = BoundedActions(self.spaces.action, type(static).__name__)
        actor, critic = static.layouts(self.spaces)
        self.weights = torch.zeros(self.size, actor.length, device=device)
        self.gradients = torch.zeros_like(self.weights)
        self.actor = StackedMLP(actor, self.weights, static.activation, self.gradients)
        self.optimiser = Adam(self.weights, np.full(self.size, 1e-8))
        self.critics = TwinCritics(self.size, critic, self.actions.length, static.activation, device)
        self.unlimited = self.weights.new_full((self.size, 1), torch.inf)

    def initialise(self) -> None:
        """Draws every agent's initial weights, from its streams "weights" and "critics"."""
        layout, agents = self.static.layouts(self.spaces)[0], self.inside
        self.weights.copy_(
            torch.cat([stacked_layers(layout, stream(one.seed, "weights", lineage=one.lineage)) for one in agents])
        )
        self.critics.initialise([stream(one.seed, "critics", lineage=one.lineage) for one in agents])

    def reconfigure(self) -> None:
        """Hands changed hyperparameters to those who keep a copy of their own."""
        super().reconfigure()
        self._target_every = self.columns.numbers("target_update_interval").astype(np.int64)

    def noise(self, generator: np.random.Generator, configuration: A, steps: int) -> dict[str, Array]:
        """Uniform actions, and normal draws for acting and for both sides of an update."""
        acting = (steps, configuration.n_envs, self.static.action_length(self.spaces))
        learning = (steps, configuration.gradient_steps, configuration.batch_size, acting[-1])
        return {
            "uniform": generator.uniform(-1, 1, acting).astype(np.float32),
            "acting": generator.standard_normal(acting, dtype=np.float32),
            "current": generator.standard_normal(learning, dtype=np.float32),
            "following": generator.standard_normal(learning, dtype=np.float32),
        }

    def explore(self, observations: Array, random: Flags, draws: Mapping[str, Array]) -> tuple[Array, Array]:
        """A draw from the policy, or from the whole space at first."""
        actions = draws["uniform"]
        if not random.all():
            seen = torch.from_numpy(observations.astype(np.float32, copy=False)).to(self.device)
            drawn = self.policy(seen, draws["acting"])
            actions = np.where(random[:, None, None], actions, drawn.actions.cpu().numpy())
        return actions, self.actions.for_environment(actions)

    def policy(self, observations: Tensor, noise: Array) -> SquashedGaussian:
        """Draws from the policies.

        Args:
            observations: Shape (M, batch, inputs).
            noise: Standard normal draws (M, batch, length).
        """
        return SquashedGaussian(self.actor.forward(observations), torch.from_numpy(noise).to(self.device))

    def soft_targets(self, batch: Transitions, noise: Array, temperature: Tensor) -> Tensor:
        """What the critics learn: rewards, the smaller next value at a draw, and what its entropy is worth (M, batch).

        Args:
            batch: What they learn from.
            noise: Standard normal draws (M, batch, length).
            temperature: Worth of the entropy (M, 1).
        """
        then = self.policy(batch.next_observations, noise)
        next_values = self.critics.next_values(batch.next_observations, then.actions)
        return batch.rewards + batch.discounts * (next_values - temperature * then.log_prob)

    def value_gradient(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Gradient of -min Q(s, a), averaged over the batch, with respect to the actions (M, batch, length)."""
        values = self.critics.values(observations, actions)
        # The gradient of a minimum is that of the smaller critic.
        smaller = (values[:, 0] <= values[:, 1])[:, None]
        return self.critics.action_gradient(torch.cat([smaller, ~smaller], 1).to(values.dtype) / -values.shape[2])

    def follow(self, turn: int, learning: Flags) -> None:
        """Moves the target critics of those who learn, where this gradient step is one of theirs."""
        followed = learning & (turn % self._target_every == 0)
        if followed.any():
            track(self.critics.target_weights, self.critics.weights, self.columns.numbers("tau") * followed)

    def greedy(self, observations: Tensor) -> Array:
        """The squashed means."""
        means = self.actor.forward(observations)[:, : self.actions.length].transpose(1, 2)
        return self.actions.for_environment(means.tanh().cpu().numpy())

    def states(self) -> dict[str, State]:
        """Weights, optimisers, and the replay."""
        return {
            **super().states(),
            **self.critics.states(),
            "weights": self.weights,
            "adam_mean": self.optimiser.mean,
            "adam_square": self.optimiser.square,
            "adam_decays": self.optimiser.decays,
        }
