"""Hyperparameter optimisation for reinforcement learning.

Importing this loads neither torch nor an optimiser: every public name is fetched when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autorl.errors import AutorlError, InvalidInput
    from autorl.population import Algorithm, Population, algorithm, hyperparameter
    from autorl.space import SearchSpace
    from autorl.study import Result, Study, open_result, tune

__version__ = "0.1.0"

__all__ = [
    "Algorithm",
    "AutorlError",
    "InvalidInput",
    "Population",
    "Result",
    "SearchSpace",
    "Study",
    "algorithm",
    "hyperparameter",
    "open_result",
    "tune",
]

_HOMES = {
    "Algorithm": "autorl.population",
    "AutorlError": "autorl.errors",
    "InvalidInput": "autorl.errors",
    "Population": "autorl.population",
    "Result": "autorl.study",
    "SearchSpace": "autorl.space",
    "Study": "autorl.study",
    "algorithm": "autorl.population",
    "hyperparameter": "autorl.population",
    "open_result": "autorl.study",
    "tune": "autorl.study",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'autorl' has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
