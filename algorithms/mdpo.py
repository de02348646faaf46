"""Mirror descent policy optimisation, on-policy (Tomar, Shani, Efroni and Ghavamzadeh, 2020, arXiv 2005.09814).

Every iteration k takes several gradient steps on one objective of mirror descent, the advantage under the new policy
minus its divergence from the old one: E[ratio A] - KL(pi || pi_k) / t_k, where t_k falls linearly from its first value
towards 0 over the horizon. KL is in closed form, its mean over the observations of the rollout.

Deviations from the paper and its authors' code, which take 10 steps on whole rollouts and fit the value function on its
own: the steps are epochs of minibatches, in which policy and value function learn from one loss weighted by `vf_coef`,
as PPO's do here, so that both algorithms share names, defaults and value loss, and gradients are clipped by the norm of
both together. As in the authors' code, a rollout's advantages get mean 0 and standard deviation 1 at once.

Further deviations from the authors' code: it normalises observations and rewards by running statistics
(`VecNormalize`), where `normalize_observations` is off by default here and rewards stay as they are; its value loss is
the larger one of the unclipped and the clipped value, at a range of 0.2, where `clip_range_vf` is off by default here
and takes no maximum; and time limits, which end a return there, are bootstrapped through. Images are seen as by `ppo`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from autorl.agents.on_policy import OnPolicyAlgorithm, OnPolicyPopulation
from autorl.agents.rollout import Batch, epochs
from autorl.checks import check_flag, check_number
from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.population import hyperparameter
from autorl.records import Agent

__all__ = ["MDPO", "MDPOPopulation"]


@dataclass(frozen=True)
class MDPO(OnPolicyAlgorithm):
    """One configuration of on-policy MDPO; `static` ones must agree within a population.

    Attributes:
        learning_rate: Adam's step size.
        n_envs: Sub-environments an agent acts in at once.
        n_steps: Steps in each of them per iteration.
        n_epochs: Passes over a rollout, all on one objective.
        batch_size: Rows of a minibatch, at most n_steps * n_envs; the last one of an epoch may be shorter.
        gamma: Discount per env step.
        gae_lambda: Mixing of advantage estimates: 0 is one-step, 1 is Monte Carlo.
        step_size: Mirror descent's first step size t_0; the divergence from the old policy weighs 1 / t_k.
        anneal_step_size: Whether t_k falls linearly to 0 over the horizon (the paper's choice); otherwise it stays.
        clip_range_vf: How far a value may leave the old one, in units of the return; None is off.
        normalize_advantage: Whether a rollout's advantages get mean 0 and standard deviation 1.
        ent_coef: Weight of an entropy bonus.
        vf_coef: Weight of the value loss.
        max_grad_norm: Norm an agent's gradient is clipped to.
        anneal_learning_rate: Whether the learning rate falls linearly to 0 over the horizon.
        normalize_observations: Whether observations are shifted and scaled by running statistics.
        ortho_init: Orthogonal initial weights and zero biases; otherwise torch's default.
        share_trunk: Whether policy and value function share the hidden layers.
        activation: "tanh" or "relu".
        width: Units of a hidden layer.
        depth: Hidden layers, 0 to 3; 0 is linear.
        adam_eps: Adam's epsilon.

    Raises:
        InvalidInput: If a value is out of range, or a minibatch larger than a rollout.
    """

    name: ClassVar[str] = "mdpo"
    summary: ClassVar[str] = "Mirror descent policy optimisation, on-policy; discrete and continuous actions"

    learning_rate: float = hyperparameter(3e-4)
    n_envs: int = hyperparameter(1, static=True)
    n_steps: int = hyperparameter(2048, static=True)
    n_epochs: int = hyperparameter(10, static=True)
    batch_size: int = hyperparameter(64, static=True)
    gamma: float = hyperparameter(0.99)
    gae_lambda: float = hyperparameter(0.95)
    step_size: float = hyperparameter(1.0)
    anneal_step_size: bool = hyperparameter(True)
    clip_range_vf: float | None = hyperparameter(None)
    normalize_advantage: bool = hyperparameter(True)
    ent_coef: float = hyperparameter(0.0)
    vf_coef: float = hyperparameter(0.5)
    max_grad_norm: float = hyperparameter(0.5)
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
        check_number("step_size", self.step_size, 0, above=True)
        if self.normalize_advantage and self.n_steps * self.n_envs == 1:
            raise InvalidInput(
                "n_steps: 1 leaves no deviation to normalise advantages by; turn normalize_advantage off"
            )
        for field in dataclasses.fields(self):
            if isinstance(field.default, bool):
                check_flag(field.name, getattr(self, field.name))

    @classmethod
    def population(
        cls, agents: Sequence[Agent], environment: Environment, horizon: int, device: str = "cpu"
    ) -> MDPOPopulation:
        """Builds agents at their initial weights.

        Raises:
            InvalidInput: If the agents disagree on a static hyperparameter, or the spaces are not supported.
        """
        return MDPOPopulation.begin(cls, agents, environment, horizon, device)


class MDPOPopulation(OnPolicyPopulation[MDPO]):
    """Agents that learn by on-policy MDPO."""

    keeps_heads = True

    def learn(self, data: Batch) -> None:
        """Epochs of minibatch updates on one rollout, in lock-step."""
        static, h = self.static, self.columns
        learning = ~self.frozen
        # 1 - k/K at iteration k of K; what comes after the horizon goes on as its last iteration.
        share = self.iteration_env_steps / self.horizon
        left = max(1 - self.iteration * share, share)
        learning_rates = h.numbers("learning_rate") * np.where(h.flags("anneal_learning_rate"), left, 1.0)
        step_sizes = h.numbers("step_size") * np.where(h.flags("anneal_step_size"), left, 1.0)
        proximity = torch.from_numpy((1 / step_sizes).astype(np.float32)[:, None]).to(self.device)
        clipping = bool(h.clip_range_vf.isfinite().any())
        old_log_std = self.network.log_std.clone()
        slopes = self.network.gradients.view(self.size, -1)

        # Advantage normalisation
        if data.advantages.shape[1] > 1:
            std, mean = torch.std_mean(data.advantages, 1, keepdim=True)
            normalized = (data.advantages - mean) / (std + 1e-8)
            data = dataclasses.replace(data, advantages=normalized.where(h.normalize_advantage.bool(), data.advantages))

        for batch in epochs(data, self.inside, self.iteration, static.n_epochs, static.batch_size):
            size = batch.advantages.shape[1]
            heads, values = self.network.forward(batch.observations)
            policy = self.actions.policy(heads, self.network.log_std, batch.actions)

            # Policy loss: -ratio A - ent_coef H + KL(new || old) / t
            ratio = (policy.log_prob - batch.log_probs).exp()
            gradients = policy.gradient(ratio * batch.advantages / -size, h.ent_coef / -size)
            assert batch.heads is not None
            policy.add_kl_gradient(gradients, batch.heads.transpose(1, 2), old_log_std, proximity / size)

            # Value loss: (V - return)^2, without gradient where V has left the old value by more than clip_range_vf
            value_gradient = (values - batch.returns) * (2 * h.vf_coef / size)
            if clipping:
                outside = (values - batch.values).abs() > h.clip_range_vf
                value_gradient = value_gradient.masked_fill(outside, 0)

            self.network.backward(*gradients, value_gradient)
            self.optimiser.step(slopes, learning_rates, h.max_grad_norm, learning)
            self.gradient_updates += learning
            self.samples += size * learning
