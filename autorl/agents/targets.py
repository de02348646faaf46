"""Target networks: parameters that follow others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["track"]


def track(target: Tensor, source: Tensor, rates: npt.NDArray[np.float64]) -> None:
    """Moves target parameters (M, P) a share of the way to their source; a rate of 0 keeps every bit, 1 copies.

    Args:
        target: Written in place.
        source: What it follows.
        rates: One per agent (M).
    """
    share = torch.from_numpy(rates.astype(np.float32)[:, None]).to(target.device)
    if (rates > 0).all():
        target.lerp_(source, share)
    else:  # a source that is not finite must not reach a target that rests
        target.copy_(torch.lerp(target, source, share).where(share > 0, target))
