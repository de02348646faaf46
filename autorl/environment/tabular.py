"""Small grid worlds of MO-Gymnasium as tables, so that any number of them is stepped in a few NumPy calls.

The tables are read off MO-Gymnasium's own environment, one step from every state that can be reached, so that there is
no second statement of its rules.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Discrete
from gymnasium.utils import seeding

from autorl.environment.base import Spaces, Step, VectorEnvironment

__all__ = ["Tables", "TabularVector", "explore"]

MAX_STATES = 100_000
_Outcome = tuple[int, npt.NDArray[np.float64], bool, bool]
"""The next state, the reward, whether the episode terminates, and whether the step drew a number."""


class _Draw:
    """Stands in for an environment's generator: gives a set number, and notes that it was asked for one."""

    def __init__(self, value: float) -> None:
        self.value, self.asked = value, False

    def random(self) -> float:
        self.asked = True
        return self.value


@dataclass(frozen=True, eq=False)
class Tables:
    """An environment of S states and A actions whose step draws one uniform number or none.

    Entries of a step stand at state * A + action, twice: first for a draw below `risk` (or no draw), then for others.

    Attributes:
        start: The state every episode starts in.
        actions: A.
        observations: Per state, shape (S, *observation).
        arrivals: The next state, shape (2 S A,).
        rewards: Shape (2 S A, rewards), float64.
        ends: Whether the episode terminates, shape (2 S A,).
        draws: Whether the step draws, shape (S A,); None if none does.
        risk: Draws below it take the first half of a table.
    """

    start: int
    actions: int
    observations: npt.NDArray[Any]
    arrivals: npt.NDArray[np.int64]
    rewards: npt.NDArray[np.float64]
    ends: npt.NDArray[np.bool_]
    draws: npt.NDArray[np.bool_] | None
    risk: float


def explore(environment: Any, attributes: Sequence[str], risk: float = 0.0) -> Tables:
    """Reads the tables off an environment, which is of no use afterwards.

    Args:
        environment: MO-Gymnasium's environment without wrappers; a reset leads to one state and draws nothing.
        attributes: Those of its attributes that make up its state.
        risk: What the only draw of a step is compared with.
    """
    space = environment.action_space
    assert isinstance(space, Discrete)
    actions = int(space.n)
    observation = environment.reset(seed=0)[0]
    known = {_key(environment, attributes): 0}
    found, seen = [_state(environment, attributes)], [np.array(observation)]
    nothing = [(0, np.zeros(environment.reward_space.shape), False, False)] * (2 * actions)
    rows: dict[int, list[_Outcome]] = {}
    queue = [0]
    for state in queue:  # grows on the way
        rows[state] = []
        for action in range(actions):
            for value in (0.0, 1.0):
                for name, part in found[state].items():
                    setattr(environment, name, copy.deepcopy(part))
                environment.np_random = draw = _Draw(value)
                observation, reward, over, _, _ = environment.step(action)
                arrival = known.setdefault(_key(environment, attributes), len(known))
                if arrival == len(found):
                    found.append(_state(environment, attributes))
                    seen.append(np.array(observation))
                    assert len(found) <= MAX_STATES
                if not over and arrival not in rows and arrival not in queue:
                    queue.append(arrival)
                rows[state].append((arrival, np.array(reward, dtype=np.float64), bool(over), draw.asked))
    # Nothing happens in a state that only ever ends an episode.
    every = [rows.get(state, nothing) for state in range(len(found))]
    flat = [row[2 * action + half] for half in range(2) for row in every for action in range(actions)]
    draws = np.array([entry[3] for entry in flat[: len(flat) // 2]])
    return Tables(
        start=0,
        actions=actions,
        observations=np.stack(seen),
        arrivals=np.array([entry[0] for entry in flat]),
        rewards=np.stack([entry[1] for entry in flat]),
        ends=np.array([entry[2] for entry in flat]),
        draws=draws if draws.any() else None,
        risk=risk,
    )


def _state(environment: Any, attributes: Sequence[str]) -> dict[str, Any]:
    return {name: copy.deepcopy(getattr(environment, name)) for name in attributes}


def _key(environment: Any, attributes: Sequence[str]) -> tuple[Any, ...]:
    return tuple(np.asarray(getattr(environment, name)).tobytes() for name in attributes)


class TabularVector(VectorEnvironment):
    """N environments of one set of tables, in lock-step.

    Args:
        tables: What they do.
        seeds: One a sub-environment.
        spaces: What they offer.
    """

    def __init__(self, tables: Tables, seeds: Sequence[int], spaces: Spaces) -> None:
        assert spaces.max_episode_steps is not None  # the backend looked
        self._tables, self._seeds, self._limit = tables, list(seeds), spaces.max_episode_steps
        self._generators: dict[int, np.random.Generator] = {}
        self._none = np.zeros(len(seeds), dtype=np.bool_)

    def reset(self) -> npt.NDArray[Any]:
        """Starts the first episodes."""
        count = len(self._seeds)
        self._states, self._elapsed = np.full(count, self._tables.start), np.zeros(count, dtype=np.int64)
        self._generators = {}
        first: npt.NDArray[Any] = self._tables.observations[self._states]
        return first

    def step(self, actions: npt.NDArray[Any], running: npt.NDArray[np.bool_] | None = None) -> Step:
        """Steps all sub-environments, or those that run."""
        tables, before = self._tables, self._states
        cells = before * tables.actions + np.asarray(actions).reshape(-1)
        if tables.draws is not None:
            cells = self._drawn(cells, tables.draws, running)
        arrived, rewards, over = tables.arrivals[cells], tables.rewards[cells], tables.ends[cells]
        if running is None:
            self._elapsed += 1
        else:
            arrived, over = np.where(running, arrived, before), over & running
            rewards[~running] = 0.0
            self._elapsed += running
        ended = over | (self._elapsed >= self._limit)
        observations = following = tables.observations[arrived]
        self._states = arrived
        cut = self._none
        if ended.any():
            if running is not None:
                ended &= running
            self._states = np.where(ended, tables.start, arrived)
            self._elapsed[ended] = 0
            observations, cut = tables.observations[self._states], ended & ~over
        return Step(following, rewards, over, cut, observations)

    def _drawn(
        self, cells: npt.NDArray[np.int64], draws: npt.NDArray[np.bool_], running: npt.NDArray[np.bool_] | None
    ) -> npt.NDArray[np.int64]:
        """Moves those whose draw is not below the risk to the second half of the tables."""
        asked = draws[cells] if running is None else draws[cells] & running
        for row in np.flatnonzero(asked).tolist():
            generator = self._generators.get(row)
            if generator is None:
                generator = self._generators[row] = seeding.np_random(self._seeds[row])[0]
            if generator.random() >= self._tables.risk:
                cells[row] += len(draws)
        return cells

    def close(self) -> None:
        """Nothing to release."""
