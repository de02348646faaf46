"""Hyperparameters and costs that off-policy algorithms share."""

from __future__ import annotations

import sys
from abc import abstractmethod
from typing import ClassVar

from autorl.agents.image_replay import ImageReplay
from autorl.agents.images import image_shape, refuse_images
from autorl.agents.population import observation_length
from autorl.agents.replay import Replay
from autorl.checks import check_choice, check_number, check_whole
from autorl.environment import Spaces
from autorl.population.base import Algorithm, Plan

__all__ = ["BLOCK", "OffPolicyAlgorithm"]

BLOCK = 256
"""Env steps whose random numbers are drawn at once, and drawn again after a resume: a draw a step took 1.1 ms."""


class OffPolicyAlgorithm(Algorithm):
    """The hyperparameters and costs that off-policy algorithms share; a subclass declares them as its own fields.

    Attributes:
        sees_images: Whether it has convolutional layers for observations that are images.
        deepest: Largest number of hidden layers.
    """

    sees_images: ClassVar[bool] = False
    deepest: ClassVar[int] = 3

    learning_rate: float
    n_envs: int
    buffer_size: int
    learning_starts: int
    batch_size: int
    tau: float
    gamma: float
    train_freq: int
    n_steps: int
    activation: str
    width: int
    depth: int

    @property
    def environments(self) -> int:
        """Sub-environments of one agent."""
        return self.n_envs

    @property
    def transitions(self) -> int:
        """Transitions that an agent draws for a gradient step."""
        return self.batch_size

    @property
    @abstractmethod
    def gradient_steps(self) -> int:
        """Gradient steps of an update; a hyperparameter, by this name or another."""

    def check_shared(self) -> None:
        """Refuses values of the shared hyperparameters that are out of range.

        Raises:
            InvalidInput: If one is.
        """
        check_number("learning_rate", self.learning_rate, 0, sys.float_info.max)
        for name in ("tau", "gamma"):
            check_number(name, getattr(self, name), 0, 1)
        for name in ("n_envs", "buffer_size", "batch_size", "train_freq", "gradient_steps", "n_steps", "width"):
            check_whole(name, getattr(self, name), 1)
        check_whole("learning_starts", self.learning_starts, 0)
        check_whole("depth", self.depth, 0, self.deepest)
        check_choice("activation", self.activation, ("tanh", "relu"))

    @abstractmethod
    def action_length(self, spaces: Spaces) -> int:
        """Floats an action takes in the replay.

        Raises:
            InvalidInput: If the algorithm cannot act in these spaces.
        """

    @abstractmethod
    def parameter_counts(self, spaces: Spaces) -> tuple[int, int, int]:
        """Parameters of the acting network, all parameters with target networks, and operations of one update a row.

        The last counts two operations a weight and pass.
        """

    def acting_operations(self, spaces: Spaces) -> int:
        """Products of acting once, one a parameter."""
        return self.parameter_counts(spaces)[0]

    def replay(self, spaces: Spaces) -> type[Replay]:
        """What keeps transitions.

        Raises:
            InvalidInput: If observations are images and the algorithm has no convolutional layers.
        """
        if not self.sees_images:
            refuse_images(spaces.observation, type(self).__name__)
        return Replay if image_shape(spaces.observation) is None else ImageReplay

    @property
    def block_steps(self) -> int:
        """Vector steps of a block of random numbers."""
        return max(1, BLOCK // self.environments)

    @property
    def gathers(self) -> bool:
        """Whether those who learn may be gathered where they are few, as copies that have all but a replay."""
        return False

    def drawn_bytes(self, spaces: Spaces) -> int:
        """Memory of an agent's block of random numbers."""
        return 8 * self.block_steps * self.gradient_steps * self.transitions

    @abstractmethod
    def activations(self, spaces: Spaces) -> int:
        """Numbers that a gradient step holds for one transition, besides the transition itself."""

    def memory_bytes(self, spaces: Spaces, horizon: int) -> int:
        """Peak memory of one agent among at least two: a lone one is trained beside a copy of itself."""
        replay = self.replay(spaces)
        inputs = observation_length(spaces, type(self))
        row = replay.row_bytes(inputs, self.action_length(spaces), spaces.rewards)
        kept, numbers = self.parameter_counts(spaces)[1], 4 * self.activations(spaces)
        # Of a transition: both ends of its window, what is cut out of them, sums along the window, and row numbers.
        batch = 8 * row + 64 + numbers
        # Parameters, gradients, both of Adam's moments, and a product on its way to the gradients; targets need less.
        weights = 20 * kept
        if self.gathers:  # gatherings have as many rows as there are agents, at most
            batch += numbers
            weights += 16 * kept
        # Blocks are drawn agent by agent, so that one more is there, which two agents or more share.
        drawn = self.drawn_bytes(spaces) * 3 // 2
        return row * self.slots(horizon) * self.environments + weights + drawn + self.transitions * batch

    def slots(self, horizon: int) -> int:
        """Vector steps kept: the buffer's size, cut to what can ever be met."""
        return max(1, min(self.buffer_size // self.environments, horizon // self.environments))

    def updates(self, env_steps: int) -> int:
        """Gradient steps after so many env steps, for an agent that was never frozen."""
        steps = env_steps // self.environments
        before = min(self.learning_starts // self.environments, steps)
        return (steps // self.train_freq - before // self.train_freq) * self.gradient_steps

    def flops(self, spaces: Spaces, env_steps: int, updates: int) -> float:
        """Two operations a weight to act, and those of the updates."""
        learning = self.parameter_counts(spaces)[2]
        return 2.0 * self.acting_operations(spaces) * env_steps + float(learning) * self.transitions * updates

    def plan(self, spaces: Spaces, horizon: int) -> Plan:
        """What this configuration costs.

        Raises:
            InvalidInput: If the algorithm cannot act in these spaces.
        """
        acting = self.parameter_counts(spaces)[0]
        taken = horizon // self.environments * self.environments
        updates = self.updates(taken)
        return Plan(
            iteration_env_steps=self.environments,
            parameters=acting,
            gradient_updates=updates,
            flops=self.flops(spaces, taken, updates),
            memory_bytes=self.memory_bytes(spaces, horizon),
        )
