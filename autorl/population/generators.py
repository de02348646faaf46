"""The process-wide random generators, kept apart for code that draws from them.

Nothing of ours draws from `random`, `numpy.random` or torch's default generator. Libraries and users do, and then an
agent's numbers would depend on who trained before it in the same process.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

__all__ = ["OwnGenerators"]


class OwnGenerators:
    """The generators as one agent sees them: seeded once, then continued from where that agent left them.

    The others' state is put back on leaving, whatever happens inside.

    Args:
        seed: In [0, 2**31).
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._state: tuple[Any, ...] | None = None

    @contextmanager
    def active(self) -> Iterator[None]:
        """Puts this agent's generators in place of the process's."""
        outside = _state()
        try:
            if self._state is None:
                _start(self._seed)
            else:
                _restore(self._state)
            yield
        finally:
            self._state = _state()
            _restore(outside)


def _start(seed: int) -> None:
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  # the legacy generator is the one to be kept apart
    # `torch.manual_seed` seeds absent devices too, for the day they come, and formats a traceback for each.
    (torch if torch.accelerator.is_available() else torch.default_generator).manual_seed(seed)


def _state() -> tuple[Any, ...]:
    # torch is imported even where the agent's code does not use it: whether it is loaded must not matter.
    import torch

    accelerator = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]  # torch's
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), accelerator  # noqa: NPY002  # the global generator is kept


def _restore(state: tuple[Any, ...]) -> None:
    import torch

    python, numpy, cpu, accelerator = state
    random.setstate(python)
    np.random.set_state(numpy)  # noqa: NPY002  # and put back
    torch.set_rng_state(cpu)
    if accelerator is not None:
        torch.cuda.set_rng_state_all(accelerator)
