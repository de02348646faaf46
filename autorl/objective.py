"""The black box: configurations and seeds in, runs out. Plain data, so that it travels to a worker.

Training is cut into segments, from rung to rung. A segment's key says everything its bits depend on, so that equal
keys hold equal bits, whoever trained beside them, on however many workers.
"""

from __future__ import annotations

import functools
import itertools
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from autorl.content import digest
from autorl.environment import Environment
from autorl.records import Agent, Evaluation, FloatArray, Segment, Status

if TYPE_CHECKING:
    from autorl.population import Algorithm, Costs, Population

__all__ = ["EvaluationSettings", "Group", "Objective", "States"]


@dataclass(frozen=True)
class EvaluationSettings:
    """How policies are evaluated.

    Attributes:
        episodes: Episodes at a rung.
        curve_episodes: Episodes at the other checkpoints; a rung's point of the curve is its first ones.
        discount: Weight of a reward per step that passed before it.
        weights: The weight vectors that policies are evaluated for, where the reward is a vector; empty elsewhere.
    """

    episodes: int
    curve_episodes: int
    discount: float = 1.0
    weights: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class Group:
    """Agents that train together.

    Attributes:
        agents: Who; their static hyperparameters are equal.
        first: Mark of the rung they start at, 0 from initial weights.
        last: Mark of the rung they end at.
        keep: Whether the agents' states at the last rung are saved.
    """

    agents: tuple[Agent, ...]
    first: int
    last: int
    keep: bool = False


class States(Protocol):
    """Where the states of agents at rungs are kept; a cache, so nothing depends on what it holds."""

    def save(self, key: str, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Keeps one agent's state at the end of the segment with this key."""

    def load(self, key: str) -> dict[str, npt.NDArray[Any]] | None:
        """The state kept under a key, or None if there is none or it is damaged."""


@dataclass(frozen=True)
class Objective:
    """What training and evaluating an agent means in one study.

    Attributes:
        algorithm: What `resolve_algorithm` takes: a reference, or the class itself where it has none.
        environment: Where.
        horizon: Full budget per agent in env steps.
        rungs: Marks at which training environments restart, increasing, the horizon last.
        checkpoints: Marks of the learning curve, increasing; every rung is one.
        evaluation: How policies are evaluated.
        stamp: The numerics stamp.
        device: Where the arithmetic happens: "cpu", or a torch device.
    """

    algorithm: str | type[Algorithm]
    environment: Environment
    horizon: int
    rungs: tuple[int, ...]
    checkpoints: tuple[int, ...]
    evaluation: EvaluationSettings
    stamp: str
    device: str = "cpu"

    @functools.cached_property
    def algorithm_class(self) -> type[Algorithm]:
        """The algorithm, loaded."""
        from autorl.population import resolve_algorithm

        return resolve_algorithm(self.algorithm)

    def __getstate__(self) -> dict[str, object]:
        state = dict(self.__dict__)
        state.pop("algorithm_class", None)  # loaded again where it arrives; what keys start with travels along
        return state

    @functools.cached_property
    def _common(self) -> list[object]:
        """What every key of this objective starts with, as a digest: describing an environment is slow."""
        return [self.algorithm_class.name, digest(self.environment.describe()), self.horizon, self.device, self.stamp]

    def spans(self, last: int) -> tuple[tuple[int, int], ...]:
        """The segments that lead from initial weights to a rung, as (first, last) marks.

        An algorithm without checkpoints trains from zero to every rung, in one segment.
        """
        if self.algorithm_class.checkpoints == "none":
            return ((0, last),)
        marks = (0, *(rung for rung in self.rungs if rung <= last))
        return tuple(itertools.pairwise(marks))

    def chain(self, agent: Agent, last: int) -> tuple[str, ...]:
        """Keys of the segments that lead an agent from initial weights to a rung, oldest first."""
        keys: list[str] = []
        for span in self.spans(last):
            now = agent.at(span[0])
            own = [dict(now.configuration), now.seed, now.lineage]
            keys.append(digest([keys[-1] if keys else None, *self._common, own, span]))
        return tuple(keys)

    def evaluation_keys(self, segment: str, first: int, last: int) -> tuple[str, ...]:
        """Keys of a segment's evaluations, one per checkpoint in (first, last]."""
        rule = self.evaluation
        told = [rule.discount, rule.weights] if rule.weights else [rule.discount]
        return tuple(digest([segment, mark, self.episodes(mark), *told]) for mark in self.marks(first, last))

    def episodes(self, mark: int) -> int:
        """How many episodes a policy plays at a checkpoint: more at a rung."""
        return self.evaluation.episodes if mark in self.rungs else self.evaluation.curve_episodes

    def train(self, group: Group, states: States | None = None) -> list[tuple[Segment, ...]]:
        """Trains a group in this process.

        Args:
            group: Who and from where to where.
            states: Where states at rungs are kept. One that is missing means training from initial weights again,
                to the same bits.

        Returns:
            Per agent the segments between the group's two rungs, oldest first. What an agent alone raises in training
            ends its chain, as a failed segment with the traceback.

        Raises:
            Exception: Whatever the environment or the algorithm raises where several agents train, or at the start.
        """
        chains = [self.chain(agent, group.last) for agent in group.agents]
        spans = self.spans(group.last)
        population, done = self._begin(group, chains, spans, states)
        if self.evaluation.weights:
            population.reward_weights = np.array(self.evaluation.weights)
        found: list[list[Segment]] = [[] for _ in group.agents]
        watch = _Watch(self, population)
        try:
            for index in range(done, len(spans)):
                first, last = spans[index]
                changed = _change(population, group.agents, first)
                population.restart(first)
                parents = [chain[index - 1] if index else None for chain in chains]
                keys = [chain[index] for chain in chains]
                try:
                    segments = watch.segment(keys, parents, first, last, changed)
                except MemoryError:
                    raise  # too many at once, perhaps: that is the executor's to judge
                except Exception:  # whatever a user's training raises is a failure of its agent
                    if len(keys) > 1:
                        raise
                    reason = traceback.format_exc()
                    segments = [Segment(keys[0], parents[0], first, last, Status.FAILED, reason=reason)]
                for row, segment in enumerate(segments):
                    if first >= group.first or segment.status is Status.FAILED:
                        found[row].append(segment)
                if any(segment.status is Status.FAILED for segment in segments):
                    break
            else:
                if states is not None and group.keep and self.algorithm_class.checkpoints == "exact":
                    _save(population, segments, states)
        finally:
            population.close()
        return [tuple(segments) for segments in found]

    def _begin(
        self, group: Group, chains: Sequence[tuple[str, ...]], spans: Sequence[tuple[int, int]], states: States | None
    ) -> tuple[Population, int]:
        """The population, and how many of the segments it has behind it."""
        build = self.algorithm_class.population
        done = sum(last <= group.first for _, last in spans)
        if done and states is not None:
            # As they trained until there: what changes from here on is handed over by `replace`, as it is live.
            agents = [agent.at(spans[done - 1][0]) for agent in group.agents]
            population = build(agents, self.environment, self.horizon, self.device)
            try:
                population.load_rows(_kept(states, chain[done - 1]) for chain in chains)
            except _Missing:
                population.close()
                del population  # or its memory would be held beside that of the one from initial weights
            else:
                return population, done
        return build([agent.at(0) for agent in group.agents], self.environment, self.horizon, self.device), 0

    def marks(self, first: int, last: int) -> tuple[int, ...]:
        """The checkpoints in (first, last]."""
        return tuple(mark for mark in self.checkpoints if first < mark <= last)


class _Watch:
    """Advances a population, and notes what each agent spends and scores."""

    def __init__(self, objective: Objective, population: Population) -> None:
        self.objective, self.population = objective, population
        self.returns: FloatArray | None = None
        self.versions: npt.NDArray[np.int64] | None = None
        self.episodes = 0
        self.random: dict[tuple[int, int], FloatArray] = {}

    def segment(
        self, keys: Sequence[str], parents: Sequence[str | None], first: int, last: int, changed: Sequence[int]
    ) -> list[Segment]:
        """Trains from one rung to the next, where some rows have got other hyperparameters."""
        objective, population = self.objective, self.population
        before, seconds = population.costs(), 0.0
        evaluations: list[list[Evaluation]] = [[] for _ in keys]
        # At a rung the policy was evaluated, in this process or another; before initial weights nothing was.
        self.versions = population.versions() if first else None
        if self.versions is not None:
            self.versions[list(changed)] = -1  # a hyperparameter may change a policy without an env step
        self.episodes = objective.evaluation.episodes if first else 0
        for mark in objective.marks(first, last):
            started = time.process_time()
            population.advance(mark)
            seconds += time.process_time() - started
            for row, evaluation in enumerate(self._evaluations(mark)):
                evaluations[row].append(evaluation)
        share = seconds / len(keys)
        return [
            Segment(
                key,
                parent,
                first,
                last,
                Status.DIVERGED if diverged else Status.COMPLETE,
                cpu_seconds=share,
                evaluations=tuple(evaluations[row]),
                reason="a number that is not finite appeared in training" if diverged else None,
                **_spent(before[row], after),
            )
            for row, (key, parent, after, diverged) in enumerate(
                zip(keys, parents, population.costs(), population.diverged.tolist(), strict=True)
            )
        ]

    def _evaluations(self, mark: int) -> Iterator[Evaluation]:
        """Every agent's scores at a mark.

        A policy that is the one of the mark before costs nothing, unless it now plays more episodes. Whether it is
        does not depend on the agents beside it, nor on where the segment was continued.
        """
        rule, population = self.objective.evaluation, self.population
        episodes = self.objective.episodes(mark)
        versions = population.versions()
        unchanged = np.zeros(len(versions), dtype=np.bool_) if self.versions is None else versions == self.versions
        if unchanged.all() and self.returns is not None and self.returns.shape[2] == episodes:
            steps = np.zeros(len(versions), dtype=np.int64)
        else:
            self.returns, steps = population.evaluate(self.objective.environment, episodes, rule.discount)
            steps = np.where(unchanged & (episodes <= self.episodes), 0, steps)
        self.versions, self.episodes = versions, episodes
        for row, diverged in enumerate(population.diverged.tolist()):
            returns, cost = self.returns[row], int(steps[row])
            if diverged:
                returns, cost = self._random(row, episodes, returns.shape)
            yield Evaluation(mark, np.array(returns, dtype=np.float64), cost, diverged)

    def _random(self, row: int, episodes: int, shape: tuple[int, ...]) -> tuple[FloatArray, int]:
        """What a uniformly random policy scores on an agent's evaluation episodes; charged once."""
        from autorl.environment.evaluation import random_returns

        cost = 0
        if (row, episodes) not in self.random:
            rule, seed = self.objective.evaluation, self.population.agents[row].seed
            returns, steps = random_returns(self.objective.environment, [seed], episodes, rule.discount)
            self.random[row, episodes], cost = returns[0], int(steps[0])
        return np.broadcast_to(self.random[row, episodes], shape).astype(np.float64), cost


def _change(population: Population, agents: Sequence[Agent], mark: int) -> list[int]:
    """Gives every row the hyperparameters and the lineage it has from a mark on; returns the rows that differ now."""
    changed = []
    for row, (before, agent) in enumerate(zip(population.agents, agents, strict=True)):
        now = agent.at(mark)
        if (dict(before.configuration), before.lineage) != (dict(now.configuration), now.lineage):
            population.replace(row, now.configuration, now.lineage)
            changed.append(row)
    return changed


def _spent(before: Costs, after: Costs) -> dict[str, Any]:
    counted = after.gradient_updates >= 0
    return {
        "env_steps": after.env_steps - before.env_steps,
        "gradient_updates": after.gradient_updates - before.gradient_updates if counted else -1,
        "flops": after.flops - before.flops,
        "parameters": after.parameters,
    }


class _Missing(Exception):
    """A state is not there."""


def _kept(states: States, key: str) -> dict[str, npt.NDArray[Any]]:
    state = states.load(key)
    if state is None:
        raise _Missing
    return state


def _save(population: Population, segments: Sequence[Segment], states: States) -> None:
    for row, segment in enumerate(segments):
        if segment.status is not Status.COMPLETE:
            continue
        try:
            states.save(segment.key, population.row_state(row))
        except OSError as error:  # a cache: what is missing is trained again
            warnings.warn(f"the state of segment {segment.key!r} could not be saved: {error}", stacklevel=2)
