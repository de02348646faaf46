"""Adam for a population: one learning rate, one step count and one gradient norm per agent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["Adam"]

Float64 = npt.NDArray[np.float64]
BETAS = (0.9, 0.999)


class Adam:
    """Adam (Kingma and Ba, 2015) over rows that never meet.

    Equal to `torch.optim.Adam`, with the bias corrections moved into the step size and epsilon, which are then one
    number per agent and update.

    Args:
        parameters: Shape (M, P), contiguous; updated in place.
        epsilons: One per agent (M), above zero: parameters that are never used stay 0, and 0 / 0 would spoil them.

    Attributes:
        mean: Running mean of the gradients (M, P).
        square: Running mean of their squares (M, P).
        decays: Powers of the two decay rates reached so far (M, 2), float64.
    """

    def __init__(self, parameters: Tensor, epsilons: Float64) -> None:
        self.parameters, self.epsilons = parameters, epsilons
        self.mean, self.square = torch.zeros_like(parameters), torch.zeros_like(parameters)
        self.decays = np.ones((len(parameters), 2))
        self._scratch = torch.empty_like(parameters)

    def step(
        self,
        gradients: Tensor,
        learning_rates: Float64,
        max_grad_norms: Tensor | None,
        learning: npt.NDArray[np.bool_] | None = None,
    ) -> Tensor:
        """Clips the gradient's norm and takes a step, per agent.

        Args:
            gradients: Shape (M, P); overwritten.
            learning_rates: One per agent (M).
            max_grad_norms: One per agent (M, 1); None does not clip.
            learning: Which agents take the step (M); None is all. The others keep every bit.

        Returns:
            The gradients' norms before clipping (M, 1), plus 1e-6.
        """
        if learning is not None and learning.all():
            learning = None
        if learning is not None:
            resting = torch.from_numpy(~learning).to(self.parameters.device)
            kept = [tensor[resting] for tensor in (self.parameters, self.mean, self.square)]
            kept_decays = self.decays[~learning]
        norms: Tensor = torch.linalg.vector_norm(gradients, dim=1, keepdim=True)
        norms.add_(1e-6)
        if max_grad_norms is not None:
            gradients.mul_((max_grad_norms / norms).clamp_max_(1.0))
        self.mean.lerp_(gradients, 1 - BETAS[0])
        self.square.mul_(BETAS[1]).addcmul_(gradients, gradients, value=1 - BETAS[1])
        self.decays *= BETAS
        root = np.sqrt(1 - self.decays[:, 1])
        numbers = np.stack([learning_rates * root / (1 - self.decays[:, 0]), self.epsilons * root])
        step_sizes, epsilons = torch.from_numpy(numbers.astype(np.float32)[:, :, None]).to(self.parameters.device)
        torch.sqrt(self.square, out=self._scratch).add_(epsilons)
        torch.mul(self.mean, step_sizes, out=gradients)
        self.parameters.addcdiv_(gradients, self._scratch, value=-1)
        if learning is not None:
            for tensor, rows in zip((self.parameters, self.mean, self.square), kept, strict=True):
                tensor[resting] = rows
            self.decays[~learning] = kept_decays
        return norms

    def states(self, prefix: str = "") -> dict[str, Tensor | Float64]:
        """What continues at a rung: moments and decays, live, their names behind a prefix."""
        return {
            f"{prefix}adam_mean": self.mean,
            f"{prefix}adam_square": self.square,
            f"{prefix}adam_decays": self.decays,
        }
