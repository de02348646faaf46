"""Replay: what a population met, kept in one tensor allocated once, and n-step transitions drawn from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
        rewards: Discounted sum over up to n steps, shape (M, batch).
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

    Attributes:
        data: Shape (M, slots, N, width), float32.
    """

    def __init__(self, size: int, slots: int, environments: int, inputs: int, actions: int, device: str) -> None:
        self.slots, self.environments, self._inputs, self._actions = slots, environments, inputs, actions
        self.width = self.row_length(inputs, actions)
        self.data = torch.zeros(size, slots, environments, self.width, device=device)
        self._flat = self.data.view(-1, self.width)
        self._row = np.empty((size, environments, self.width), dtype=np.float32)
        self._own = np.arange(size)[:, None] * slots * environments

    @staticmethod
    def row_length(inputs: int, actions: int) -> int:
        """Floats of one transition."""
        return 2 * inputs + actions + 3

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
            row[:, :, -3] = answer.rewards
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

    def sample(self, rows: Rows, steps: int, gammas: Tensor, n_steps: Rows) -> Transitions:
        """Transitions over up to n steps, ended early by an episode's end and by the newest slot.

        Args:
            rows: Row numbers (M, batch).
            steps: How many vector steps were added so far.
            gammas: Discount per env step (M, 1).
            n_steps: Steps of a transition, at least 1 (M,).
        """
        first = self._gathered(rows)
        rewards = first[:, :, -3]
        discounts = gammas.expand_as(rewards)
        last = first
        if (n_steps > 1).any():
            rewards, discounts, last = self._windows(rows, first, steps, gammas, n_steps)
        inputs, end = self._inputs, 2 * self._inputs
        return Transitions(
            observations=first[:, :, :inputs].contiguous(),
            actions=first[:, :, end : end + self._actions],
            rewards=rewards,
            next_observations=last[:, :, inputs:end].contiguous(),
            discounts=discounts * (1 - last[:, :, -2]),
        )

    def _windows(
        self, rows: Rows, first: Tensor, steps: int, gammas: Tensor, n_steps: Rows
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Summed rewards, discounts, and the last transition of every window."""
        newest = (steps - 1) % self.slots
        slots, environments = rows // self.environments, rows % self.environments
        rewards, discounts, last = first[:, :, -3].clone(), gammas.expand(first.shape[:2]).clone(), rows
        going = (first[:, :, -1] == 0).cpu().numpy() & (slots != newest)
        for offset in range(1, int(n_steps.max())):
            going = going & (n_steps > offset)[:, None]
            if not going.any():
                break
            following = (slots + offset) % self.slots
            there = following * self.environments + environments
            met = self._gathered(there)
            mask = torch.from_numpy(going).to(rewards.device)
            rewards = torch.where(mask, rewards + discounts * met[:, :, -3], rewards)
            discounts = torch.where(mask, discounts * gammas, discounts)
            last = np.where(going, there, last)
            going = going & (met[:, :, -1] == 0).cpu().numpy() & (following != newest)
        return rewards, discounts, self._gathered(last)

    def _gathered(self, rows: Rows) -> Tensor:
        index = torch.from_numpy((rows + self._own).reshape(-1)).to(self.data.device)
        return self._flat.index_select(0, index).view(*rows.shape, self.width)
