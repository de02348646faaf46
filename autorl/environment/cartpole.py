"""Gymnasium's CartPole for any number of carts in lock-step.

The equations are those of `gymnasium.envs.classic_control.cartpole` (Barto, Sutton and Anderson 1983, Neuronlike
adaptive elements that can solve difficult learning control problems), in the same order of operations on the same
floats, so that every number has the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autorl.environment.base import Spaces
from autorl.environment.classic_control import ClassicControlVector
from autorl.records import FloatArray

__all__ = ["CartPoleVector"]

START = 0.05
"""Initial states are uniform between minus and plus this, which Gymnasium writes into its `reset`."""


class CartPoleVector(ClassicControlVector):
    """N carts, each with a pole: position, velocity, angle, angular velocity.

    Args:
        original: Gymnasium's environment, whose integrator is Euler's.
        seeds: One a cart.
        spaces: What it offers.
    """

    def __init__(self, original: Any, seeds: Sequence[int], spaces: Spaces) -> None:
        super().__init__(original, seeds, spaces)
        assert original.kinematics_integrator == "euler"
        self._forces = np.array([-original.force_mag, original.force_mag], dtype=np.float64)
        limits = original.x_threshold, np.inf, original.theta_threshold_radians, np.inf
        self._limits = np.array(limits)[:, None]

    def drawn(self, generator: np.random.Generator) -> FloatArray:
        """Everything near zero."""
        return generator.uniform(low=-START, high=START, size=(4,))

    def moved(self, states: FloatArray, actions: npt.NDArray[Any]) -> tuple[FloatArray, FloatArray, npt.NDArray[Any]]:
        """Pushes every cart."""
        rules = self.rules
        _, x_dot, theta, theta_dot = states
        force = self._forces[actions]
        cosine, sine = np.cos(theta), np.sin(theta)
        temp = (force + rules.polemass_length * np.square(theta_dot) * sine) / rules.total_mass
        changes = np.empty_like(states)  # `stack` takes several times as long
        changes[0], changes[2] = x_dot, theta_dot
        theta_acc = np.divide(
            rules.gravity * sine - cosine * temp,
            rules.length * (4.0 / 3.0 - rules.masspole * np.square(cosine) / rules.total_mass),
            out=changes[3],
        )
        np.subtract(temp, rules.polemass_length * theta_acc * cosine / rules.total_mass, out=changes[1])
        changes *= rules.tau
        after = states + changes
        far = np.abs(after) > self._limits
        return after, np.ones(len(x_dot)), far[0] | far[2]

    def seen(self, states: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The states themselves."""
        return np.ascontiguousarray(states.T, dtype=np.float32)
