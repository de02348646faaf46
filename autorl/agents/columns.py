"""Hyperparameters of many agents, one column each, so that a formula reads as in the paper."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autorl.population.base import Algorithm

__all__ = ["Columns"]


class Columns:
    """The numeric hyperparameters that agents may differ in; `columns.clip_range` has shape (M, 1).

    None ("off") becomes infinity. Texts and static hyperparameters are not here: they are equal within a population.

    Args:
        configurations: One per agent (M).
        device: Where the columns live.
    """

    def __init__(self, configurations: Sequence[Algorithm], device: str) -> None:
        static = configurations[0].static_names()
        fields = dataclasses.fields(configurations[0])  # type: ignore[arg-type]  # algorithms are dataclasses
        names = [entry.name for entry in fields if entry.name not in static]
        self._values: dict[str, npt.NDArray[np.float64]] = {}
        for name in names:
            values = [getattr(configuration, name) for configuration in configurations]
            numbers = [math.inf if value is None else value for value in values]
            if all(isinstance(value, (bool, int, float)) for value in numbers):
                self._values[name] = np.array(numbers, dtype=np.float64)
        self._whole = {name: values.astype(np.int64) for name, values in self._values.items() if _whole(values)}
        self._tensors = {
            name: torch.tensor(values, dtype=torch.float32, device=device)[:, None]
            for name, values in self._values.items()
        }

    def __getattr__(self, name: str) -> Tensor:
        """The column of a hyperparameter, float32 of shape (M, 1)."""
        tensors: dict[str, Tensor] = self.__dict__.get("_tensors", {})
        if name not in tensors:
            raise AttributeError(f"no column {name!r}; there are {', '.join(tensors)}")
        return tensors[name]

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """The values of a hyperparameter, float64 of shape (M,)."""
        return self._values[name]

    def whole(self, name: str) -> npt.NDArray[np.int64]:
        """The values of a hyperparameter that counts something, int64 of shape (M,)."""
        return self._whole[name]

    def flags(self, name: str) -> npt.NDArray[np.bool_]:
        """The values of a true-or-false hyperparameter, shape (M,)."""
        return self._values[name].astype(np.bool_)


def _whole(values: npt.NDArray[np.float64]) -> bool:
    return bool(np.isfinite(values).all()) and bool((values == np.floor(values)).all())
