"""Off-policy algorithms with a squashed Gaussian actor and twin critics (SAC and the off-policy MDPO)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autorl.agents.continuous import ContinuousAlgorithm, ContinuousPopulation
from autorl.agents.replay import Transitions
from autorl.agents.squashed import SquashedGaussian
from autorl.agents.targets import track
from autorl.checks import check_whole

__all__ = ["SquashedActorAlgorithm", "SquashedActorPopulation"]

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]


class SquashedActorAlgorithm(ContinuousAlgorithm):
    """The hyperparameters they share; an actor gives means, then log standard deviations."""

    actor_outputs: ClassVar[int] = 2
    learned_draws: ClassVar[int] = 2
    target_update_interval: int

    def check_shared(self) -> None:
        """Refuses values of the shared hyperparameters that are out of range.

        Raises:
            InvalidInput: If one is.
        """
        super().check_shared()
        check_whole("target_update_interval", self.target_update_interval, 1)


A = TypeVar("A", bound=SquashedActorAlgorithm)


class SquashedActorPopulation(ContinuousPopulation[A]):
    """Agents with a squashed Gaussian actor and twin critics; a subclass writes `learn` from the parts here."""

    learned: ClassVar[tuple[str, ...]] = ("current", "following")

    def explore(self, observations: Array, random: Flags, draws: Mapping[str, Array]) -> tuple[Array, Array]:
        """A draw from the policy, or from the whole space at first."""
        actions = draws["uniform"]
        if not random.all():
            drawn = self.policy(self.seen(observations), draws["acting"])
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
        followed = learning & (turn % self.columns.whole("target_update_interval") == 0)
        if followed.any():
            track(self.critics.target_weights, self.critics.weights, self.columns.numbers("tau") * followed)

    def greedy(self, observations: Array) -> Array:
        """The squashed means."""
        means = self.actor.forward(self.seen(observations))[:, : self.actions.length].transpose(1, 2)
        return self.actions.for_environment(means.tanh().cpu().numpy())
