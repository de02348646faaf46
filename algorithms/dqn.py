"""Deep Q-networks (Mnih et al., 2015) for a whole population of agents.

Names, defaults and the order of acting, keeping and learning are Stable-Baselines3's. With it come double Q-learning
(van Hasselt et al., 2016), dueling heads (Wang et al., 2016), n-step returns and proportional prioritised replay
(Schaul et al., 2016), each a hyperparameter and off by default.

Huber's loss has the gradient of the 2015 paper's error cut at -1 and 1. Deviations from that paper, all
Stable-Baselines3's: Adam takes the steps, gradients are clipped by norm, rewards are not clipped, time limits are
bootstrapped through, and by default learning begins after 100 env steps (there: 50,000 frames), epsilon falls to 0.05
(0.1) over a tenth of the env steps, and `target_update_interval` counts env steps (gradient steps). Deviations from
Stable-Baselines3: epsilon is drawn for every sub-environment alone, and holds from the first step on, where its first
action is greedy without `learning_starts`; `gradient_steps` is at least 1, and `train_freq` no number of episodes; and
behind the convolutional layers for images (others than its own below a side of 36) stand hidden layers too: its
`CnnPolicy` is `depth` 0.

From Wang et al.: value and advantages are linear outputs of one trunk, without hidden layers of their own, and the
gradient that enters the trunk is not rescaled. From Schaul et al.: new transitions have the largest priority ever met,
not that of those kept; errors are not cut at -1 and 1 before they become priorities; weights are divided by the largest
of a minibatch; and the learning rate is not lowered, nor double Q-learning presupposed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autorl.agents.images import ImageLayout, image_shape
from autorl.agents.networks import Layout
from autorl.agents.optimiser import SMALLEST_EPSILON
from autorl.agents.population import observation_length
from autorl.agents.q_learning import QLearningAlgorithm, QLearningPopulation
from autorl.agents.replay import Transitions
from autorl.agents.targets import track
from autorl.checks import check_flag, check_number, check_whole
from autorl.environment import Environment, Spaces
from autorl.population import hyperparameter
from autorl.records import Agent

__all__ = ["DQN", "DQNPopulation"]

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class DQN(QLearningAlgorithm):
    """One configuration of DQN; `static` ones must agree within a population.

    Attributes:
        learning_rate: Adam's step size.
        n_envs: Sub-environments an agent acts in at once.
        buffer_size: Transitions kept; cut to the horizon.
        learning_starts: Env steps of uniformly random actions before the first update.
        batch_size: Transitions of an update.
        tau: Share of the way the target network moves at its updates; 1 copies.
        gamma: Discount per env step.
        train_freq: Vector steps between updates.
        gradient_steps: Gradient steps of an update.
        n_steps: Env steps of a return before its bootstrapped rest.
        target_update_interval: Env steps between updates of the target network.
        exploration_fraction: Share of the horizon over which epsilon falls linearly.
        exploration_initial_eps: Epsilon at first.
        exploration_final_eps: Epsilon at last.
        max_grad_norm: Norm an agent's gradient is clipped to.
        double_q: Whether the online network chooses the next action that the target network values.
        dueling: Whether value and advantages have outputs of their own.
        prioritized_replay: Whether transitions are drawn by the size of their error.
        per_alpha: How much priorities matter; 0 is uniform. Of a prioritised replay only.
        per_beta: How much of the bias is corrected at first; 1 at the horizon. Of a prioritised replay only.
        per_eps: Added to every error, so that none is never drawn again. Of a prioritised replay only.
        activation: "relu" or "tanh".
        width: Units of a hidden layer.
        depth: Hidden layers, 0 to 3; 0 is linear.
        adam_eps: Adam's epsilon.

    Raises:
        InvalidInput: If a value is out of range.
    """

    name: ClassVar[str] = "dqn"
    sees_images: ClassVar[bool] = True
    summary: ClassVar[str] = "Deep Q-networks: double, dueling, n-step, prioritised; discrete actions"

    learning_rate: float = hyperparameter(1e-4)
    n_envs: int = hyperparameter(1, static=True)
    buffer_size: int = hyperparameter(1_000_000, static=True)
    learning_starts: int = hyperparameter(100)
    batch_size: int = hyperparameter(32, static=True)
    tau: float = hyperparameter(1.0)
    gamma: float = hyperparameter(0.99)
    train_freq: int = hyperparameter(4)
    gradient_steps: int = hyperparameter(1)
    n_steps: int = hyperparameter(1)
    target_update_interval: int = hyperparameter(10_000)
    exploration_fraction: float = hyperparameter(0.1)
    exploration_initial_eps: float = hyperparameter(1.0)
    exploration_final_eps: float = hyperparameter(0.05)
    max_grad_norm: float = hyperparameter(10.0)
    double_q: bool = hyperparameter(False)
    dueling: bool = hyperparameter(False, static=True)
    prioritized_replay: bool = hyperparameter(False, static=True)
    per_alpha: float = hyperparameter(0.6)
    per_beta: float = hyperparameter(0.4)
    per_eps: float = hyperparameter(1e-6)
    activation: str = hyperparameter("relu", static=True)
    width: int = hyperparameter(64, static=True)
    depth: int = hyperparameter(2, static=True)
    adam_eps: float = hyperparameter(1e-8)

    def __post_init__(self) -> None:
        self.check_shared()
        for name in ("exploration_initial_eps", "exploration_final_eps", "per_alpha", "per_beta"):
            check_number(name, getattr(self, name), 0, 1)
        check_number("exploration_fraction", self.exploration_fraction, 0, 1, above=True)
        for name in ("max_grad_norm", "per_eps"):
            check_number(name, getattr(self, name), 0, above=True)
        check_number("adam_eps", self.adam_eps, SMALLEST_EPSILON)
        check_whole("target_update_interval", self.target_update_interval, 1)
        for name in ("double_q", "dueling", "prioritized_replay"):
            check_flag(name, getattr(self, name))

    @classmethod
    def population(
        cls, agents: Sequence[Agent], environment: Environment, horizon: int, device: str = "cpu"
    ) -> DQNPopulation:
        """Builds agents at their initial weights.

        Raises:
            InvalidInput: If the agents disagree on a static hyperparameter, or the spaces are not supported.
        """
        return DQNPopulation.begin(cls, agents, environment, horizon, device)

    def layout(self, spaces: Spaces) -> Layout | ImageLayout:
        """The network: an output per action, and with dueling heads one more for the value."""
        following = [*[self.width] * self.depth, self.actions(spaces) + self.dueling]
        image = image_shape(spaces.observation)
        if image is not None:
            return ImageLayout(image, Layout((image.features, *following)))
        return Layout((observation_length(spaces, type(self)), *following))

    def acting_operations(self, spaces: Spaces) -> int:
        """Products of acting once."""
        return self.layout(spaces).operations

    def parameter_counts(self, spaces: Spaces) -> tuple[int, int, int]:
        """Parameters of the network, with its target, and operations of one update a row."""
        layout = self.layout(spaces)
        # Forward and backward (twice that) through the network, and the target's or both networks' next values.
        return layout.parameters, 2 * layout.parameters, 2 * layout.operations * (4 + self.double_q)


class DQNPopulation(QLearningPopulation[DQN]):
    """Agents that learn by DQN."""

    def epsilons(self, env_steps: int) -> npt.NDArray[np.float64]:
        """Everybody's epsilon after so many env steps (M)."""
        first, last = (self.columns.numbers(f"exploration_{end}_eps") for end in ("initial", "final"))
        share = np.minimum(env_steps / self.horizon / self.columns.numbers("exploration_fraction"), 1.0)
        return first + share * (last - first)

    def values(self, outputs: Tensor) -> Tensor:
        """Q-values (M, actions, batch) of a network's outputs (M, outputs, batch)."""
        if not self.static.dueling:
            return outputs
        advantages, value = outputs[:, :-1], outputs[:, -1:]
        return advantages - advantages.mean(1, keepdim=True) + value

    def stepped(self, step: int, going: Flags) -> None:
        """Moves the target networks whose interval is over."""
        every = np.maximum(self.columns.whole("target_update_interval") // self.static.n_envs, 1)
        due = going & ((step + 1) % every == 0)
        if due.any():
            track(self.target_weights, self.weights, self.columns.numbers("tau") * due)

    def learn(self, batch: Transitions, rows: Array, turn: int, learning: Flags, draws: Mapping[str, Array]) -> Flags:
        """One step on Huber's loss of r + gamma^n max Q_target(s', .) - Q(s, a)."""
        h, size = self.columns, rows.shape[1]

        # Value of the next observation, whose action the online network chooses in double Q-learning
        following = self.values(self.target.forward(batch.next_observations))
        best = following.max(1, keepdim=True).indices  # `argmax` takes many times as long
        double = h.double_q.bool()
        if double.any():
            others = self.values(self.network.forward(batch.next_observations, learning=False))
            best = others.max(1, keepdim=True).indices.where(double[:, None], best)
        targets = batch.rewards + batch.discounts * following.gather(1, best)[:, 0]

        # Error of the action taken
        taken = batch.actions.transpose(1, 2).long()
        values = self.values(self.network.forward(batch.observations))
        errors = values.gather(1, taken)[:, 0] - targets

        # Huber's loss: its gradient is the error, cut at -1 and 1
        gradient = errors.clamp(-1, 1) / size
        if self.priorities is not None:
            gradient = gradient * self._weighted(rows, errors, learning)
        outputs = torch.zeros_like(values).scatter_(1, taken, gradient[:, None])
        if self.static.dueling:
            outputs = torch.cat([outputs - outputs.mean(1, keepdim=True), gradient[:, None]], 1)
        self.network.backward(outputs)
        norms = self.optimiser.step(self.gradients, h.numbers("learning_rate"), h.max_grad_norm, learning)
        finite: Flags = norms[:, 0].isfinite().cpu().numpy()
        return finite

    def _weighted(self, rows: Array, errors: Tensor, learning: Flags) -> Tensor:
        """Importance weights of a draw by priority; its priorities are then renewed."""
        assert self.priorities is not None
        h, steps = self.columns, self.iteration + 1
        done = min(1.0, steps * self.static.n_envs / self.horizon)
        betas = h.numbers("per_beta") + done * (1 - h.numbers("per_beta"))
        weights = self.priorities.weights(rows, self.replay.filled(steps), betas)
        self.prioritize(rows, errors, learning)
        return torch.from_numpy(weights).to(errors.device)

    def greedy(self, observations: Array) -> Array:
        """The actions of the largest values."""
        values = self.values(self.network.forward(self.seen(observations), learning=False))
        best: Array = values.max(1).indices.cpu().numpy()
        return best
