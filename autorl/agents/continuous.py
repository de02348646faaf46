"""Off-policy algorithms with an actor for bounded continuous actions and twin critics (SAC, TD3, off-policy MDPO)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from autorl.agents.bounded_actions import BoundedActions
from autorl.agents.networks import Layout, StackedMLP
from autorl.agents.off_policy import OffPolicyPopulation
from autorl.agents.off_policy_algorithm import OffPolicyAlgorithm
from autorl.agents.optimiser import Adam
from autorl.agents.population import State, observation_length
from autorl.agents.twin_critics import TwinCritics
from autorl.environment import Environment, Spaces
from autorl.records import Agent
from autorl.seeds import stream

__all__ = ["ContinuousAlgorithm", "ContinuousPopulation"]

Array = npt.NDArray[Any]


class ContinuousAlgorithm(OffPolicyAlgorithm):
    """The networks they share; a subclass declares the hyperparameters as its own fields.

    Attributes:
        actor_outputs: Outputs of an actor for each coordinate of an action.
        learned_draws: Normal draws of an update, for each coordinate of a batch's actions.
    """

    actor_outputs: ClassVar[int] = 1
    learned_draws: ClassVar[int] = 1

    def action_length(self, spaces: Spaces) -> int:
        """Coordinates of an action.

        Raises:
            InvalidInput: If actions are not continuous between finite bounds.
        """
        return BoundedActions(spaces.action, type(self).__name__).length

    def layouts(self, spaces: Spaces) -> tuple[Layout, Layout]:
        """The actor, and one critic."""
        inputs, actions = observation_length(spaces, type(self)), self.action_length(spaces)
        hidden = [self.width] * self.depth
        return Layout((inputs, *hidden, self.actor_outputs * actions)), Layout((inputs + actions, *hidden, 1))

    @property
    def gathers(self) -> bool:
        """Whether those who learn may be gathered where they are few."""
        return True

    def drawn_bytes(self, spaces: Spaces) -> int:
        """Those of the replay, and those of `ContinuousPopulation.noise`."""
        learning = self.learned_draws * self.gradient_steps * self.transitions
        numbers = (learning + 2 * self.environments) * self.action_length(spaces)
        return super().drawn_bytes(spaces) + 4 * self.block_steps * numbers

    def activations(self, spaces: Spaces) -> int:
        """Of the actor forward and backward and its predecessor, of both critics and their targets, and of actions."""
        actor, critic = (layout.activations for layout in self.layouts(spaces))
        return 3 * actor + 6 * critic + 24 * self.action_length(spaces)


A = TypeVar("A", bound=ContinuousAlgorithm)


class ContinuousPopulation(OffPolicyPopulation[A]):
    """Agents with an actor and twin critics; a subclass writes `explore`, `learn` and `greedy` from the parts here.

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
        learned: Names of the normal draws of an update, a number for every coordinate of a batch's actions.
    """

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

    def initialise(self) -> None:
        """Draws every agent's initial weights, from its streams "weights" and "critics"."""
        self.weights.copy_(self.drawn_weights(self.static.layouts(self.spaces)[0]))
        self.critics.initialise([stream(one.seed, "critics", lineage=one.lineage) for one in self.inside])

    def noise(self, generator: np.random.Generator, configuration: A, steps: int) -> dict[str, Array]:
        """Uniform actions, and normal draws for acting and for updates."""
        acting = (steps, configuration.n_envs, self.static.action_length(self.spaces))
        learning = (steps, configuration.gradient_steps, configuration.batch_size, acting[-1])
        return {
            "uniform": generator.uniform(-1, 1, acting).astype(np.float32),
            "acting": generator.standard_normal(acting, dtype=np.float32),
            **{name: generator.standard_normal(learning, dtype=np.float32) for name in self.learned},
        }

    def states(self) -> dict[str, State]:
        """Weights, optimisers, and the replay."""
        return {**super().states(), **self.critics.states(), "weights": self.weights, **self.optimiser.states()}
