"""Twin delayed deep deterministic policy gradient (Fujimoto et al., 2018) for a whole population of agents.

Names, defaults and the order of the updates are Stable-Baselines3's, except that layers are equally wide (there: 400
and 300) and that `action_noise`, the standard deviation of normal exploration noise on actions scaled to [-1, 1], is
0.1 as in the paper (there: none). n-step returns come without off-policy correction; a minibatch falls on all that was
kept evenly.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

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
from autorl.agents.twin_critics import TwinCritics
from autorl.checks import check_number, check_whole
from autorl.environment import Environment, Spaces
from autorl.population import hyperparameter
from autorl.records import Agent
from autorl.seeds import stream

__all__ = ["TD3", "TD3Population"]

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TD3(OffPolicyAlgorithm):
    """One configuration of TD3; `static` ones must agree within a population.

    Attributes:
        learning_rate: Adam's step size, of actor and critics.
        n_envs: Sub-environments an agent acts in at once.
        buffer_size: Transitions kept; cut to the horizon.
        learning_starts: Env steps of uniformly random actions before the first update.
        batch_size: Transitions of an update.
        tau: Share of the way the target networks move at their updates.
        gamma: Discount per env step.
        train_freq: Vector steps between updates.
        gradient_steps: Gradient steps of an update.
        n_steps: Env steps of a return before its bootstrapped rest.
        action_noise: Standard deviation of the noise added to actions in training, on the scale [-1, 1].
        policy_delay: Gradient steps of the critics between updates of the actor and of all targets.
        target_policy_noise: Standard deviation of the noise added to the target's actions.
        target_noise_clip: Bound of that noise.
        activation: "relu" or "tanh".
        width: Units of a hidden layer.
        depth: Hidden layers, 0 to 3; 0 is linear.

    Raises:
        InvalidInput: If a value is out of range.
    """

    name: ClassVar[str] = "td3"
    summary: ClassVar[str] = "Twin delayed deep deterministic policy gradient; continuous actions"

    learning_rate: float = hyperparameter(1e-3)
    n_envs: int = hyperparameter(1, static=True)
    buffer_size: int = hyperparameter(1_000_000, static=True)
    learning_starts: int = hyperparameter(100)
    batch_size: int = hyperparameter(256, static=True)
    tau: float = hyperparameter(0.005)
    gamma: float = hyperparameter(0.99)
    train_freq: int = hyperparameter(1)
    gradient_steps: int = hyperparameter(1)
    n_steps: int = hyperparameter(1)
    action_noise: float = hyperparameter(0.1)
    policy_delay: int = hyperparameter(2)
    target_policy_noise: float = hyperparameter(0.2)
    target_noise_clip: float = hyperparameter(0.5)
    activation: str = hyperparameter("relu", static=True)
    width: int = hyperparameter(256, static=True)
    depth: int = hyperparameter(2, static=True)

    def __post_init__(self) -> None:
        self.check_shared()
        for name in ("action_noise", "target_policy_noise", "target_noise_clip"):
            check_number(name, getattr(self, name), 0, sys.float_info.max)
        check_whole("policy_delay", self.policy_delay, 1)

    @classmethod
    def population(
        cls, agents: Sequence[Agent], environment: Environment, horizon: int, device: str = "cpu"
    ) -> TD3Population:
        """Builds agents at their initial weights.

        Raises:
            InvalidInput: If the agents disagree on a static hyperparameter, or the spaces are not supported.
        """
        made = TD3Population(
            [cls.configure(agent.configuration) for agent in agents], agents, environment, horizon, device
        )
        made.initialise()
        return made

    def action_length(self, spaces: Spaces) -> int:
        """Coordinates of an action.

        Raises:
            InvalidInput: If actions are not continuous between finite bounds.
        """
        return BoundedActions(spaces.action, type(self).__name__).length

    def layouts(self, spaces: Spaces) -> tuple[Layout, Layout]:
        """The actor, and one critic."""
        inputs, actions, hidden = observation_length(spaces), self.action_length(spaces), [self.width] * self.depth
        return Layout((inputs, *hidden, actions)), Layout((inputs + actions, *hidden, 1))

    def parameter_counts(self, spaces: Spaces) -> tuple[int, int, int]:
        """Parameters of the actor, of all networks with targets, and operations of one update a row.

        The actor's share is counted in full, although it learns only every `policy_delay` updates.
        """
        actor, critic = (sum(i * o + o for i, o in layout.layers) for layout in self.layouts(spaces))
        return actor, 2 * actor + 4 * critic, 2 * (4 * actor + 2 * (1 + 3 + 2) * critic)


class TD3Population(OffPolicyPopulation[TD3]):
    """Agents that learn by TD3."""

    learned = frozenset({"smoothing"})

    def __init__(
        self,
        configurations: Sequence[TD3],
        agents: Sequence[Agent],
        environment: Environment,
        horizon: int,
        device: str,
    ) -> None:
        super().__init__(configurations, agents, environment, horizon, device)
        static = self.static
        self.actions = BoundedActions(self.spaces.action, type(static).__name__)
        actor, critic = static.layouts(self.spaces)
        self.weights, self.target_weights, self.gradients = (
            torch.zeros(self.size, actor.length, device=device) for _ in range(3)
        )
        self.actor = StackedMLP(actor, self.weights, static.activation, self.gradients)
        self.target = StackedMLP(actor, self.target_weights, static.activation)
        self.optimiser = Adam(self.weights, np.full(self.size, 1e-8))
        self.critics = TwinCritics(self.size, critic, self.actions.length, static.activation, device)
        self._unlimited = self.weights.new_full((self.size, 1), torch.inf)

    def initialise(self) -> None:
        """Draws every agent's initial weights, from its streams "weights" and "critics"; targets are copies."""
        layout, agents = self.static.layouts(self.spaces)[0], self.inside
        self.weights.copy_(
            torch.cat([stacked_layers(layout, stream(one.seed, "weights", lineage=one.lineage)) for one in agents])
        )
        self.target_weights.copy_(self.weights)
        self.critics.initialise([stream(one.seed, "critics", lineage=one.lineage) for one in agents])

    def reconfigure(self) -> None:
        """Hands changed hyperparameters to those who keep a copy of their own."""
        super().reconfigure()
        self._delay = self.columns.numbers("policy_delay").astype(np.int64)

    def noise(self, generator: np.random.Generator, configuration: TD3, steps: int) -> dict[str, Array]:
        """Uniform actions, and normal draws for exploring and for smoothing the target."""
        acting = (steps, configuration.n_envs, self.static.action_length(self.spaces))
        learning = (steps, configuration.gradient_steps, configuration.batch_size, acting[-1])
        return {
            "uniform": generator.uniform(-1, 1, acting).astype(np.float32),
            "acting": generator.standard_normal(acting, dtype=np.float32),
            "smoothing": generator.standard_normal(learning, dtype=np.float32),
        }

    def explore(self, observations: Array, random: Flags, draws: Mapping[str, Array]) -> tuple[Array, Array]:
        """The policy's action, or any at first, with noise."""
        actions = draws["uniform"]
        if not random.all():
            seen = torch.from_numpy(observations.astype(np.float32, copy=False)).to(self.device)
            own = self.actor.forward(seen).transpose(1, 2).tanh().cpu().numpy()
            actions = np.where(random[:, None, None], actions, own)
        spread = self.columns.numbers("action_noise").astype(np.float32)[:, None, None]
        actions = (actions + spread * draws["acting"]).clip(-1, 1)
        return actions, self.actions.for_environment(actions)

    def learn(self, batch: Transitions, rows: Array, turn: int, learning: Flags, draws: Mapping[str, Array]) -> Flags:
        """The critics; and every `policy_delay` steps the actor and the targets."""
        h, rates, size = self.columns, self.columns.numbers("learning_rate"), rows.shape[1]

        # Value of the next observation at the target's action, smoothed by noise
        clip = h.target_noise_clip[:, :, None]
        smoothing = torch.from_numpy(draws["smoothing"]).to(self.device) * h.target_policy_noise[:, :, None]
        following = self.target.forward(batch.next_observations).transpose(1, 2).tanh()
        following = (following + torch.minimum(torch.maximum(smoothing, -clip), clip)).clamp(-1, 1)
        next_values = self.critics.next_values(batch.next_observations, following)
        targets = batch.rewards + batch.discounts * next_values
        norms = self.critics.learn(batch, targets, rates, learning, scale=1.0)

        due = learning & ((self.gradient_updates + 1) % self._delay == 0)
        if due.any():
            # Policy loss: -Q1(s, pi(s)), through the first critic to the action and its tanh
            actions = self.actor.forward(batch.observations).transpose(1, 2).tanh()
            values = self.critics.values(batch.observations, actions)
            value_gradient = torch.zeros_like(values)
            value_gradient[:, 0] = -1 / size
            gradient = self.critics.action_gradient(value_gradient) * (1 - actions.square())
            self.actor.backward(gradient.transpose(1, 2))
            norms = norms + self.optimiser.step(self.gradients, rates, self._unlimited, due)
            taus = h.numbers("tau") * due
            track(self.critics.target_weights, self.critics.weights, taus)
            track(self.target_weights, self.weights, taus)
        finite: Flags = norms[:, 0].isfinite().cpu().numpy()
        return finite

    def greedy(self, observations: Tensor) -> Array:
        """The policy's actions."""
        return self.actions.for_environment(self.actor.forward(observations).transpose(1, 2).tanh().cpu().numpy())

    def states(self) -> dict[str, State]:
        """Weights, targets, optimisers, and the replay."""
        return {
            **super().states(),
            **self.critics.states(),
            "weights": self.weights,
            "target_weights": self.target_weights,
            "adam_mean": self.optimiser.mean,
            "adam_square": self.optimiser.square,
            "adam_decays": self.optimiser.decays,
        }
