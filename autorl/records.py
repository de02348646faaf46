"""The records that pass between the parts: plain, frozen, and without behaviour beyond reading them."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = [
    "Agent",
    "Configuration",
    "Evaluation",
    "FloatArray",
    "Run",
    "Segment",
    "Status",
    "Stretch",
    "Trial",
    "Value",
]

Value = bool | int | float | str | None
"""A hyperparameter's natural value."""
Configuration = Mapping[str, Value]
"""Hyperparameter name -> natural value."""
FloatArray = npt.NDArray[np.float64]


class Status(enum.StrEnum):
    """How a run or a trial ended."""

    COMPLETE = "complete"
    FAILED = "failed"
    DIVERGED = "diverged"
    TIMED_OUT = "timed out"


@dataclass(frozen=True)
class Stretch:
    """A part of an agent's training under hyperparameters that it has no more.

    Attributes:
        until: Mark of the rung at which it ended, in env steps.
        configuration: The hyperparameters then, as complete as those of whoever has this stretch behind it.
        lineage: Named the agent's random streams then.
    """

    until: int
    configuration: Configuration
    lineage: str = ""


@dataclass(frozen=True)
class Agent:
    """Who trains: a full configuration of an algorithm, a seed, and where its random streams come from.

    Attributes:
        configuration: Every hyperparameter of the algorithm (defaults, fixed and tuned values merged).
        seed: The seed all of the agent's streams are derived from; 0 is a seed like any other.
        lineage: Names the branch of the agent's history; "" from initial weights, another text for an exploited copy.
        earlier: Its training before it had this configuration, oldest first; empty where it had no other. An exploited
            copy has the stretches of the agent it was copied from.
    """

    configuration: Configuration
    seed: int
    lineage: str = ""
    earlier: tuple[Stretch, ...] = ()

    def at(self, mark: int) -> Agent:
        """The agent as it trains from a mark on, with nothing behind it."""
        for stretch in self.earlier:
            if mark < stretch.until:
                return Agent(stretch.configuration, self.seed, stretch.lineage)
        return Agent(self.configuration, self.seed, self.lineage)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What one agent scored at one checkpoint.

    Attributes:
        checkpoint: The mark in env steps of training; the policy evaluated is the one owned at that budget.
        returns: Returns at the study's evaluation discount, shape (policies, episodes, rewards).
        env_steps: Evaluation steps this cost; 0 where the policy is that of the mark before.
        diverged: Whether the agent had diverged by then, so that the returns are a uniformly random policy's.
    """

    checkpoint: int
    returns: FloatArray
    env_steps: int
    diverged: bool = False


@dataclass(frozen=True, eq=False)
class Segment:
    """One agent's training from a rung to a later rung, with the evaluations on the way.

    Counts are of this segment alone; a run's are the sums over its chain.

    Attributes:
        key: The content key: equal keys hold equal bits.
        parent: The key of the segment it continues, or None from initial weights.
        first: Mark of the rung it starts at, in env steps.
        last: Mark of the rung it ends at.
        status: COMPLETE, DIVERGED or FAILED (TIMED_OUT where a limit ended it).
        env_steps: Env steps really trained.
        cpu_seconds: Process CPU seconds inside `advance`, divided by the group's agents.
        gradient_updates: Optimiser steps taken (-1 if unknown).
        flops: Floating-point operations of acting and learning, estimated from the network's shape (nan if unknown).
        parameters: Parameters of the acting network (-1 if unknown).
        evaluations: One per checkpoint in (first, last], in order.
        reason: The traceback or explanation of a segment that did not complete, or None.
    """

    key: str
    parent: str | None
    first: int
    last: int
    status: Status
    env_steps: int = 0
    cpu_seconds: float = 0.0
    gradient_updates: int = 0
    flops: float = 0.0
    parameters: int = -1
    evaluations: tuple[Evaluation, ...] = ()
    reason: str | None = None

    @property
    def evaluation_steps(self) -> int:
        """Env steps of its evaluations."""
        return sum(evaluation.env_steps for evaluation in self.evaluations)

    @property
    def spent(self) -> int:
        """Env steps of training and evaluation."""
        return self.env_steps + self.evaluation_steps


@dataclass(frozen=True, eq=False)
class Run:
    """What one agent produced, over its whole chain of segments.

    Attributes:
        seed: The agent's seed.
        status: The worst status of its segments.
        horizon: The full budget in env steps (`budget.env_steps`).
        checkpoints: Marks of the learning curve, in env steps, increasing.
        curve: Returns at the checkpoints, shape (checkpoints, policies, curve_episodes, rewards).
        final: Returns at the last mark, shape (policies, episodes, rewards).
        env_steps: Env steps really trained.
        evaluation_steps: Env steps spent on evaluation.
        train_seconds: CPU seconds of training.
        gradient_updates: Optimiser steps taken (negative if unknown).
        flops: Floating-point operations of acting and learning (nan if unknown).
        parameters: Parameters of the acting network (-1 if unknown).
        diverged_at: The first checkpoint from which on the returns are those of a uniformly random policy, or None.
        reason: Why the run did not complete, or None.
    """

    seed: int
    status: Status
    horizon: int
    checkpoints: tuple[int, ...]
    curve: FloatArray
    final: FloatArray
    env_steps: int
    evaluation_steps: int
    train_seconds: float
    gradient_updates: int
    flops: float
    parameters: int
    diverged_at: int | None = None
    reason: str | None = None

    @staticmethod
    def from_segments(seed: int, horizon: int, curve_episodes: int, segments: Sequence[Segment]) -> Run:
        """Joins a chain of segments, oldest first, into one run.

        Args:
            seed: The agent's seed.
            horizon: The full budget in env steps.
            curve_episodes: Episodes of a curve point; a rung's point is its first episodes.
            segments: At least one segment; a failed one ends the chain.
        """
        evaluations = [evaluation for segment in segments for evaluation in segment.evaluations]
        if evaluations:
            curve = np.stack([evaluation.returns[:, :curve_episodes] for evaluation in evaluations])
            final = evaluations[-1].returns
        else:
            curve, final = np.empty((0, 1, curve_episodes, 1)), np.empty((1, 0, 1))
        ended = next((segment for segment in segments if segment.status is not Status.COMPLETE), segments[-1])
        return Run(
            seed=seed,
            status=ended.status,
            horizon=horizon,
            checkpoints=tuple(evaluation.checkpoint for evaluation in evaluations),
            curve=curve,
            final=final,
            env_steps=sum(segment.env_steps for segment in segments),
            evaluation_steps=sum(segment.evaluation_steps for segment in segments),
            train_seconds=sum(segment.cpu_seconds for segment in segments),
            gradient_updates=sum(segment.gradient_updates for segment in segments),
            flops=sum(segment.flops for segment in segments),
            parameters=segments[-1].parameters,
            diverged_at=next((one.checkpoint for one in evaluations if one.diverged), None),
            reason=ended.reason,
        )


@dataclass(frozen=True)
class Trial:
    """One configuration asked for, and what became of it.

    Attributes:
        number: Its place in the order of asking, from 0.
        configuration: The active tuned hyperparameters with their natural values.
        status: COMPLETE, or how it ended otherwise.
        runs: One run per tuning seed trained, in the order of the seeds.
        losses: The objectives in the study's order, all to be minimised; None unless complete.
        rung: Mark of the last rung it reached, in env steps.
        reason: Why it did not complete, or None.
        origin: "default", "start_from", "user" or "tuner".
        violations: Per constraint of the study by how much it is broken, 0 or below if it holds; empty without
            constraints, and unless complete.
        earlier: What it trained under before it had this configuration, where a schedule changes hyperparameters in
            training; empty otherwise.
        lineage: Names its agents' random streams under this configuration.
        seed_losses: Per run the losses of that seed alone; empty unless complete.
    """

    number: int
    configuration: Configuration
    status: Status
    runs: tuple[Run, ...] = field(default=(), repr=False)
    losses: tuple[float, ...] | None = None
    rung: int = 0
    reason: str | None = None
    origin: str = "tuner"
    violations: tuple[float, ...] = ()
    earlier: tuple[Stretch, ...] = ()
    lineage: str = ""
    seed_losses: tuple[tuple[float, ...], ...] = field(default=(), repr=False)

    @property
    def complete(self) -> bool:
        """Whether it was trained to its end and measured, so that it has losses."""
        return self.status is Status.COMPLETE and self.losses is not None

    @property
    def feasible(self) -> bool:
        """Whether every constraint holds; a trial that did not complete has none to break."""
        return all(violation <= 0 for violation in self.violations)

    @property
    def schedule(self) -> tuple[tuple[int, Configuration], ...]:
        """Its hyperparameters over its training: from which env step on, and what; one entry if they never changed."""
        begins = [0, *(stretch.until for stretch in self.earlier)]
        settings = [*(stretch.configuration for stretch in self.earlier), self.configuration]
        changed = [place for place in range(len(begins)) if not place or settings[place] != settings[place - 1]]
        return tuple((begins[place], settings[place]) for place in changed)
