"""A small environment, a count of threads, and one torch thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from autorl.environment import Environment


@pytest.fixture
def cartpole() -> Environment:
    return Environment("CartPole-v1", max_episode_steps=50)


@pytest.fixture
def own_threads() -> Callable[[], int]:
    """How many threads begun by the test are alive, whatever earlier tests have left in this process."""
    before = set(threading.enumerate())
    return lambda: len(set(threading.enumerate()) - before)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """As in a worker: on a busy machine two threads for a small network take many times as long as one."""
    import torch

    torch.set_num_threads(1)
