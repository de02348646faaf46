"""Gymnasium's Acrobot for any number of arms in lock-step.

The equations are those of `gymnasium.envs.classic_control.acrobot` (Sutton 1996, Generalization in Reinforcement
Learning; Sutton and Barto's book), in the same order of operations on the same floats, so that every number has the
same bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from autorl.environment.base import Spaces
from autorl.environment.classic_control import ClassicControlVector
from autorl.records import FloatArray

__all__ = ["AcrobotVector"]

START = 0.1
"""Initial states are uniform between minus and plus this, which Gymnasium writes into its `reset`, as it does..."""
GRAVITY = 9.8
"""... this."""


class AcrobotVector(ClassicControlVector):
    """N arms of two links, driven at the elbow: both angles, both angular velocities.

    Args:
        original: Gymnasium's environment, with the book's equations and without noise.
        seeds: One an arm.
        spaces: What it offers.
    """

    def __init__(self, original: Any, seeds: Sequence[int], spaces: Spaces) -> None:
        super().__init__(original, seeds, spaces)
        assert original.book_or_nips == "book"
        assert original.torque_noise_max == 0
        self._torques = np.asarray(original.AVAIL_TORQUE, dtype=np.float64)

    def drawn(self, generator: np.random.Generator) -> npt.NDArray[np.float32]:
        """Hanging nearly still; until its first step an arm is kept, and so seen, in single precision."""
        return generator.uniform(low=-START, high=START, size=(4,)).astype(np.float32)

    def moved(self, states: FloatArray, actions: npt.NDArray[Any]) -> tuple[FloatArray, FloatArray, npt.NDArray[Any]]:
        """One step of a Runge-Kutta method of fourth order; an arm is done when its tip is a link above the base."""
        rules, torques = self.rules, self._torques[actions]
        dt: float = rules.dt - 0
        half = dt / 2.0
        k1 = self._derivatives(states, torques)
        k2 = self._derivatives(states + half * k1, torques)
        k3 = self._derivatives(states + half * k2, torques)
        k4 = self._derivatives(states + dt * k3, torques)
        after = states + dt / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
        for angle in after[:2]:
            _wrap(angle)
        for velocity, limit in zip(after[2:], (rules.MAX_VEL_1, rules.MAX_VEL_2), strict=True):
            np.clip(velocity, -limit, limit, out=velocity)
        over = -np.cos(after[0]) - np.cos(after[1] + after[0]) > 1.0
        return after, np.where(over, 0.0, -1.0), over

    def _derivatives(self, states: FloatArray, torques: FloatArray) -> FloatArray:
        rules, g = self.rules, GRAVITY
        m1, m2, l1 = rules.LINK_MASS_1, rules.LINK_MASS_2, rules.LINK_LENGTH_1
        lc1, lc2, inertia = rules.LINK_COM_POS_1, rules.LINK_COM_POS_2, rules.LINK_MOI
        theta1, theta2, dtheta1, dtheta2 = states
        squared = _squared(states[2:])
        cosine, sine = np.cos(theta2), np.sin(theta2)
        d1 = m1 * lc1**2 + m2 * (l1**2 + lc2**2 + 2 * l1 * lc2 * cosine) + inertia + inertia
        d2 = m2 * (lc2**2 + l1 * lc2 * cosine) + inertia
        phi2 = m2 * lc2 * g * np.cos(theta1 + theta2 - math.pi / 2.0)
        phi1 = (
            -m2 * l1 * lc2 * squared[1] * sine
            - 2 * m2 * l1 * lc2 * dtheta2 * dtheta1 * sine
            + (m1 * lc1 + m2 * l1) * g * np.cos(theta1 - math.pi / 2)
            + phi2
        )
        ddtheta2 = (torques + d2 / d1 * phi1 - m2 * l1 * lc2 * squared[0] * sine - phi2) / (
            m2 * lc2**2 + inertia - _squared(d2) / d1
        )
        ddtheta1 = -(d2 * ddtheta2 + phi1) / d1
        changes = np.empty_like(states)  # `stack` takes several times as long
        changes[0], changes[1], changes[2], changes[3] = dtheta1, dtheta2, ddtheta1, ddtheta2
        return changes

    def seen(self, states: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Cosine and sine of both angles, and the velocities."""
        first, second, *velocities = states
        columns = [np.cos(first), np.sin(first), np.cos(second), np.sin(second), *velocities]
        return np.stack(columns, 1).astype(np.float32)


def _squared(values: FloatArray) -> FloatArray:
    """By the C library's `pow`, as Python does it and Gymnasium with it; a product has other bits now and then."""
    found = np.fromiter(map(math.pow, values.ravel().tolist(), repeat(2.0)), np.float64, values.size)
    return found.reshape(values.shape)


def _wrap(angles: FloatArray) -> None:
    """Takes whole turns off, in place, one after another as Gymnasium does."""
    turn = math.pi - -math.pi
    while (far := angles > math.pi).any():
        angles[far] -= turn
    while (far := angles < -math.pi).any():
        angles[far] += turn
