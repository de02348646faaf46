"""Two critics an agent over observations and actions, with slowly following targets (Fujimoto et al., 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autorl.agents.networks import Layout, StackedMLP, stacked_layers
from autorl.agents.optimiser import Adam
from autorl.agents.population import State
from autorl.agents.replay import Transitions

__all__ = ["TwinCritics"]

Array = npt.NDArray[Any]


class TwinCritics:
    """The critics of M agents; both of an agent are rows of one batched product.

    Args:
        size: Agents, a lone one's copy among them (M).
        layout: Of one critic; inputs are an observation, then an action; one output.
        actions: Length of an action.
        activation: "relu" or "tanh".
        device: Where they live.

    Attributes:
        weights: Shape (M, 2 P).
        target_weights: Shape (M, 2 P).
    """

    def __init__(self, size: int, layout: Layout, actions: int, activation: str, device: str) -> None:
        self.layout, self._actions = layout, slice(layout.sizes[0] - actions, layout.sizes[0])
        self.weights, self.target_weights, self.gradients = (
            torch.zeros(size, 2 * layout.length, device=device) for _ in range(3)
        )
        flat, target, gradients = (
            tensor.view(-1, layout.length) for tensor in (self.weights, self.target_weights, self.gradients)
        )
        self._online = StackedMLP(layout, flat, activation, gradients)
        self._target = StackedMLP(layout, target, activation)
        self.optimiser = Adam(self.weights, np.full(size, 1e-8))

    def initialise(self, generators: Sequence[np.random.Generator]) -> None:
        """Draws initial weights as torch initialises linear layers; targets are copies.

        Args:
            generators: One per agent (M).
        """
        made = [stacked_layers(self.layout, generator, 2).reshape(-1) for generator in generators]
        self.weights.copy_(torch.stack(made))
        self.target_weights.copy_(self.weights)

    def values(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Both critics' values (M, 2, batch) of observations (M, batch, inputs) and actions (M, batch, length)."""
        return self._online.forward(_pairs(observations, actions)).view(len(observations), 2, -1)

    def next_values(self, observations: Tensor, actions: Tensor) -> Tensor:
        """The smaller of both targets' values (M, batch)."""
        outputs = self._target.forward(_pairs(observations, actions)).view(len(observations), 2, -1)
        return torch.minimum(outputs[:, 0], outputs[:, 1])

    def learn(
        self,
        batch: Transitions,
        targets: Tensor,
        learning_rates: npt.NDArray[np.float64],
        learning: npt.NDArray[np.bool_],
        scale: float,
    ) -> Tensor:
        """One step on scale times the mean of (Q - target)^2, summed over both critics.

        Args:
            batch: What they learn from.
            targets: Shape (M, batch).
            learning_rates: One per agent (M).
            learning: Who learns (M).
            scale: Of the loss.

        Returns:
            The gradients' norms (M, 1).
        """
        errors = (self.values(batch.observations, batch.actions) - targets[:, None]) * (2 * scale / targets.shape[1])
        self._online.backward(errors.view(-1, 1, targets.shape[1]))
        return self.optimiser.step(self.gradients, learning_rates, None, learning)

    def action_gradient(self, value_gradient: Tensor) -> Tensor:
        """Gradient with respect to the actions of the last `values`, (M, batch, length).

        Args:
            value_gradient: That with respect to the values (M, 2, batch).
        """
        agents, both, batch = value_gradient.shape
        found = self._online.input_gradient(value_gradient.view(agents * both, 1, batch), self._actions)
        return found.view(agents, both, batch, -1).sum(1)

    def states(self) -> dict[str, State]:
        """Weights, those of the targets, Adam's moments and steps."""
        return {
            "critic_weights": self.weights,
            "target_critic_weights": self.target_weights,
            **self.optimiser.states("critic_"),
        }


def _pairs(observations: Tensor, actions: Tensor) -> Tensor:
    """Inputs of both critics of every agent, (2 M, batch, inputs + length)."""
    joined = torch.cat([observations, actions], 2)
    return joined[:, None].expand(-1, 2, -1, -1).reshape(-1, *joined.shape[1:])
