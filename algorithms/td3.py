"""Twin delayed deep deterministic policy gradient (Fujimoto et al., 2018) for a whole population of agents.

Names, defaults and the order of the updates are Stable-Baselines3's, except that layers are equally wide (two of 256;
there and in the paper: 400 and 300) and that `action_noise`, the standard deviation of normal exploration noise on
actions scaled to [-1, 1], is 0.1 as in the paper (there: none); `gradient_steps` is at least 1, and `train_freq` no
number of episodes. n-step returns come without off-policy correction.

Further deviations from the paper, all Stable-Baselines3's: a minibatch has 256 transitions (there: 100); uniformly
random actions end after 100 env steps (there: 1000, or 10,000 where episodes have a fixed length), and the exploration
noise is added to them too.
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

from autorl.agents.continuous import ContinuousAlgorithm, ContinuousPopulation
from autorl.agents.networks import StackedMLP
from autorl.agents.population import State
from autorl.agents.replay import Transitions
from autorl.agents.targets import track
from autorl.checks import check_number, check_whole
from autorl.environment import Environment, Spaces
from autorl.population import hyperparameter
from autorl.records import Agent

__all__ = ["TD3", "TD3Population"]

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TD3(ContinuousAlgorithm):
    """One configuration of TD3; `static` ones must agree within a population.

    Attributes:
        learning_rate: Adam's step size, of actor and critics.
        n_envs: Sub-environments an agent acts in at once.
        buffer_size: Transitions kept; cut to the horizon.
        learning_starts: Env steps of uniformly random actions, with noise, before the first update.
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
        return TD3Population.begin(cls, agents, environment, horizon, device)

    def parameter_counts(self, spaces: Spaces) -> tuple[int, int, int]:
        """Parameters of the actor, of all networks with targets, and operations of one update a row.

        The actor's share is counted in full, although it learns only every `policy_delay` updates.
        """
        actor, critic = (layout.parameters for layout in self.layouts(spaces))
        return actor, 2 * actor + 4 * critic, 2 * (4 * actor + 2 * (1 + 3 + 2) * critic)


class TD3Population(ContinuousPopulation[TD3]):
    """Agents that learn by TD3."""

    learned: ClassVar[tuple[str, ...]] = ("smoothing",)

    def __init__(
        self,
        configurations: Sequence[TD3],
        agents: Sequence[Agent],
        environment: Environment,
        horizon: int,
        device: str,
    ) -> None:
        super().__init__(configurations, agents, environment, horizon, device)
        self.target_weights = torch.zeros_like(self.weights)
        self.target = StackedMLP(self.static.layouts(self.spaces)[0], self.target_weights, self.static.activation)

    def initialise(self) -> None:
        """Draws every agent's initial weights; targets are copies."""
        super().initialise()
        self.target_weights.copy_(self.weights)

    def explore(self, observations: Array, random: Flags, draws: Mapping[str, Array]) -> tuple[Array, Array]:
        """The policy's action, or any at first, with noise."""
        actions = draws["uniform"]
        if not random.all():
            own = self.policy(self.seen(observations)).cpu().numpy()
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

        due = learning & ((self.gradient_updates + 1) % h.whole("policy_delay") == 0)
        if due.any():
            # Policy loss: -Q1(s, pi(s)), through the first critic to the action and its tanh
            actions = self.policy(batch.observations)
            values = self.critics.values(batch.observations, actions)
            value_gradient = torch.zeros_like(values)
            value_gradient[:, 0] = -1 / size
            gradient = self.critics.action_gradient(value_gradient) * (1 - actions.square())
            self.actor.backward(gradient.transpose(1, 2))
            moved = self.optimiser.step(self.gradients, rates, None, due)
            norms = norms + moved.where(torch.from_numpy(due[:, None]).to(self.device), 0.0)  # not of who waits
            taus = h.numbers("tau") * due
            track(self.critics.target_weights, self.critics.weights, taus)
            track(self.target_weights, self.weights, taus)
        finite: Flags = norms[:, 0].isfinite().cpu().numpy()
        return finite

    def policy(self, observations: Tensor) -> Tensor:
        """The policies' actions in (-1, 1), shape (M, batch, length)."""
        return self.actor.forward(observations).transpose(1, 2).tanh()

    def greedy(self, observations: Array) -> Array:
        """The policies' actions."""
        return self.actions.for_environment(self.policy(self.seen(observations)).cpu().numpy())

    def states(self) -> dict[str, State]:
        """What all such agents keep, and the actors' targets."""
        return {**super().states(), "target_weights": self.target_weights}
