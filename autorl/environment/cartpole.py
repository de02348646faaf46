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

    def drawn(self, generator: np.random.Generator) -> FloatArray:
        """Everything near zero."""
        return generator.uniform(low=-START, high=START, size=(4,))

    def moved(self, states: FloatArray, actions: npt.NDArray[Any]) -> tuple[FloatArray, FloatArray, npt.NDArray[Any]]:
        """Pushes every cart."""
        rules = self.rules
        x, x_dot, theta, theta_dot = states
        force = np.where(actions == 1, rules.force_mag, -rules.force_mag)
        cosine, sine = np.cos(theta), np.sin(theta)
        temp = (force + rules.polemass_length * np.square(theta_dot) * sine) / rules.total_mass
        theta_acc = (rules.gravity * sine - cosine * temp) / (
            rules.length * (4.0 / 3.0 - rules.masspole * np.square(cosine) / rules.total_mass)
        )
        x_acc = temp - rules.polemass_length * theta_acc * cosine / rules.total_mass
        after = np.stack(
            [
                x + rules.tau * x_dot,
                x_dot + rules.tau * x_acc,
                theta + rules.tau * theta_dot,
                theta_dot + rules.tau * theta_acc,
            ]
        )
        over = np.abs(after[0]) > rules.x_threshold
        over |= np.abs(after[2]) > rules.theta_threshold_radians
        return after, np.ones(len(x)), over

    def seen(self, states: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The states themselves."""
        return np.ascontiguousarray(states.T, dtype=np.float32)
