"""Priors over numbers: where in its range somebody believes the best value to lie.

A prior warps the unit interval: a tuner's unit value is a quantile of the prior, so that every tuner honours it
without knowing of it. What is drawn uniformly is drawn from the prior, and a model sees the believed region stretched
(Ramachandran et al. 2020, Incorporating expert prior in Bayesian optimisation via space warping).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from autorl.documents import as_number
from autorl.errors import InvalidInput, UnknownName

__all__ = ["Prior", "parse_prior"]

UNIFORM = 0.1
"""The share of the uniform distribution mixed in: a wrong belief is slow to be left, but never kept. It also bounds the
density from below, without which a unit value could not name a value far from the mean exactly."""
SMALLEST_STD = 0.01


@dataclass(frozen=True)
class Prior:
    """A normal distribution over a hyperparameter's scale, cut at its bounds, with one tenth of uniform mixed in.

    Attributes:
        mean: The value believed best, in natural units.
        std: The standard deviation, as a share of the range on its scale; at least 0.01.
    """

    mean: float
    std: float

    def check(self, lower: float, upper: float, where: str) -> None:
        """Checks it against a range.

        Raises:
            InvalidInput: If the mean lies outside the range or `std` below 0.01 or above 10.
        """
        if not lower <= self.mean <= upper:
            raise InvalidInput(f"{where}.mean: {self.mean!r} lies outside the range [{lower!r}, {upper!r}]")
        if not SMALLEST_STD <= self.std <= 10:
            raise InvalidInput(
                f"{where}.std: {self.std!r} must lie in [{SMALLEST_STD}, 10]; it is a share of the range on its scale"
            )

    def share(self, position: float, centre: float) -> float:
        """The probability below a position, both in [0, 1] on the hyperparameter's scale; increasing, 0 at 0, 1 at 1.

        Args:
            position: A place on the whole range.
            centre: The mean's place.
        """
        low, high = self._normal(-centre), self._normal(1 - centre)
        cut = (self._normal(position - centre) - low) / (high - low)
        return (1 - UNIFORM) * cut + UNIFORM * position

    def position(self, share: float, centre: float) -> float:
        """The inverse of `share`, by bisection to the last bit."""
        low, high = 0.0, 1.0
        for _ in range(64):
            middle = (low + high) / 2
            if self.share(middle, centre) < share:
                low = middle
            else:
                high = middle
        return high

    def describe(self) -> dict[str, float]:
        """As it is written in a space file."""
        return {"mean": self.mean, "std": self.std}

    def __str__(self) -> str:
        return f"prior {self.mean:g} ± {self.std:g} of the range"

    def _normal(self, distance: float) -> float:
        return 0.5 * math.erf(distance / (self.std * math.sqrt(2)))


def parse_prior(entry: object, where: str) -> Prior:
    """Reads `{mean: VALUE, std: SHARE}`.

    Raises:
        InvalidInput: If it is no such mapping.
        UnknownName: If it has another key.
    """
    if not isinstance(entry, Mapping):
        raise InvalidInput(f"{where}: {entry!r} must be a mapping such as {{mean: 0.001, std: 0.2}}")
    for key in entry:
        if key not in ("mean", "std"):
            raise UnknownName("key of a prior", str(key), ("mean", "std"), where)
    for key in ("mean", "std"):
        if key not in entry:
            raise InvalidInput(
                f"{where}: {dict(entry)!r} lacks {key!r}; write {{mean: VALUE, std: SHARE OF THE RANGE}}"
            )
    return Prior(*(float(as_number(entry[key], f"{where}.{key}")) for key in ("mean", "std")))
