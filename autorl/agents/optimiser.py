"""Adam for a population: one learning rate, one step count and one gradient norm per agent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["SMALLEST_EPSILON", "Adam"]

Float64 = npt.NDArray[np.float64]
BETAS = (0.9, 0.999)
SMALLEST_EPSILON = float(np.finfo(np.float32).tiny)
"""Anything below may be 0 to the kernel, which computes in float32."""
Call = tuple[float, float, list[int], list[list[Tensor]]]
"""Learning rate, epsilon, rows, and of each of these the parameters, both moments and the count of steps."""


class Adam:
    """Adam (Kingma and Ba, 2015) over rows that never meet.

    Equal to `torch.optim.Adam(fused=True)`, whose kernel takes the step: one pass over a row instead of nine over all
    rows took a third of the time. The kernel knows one learning rate a call, so that there is a call for each rate.

    Args:
        parameters: Shape (M, P), contiguous; updated in place.
        epsilons: One per agent (M), above zero: parameters that are never used stay 0, and 0 / 0 would spoil them.

    Attributes:
        mean: Running mean of the gradients (M, P).
        square: Running mean of their squares (M, P).
        steps: Steps taken so far (M), float32 as the kernel takes them.
    """

    def __init__(self, parameters: Tensor, epsilons: Float64) -> None:
        self.parameters, self.epsilons = parameters, epsilons
        self.mean, self.square = torch.zeros_like(parameters), torch.zeros_like(parameters)
        self.steps = torch.zeros(len(parameters), device=parameters.device)
        self._rows = [tensor.unbind(0) for tensor in (parameters, self.mean, self.square, self.steps)]
        self._key: tuple[bytes, ...] = ()
        self._calls: list[Call] = []
        self._learning = torch.zeros_like(self.steps)
        self._gradients: Tensor | None = None
        self._slopes: list[list[Tensor]] = []

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
        norms: Tensor = torch.linalg.vector_norm(gradients, dim=1, keepdim=True)
        norms.add_(1e-6)
        if max_grad_norms is not None:
            # Nan would stay in padding, which no backward pass writes: a row that takes up a sound state was lost.
            gradients.mul_((max_grad_norms / norms).clamp_max_(1.0).nan_to_num_(0.0))
        if learning is None:
            learning = np.ones(len(gradients), dtype=np.bool_)
        self._plan(gradients, learning_rates, learning)
        self.steps.add_(self._learning)
        for (rate, epsilon, _, (parameters, means, squares, steps)), slopes in zip(
            self._calls, self._slopes, strict=True
        ):
            # A private name of torch's, the one behind `torch.optim.Adam(fused=True)`, which takes no rows.
            torch._fused_adam_(
                parameters,
                slopes,
                means,
                squares,
                [],
                steps,
                lr=rate,
                beta1=BETAS[0],
                beta2=BETAS[1],
                weight_decay=0.0,
                eps=epsilon,
                amsgrad=False,
                maximize=False,
            )
        return norms

    def _plan(self, gradients: Tensor, learning_rates: Float64, learning: npt.NDArray[np.bool_]) -> None:
        """A call for each learning rate and epsilon, which the seeds of a configuration share.

        They are planned anew when a rate, an epsilon or who learns differs in value, and given other slopes when
        another tensor comes.
        """
        key = (learning_rates.tobytes(), self.epsilons.tobytes(), learning.tobytes())
        if key != self._key:
            found: dict[tuple[float, float], list[int]] = {}
            for row in np.flatnonzero(learning).tolist():
                found.setdefault((float(learning_rates[row]), float(self.epsilons[row])), []).append(row)
            self._calls = [
                (*shared, rows, [[own[row] for row in rows] for own in self._rows]) for shared, rows in found.items()
            ]
            self._learning = torch.from_numpy(learning.astype(np.float32)).to(gradients.device)
            self._key, self._gradients = key, None
        if gradients is not self._gradients:
            slopes = gradients.unbind(0)
            self._gradients, self._slopes = gradients, [[slopes[row] for row in rows] for _, _, rows, _ in self._calls]

    def states(self, prefix: str = "") -> dict[str, Tensor | Float64]:
        """What continues at a rung: moments and steps taken, live, their names behind a prefix."""
        return {
            f"{prefix}adam_mean": self.mean,
            f"{prefix}adam_square": self.square,
            f"{prefix}adam_steps": self.steps,
        }
