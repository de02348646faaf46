"""What algorithms share that learn the values of discrete actions (DQN, and its multi-objective kin)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from gymnasium.spaces import Discrete
from torch import Tensor

from autorl.agents.images import ImageLayout
from autorl.agents.networks import Layout, StackedMLP
from autorl.agents.off_policy import OffPolicyPopulation
from autorl.agents.off_policy_algorithm import OffPolicyAlgorithm
from autorl.agents.optimiser import Adam
from autorl.agents.population import State
from autorl.agents.priorities import Priorities
from autorl.environment import Environment, Spaces
from autorl.errors import InvalidInput
from autorl.records import Agent

__all__ = ["QLearningAlgorithm", "QLearningPopulation"]

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]


class QLearningAlgorithm(OffPolicyAlgorithm):
    """Hyperparameters that Q-learning algorithms share; a subclass declares them as its own fields."""

    prioritized_replay: bool
    per_alpha: float
    per_eps: float
    adam_eps: float

    def action_length(self, spaces: Spaces) -> int:
        """The action's number.

        Raises:
            InvalidInput: If actions are not discrete.
        """
        self.actions(spaces)
        return 1

    def actions(self, spaces: Spaces) -> int:
        """How many actions there are.

        Raises:
            InvalidInput: If actions are not discrete.
        """
        if not isinstance(spaces.action, Discrete):
            raise InvalidInput(f"{type(self).__name__} acts in Discrete spaces, not in {spaces.action}")
        return int(spaces.action.n)

    @property
    def networks(self) -> int:
        """Networks of one agent, which lie side by side."""
        return 1

    @abstractmethod
    def layout(self, spaces: Spaces) -> Layout | ImageLayout:
        """The shape of a network.

        Raises:
            InvalidInput: If the algorithm cannot learn in these spaces.
        """

    @property
    def gathers(self) -> bool:
        """Whether those who learn may be gathered where they are few: sum trees are not copied about."""
        return not self.prioritized_replay

    def drawn_bytes(self, spaces: Spaces) -> int:
        """Those of the replay, and those of `QLearningPopulation.noise`."""
        return super().drawn_bytes(spaces) + 16 * self.block_steps * self.environments

    def activations(self, spaces: Spaces) -> int:
        """Of a network forward and backward, of its target, and of what is made of their values."""
        layout = self.layout(spaces)
        return 3 * layout.activations + 6 * layout.sizes[-1]

    def memory_bytes(self, spaces: Spaces, horizon: int) -> int:
        """Peak memory of one agent, its priorities among it."""
        rows = self.slots(horizon) * self.environments
        return super().memory_bytes(spaces, horizon) + self.prioritized_replay * Priorities.tree_bytes(rows)


A = TypeVar("A", bound=QLearningAlgorithm)


class QLearningPopulation(OffPolicyPopulation[A], Generic[A]):
    """Agents with a network of values, a target network, and a replay with or without priorities.

    A subclass says how it explores (`epsilons`), acts (`greedy`), learns (`learn`) and moves its targets (`stepped`).

    Args:
        configurations: One per agent.
        agents: Who trains.
        environment: Where.
        horizon: Full budget in env steps.
        device: "cpu" or a torch device.

    Attributes:
        actions: How many actions there are.
        weights: Parameters of the networks (M, P); those of an agent with several one after the other.
        target_weights: Those of the target networks.
        gradients: Where `network.backward` writes.
        network: The networks.
        target: The target networks.
        optimiser: Adam on `weights`.
        priorities: Of the kept transitions; None without prioritised replay.
    """

    def __init__(
        self, configurations: Sequence[A], agents: Sequence[Agent], environment: Environment, horizon: int, device: str
    ) -> None:
        super().__init__(configurations, agents, environment, horizon, device)
        static, layout = self.static, self.static.layout(self.spaces)
        self.actions = static.actions(self.spaces)
        self.weights = torch.zeros(self.size, static.networks * layout.length, device=device)
        self.target_weights, self.gradients = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        every = [flat.view(-1, layout.length) for flat in (self.weights, self.target_weights, self.gradients)]
        self.network: StackedMLP = layout.network(every[0], static.activation, every[2])
        self.target: StackedMLP = layout.network(every[1], static.activation)
        self.optimiser = Adam(self.weights, self.columns.numbers("adam_eps"))
        rows = self.replay.slots * static.environments
        self.priorities = Priorities(self.size, rows) if static.prioritized_replay else None

    def initialise(self) -> None:
        """Draws every agent's initial weights, from its stream "weights", as torch initialises linear layers."""
        self.weights.copy_(self.drawn_weights(self.static.layout(self.spaces)))
        self.target_weights.copy_(self.weights)

    def reconfigure(self) -> None:
        """Hands changed hyperparameters to those who keep a copy of their own."""
        super().reconfigure()
        self.optimiser.epsilons = self.columns.numbers("adam_eps")

    def noise(self, generator: np.random.Generator, configuration: A, steps: int) -> dict[str, Array]:
        """Whether to explore, and which action then."""
        shape = (steps, configuration.environments)
        return {"explore": generator.random(shape), "action": generator.integers(0, self.actions, shape)}

    @abstractmethod
    def epsilons(self, env_steps: int) -> npt.NDArray[np.float64]:
        """Everybody's share of uniformly random actions after so many env steps (M)."""

    def explore(self, observations: Array, random: Flags, draws: Mapping[str, Array]) -> tuple[Array, Array]:
        """The best action, or with probability epsilon any."""
        actions = draws["action"]
        if not random.all():
            greedy = draws["explore"] >= self.epsilons(self.iteration * self.static.environments)[:, None]
            actions = np.where(greedy & ~random[:, None], self.exploited(observations), actions)
        return actions[:, :, None], actions

    def exploited(self, observations: Array) -> Array:
        """The best actions (M, N) in training."""
        return self.greedy(observations)

    def draw(self, units: Array, steps: int) -> Array:
        """Rows to learn from: any, or by priority."""
        return super().draw(units, steps) if self.priorities is None else self.priorities.draw(units)

    def remember(self, step: int, going: Flags) -> None:
        """New transitions have the largest priority met."""
        if self.priorities is not None:
            first = step % self.replay.slots * self.static.environments
            rows = np.arange(first, first + self.static.environments)
            self.priorities.add(rows, self.columns.numbers("per_alpha"), going)

    def prioritize(self, rows: Array, errors: Tensor, learning: Flags) -> None:
        """Renews the priorities of rows just learned from, by the sizes of their errors (M, batch)."""
        if self.priorities is None:
            return
        h = self.columns
        sizes = errors.abs().cpu().numpy().astype(np.float64) + h.numbers("per_eps")[:, None]
        sound = learning & np.isfinite(sizes).all(1)
        self.priorities.update(rows, sizes, h.numbers("per_alpha"), sound)

    def states(self) -> dict[str, State]:
        """Weights of both networks, Adam's moments and steps, the replay, and its priorities."""
        states: dict[str, State] = {
            **super().states(),
            "weights": self.weights,
            "target_weights": self.target_weights,
            **self.optimiser.states(),
        }
        if self.priorities is not None:
            trees = self.priorities
            states |= {"priorities": trees.tree, "largest_priority": trees.largest, "priority_exponents": trees.alphas}
        return states
