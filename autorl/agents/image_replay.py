"""A replay of images, kept as the bytes they are."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autorl.agents.replay import Replay
from autorl.environment import Step

__all__ = ["ImageReplay"]

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]


class ImageReplay(Replay):
    """As `Replay`, with observation and next observation of every row in a tensor of bytes: a quarter of the memory.

    Args:
        size: Agents, a lone one's copy among them (M).
        slots: Vector steps kept.
        environments: Sub-environments per agent (N).
        inputs: Length of an observation.
        actions: Length of an action.
        device: Where it is kept.
        rewards: Rewards of a step.

    Attributes:
        pixels: Shape (M, slots, N, 2, inputs), uint8.
    """

    images: ClassVar[bool] = True

    def __init__(
        self, size: int, slots: int, environments: int, inputs: int, actions: int, device: str, rewards: int = 1
    ) -> None:
        super().__init__(size, slots, environments, 0, actions, device, rewards)
        self.pixels = torch.zeros(size, slots, environments, 2, inputs, dtype=torch.uint8, device=device)

    @classmethod
    def row_bytes(cls, inputs: int, actions: int, rewards: int = 1) -> int:
        """Memory of one transition."""
        return 2 * inputs + 4 * cls.row_length(0, actions, rewards)

    def add(self, step: int, observations: Array, actions: Array, answer: Step, running: npt.NDArray[np.bool_]) -> None:
        """Keeps a vector step's transitions in place of the oldest ones; the arguments are those of `Replay.add`."""
        following = answer.next_observations
        rest = dataclasses.replace(answer, next_observations=following[:, :, :0])
        super().add(step, observations[:, :, :0], actions, rest, running)
        pairs = torch.from_numpy(np.stack([observations, following], axis=2)).to(self.pixels.device)
        kept = np.flatnonzero(running)
        self.pixels[kept, step % self.slots] = pairs[kept]

    def states(self) -> dict[str, Tensor]:
        """All that is kept, live."""
        return {**super().states(), "replay_pixels": self.pixels}

    def _observed(self, rows: Rows, transitions: Tensor) -> Tensor:
        return self._seen(rows, 0)

    def _led_to(self, rows: Rows, transitions: Tensor) -> Tensor:
        return self._seen(rows, 1)

    def _seen(self, rows: Rows, which: int) -> Tensor:
        inputs = self.pixels.shape[-1]
        index = torch.from_numpy(2 * rows.reshape(-1) + which).to(self.pixels.device)
        return self.pixels.view(-1, inputs).index_select(0, index).view(*rows.shape, inputs)
