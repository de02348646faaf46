"""MO-Gymnasium's Minecart for any number of carts in lock-step.

The rules are those of `mo_gymnasium.envs.minecart` (Abels et al. 2019, Dynamic weights in multi-objective deep
reinforcement learning), in the same order of operations on the same floats, so that every number has the same bits.
What looks odd here is odd there: after the cart came home, the rest of a frame's action still turns it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.utils import seeding

from autorl.environment.base import Spaces, Step, VectorEnvironment

__all__ = ["MinecartVector", "OwnOre"]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class OwnOre(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Minecart whose ore is drawn from the environment's own generator.

    MO-Gymnasium draws it from NumPy's process-wide one, so that `reset(seed=...)` does not seed it, and what a cart
    finds depends on whoever else draws.
    """

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Resets, and hands the generator to the mines."""
        answer = self.env.reset(seed=seed, options=options)
        cart: Any = self.env.unwrapped
        for mine in cart.mines:
            for distribution in mine.distributions:
                distribution.random_state = cart.np_random
        return answer


class _Angles:
    """Sines and cosines of whole degrees as `math` gives them; NumPy's own may differ in the last bit.

    Sliding along walls can turn a cart without end, so the tables grow.
    """

    def __init__(self) -> None:
        self._reach = 0
        self.cover(720)

    def cover(self, reach: int) -> None:
        """Makes sure that angles of -reach to reach are known."""
        if reach <= self._reach:
            return
        self._reach = 2 * reach
        degrees = range(-self._reach, self._reach + 1)
        self._velocity = np.array([[math.cos(d * math.pi / 180), math.sin(d * math.pi / 180)] for d in degrees])
        seen = [[math.sin(math.radians(d)), math.cos(math.radians(d))] for d in degrees]
        self._seen = np.array(seen, dtype=np.float32)

    def directions(self, degrees: npt.NDArray[np.int64]) -> Floats:
        """Cosine and sine, as the cart's movement takes them."""
        return self._velocity.take(degrees + self._reach, axis=0)

    def seen(self, degrees: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Sine and cosine, as an observation holds them."""
        return self._seen.take(degrees + self._reach, axis=0)


class MinecartVector(VectorEnvironment):
    """N carts, each in a mine field of its own.

    Args:
        original: MO-Gymnasium's environment, from which the mines are read; no image observations, frames incremental.
        seeds: One a cart; only ore is drawn.
        spaces: What it offers.
    """

    def __init__(self, original: Any, seeds: Sequence[int], spaces: Spaces) -> None:
        from mo_gymnasium.envs.minecart import minecart as rules

        assert spaces.max_episode_steps is not None  # the backend looked
        self._rules: Any = rules
        self._seeds, self._limit = list(seeds), spaces.max_episode_steps
        self._frames, self._capacity = int(original.frame_skip), original.capacity
        self._places: Floats = np.array([mine.pos for mine in original.mines])
        ores = [[distribution.args for distribution in mine.distributions] for mine in original.mines]
        self._means, self._deviations = np.moveaxis(np.array(ores, dtype=np.float64), -1, 0)
        self._turns = np.zeros(rules.ACTION_COUNT, dtype=np.int64)
        self._turns[[rules.ACT_LEFT, rules.ACT_RIGHT]] = -rules.ROTATION, rules.ROTATION
        self._pushes = np.zeros(rules.ACTION_COUNT)
        self._pushes[[rules.ACT_ACCEL, rules.ACT_BRAKE]] = rules.ACCELERATION, -rules.DECELERATION
        fuel = np.full(rules.ACTION_COUNT, rules.FUEL_IDLE * self._frames, dtype=np.float32)
        for action, cost in ((rules.ACT_ACCEL, rules.FUEL_ACC), (rules.ACT_MINE, rules.FUEL_MINE)):
            fuel[action] += cost * self._frames
        self._fuel = fuel.astype(np.float64)
        self._base = rules.BASE_RADIUS * rules.BASE_SCALE
        self._reachable = rules.MINE_RADIUS * rules.MINE_SCALE * rules.CART_SCALE
        self._angles = _Angles()
        self._generators: dict[int, np.random.Generator] = {}

    def reset(self) -> npt.NDArray[Any]:
        """Puts every cart home."""
        count, ores = len(self._seeds), self._means.shape[1]
        self._position, self._content = np.zeros((count, 2)), np.zeros((count, ores))
        self._speed, self._angle = np.zeros(count), np.zeros(count, dtype=np.int64)
        self._departed, self._elapsed = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.int64)
        self._generators = {}
        self._go_home(np.ones(count, dtype=np.bool_))
        self._last = self._seen()
        self._home = self._last[0].copy()
        return self._last

    def _go_home(self, rows: Bools) -> None:
        self._position[rows] = self._rules.HOME_POS
        self._content[rows] = 0.0
        self._speed[rows] = 0.0
        self._angle[rows] = 45
        self._departed[rows] = False
        self._elapsed[rows] = 0

    def step(self, actions: npt.NDArray[Any], running: Bools | None = None) -> Step:
        """Carries one action out for all of its frames."""
        count = len(self._seeds)
        acts = np.asarray(actions).reshape(count)
        going = np.ones(count, dtype=np.bool_) if running is None else running.copy()
        stepped = going.copy()
        rewards = np.zeros((count, self._content.shape[1] + 1))
        rewards[:, -1] = np.where(stepped, self._fuel[acts], 0.0)
        over = np.zeros(count, dtype=np.bool_)
        turns, pushes, mining = self._turns[acts], self._pushes[acts], acts == self._rules.ACT_MINE
        self._angles.cover(int(np.abs(self._angle).max()) + self._frames * self._rules.ROTATION)
        for _ in range(self._frames):
            self._act(turns, pushes, mining, going)
            going = going & ~over
            self._move(going)
            self._arrive(going, over, rewards)
        self._elapsed += stepped
        ended = over | (stepped & (self._elapsed >= self._limit))
        arrived = self._seen()
        observations = arrived
        if ended.any():
            self._go_home(ended)
            observations = arrived.copy()
            observations[ended] = self._home
        return Step(arrived, rewards, over, ended & ~over, observations)

    def _act(self, turns: npt.NDArray[np.int64], pushes: Floats, mining: Bools, going: Bools) -> None:
        """A frame's share of the action."""
        turned = (turns != 0) & going
        if turned.any():
            self._angle = np.where(turned, (self._angle + turns) % 360, self._angle)
        pushed = (pushes != 0) & going
        if pushed.any():
            speed = np.clip(self._speed + pushes, 0.0, self._rules.MAX_SPEED)
            self._speed = np.where(pushed, speed, self._speed)
        waiting = mining & going & (self._speed < self._rules.EPS_SPEED)
        if waiting.any():
            self._mine(np.flatnonzero(waiting))

    def _mine(self, rows: npt.NDArray[np.int64]) -> None:
        """Draws from the nearest mine what the cart has room for."""
        away = self._position[rows, None] - self._places
        distances = np.sqrt(np.vecdot(away, away))
        nearest = distances.argmin(1)
        within = distances[np.arange(len(rows)), nearest] <= self._reachable
        rows, nearest = rows[within], nearest[within]
        if not len(rows):
            return
        deviations = self._deviations[nearest]
        draws = np.zeros_like(deviations)
        for index, row in enumerate(rows.tolist()):
            drawn = deviations[index] != 0  # scipy draws nothing where there is nothing to draw
            if drawn.any():
                draws[index, drawn] = self._generator(row).standard_normal(int(drawn.sum()))
        mined = np.maximum(0.0, draws * deviations + self._means[nearest])
        room, total = self._capacity - self._content[rows].sum(1), mined.sum(1)
        full = total > room
        mined[full] *= (room[full] / total[full])[:, None]
        self._content[rows] += mined

    def _generator(self, row: int) -> np.random.Generator:
        if row not in self._generators:
            self._generators[row] = seeding.np_random(self._seeds[row])[0]
        return self._generators[row]

    def _move(self, going: Bools) -> None:
        """Moves what is in motion; a cart that meets a wall slides along it and is turned."""
        slow, turn = self._rules.EPS_SPEED, self._rules.ROTATION
        moving = going & (self._speed >= slow)
        if not moving.any():
            return
        before = self._position
        velocity = self._speed[:, None] * self._angles.directions(self._angle)
        low, high = before == 0, before == 1
        wall = low | high
        # A wall ahead along one axis, away from the walls of the other, along which the cart is in motion.
        ahead = (high & (velocity > 0)) | (low & (velocity < 0))
        meets = ahead & ~wall[:, ::-1] & (np.abs(velocity[:, ::-1]) > slow) & moving[:, None]
        if meets.any():
            outward = np.where(high, 1, -1) * np.copysign(turn, velocity[:, ::-1]).astype(np.int64)
            self._angle = (
                self._angle + np.where(meets[:, 0], outward[:, 0], 0) - np.where(meets[:, 1], outward[:, 1], 0)
            )
        after = np.clip(before + velocity, 0.0, 1.0)
        shift = before - after
        self._speed = np.where(moving, np.sqrt(np.vecdot(shift, shift)), self._speed)
        self._position = np.where(moving[:, None], after, before)

    def _arrive(self, going: Bools, over: Bools, rewards: Floats) -> None:
        """Ends the episode of a cart that came back, and sells its ore."""
        inside = np.sqrt(np.vecdot(self._position, self._position)) < self._base
        back = going & inside & self._departed
        self._departed |= going & ~inside
        if back.any():
            over |= back
            rewards[back, :-1] = self._content[back].astype(np.float32)
            self._content[back] = 0.0

    def _seen(self) -> npt.NDArray[np.float32]:
        found = np.empty((len(self._seeds), 5 + self._content.shape[1]), dtype=np.float32)
        found[:, :2], found[:, 2] = self._position, self._speed
        found[:, 3:5] = self._angles.seen(self._angle)
        found[:, 5:] = self._content / self._capacity
        return found

    def close(self) -> None:
        """Nothing to release."""
