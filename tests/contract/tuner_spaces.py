"""Where tuners are tried: a small space of every kind, and the losses told there."""

from __future__ import annotations

import functools

from autorl.space import SearchSpace
from autorl.tuners import Vector

__all__ = ["SPACES", "brought", "load", "measured"]

SPACES: dict[str, dict[str, object]] = {
    "numeric": {
        "learning_rate": {"float": [1e-5, 1e-1], "log": True, "default": 1e-3},
        "gamma": {"float": [0.9, 0.999], "reverse_log": True, "default": 0.99},
        "n_steps": {"int": [32, 512], "pow2": True, "default": 128},
    },
    "mixed": {
        "learning_rate": {"float": [1e-5, 1e-1], "log": True, "default": 1e-3},
        "activation": {"choice": ["tanh", "relu", "elu"], "default": "relu"},
        "width": {"ordered": [16, 32, 64, 128], "default": 32},
        "normalize": {"constant": True},
    },
    "conditional": {
        "prioritized": {"choice": [True, False], "default": False},
        "alpha": {"float": [0.1, 1.0], "default": 0.6, "when": {"prioritized": True}},
        "n_steps": {"int": [32, 512], "pow2": True, "default": 128},
        "width": {"ordered": [16, 32, 64, 128], "default": 32},
    },
    "related": {
        "learning_rate": {"float": [1e-5, 1e-1], "log": True, "default": 1e-3},
        "n_steps": {"int": [32, 512], "pow2": True, "default": 128},
        "batch_size": {"int": [16, 1024], "pow2": True, "default": 64},
        "relations": ["batch_size <= n_steps * 4"],
    },
    "square": {
        "x": {"float": [0.0, 1.0], "default": 0.5},
        "y": {"float": [0.0, 1.0], "default": 0.5},
    },
}
"""The first four are the contract's; `square` is where failures and constraints have a place."""


@functools.cache
def load(space: str) -> SearchSpace:
    """A space by name."""
    return SearchSpace.load(SPACES[space])


def measured(vector: Vector, objectives: int) -> tuple[float, ...]:
    """Smooth and in conflict: each loss has its own best place."""
    numbers = [len(value) / 4 if isinstance(value, str) else float(value) for value in vector.values()]
    return tuple(sum((number - 0.3 * best) ** 2 for number in numbers) for best in range(1, objectives + 1))


def brought(space: SearchSpace) -> Vector:
    """A vector from elsewhere, far from the default's."""
    far: dict[str, float | int | str] = {}
    for one in space.coordinates:
        far[one.name] = 0.8 if one.kind == "unit" else one.size - 1 if one.kind == "index" else one.labels[-1]
    return space.encode(space.decode(far))
