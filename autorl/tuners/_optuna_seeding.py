"""Anybody's sampler of Optuna's, made a function of its seed and of plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from autorl.tuners._optuna import BaseSampler, LazyRandomState, optuna
from autorl.tuners._optuna_evolution import Replaying
from autorl.tuners._optuna_gp import OneThread

__all__ = ["make_exact", "samplers_in", "seed_all"]

LEAVES: tuple[type, ...] = (type(None), bool, int, float, complex, str, bytes, type, np.ndarray, np.generic)
LEAVES += (FunctionType, BuiltinFunctionType, MethodType, ModuleType)
"""What holds no generator of its own."""


def seed_all(sampler: BaseSampler, fixed: Callable[[str], int], fresh: Callable[[str], int]) -> None:
    """Seeds every generator that a sampler holds, nested samplers included, whoever made it.

    `BaseSampler.reseed_rng` is no way to do it: it draws entropy from the system.

    Args:
        sampler: Changed in place.
        fixed: Path of an attribute -> a seed in [0, 2**31) that is the same for all asks; QMC needs it.
        fresh: Path of an attribute -> a seed in [0, 2**31) of this ask.
    """
    for path, one in _parts(sampler):
        if isinstance(one, LazyRandomState):
            one._rng = np.random.RandomState(fresh(path))
        elif isinstance(one, optuna.samplers.QMCSampler):
            one._seed = fixed(path)
        elif isinstance(one, np.random.Generator):
            one.bit_generator.state = type(one.bit_generator)(fresh(path)).state
        elif hasattr(one, "seed") and (hasattr(one, "getrandbits") or isinstance(one, np.random.RandomState)):
            one.seed(fresh(path))


def samplers_in(sampler: BaseSampler) -> Iterator[tuple[str, BaseSampler]]:
    """The sampler and those nested in it, each with the path of its attribute."""
    return ((path, one) for path, one in _parts(sampler) if isinstance(one, BaseSampler))


def _parts(root: object) -> Iterator[tuple[str, Any]]:
    """Everything an object holds, itself first, each once and in an order that attributes alone decide."""
    seen: set[int] = set()
    waiting: list[tuple[str, object]] = [("", root)]
    while waiting:
        path, one = waiting.pop()
        if isinstance(one, LEAVES) or id(one) in seen:
            continue
        seen.add(id(one))
        yield path, one
        if isinstance(one, LazyRandomState):
            continue
        if isinstance(one, Mapping):
            held = one.items()
        elif isinstance(one, (list, tuple)):
            held = dict(enumerate(one)).items()
        else:
            held = getattr(one, "__dict__", {}).items()
        waiting += [(f"{path}.{name}", value) for name, value in held]


def make_exact(sampler: BaseSampler, memory: dict[int, Any]) -> None:
    """Makes somebody's sampler, in place, one that reads no pickle and whose sums depend on no number of threads.

    Args:
        sampler: Of any class; those that need nothing stay as they are.
        memory: What the sampler computed before, filled in.
    """
    kind = type(sampler)
    for base in (Replaying, OneThread):
        if isinstance(sampler, base.__bases__[0]):
            sampler.__class__ = type(kind.__name__, (base, kind), {})
            vars(sampler)["_memory"] = memory
