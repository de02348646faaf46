"""Whole episodes, kept by what they are worth as a set: the memory of Pareto Conditioned Networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autorl.pareto import non_dominated
from autorl.records import FloatArray

__all__ = ["Drawn", "Episode", "EpisodeBuffer", "crowding", "ranking", "returns_to_go"]

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

CROWDED = 0.2
"""Crowding distance, on returns scaled to [0, 1], up to which a return counts twice as far from the front."""
COPY = 1e-5
"""How far from the front a copy of a return counts, once for every copy before it."""


@dataclass(frozen=True, eq=False)
class Episode:
    """One episode.

    Attributes:
        observations: Acted on, shape (steps, inputs).
        actions: Shape (steps,).
        returns: Discounted rewards from every step on, shape (steps, rewards).
    """

    observations: Array
    actions: Array
    returns: FloatArray


@dataclass(frozen=True, eq=False)
class Drawn:
    """Steps drawn from kept episodes, every agent's own.

    Attributes:
        observations: Shape (M, batch, inputs).
        actions: Shape (M, batch).
        commands: What was achieved from there on: the return and the number of steps, shape (M, batch, rewards + 1).
    """

    observations: npt.NDArray[np.float32]
    actions: Ints
    commands: FloatArray


def returns_to_go(rewards: FloatArray, gamma: float) -> FloatArray:
    """Discounted sums of the rewards (steps, rewards) from every step to the end."""
    returns = np.array(rewards)
    for step in range(len(rewards) - 2, -1, -1):
        returns[step] += gamma * returns[step + 1]
    return returns


def crowding(returns: FloatArray) -> FloatArray:
    """How far apart the neighbours of each return (n, rewards) lie, summed over rewards (n,).

    As in NSGA-II, but over all of the returns rather than within a rank; infinite at the ends of a reward's range.
    """
    distances = np.zeros(len(returns))
    for column in returns.T:
        order = np.argsort(column, kind="stable")
        ordered = column[order]
        distances[order[1:-1]] += ordered[2:] - ordered[:-2]
        distances[order[[0, -1]]] = np.inf
    return distances


def ranking(returns: FloatArray) -> tuple[Ints, int]:
    """The order in which episodes with these returns are worth keeping (Reymond et al. 2022, section 4.2).

    Nearer to the front is better; what is crowded counts twice as far from it. Equal ones stand by crowding, least
    crowded first, then by number. Deviations: distances are taken on returns scaled to [0, 1] over the front, so that
    no reward's unit counts more, and a second copy of a return stands before any third, so that no return takes all
    of the memory.

    Args:
        returns: Shape (n, rewards), finite.

    Returns:
        Row numbers, best first, and how many of the first are the front, each return once.
    """
    front = non_dominated(-returns)
    low, span = returns[front].min(0), np.ptp(returns[front], axis=0)
    scaled = (returns - low) / np.where(span > 0, span, 1.0)
    far = np.sqrt(((scaled[:, None] - np.unique(scaled[front], axis=0)) ** 2).sum(2)).min(1)
    apart, copies = crowding(scaled), _copies(returns)
    far = np.where(apart <= CROWDED, 2 * far, far) + COPY * copies
    first = front & (copies == 0)
    return np.lexsort((-apart, far, ~first)), int(first.sum())


def _copies(returns: FloatArray) -> Ints:
    """How many equal rows stand before each one."""
    _, inverse = np.unique(returns, axis=0, return_inverse=True)
    groups = inverse.reshape(-1)
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    copies = np.empty(len(returns), dtype=np.int64)
    copies[order] = np.arange(len(returns)) - np.searchsorted(ordered, ordered)
    return copies


class EpisodeBuffer:
    """Up to C episodes of at most T steps for each of M agents.

    Args:
        size: Agents, a lone one's copy among them (M).
        capacity: Episodes kept an agent (C).
        steps: Longest episode (T).
        inputs: Length of an observation.
        rewards: Length of a return.

    Attributes:
        observations: Shape (M, C, T, inputs).
        actions: Shape (M, C, T).
        returns: From every step on, shape (M, C, T, rewards); behind the end the last step's is repeated.
        lengths: Steps of each (M, C); 0 where there is none.
        order: Places from the best episode to the worst (M, C), empty ones last.
        front: How many of the first are the front, each return once (M).
        met: Episodes offered so far (M).
    """

    def __init__(self, size: int, capacity: int, steps: int, inputs: int, rewards: int) -> None:
        self.observations = np.zeros((size, capacity, steps, inputs), dtype=np.float32)
        self.actions = np.zeros((size, capacity, steps), dtype=np.int64)
        self.returns = np.zeros((size, capacity, steps, rewards))
        self.lengths = np.zeros((size, capacity), dtype=np.int64)
        self.order = np.tile(np.arange(capacity), (size, 1))
        self.front, self.met = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
        self._agents = np.arange(size)[:, None]

    @property
    def filled(self) -> Ints:
        """Episodes kept (M)."""
        count: Ints = (self.lengths > 0).sum(1)
        return count

    def best(self) -> tuple[FloatArray, Ints]:
        """Returns (M, C, rewards) and lengths (M, C) of whole episodes, the best first."""
        return self.returns[self._agents, self.order, 0], self.lengths[self._agents, self.order]

    def largest(self) -> FloatArray:
        """The largest return from any step on, per reward (M, rewards); 0 without episodes."""
        kept = (self.lengths > 0)[:, :, None, None]
        largest = np.where(kept, self.returns, -np.inf).max((1, 2))
        return np.where(np.isfinite(largest), largest, 0.0)

    def offer(self, agent: int, episodes: Sequence[Episode]) -> None:
        """Ranks new episodes of one agent among its old ones, and keeps the best."""
        if not episodes:
            return
        self.met[agent] += len(episodes)
        capacity, filled = self.lengths.shape[1], int(self.filled[agent])
        old = self.order[agent, :filled]
        totals = np.concatenate([self.returns[agent, old, 0], np.stack([one.returns[0] for one in episodes])])
        ranks, self.front[agent] = ranking(totals)
        kept = ranks[:capacity]
        free = [*old[np.setdiff1d(np.arange(filled), kept)], *self.order[agent, filled:]]
        places = dict(enumerate(old))
        for number in np.sort(kept[kept >= filled]):
            places[int(number)] = free.pop(0)
            self._put(agent, int(places[int(number)]), episodes[number - filled])
        self.front[agent] = min(self.front[agent], capacity)
        self.order[agent] = [*(places[int(number)] for number in kept), *free]

    def _put(self, agent: int, place: int, episode: Episode) -> None:
        steps = len(episode.actions)
        self.observations[agent, place, :steps] = episode.observations
        self.actions[agent, place, :steps] = episode.actions
        self.returns[agent, place, :steps] = episode.returns
        self.returns[agent, place, steps:] = episode.returns[-1]
        self.lengths[agent, place] = steps

    def draw(self, units: FloatArray) -> Drawn:
        """Any episode, and any of its steps; zeros where an agent has none.

        Args:
            units: Uniform draws in [0, 1), shape (M, batch, 2).
        """
        numbers = (units[..., 0] * self.filled[:, None]).astype(np.int64)
        places = self.order[self._agents, numbers]
        lengths = self.lengths[self._agents, places]
        steps = (units[..., 1] * lengths).astype(np.int64)
        # Steps by one number each: finding them by three took twice as long.
        rows = (self._agents * self.lengths.shape[1] + places) * self.actions.shape[2] + steps
        returns = self.returns.reshape(-1, self.returns.shape[3]).take(rows, 0)
        return Drawn(
            self.observations.reshape(-1, self.observations.shape[3]).take(rows, 0),
            self.actions.reshape(-1).take(rows, 0),
            np.concatenate([returns, (lengths - steps)[..., None]], axis=-1),
        )

    def states(self) -> dict[str, Array]:
        """What continues at a rung, live."""
        return {
            "episode_observations": self.observations,
            "episode_actions": self.actions,
            "episode_returns": self.returns,
            "episode_lengths": self.lengths,
            "episode_order": self.order,
            "episode_front": self.front,
            "episodes_met": self.met,
        }
