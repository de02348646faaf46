"""Algorithms as users write them, in a module that other processes can import."""

# ruff: noqa: NPY002  # the process-wide generator is what is tested
from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import autorl
from autorl.environment import Environment

SPACE = {
    "learning_rate": {"float": [1e-4, 1e-2], "log": True, "default": 1e-3},
    "steps_between_reports": {"int": [1, 1000], "default": 100},
}


class Constant:
    """A policy that always does the same."""

    def __init__(self, action: int) -> None:
        self.action = action

    def act(self, observation: npt.NDArray[Any]) -> int:
        return self.action


@autorl.algorithm(space=SPACE)
def reporting(config: Any, environment: Environment, seed: int, env_steps: int, report: Any) -> object:
    """Reports a policy every few steps and returns another.

    Its reports alternate between pushing left and right; what it returns pushes right.
    """
    for count, done in enumerate(range(0, env_steps, config.steps_between_reports)):
        report(done + config.steps_between_reports, Constant(count % 2))
    return Constant(1)


@autorl.algorithm(space=SPACE)
def silent(config: Any, environment: Environment, seed: int, env_steps: int, report: Any) -> object:
    """Never reports; plays a little, then returns a score that holds everything it was given."""
    made = environment.make(seed)
    observation, _ = made.reset()
    total = float(np.abs(observation).sum())
    made.close()
    return total + config["learning_rate"] + seed + env_steps


@autorl.algorithm(space=SPACE, name="global-noise")
def drawing(config: Any, environment: Environment, seed: int, env_steps: int, report: Any) -> object:
    """Draws from every process-wide generator, as much third-party code does."""
    import random

    import torch

    total = 0.0
    for done in range(100, env_steps + 1, 100):
        total += random.random() + np.random.rand() + float(torch.rand(()))
        report(done, total)
    return total


def undecorated(config: Any, environment: Environment, seed: int, env_steps: int, report: Any) -> object:
    """No algorithm yet."""
    return 0.0
