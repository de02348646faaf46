"""Mirror descent policy optimisation, off-policy (Tomar, Shani, Efroni and Ghavamzadeh, 2020, arXiv 2005.09814).

Every iteration k takes `sgd_steps` gradient steps (the paper's m) on one objective of mirror descent over the replay:
log pi(a|s) - log pi_k(a|s) - t_k Q(s, a), with a drawn from pi by reparametrisation, before the old policy pi_k becomes
the current one. With an entropy coefficient lambda the return includes entropy: the critics' targets do, and the old
policy's term, linearised, weighs 1 - t_k lambda; at t_k lambda = 1 that is SAC's loss.

Deviations from the paper and its authors' code: targets come from the smaller of two slowly following critics at a draw
from the policy, as in SAC here, not from a third network of state values; the actor follows the smaller critic rather
than the first; the authors' small penalty on means and log standard deviations is left out; t_k is constant by default,
as in their code, and annealed by env steps, not by iterations.

Further deviations from the authors' code: training acts with draws from the policy, where their loop takes the squashed
mean (`step(obs, deterministic=True)`); the old policy is renewed every m gradient steps, there every m env steps, which
differs unless every env step has one gradient step; uniformly random actions end after 100 env steps by default
(`learning_starts`), there after 10,000; the critics learn before the actor, there after it; and
`target_update_interval` counts the gradient steps of one update, there those and the env steps.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from autorl.agents.networks import StackedMLP
from autorl.agents.population import State
from autorl.agents.replay import Transitions
from autorl.agents.squashed_actor import SquashedActorAlgorithm, SquashedActorPopulation
from autorl.agents.targets import track
from autorl.checks import check_flag, check_number, check_whole
from autorl.environment import Environment, Spaces
from autorl.population import hyperparameter
from autorl.records import Agent

__all__ = ["OffPolicyMDPO", "OffPolicyMDPOPopulation"]

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class OffPolicyMDPO(SquashedActorAlgorithm):
    """One configuration of off-policy MDPO; `static` ones must agree within a population.

    Attributes:
        learning_rate: Adam's step size, of actor and critics.
        n_envs: Sub-environments an agent acts in at once.
        buffer_size: Transitions kept; cut to the horizon.
        learning_starts: Env steps of uniformly random actions before the first update.
        batch_size: Transitions of an update.
        tau: Share of the way the target critics move at their updates.
        gamma: Discount per env step.
        train_freq: Vector steps between updates.
        gradient_steps: Gradient steps of an update.
        n_steps: Env steps of a return before its bootstrapped rest.
        step_size: Mirror descent's step size t_k: the weight of the value beside the divergence from the old policy.
        anneal_step_size: Whether t_k falls linearly to 0 over the horizon.
        sgd_steps: Gradient steps between renewals of the old policy (the paper's m).
        ent_coef: Worth of the entropy in the return (the paper's lambda); 0 is the return alone.
        target_update_interval: Gradient steps between updates of the target critics, counted anew in every update, as
            in Stable-Baselines3: without effect while `gradient_steps` is 1.
        activation: "relu" or "tanh".
        width: Units of a hidden layer.
        depth: Hidden layers, 0 to 3; 0 is linear.

    Raises:
        InvalidInput: If a value is out of range.
    """

    name: ClassVar[str] = "mdpo_off_policy"
    summary: ClassVar[str] = "Mirror descent policy optimisation, off-policy; continuous actions"

    learning_rate: float = hyperparameter(3e-4)
    n_envs: int = hyperparameter(1, static=True)
    buffer_size: int = hyperparameter(1_000_000, static=True)
    learning_starts: int = hyperparameter(100)
    batch_size: int = hyperparameter(256, static=True)
    tau: float = hyperparameter(0.005)
    gamma: float = hyperparameter(0.99)
    train_freq: int = hyperparameter(1)
    gradient_steps: int = hyperparameter(1)
    n_steps: int = hyperparameter(1)
    step_size: float = hyperparameter(1.0)
    anneal_step_size: bool = hyperparameter(False)
    sgd_steps: int = hyperparameter(1000)
    ent_coef: float = hyperparameter(0.2)
    target_update_interval: int = hyperparameter(1)
    activation: str = hyperparameter("relu", static=True)
    width: int = hyperparameter(256, static=True)
    depth: int = hyperparameter(2, static=True)

    def __post_init__(self) -> None:
        self.check_shared()
        check_number("step_size", self.step_size, 0, sys.float_info.max, above=True)
        check_flag("anneal_step_size", self.anneal_step_size)
        check_whole("sgd_steps", self.sgd_steps, 1)
        check_number("ent_coef", self.ent_coef, 0, sys.float_info.max)

    @classmethod
    def population(
        cls, agents: Sequence[Agent], environment: Environment, horizon: int, device: str = "cpu"
    ) -> OffPolicyMDPOPopulation:
        """Builds agents at their initial weights.

        Raises:
            InvalidInput: If the agents disagree on a static hyperparameter, or the spaces are not supported.
        """
        return OffPolicyMDPOPopulation.begin(cls, agents, environment, horizon, device)

    def parameter_counts(self, spaces: Spaces) -> tuple[int, int, int]:
        """Parameters of the actor, of all networks with targets, and operations of one update a row."""
        actor, critic = (layout.parameters for layout in self.layouts(spaces))
        # Actor: both observations forward, the old one's too, one backward. Critics: targets, learning (forward,
        # backward), and forward and through to the action for the actor.
        return actor, 2 * actor + 4 * critic, 2 * (5 * actor + 2 * (1 + 3 + 2) * critic)


class OffPolicyMDPOPopulation(SquashedActorPopulation[OffPolicyMDPO]):
    """Agents that learn by off-policy MDPO.

    Args:
        configurations: One per agent.
        agents: Who trains.
        environment: Where.
        horizon: Full budget in env steps.
        device: "cpu" or a torch device.

    Attributes:
        old_weights: Of the old policies, shape (M, P).
        old_actor: The old policies.
    """

    def __init__(
        self,
        configurations: Sequence[OffPolicyMDPO],
        agents: Sequence[Agent],
        environment: Environment,
        horizon: int,
        device: str,
    ) -> None:
        super().__init__(configurations, agents, environment, horizon, device)
        self.old_weights = torch.zeros_like(self.weights)
        self.old_actor = StackedMLP(self.static.layouts(self.spaces)[0], self.old_weights, self.static.activation)

    def step_sizes(self) -> Array:
        """t_k of every agent at this iteration (M)."""
        annealed = self.columns.flags("anneal_step_size")
        sizes: Array = self.columns.numbers("step_size") * np.where(annealed, self.left, 1.0)
        return sizes

    def learn(self, batch: Transitions, rows: Array, turn: int, learning: Flags, draws: Mapping[str, Array]) -> Flags:
        """The old policy where it is due, critics, actor and targets, once each."""
        h, size = self.columns, rows.shape[1]
        rates = h.numbers("learning_rate")
        step = torch.from_numpy(self.step_sizes().astype(np.float32)[:, None]).to(self.device)

        renewed = learning & (self.gradient_updates % h.numbers("sgd_steps") == 0)
        if renewed.any():
            track(self.old_weights, self.weights, renewed.astype(np.float64))

        targets = self.soft_targets(batch, draws["following"], h.ent_coef)
        norms = self.critics.learn(batch, targets, rates, learning, scale=0.5)

        # Policy loss: log pi(a|s) - (1 - t lambda) log pi_k(a|s) - t min Q(s, a)
        now = self.policy(batch.observations, draws["current"])
        old_gradient = now.gradient_under(self.old_actor.forward(batch.observations))
        old_weight = (step * h.ent_coef - 1) / size
        action_gradient = step[:, :, None] * self.value_gradient(batch.observations, now.actions)
        self.actor.backward(
            now.gradient(torch.full_like(step, 1 / size), action_gradient, old_weight[:, :, None] * old_gradient)
        )
        actor_norms = self.optimiser.step(self.gradients, rates, None, learning)

        self.follow(turn, learning)
        finite: Flags = (norms + actor_norms)[:, 0].isfinite().cpu().numpy()
        return finite

    def states(self) -> dict[str, State]:
        """What all such agents keep, and the old policy."""
        return {**super().states(), "old_weights": self.old_weights}
