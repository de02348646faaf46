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
from gymnasium.utils import seeding

from autorl.environment.base import Spaces, Step, VectorEnvironment

__all__ = ["CartPoleVector"]

START = 0.05
"""Initial states are uniform between minus and plus this, which Gymnasium writes into its `reset`."""


class CartPoleVector(VectorEnvironment):
    """N carts, each with a pole.

    Args:
        original: Gymnasium's environment, from which the constants are read; its integrator is Euler's.
        seeds: One a cart; only initial states are drawn.
        spaces: What it offers.
    """

    def __init__(self, original: Any, seeds: Sequence[int], spaces: Spaces) -> None:
        assert spaces.max_episode_steps is not None  # the backend looked
        assert original.kinematics_integrator == "euler"
        self._rules, self._seeds, self._limit = original, list(seeds), spaces.max_episode_steps

    def reset(self) -> npt.NDArray[Any]:
        """Draws every cart's first state."""
        self._generators = [seeding.np_random(seed)[0] for seed in self._seeds]
        self._states = np.empty((4, len(self._seeds)))  # position, velocity, angle, angular velocity
        self._elapsed = np.zeros(len(self._seeds), dtype=np.int64)
        self._begin(range(len(self._seeds)))
        return self._seen()

    def _begin(self, rows: Sequence[int]) -> None:
        for row in rows:
            self._states[:, row] = self._generators[row].uniform(low=-START, high=START, size=(4,))
            self._elapsed[row] = 0

    def step(self, actions: npt.NDArray[Any], running: npt.NDArray[np.bool_] | None = None) -> Step:
        """Pushes every cart, or those that run."""
        rules, before = self._rules, self._states
        x, x_dot, theta, theta_dot = before
        force = np.where(np.asarray(actions).reshape(-1) == 1, rules.force_mag, -rules.force_mag)
        cosine, sine = np.cos(theta), np.sin(theta)
        temp = (force + rules.polemass_length * np.square(theta_dot) * sine) / rules.total_mass
        theta_acc = (rules.gravity * sine - cosine * temp) / (
            rules.length * (4.0 / 3.0 - rules.masspole * np.square(cosine) / rules.total_mass)
        )
        x_acc = temp - rules.polemass_length * theta_acc * cosine / rules.total_mass
        self._states = np.stack(
            [
                x + rules.tau * x_dot,
                x_dot + rules.tau * x_acc,
                theta + rules.tau * theta_dot,
                theta_dot + rules.tau * theta_acc,
            ]
        )
        over = np.abs(self._states[0]) > rules.x_threshold
        over |= np.abs(self._states[2]) > rules.theta_threshold_radians
        going = np.ones(len(self._seeds), dtype=np.bool_) if running is None else running
        if running is not None:
            self._states = np.where(running, self._states, before)
            over &= running
        self._elapsed += going
        ended = over | (going & (self._elapsed >= self._limit))
        arrived = observations = self._seen()
        if ended.any():
            self._begin(np.flatnonzero(ended).tolist())
            observations = self._seen()
        return Step(arrived, going[:, None].astype(np.float64), over, ended & ~over, observations)

    def _seen(self) -> npt.NDArray[np.float32]:
        return np.ascontiguousarray(self._states.T, dtype=np.float32)

    def close(self) -> None:
        """Nothing to release."""
