"""Multi-objective Q-learning with a network conditioned on weights, for a whole population of agents.

Yang et al. (2019), "A Generalized Algorithm for Multi-Objective Reinforcement Learning and Policy Adaptation", arXiv
1908.08342. A network is told the weights of the rewards and gives a value for every action and reward. Each kept
transition is learned from under several weight vectors at once. The target `envelope` takes the next values that are
best for a vector among those of all the vectors, `scalarized` those of its own (conditioned double Q-learning, Abels et
al., 2019). With homotopy, the loss passes from the error of the vectors of values to the error of their weighed sums.

Names, but not defaults, and what the paper leaves open are those of morl-baselines' Envelope: the online network
chooses and the target network values, the loss is squared, all of a batch share their weight vectors, an episode is
acted under one vector, and draws by priority carry no importance weights. Deviations from it: epsilon and homotopy move
over half the horizon where no number of steps is set (there they stay at their first value, as here with equal first
and last values); priorities are the errors' mean over the weight vectors, not those of the first one; the envelope's
candidates are valued once and not once more for every vector; weights are drawn from a Dirichlet distribution instead
of normal variates' sizes, and for the scaled rewards where those are scaled. By default the homotopy stays at 0.75,
where the paper's passes from 0 to 1. Added: several sub-environments, n-step returns, normalised observations, and
factors of the rewards. Reached are the policies that are best for some weights: the convex part of a front.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autorl.agents.networks import Layout, StackedMLP
from autorl.agents.optimiser import SMALLEST_EPSILON
from autorl.agents.population import observation_length
from autorl.agents.preferences import check_reward_scale, drawn_weights, in_scaled_rewards, joined, reward_scales
from autorl.agents.replay import Transitions
from autorl.agents.vector_q_learning import VectorQAlgorithm, VectorQPopulation
from autorl.checks import check_choice, check_flag, check_number, check_whole
from autorl.environment import Environment, Spaces
from autorl.population import hyperparameter
from autorl.records import Agent

__all__ = ["MODQN", "MODQNPopulation"]

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class MODQN(VectorQAlgorithm):
    """One configuration of weight-conditioned Q-learning; `static` ones must agree within a population.

    Attributes:
        target: "envelope" or "scalarized".
        learning_rate: Adam's step size.
        n_envs: Sub-environments an agent acts in at once.
        buffer_size: Transitions kept; cut to the horizon.
        learning_starts: Env steps of uniformly random actions before the first update.
        batch_size: Transitions of a gradient step.
        num_sample_w: Weight vectors that each of them is learned from under.
        gamma: Discount per env step.
        n_steps: Env steps of a return before its bootstrapped rest.
        train_freq: Vector steps between updates.
        gradient_updates: Gradient steps of an update.
        tau: Share of the way the target network moves at every vector step; 1 copies, but at its own times only.
        target_net_update_freq: Env steps between copies to the target network where tau is 1.
        max_grad_norm: Norm an agent's gradient is clipped to.
        initial_epsilon: Share of random actions when `learning_starts` is over.
        final_epsilon: Share of random actions at last.
        epsilon_decay_steps: Env steps over which it moves linearly; None is half the horizon.
        homotopy: Whether the loss passes to the error of weighed sums.
        initial_homotopy_lambda: Share of that error when `learning_starts` is over. Of a homotopy only.
        final_homotopy_lambda: Share of that error at last. Of a homotopy only.
        homotopy_decay_steps: Env steps over which it moves linearly; None is half the horizon. Of a homotopy only.
        prioritized_replay: Whether transitions are drawn by the size of their error.
        per_alpha: How much priorities matter; 0 is uniform. Of a prioritised replay only.
        per_eps: Added to every error, so that none is never drawn again. Of a prioritised replay only.
        weight_concentration: Of the Dirichlet distribution that weights are drawn from in training: 1 is uniform, less
            prefers one reward alone.
        reward_scale: Factor of the rewards in training, or a text with a factor for each, such as "1 1 0.2": the unit
            they are valued in. Weights mean the rewards as the environment gives them, whatever it is.
        normalize_observations: Whether observations are shifted and scaled by running statistics.
        activation: "relu" or "tanh".
        width: Units of a hidden layer.
        depth: Hidden layers, 0 to 4; 0 is linear.
        adam_eps: Adam's epsilon.

    Raises:
        InvalidInput: If a value is out of range.
    """

    name: ClassVar[str] = "mo_dqn"
    summary: ClassVar[str] = (
        "Weight-conditioned Q-learning of several rewards (Envelope and double Q); discrete actions"
    )
    rewards: ClassVar[Literal["scalar", "vector", "any"]] = "vector"
    deepest: ClassVar[int] = 4

    target: str = hyperparameter("envelope", static=True)
    learning_rate: float = hyperparameter(1e-3)
    n_envs: int = hyperparameter(8, static=True)
    buffer_size: int = hyperparameter(1_000_000, static=True)
    learning_starts: int = hyperparameter(1000)
    batch_size: int = hyperparameter(64, static=True)
    num_sample_w: int = hyperparameter(4, static=True)
    gamma: float = hyperparameter(0.99)
    n_steps: int = hyperparameter(3)
    train_freq: int = hyperparameter(1)
    gradient_updates: int = hyperparameter(4)
    tau: float = hyperparameter(1.0)
    target_net_update_freq: int = hyperparameter(500)
    max_grad_norm: float = hyperparameter(1.0)
    initial_epsilon: float = hyperparameter(1.0)
    final_epsilon: float = hyperparameter(0.1)
    epsilon_decay_steps: int | None = hyperparameter(None)
    homotopy: bool = hyperparameter(True)
    initial_homotopy_lambda: float = hyperparameter(0.75)
    final_homotopy_lambda: float = hyperparameter(0.75)
    homotopy_decay_steps: int | None = hyperparameter(None)
    prioritized_replay: bool = hyperparameter(False, static=True)
    per_alpha: float = hyperparameter(0.6)
    per_eps: float = hyperparameter(0.01)
    weight_concentration: float = hyperparameter(0.5)
    reward_scale: float | str = hyperparameter(1.0)
    normalize_observations: bool = hyperparameter(False)
    activation: str = hyperparameter("relu", static=True)
    width: int = hyperparameter(64, static=True)
    depth: int = hyperparameter(2, static=True)
    adam_eps: float = hyperparameter(1e-8)

    def __post_init__(self) -> None:
        self.check_shared()
        check_choice("target", self.target, ("envelope", "scalarized"))
        for name in ("num_sample_w", "gradient_updates", "target_net_update_freq"):
            check_whole(name, getattr(self, name), 1)
        for name in ("epsilon_decay_steps", "homotopy_decay_steps"):
            if getattr(self, name) is not None:
                check_whole(name, getattr(self, name), 1)
        for name in ("epsilon", "homotopy_lambda"):
            for end in ("initial", "final"):
                check_number(f"{end}_{name}", getattr(self, f"{end}_{name}"), 0, 1)
        check_number("per_alpha", self.per_alpha, 0, 1)
        for name in ("max_grad_norm", "per_eps", "weight_concentration"):
            check_number(name, getattr(self, name), 0, above=True)
        check_number("adam_eps", self.adam_eps, SMALLEST_EPSILON)
        for name in ("homotopy", "prioritized_replay", "normalize_observations"):
            check_flag(name, getattr(self, name))
        check_reward_scale(self.reward_scale)

    @classmethod
    def population(
        cls, agents: Sequence[Agent], environment: Environment, horizon: int, device: str = "cpu"
    ) -> MODQNPopulation:
        """Builds agents at their initial weights.

        Raises:
            InvalidInput: If the agents disagree on a static hyperparameter, or the spaces are not supported.
        """
        return MODQNPopulation.begin(cls, agents, environment, horizon, device)

    def layout(self, spaces: Spaces) -> Layout:
        """The network: observation and weights in, a value for every reward and action out.

        Raises:
            InvalidInput: If the algorithm cannot learn in these spaces.
        """
        inputs, rewards = observation_length(spaces, type(self)), spaces.rewards
        reward_scales(self.reward_scale, rewards)
        return Layout((inputs + rewards, *[self.width] * self.depth, rewards * self.actions(spaces)))

    def parameter_counts(self, spaces: Spaces) -> tuple[int, int, int]:
        """Parameters of the network, with its target, and operations of one update a transition."""
        own = self.layout(spaces).parameters
        # Forward and backward (twice that) through the network, and both networks' next values, a weight vector.
        return own, 2 * own, 2 * own * 5 * self.num_sample_w

    def drawn_bytes(self, spaces: Spaces) -> int:
        """Those of Q-learning, and the weights of episodes and of gradient steps."""
        vectors = self.environments + self.gradient_updates * self.num_sample_w
        return super().drawn_bytes(spaces) + 8 * self.block_steps * vectors * spaces.rewards

    def activations(self, spaces: Spaces) -> int:
        """Under every weight vector those of Q-learning, and the utilities of all actions under all vectors."""
        count = self.num_sample_w
        return count * (super().activations(spaces) + 3 * count * self.actions(spaces))


class MODQNPopulation(VectorQPopulation[MODQN]):
    """Agents that learn by weight-conditioned Q-learning.

    Args:
        configurations: One per agent.
        agents: Who trains.
        environment: Where.
        horizon: Full budget in env steps.
        device: "cpu" or a torch device.
    """

    learned = ("weights",)

    def __init__(
        self,
        configurations: Sequence[MODQN],
        agents: Sequence[Agent],
        environment: Environment,
        horizon: int,
        device: str,
    ) -> None:
        super().__init__(configurations, agents, environment, horizon, device)
        count = self.static.num_sample_w
        self._foreign = ~torch.eye(count, dtype=torch.bool, device=device)[:, None, :, None]
        self.sought = np.zeros((self.size, self.static.n_envs, self.rewards))
        self.reconfigure()

    def noise(self, generator: np.random.Generator, configuration: MODQN, steps: int) -> dict[str, Array]:
        """Whether to explore and which action then, weights of an episode that begins, and weights to learn under."""
        counts = (configuration.n_envs,), (configuration.gradient_updates, configuration.num_sample_w)
        episode, learned = (
            drawn_weights(generator, configuration.weight_concentration, (steps, *count, self.rewards))
            for count in counts
        )
        return {**super().noise(generator, configuration, steps), "episode": episode, "weights": learned}

    def explore(self, observations: Array, random: Flags, draws: Mapping[str, Array]) -> tuple[Array, Array]:
        """The best action for the episode's weights, or with probability epsilon any."""
        begun = np.ones(observations.shape[:2], dtype=np.bool_)
        if self.iteration:  # an episode begins where the step before ended one; a restart ends them all
            newest = (self.iteration - 1) % self.replay.slots
            begun = self.replay.data[:, newest, :, -1].cpu().numpy() > 0
        self.sought = np.where(begun[:, :, None], draws["episode"], self.sought)
        return super().explore(observations, random, draws)

    def exploited(self, observations: Array) -> Array:
        """The best actions for the weights of every sub-environment's episode."""
        return self.best(observations, self.sought)

    def greedy(self, observations: Array) -> Array:
        """The best actions for the weights of every row's policy."""
        return self.best(observations, in_scaled_rewards(self.policy_weights(observations.shape[1]), self.scales))

    def best(self, observations: Array, weights: Array) -> Array:
        """The actions (M, batch) of the largest weighed values.

        Args:
            observations: Shape (M, batch, inputs).
            weights: Of the scaled rewards, shape (M, batch, rewards).
        """
        outputs = self.network.forward(self.seen(joined(self.normalizer(observations), weights)))
        values = outputs.view(self.size, self.rewards, self.actions, -1)
        weighed = values * self.seen(weights).transpose(1, 2)[:, :, None]
        actions: Array = weighed.sum(1).max(1).indices.cpu().numpy()
        return actions

    def rows(self, observations: Tensor, weights: Tensor) -> Tensor:
        """Inputs (M, K batch, .) of the network: observations (M, batch, inputs) under every vector (M, K, rewards)."""
        count, batch = weights.shape[1], observations.shape[1]
        seen = observations[:, None].expand(-1, count, -1, -1)
        return torch.cat([seen, weights[:, :, None].expand(-1, -1, batch, -1)], 3).flatten(1, 2)

    def valued(self, network: StackedMLP, rows: Tensor) -> Tensor:
        """Values (M, rewards, actions, K, batch) of inputs as `rows` gives them."""
        outputs = network.forward(rows)
        return outputs.view(self.size, self.rewards, self.actions, self.static.num_sample_w, -1)

    def learn(self, batch: Transitions, rows: Array, turn: int, learning: Flags, draws: Mapping[str, Array]) -> Flags:
        """One step on the squared errors of r + gamma^n Q_target(s', .; w') - Q(s, a; w), and of their weighed sums."""
        h, size, count = self.columns, self.size, self.static.num_sample_w
        weights = self.seen(draws["weights"])
        current, following = (
            self.rows(self.seen(self.normalizer(seen.cpu().numpy())), weights)
            for seen in (batch.observations, batch.next_observations)
        )

        # What is next for every vector w: of all actions, under all vectors w' or under w alone, the best by w.Q
        chooser = self.valued(self.network, following)
        utilities = torch.bmm(weights, chooser.flatten(2)).view(size, count, self.actions, count, -1)
        if self.static.target == "scalarized":
            utilities.masked_fill_(self._foreign, -torch.inf)
        best = utilities.flatten(2, 3).max(2).indices  # `argmax` takes seven times as long
        values = self.valued(self.target, following).flatten(2, 3)
        best_values = values.gather(2, best[:, None].expand(-1, self.rewards, -1, -1))

        # Errors of the actions taken (M, rewards, K, batch)
        scales = torch.from_numpy(self.scales.astype(np.float32)).to(self.device)
        earned = (batch.rewards * scales[:, None]).transpose(1, 2)[:, :, None]
        targets = earned + batch.discounts[:, None, None] * best_values
        outputs = self.valued(self.network, current)
        taken = batch.actions.long().view(size, 1, 1, 1, -1).expand(-1, self.rewards, -1, count, -1)
        errors = outputs.gather(2, taken)[:, :, 0] - targets

        # Gradient of (1 - lambda) mean (Q - y)^2 + lambda mean (w.Q - w.y)^2
        spread = weights.transpose(1, 2)[..., None]
        weighed = (spread * errors).sum(1, keepdim=True)
        shares = self.moved("homotopy_lambda", self.iteration * self.static.n_envs) * h.numbers("homotopy")
        share = torch.from_numpy(shares.astype(np.float32)).to(self.device).view(-1, 1, 1, 1)
        gradient = ((1 - share) / self.rewards * errors + share * spread * weighed) * (2 / weighed[0].numel())
        outputs = torch.zeros_like(outputs).scatter_(2, taken, gradient[:, :, None])
        self.network.backward(outputs.view(size, self.rewards * self.actions, -1))
        self.prioritize(rows, weighed[:, 0].abs().mean(1), learning)
        norms = self.optimiser.step(self.gradients, h.numbers("learning_rate"), h.max_grad_norm, learning)
        finite: Flags = norms[:, 0].isfinite().cpu().numpy()
        return finite
