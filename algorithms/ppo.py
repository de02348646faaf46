"""Proximal policy optimisation (Schulman et al., 2017) for a whole population of agents.

The order of the maths is CleanRL's, the names, defaults and loss are Stable-Baselines3's. Beyond the paper, as in both:
advantages are normalised per minibatch, gradients are clipped by norm, initial weights are orthogonal, and, both off by
default here, values may be clipped and `target_kl` may end the epochs. As in Stable-Baselines3 and not in CleanRL, time
limits are bootstrapped through, the value loss has no factor 1/2 (nor has the paper's), and a clipped value's loss
takes no maximum with the unclipped one's. Annealing is CleanRL's: the first iteration has the full learning rate.
For images there are hidden layers behind the convolutional ones (others than Stable-Baselines3's below a side of 36):
its `CnnPolicy` is `depth` 0.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from autorl.agents.on_policy import OnPolicyAlgorithm, OnPolicyPopulation
from autorl.agents.rollout import Batch, epochs
from autorl.checks import check_flag, check_number
from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.population import hyperparameter
from autorl.records import Agent

__all__ = ["PPO", "PPOPopulation"]


@dataclass(frozen=True)
class PPO(OnPolicyAlgorithm):
    """One configuration of PPO; `static` ones must agree within a population.

    Attributes:
        learning_rate: Adam's step size.
        n_envs: Sub-environments an agent acts in at once.
        n_steps: Steps in each of them per iteration.
        n_epochs: Passes over a rollout.
        batch_size: Rows of a minibatch, at most n_steps * n_envs; the last one of an epoch may be shorter.
        gamma: Discount per env step.
        gae_lambda: Mixing of advantage estimates: 0 is one-step, 1 is Monte Carlo.
        clip_range: How far the probability ratio may leave 1 before its gradient stops.
        clip_range_vf: How far a value may leave the old one, in units of the return; None is off.
        normalize_advantage: Whether a minibatch's advantages get mean 0 and standard deviation 1.
        ent_coef: Weight of the entropy bonus.
        vf_coef: Weight of the value loss.
        max_grad_norm: Norm an agent's gradient is clipped to.
        target_kl: An iteration's updates end when the approximate KL divergence exceeds 1.5 times this; None is off.
        anneal_learning_rate: Whether the learning rate falls linearly to 0 over the horizon.
        normalize_observations: Whether observations are shifted and scaled by running statistics.
        ortho_init: Orthogonal initial weights and zero biases; otherwise torch's default.
        share_trunk: Whether policy and value function share the hidden layers.
        activation: "tanh" or "relu".
        width: Units of a hidden layer.
        depth: Hidden layers, 0 to 3; 0 is linear.
        adam_eps: Adam's epsilon.

    Raises:
        InvalidInput: If a value is out of range, a minibatch larger than a rollout, or advantages of minibatches of one
            row are to be normalised.
    """

    name: ClassVar[str] = "ppo"
    summary: ClassVar[str] = "Proximal policy optimisation, discrete and continuous actions"

    learning_rate: float = hyperparameter(3e-4)
    n_envs: int = hyperparameter(1, static=True)
    n_steps: int = hyperparameter(2048, static=True)
    n_epochs: int = hyperparameter(10, static=True)
    batch_size: int = hyperparameter(64, static=True)
    gamma: float = hyperparameter(0.99)
    gae_lambda: float = hyperparameter(0.95)
    clip_range: float = hyperparameter(0.2)
    clip_range_vf: float | None = hyperparameter(None)
    normalize_advantage: bool = hyperparameter(True)
    ent_coef: float = hyperparameter(0.0)
    vf_coef: float = hyperparameter(0.5)
    max_grad_norm: float = hyperparameter(0.5)
    target_kl: float | None = hyperparameter(None)
    anneal_learning_rate: bool = hyperparameter(False)
    normalize_observations: bool = hyperparameter(False)
    ortho_init: bool = hyperparameter(True)
    share_trunk: bool = hyperparameter(False, static=True)
    activation: str = hyperparameter("tanh", static=True)
    width: int = hyperparameter(64, static=True)
    depth: int = hyperparameter(2, static=True)
    adam_eps: float = hyperparameter(1e-5)

    def __post_init__(self) -> None:
        self.check_shared()
        check_number("clip_range", self.clip_range, 0, above=True)
        check_number("target_kl", self.target_kl, 0, above=True, optional=True)
        if self.normalize_advantage and self.batch_size == 1:
            raise InvalidInput(
                "batch_size: 1 leaves no deviation to normalise advantages by; turn normalize_advantage off"
            )
        for field in dataclasses.fields(self):
            if isinstance(field.default, bool):
                check_flag(field.name, getattr(self, field.name))

    @classmethod
    def population(
        cls, agents: Sequence[Agent], environment: Environment, horizon: int, device: str = "cpu"
    ) -> PPOPopulation:
        """Builds agents at their initial weights.

        Raises:
            InvalidInput: If the agents disagree on a static hyperparameter, or the spaces are not supported.
        """
        return PPOPopulation.begin(cls, agents, environment, horizon, device)


class PPOPopulation(OnPolicyPopulation[PPO]):
    """Agents that learn by PPO."""

    def learn(self, data: Batch) -> None:
        """Epochs of minibatch updates on one rollout, in lock-step."""
        static, h = self.static, self.columns
        learning = ~self.frozen
        learning_rates = h.numbers("learning_rate") * np.where(h.flags("anneal_learning_rate"), self.left, 1.0)
        low, high, far = 1 - h.clip_range, 1 + h.clip_range, 1.5 * h.target_kl
        stopping, clipping = bool(h.target_kl.isfinite().any()), bool(h.clip_range_vf.isfinite().any())
        ent_coef, normalizing = h.ent_coef, h.normalize_advantage.bool()
        several = [1] * (data.values.dim() - 1)  # a subclass may have a value for each of several rewards
        vf_coef, clip_range_vf = h.vf_coef.view(-1, *several), h.clip_range_vf.view(-1, *several)
        gradients = self.network.gradients.view(self.size, -1)

        for batch in epochs(data, self.inside, self.iteration, static.n_epochs, static.batch_size, normalizing):
            size = batch.advantages.shape[1]
            heads, values = self.network.forward(batch.observations)
            policy = self.actions.policy(heads, self.network.log_std, batch.actions)
            log_ratio = policy.log_prob - batch.log_probs
            ratio = log_ratio.exp()

            # Stop an agent whose policy has moved too far (approximate KL divergence, Schulman 2020)
            if stopping:
                kl = ((ratio - 1) - log_ratio).mean(1, keepdim=True)
                learning &= ~(kl > far)[:, 0].cpu().numpy()
                if not learning.any():
                    return

            # Policy loss: -min(ratio A, clip(ratio) A). Its gradient is that of -ratio A, or 0 where the
            # clipped term is the smaller one.
            surrogate = ratio * batch.advantages
            smaller = surrogate > ratio.clamp(low, high).mul_(batch.advantages)
            log_prob_gradient = surrogate.masked_fill_(smaller, 0).mul_(-1 / size)

            # Value loss: (V - return)^2, without gradient where V has left the old value by more than clip_range_vf
            value_gradient = (values - batch.returns).mul_(vf_coef * (2 / size))
            if clipping:
                outside = (values - batch.values).abs() > clip_range_vf
                value_gradient.masked_fill_(outside, 0)

            # Entropy loss: -ent_coef H
            entropy_gradient = ent_coef * (-1 / size)

            self.network.backward(*policy.gradient(log_prob_gradient, entropy_gradient), value_gradient)
            self.optimiser.step(gradients, learning_rates, h.max_grad_norm, learning)
            self.gradient_updates += learning
            self.samples += size * learning
