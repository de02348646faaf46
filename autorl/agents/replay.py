"""Replay: what a population met, kept in one tensor allocated once, and n-step transitions drawn from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autorl.environment import Step

__all__ = ["Replay", "Transitions"]

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Transitions:
    """A minibatch, every agent's own draw from its own replay.

    Attributes:
        observations: Shape (M, batch, inputs).
        actions: As stored, shape (M, batch, length).
        rewards: Discounted sum over up to n steps, shape (M, batch); of several rewards (M, batch, rewards).
        next_observations: What the last of those steps led to, shape (M, batch, inputs).
        discounts: Of the value there: gamma to the number of steps, 0 where the task ended; shape (M, batch).
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    next_observations: Tensor
    discounts: Tensor


class Replay:
    """A ring of slots, one vector step each; all agents write the same slot at the same time.

    One row is a transition: observation, next observation, action, reward, whether the task's own rule ended the
    episode, whether anything ended it. Rows of an agent are numbered slot * N + sub-environment.

    Args:
        size: Agents, a lone one's copy among them (M).
        slots: Vector steps kept.
        environments: Sub-environments per agent (N).
        inputs: Length of an observation.
        actions: Length of an action.
        device: Where it is kept.
        rewards: Rewards of a step.

    Attributes:
        images: Whether observations are kept as bytes, elsewhere than in `data`.
        data: Shape (M, slots, N, width), float32.
    """

    images: ClassVar[bool] = False

    def __init__(
        self, size: int, slots: int, environments: int, inputs: int, actions: int, device: str, rewards: int = 1
    ) -> None:
        self.slots, self.environments, self._inputs, self._actions = slots, environments, inputs, actions
        self.width = self.row_length(inputs, actions, rewards)
        self._rewards = slice(-2 - rewards, -2)
        self.data = torch.zeros(size, slots, environments, self.width, device=device)
        self._flat = self.data.view(-1, self.width)
        self._row = np.empty((size, environments, self.width), dtype=np.float32)
        self._rows = slots * environments
        self._own = np.arange(size)[:, None] * self._rows

    @staticmethod
    def row_length(inputs: int, actions: int, rewards: int = 1) -> int:
        """Floats of one transition."""
        return 2 * inputs + actions + rewards + 2

    @classmethod
    def row_bytes(cls, inputs: int, actions: int, rewards: int = 1) -> int:
        """Memory of one transition."""
        return 4 * cls.row_length(inputs, actions, rewards)

    def add(self, step: int, observations: Array, actions: Array, answer: Step, running: npt.NDArray[np.bool_]) -> None:
        """Keeps a vector step's transitions in place of the oldest ones.

        Args:
            step: How many were added before.
            observations: Acted on, shape (M, N, inputs).
            actions: As `Transitions` hands them out, shape (M, N, length).
            answer: The environment's, rows as in `observations`.
            running: Whose transitions are kept (M).
        """
        row, inputs, end = self._row, self._inputs, 2 * self._inputs
        with np.errstate(over="ignore"):  # a reward beyond float32 is infinite to everybody
            row[:, :, :inputs] = observations
            row[:, :, inputs:end] = answer.next_observations
            row[:, :, end : end + self._actions] = actions
            row[:, :, self._rewards] = answer.rewards.reshape(*row.shape[:2], -1)
        row[:, :, -2] = answer.terminated
        row[:, :, -1] = answer.terminated | answer.truncated
        slot = step % self.slots
        if running.all():
            self.data[:, slot] = torch.from_numpy(row)
        else:
            kept = np.flatnonzero(running)
            self.data[kept, slot] = torch.from_numpy(row[kept]).to(self.data.device)

    def cut(self, steps: int, running: npt.NDArray[np.bool_]) -> None:
        """Ends the episodes of the newest slot, so that no n-step window reaches past a restart.

        Args:
            steps: How many vector steps were added so far.
            running: Whose episodes end (M).
        """
        if steps:
            self.data[np.flatnonzero(running), (steps - 1) % self.slots, :, -1] = 1.0

    def filled(self, steps: int) -> int:
        """Rows an agent can draw from after so many vector steps."""
        return min(steps, self.slots) * self.environments

    def sample(
        self, rows: Rows, steps: int, gammas: Tensor, n_steps: Rows, agents: Sequence[int] | None = None
    ) -> Transitions:
        """Transitions over up to n steps, ended early by an episode's end and by the newest slot.

        Args:
            rows: Row numbers (M, batch).
            steps: How many vector steps were added so far.
            gammas: Discount per env step (M, 1).
            n_steps: Steps of a transition, at least 1 (M,).
            agents: Whose rows they are (M,), if not everybody's.
        """
        rows = rows + (self._own if agents is None else self._own[agents])
        first = self._gathered(rows)
        rewards = first[:, :, self._rewards]
        discounts = gammas.expand(rows.shape)
        ends, last = rows, first
        if (n_steps > 1).any():
            rewards, discounts, ends = self._windows(rows, first, steps, gammas, n_steps)
            last = self._gathered(ends)
        actions = slice(2 * self._inputs, 2 * self._inputs + self._actions)
        return Transitions(
            observations=self._observed(rows, first),
            actions=first[:, :, actions],
            rewards=rewards[:, :, 0] if rewards.shape[2] == 1 else rewards,
            next_observations=self._led_to(ends, last),
            discounts=discounts * (1 - last[:, :, -2]),
        )

    def _observed(self, rows: Rows, transitions: Tensor) -> Tensor:
        """What was acted on in these rows (M, batch, inputs)."""
        return transitions[:, :, : self._inputs].contiguous()

    def _led_to(self, rows: Rows, transitions: Tensor) -> Tensor:
        """What these rows led to (M, batch, inputs)."""
        return transitions[:, :, self._inputs : 2 * self._inputs].contiguous()

    def states(self) -> dict[str, Tensor]:
        """All that is kept, live."""
        return {"replay": self.data}

    def _windows(
        self, rows: Rows, first: Tensor, steps: int, gammas: Tensor, n_steps: Rows
    ) -> tuple[Tensor, Tensor, Rows]:
        """Summed rewards, discounts, and the row of the last transition of every window."""
        newest = (steps - 1) % self.slots
        before = rows // self._rows * self._rows  # rows of the agents before
        slots, environments = (rows - before) // self.environments, rows % self.environments
        rewards, discounts, last = first[:, :, self._rewards].clone(), gammas.expand(rows.shape).clone(), rows
        going = (first[:, :, -1] == 0).cpu().numpy() & (slots != newest)
        for offset in range(1, int(n_steps.max())):
            going = going & (n_steps > offset)[:, None]
            if not going.any():
                break
            following = (slots + offset) % self.slots
            there = before + following * self.environments + environments
            met = self._gathered(there)
            mask = torch.from_numpy(going).to(rewards.device)
            longer = rewards + discounts[:, :, None] * met[:, :, self._rewards]
            rewards = torch.where(mask[:, :, None], longer, rewards)
            discounts = torch.where(mask, discounts * gammas, discounts)
            last = np.where(going, there, last)
            going = going & (met[:, :, -1] == 0).cpu().numpy() & (following != newest)
        return rewards, discounts, last

    def _gathered(self, rows: Rows) -> Tensor:
        """Transitions by their row numbers among those of all agents."""
        index = torch.from_numpy(rows.reshape(-1)).to(self.data.device)
        return self._flat.index_select(0, index).view(*rows.shape, self.width)
