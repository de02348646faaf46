"""Agents of several Q-networks, one a policy: how they lie, act for whoever asks, and draw from one replay."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autorl.agents.images import ImageLayout
from autorl.agents.networks import StackedMLP, stacked_layers
from autorl.agents.optimiser import Adam
from autorl.agents.population import State
from autorl.agents.vector_q_learning import VectorQAlgorithm, VectorQPopulation
from autorl.environment import Environment
from autorl.records import Agent, FloatArray
from autorl.seeds import stream
from autorl.simplex import simplex_weights

__all__ = ["ManyPoliciesPopulation"]

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

A = TypeVar("A", bound=VectorQAlgorithm)


class ManyPoliciesPopulation(VectorQPopulation[A], Generic[A]):
    """Agents of K policies, each with a network and a weight vector of its own, in one replay.

    Networks stand side by side, policy by policy and agent by agent (M K); sub-environments and rows of a batch too, in
    equal shares. An agent's policies are its own, over again if more are asked for; of fewer, those whose weight
    vectors are nearest. A subclass says which actions are best (`choose`).

    Args:
        configurations: One per agent; their `networks` are K, and `shared_buffer` and `normalize_observations` are
            hyperparameters of theirs.
        agents: Who trains.
        environment: Where.
        horizon: Full budget in env steps.
        device: "cpu" or a torch device.

    Attributes:
        count: Policies of one agent (K).
        every: Policies of all agents (M K).
        vectors: The policies' weight vectors (M, K, rewards), evenly spread at first.
        slopes: The networks' gradients (M K, P).
    """

    def __init__(
        self, configurations: Sequence[A], agents: Sequence[Agent], environment: Environment, horizon: int, device: str
    ) -> None:
        super().__init__(configurations, agents, environment, horizon, device)
        layout = self.static.layout(self.spaces)
        assert not isinstance(layout, ImageLayout)  # nobody here has layers for images
        self._layout, self.count = layout, self.static.networks
        self.every = self.size * self.count
        # Adam takes policies as rows, so that each has a gradient norm of its own and can begin anew alone.
        self.optimiser = Adam(self.weights.view(self.every, -1), np.zeros(self.every))
        self.slopes = self.gradients.view(self.every, -1)
        self.vectors = np.repeat(simplex_weights(self.count, self.rewards)[None], self.size, axis=0)
        self._asked: tuple[StackedMLP, Ints] | None = None

    def initialise(self) -> None:
        """Draws the initial weights of all policies, from every agent's stream "weights"."""
        generators = [stream(one.seed, "weights", lineage=one.lineage) for one in self.inside]
        made = [stacked_layers(self._layout, generator, self.count).view(1, -1) for generator in generators]
        self.weights.copy_(torch.cat(made))
        self.target_weights.copy_(self.weights)

    def reconfigure(self) -> None:
        """Hands changed hyperparameters to those who keep a copy of their own."""
        super().reconfigure()
        self.optimiser.epsilons = self.per_policy("adam_eps")

    def per_policy(self, name: str) -> FloatArray:
        """A hyperparameter, once for each policy (M K)."""
        return np.repeat(self.columns.numbers(name), self.count)

    @abstractmethod
    def choose(self, outputs: Tensor, chosen: Ints) -> Tensor:
        """The best actions (M P, batch) by outputs (M P, outputs, batch) of the networks of policies (M, P)."""

    def exploited(self, observations: Array) -> Array:
        """The best actions (M, N), every policy's in its own sub-environments."""
        return self._acted(self.network, np.tile(np.arange(self.count), (self.size, 1)), observations)

    def greedy(self, observations: Array) -> Array:
        """The best actions of the policies that are asked for."""
        network, chosen = self._asked or self._gathered()
        return self._acted(network, chosen, observations)

    def evaluate(self, environment: Environment, episodes: int, discount: float) -> tuple[FloatArray, Ints]:
        """Scores the policies that are asked for."""
        self._asked = self._gathered()
        try:
            return super().evaluate(environment, episodes, discount)
        finally:
            self._asked = None

    def shown(self) -> Ints:
        """The policy that answers each weight vector asked for (M, policies)."""
        if self.policies >= self.count:
            return np.tile(np.arange(self.policies) % self.count, (self.size, 1))
        wanted = self.policy_weights(self.policies)
        return np.stack([np.square(wanted[:, None] - own).sum(2).argmin(1) for own in self.vectors])

    def _gathered(self) -> tuple[StackedMLP, Ints]:
        """Copies of the networks that are asked for, side by side, and whose they are (M, policies)."""
        chosen = self.shown()
        rows = (np.arange(self.size)[:, None] * self.count + chosen).reshape(-1)
        flat = self.weights.view(self.every, -1)[torch.from_numpy(rows).to(self.device)]
        return self._layout.network(flat, self.static.activation), chosen

    def _acted(self, network: StackedMLP, chosen: Ints, observations: Array) -> Array:
        """The best actions (M, batch) of policies (M, P) for observations (M, batch, inputs), equally many each."""
        seen = self.seen(self.normalizer(observations)).view(chosen.size, -1, observations.shape[2])
        actions: Array = self.choose(network.forward(seen), chosen).view(self.size, -1).cpu().numpy()
        return actions

    def observed(self, observations: Tensor) -> Tensor:
        """Normalised observations (M K, batch, inputs) of a draw's (M, K batch, inputs)."""
        seen = self.seen(self.normalizer(observations.cpu().numpy()))
        return seen.view(self.every, -1, observations.shape[2])

    def draw(self, units: Array, steps: int) -> Array:
        """Rows to learn from: of all of an agent's policies, or for every policy of its own alone."""
        own = self.static.environments // self.count
        places = (units.reshape(len(units), self.count, -1) * (self.replay.filled(steps) // self.count)).astype(
            np.int64
        )
        slots, environments = np.divmod(places, own)
        alone = slots * self.static.environments + np.arange(self.count)[:, None] * own + environments
        shared = self.columns.flags("shared_buffer")[:, None]
        return np.where(shared, super().draw(units, steps), alone.reshape(units.shape))

    def hand_over(self, row: int, chosen: Ints) -> None:
        """Gives an agent's policies (K) the networks that others have before; their optimisers begin anew."""
        given = np.flatnonzero(chosen != np.arange(self.count))
        policies, others = row * self.count + given, row * self.count + chosen[given]
        for flat in (self.weights, self.target_weights):
            every = flat.view(self.every, -1)
            every[policies] = every[others]
        for moment in (self.optimiser.mean, self.optimiser.square, self.optimiser.steps):
            moment[policies] = 0.0

    def states(self) -> dict[str, State]:
        """What Q-learning keeps, what Adam keeps by policy, and vectors."""
        shape = (self.size, self.count, -1)
        return {
            **super().states(),
            **{name: moment.reshape(shape) for name, moment in self.optimiser.states().items()},
            "vectors": self.vectors,
        }
