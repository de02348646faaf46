"""What a report is made from: one frozen record, so that a report is a pure function of it.

Whoever fills it reads storage; nothing here does. Values are in their natural sign (a return is larger when better);
steps are env steps; a per-seed tuple stands in the order of the seeds beside it. nan marks an unknown number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from autorl.pareto import undominated
from autorl.records import Configuration, FloatArray, Status, Value
from autorl.space import Row

if TYPE_CHECKING:
    from autorl.metrics import Constraint
    from autorl.metrics.base import Direction
    from autorl.statistics import Difference, Estimate

__all__ = [
    "Curve",
    "Member",
    "Phase",
    "Quantity",
    "Schedule",
    "SeedSets",
    "StudyContent",
    "TrialRow",
]

Schedule = tuple[tuple[int, Configuration], ...]
"""Hyperparameters that changed in training: from which env step on, and what; empty where they never did."""


@dataclass(frozen=True)
class Quantity:
    """A metric as a report needs it.

    Attributes:
        label: Its name with options, unique in the study.
        direction: Which way is better in this study.
        unit: What it is measured in.
        summary: One line with the formula.
    """

    label: str
    direction: Direction
    unit: str = ""
    summary: str = ""


@dataclass(frozen=True)
class SeedSets:
    """The disjoint seed sets of a study."""

    tuning: tuple[int, ...]
    validation: tuple[int, ...] = ()
    test: tuple[int, ...] = ()


@dataclass(frozen=True)
class TrialRow:
    """One trial.

    Attributes:
        number: Its place in the order of asking, from 0.
        configuration: The active tuned hyperparameters.
        status: How it ended.
        origin: "default", "start_from", "user" or "tuner".
        values: Objective label -> aggregate over the tuning seeds in natural sign; empty unless complete.
        per_seed: Metric label -> one value per seed of `seeds`; may be empty for a failure.
        seeds: The tuning seeds the per-seed values belong to.
        rung: Mark of the last rung reached, in env steps.
        reason: Why it did not complete, or None.
        env_steps: Env steps trained, all seeds together.
        evaluation_steps: Env steps of evaluation, all seeds together.
        train_seconds: CPU seconds of training, all seeds together (measured, so never reproducible).
        constraints: Metric label of each constraint -> aggregate over the tuning seeds; empty unless complete.
        feasible: Whether every constraint holds; None without constraints, and unless complete.
        schedule: The hyperparameters over its training; empty where `configuration` is all.
    """

    number: int
    configuration: Configuration
    status: Status
    origin: str = "tuner"
    values: Mapping[str, float] = field(default_factory=dict)
    per_seed: Mapping[str, Sequence[float]] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    rung: int = 0
    reason: str | None = None
    env_steps: int = 0
    evaluation_steps: int = 0
    train_seconds: float = 0.0
    constraints: Mapping[str, float] = field(default_factory=dict)
    feasible: bool | None = None
    schedule: Schedule = ()

    @property
    def reached(self) -> tuple[int, int]:
        """How far it came: its mark, then on how many seeds."""
        return self.rung, len(self.seeds)


@dataclass(frozen=True, eq=False)
class Curve:
    """Learning curves of one configuration.

    Attributes:
        checkpoints: Marks in env steps, increasing.
        returns: Mean evaluation return, shape (seeds, checkpoints).
        seeds: One per row of `returns`.
        unit: What the returns are measured in.
    """

    checkpoints: tuple[int, ...]
    returns: FloatArray
    seeds: tuple[int, ...]
    unit: str = "return"


@dataclass(frozen=True, eq=False)
class Member:
    """A configuration that is reported: the baseline, the default, the best one, or a member of the front.

    Attributes:
        trial: Its trial's number; None for the baseline, which is no trial.
        configuration: Its hyperparameters, at the end of training where they changed.
        tuning: Metric label -> estimate over the tuning seeds.
        test: Metric label -> estimate over the test seeds; empty while none was run.
        validation: Metric label -> estimate over the validation seeds; empty without them.
        curve: Learning curves on the test seeds, or None.
        diverged_test_seeds: Test seeds that diverged and were scored as the uniformly random policy from there on.
        missing_test_seeds: Test seeds whose run was lost to the infrastructure.
        schedule: The hyperparameters over its training; empty where `configuration` is all.
        minus_baseline: Metric label -> test score minus the baseline's, in the metric's own sign; empty for the
            baseline and what is equal to it, and where test runs of either are missing.
        fronts: Where the reward is a vector, per test seed the undominated mean returns of its policies, each of shape
            (n, rewards); else empty.
    """

    trial: int | None
    configuration: Configuration
    tuning: Mapping[str, Estimate]
    test: Mapping[str, Estimate] = field(default_factory=dict)
    validation: Mapping[str, Estimate] = field(default_factory=dict)
    curve: Curve | None = None
    diverged_test_seeds: tuple[int, ...] = ()
    missing_test_seeds: tuple[int, ...] = ()
    schedule: Schedule = ()
    minus_baseline: Mapping[str, Difference] = field(default_factory=dict)
    fronts: tuple[FloatArray, ...] = ()

    @property
    def merged_front(self) -> FloatArray:
        """The undominated points of all `fronts`, each once, in lexicographic order; (0, 0) without any."""
        found = [front for front in self.fronts if len(front)]
        if not found:
            return np.empty((0, 0))
        return undominated(np.concatenate(found))


@dataclass(frozen=True)
class Phase:
    """Env steps of one phase, spent on training and on evaluation."""

    training: int = 0
    evaluation: int = 0


@dataclass(frozen=True, eq=False)
class StudyContent:
    """Everything the files of a report are made from.

    Attributes:
        name: The study's name.
        description: The resolved study description: plain data.
        objectives: In the study's order; at least one.
        metrics: Every metric reported in `Member.tuning` and `Member.test`, the objectives among them or not; those
            that are objectives need not be repeated.
        seeds: The seed sets.
        trials: In the order of their numbers.
        baseline: The algorithm's own defaults (with `fixed`), or None where it was not run.
        default: Trial 0, the space's default, or None where it was not run.
        best: With one objective the configuration selected; None without a complete trial and with several objectives.
        front: With several objectives the members chosen, in the order they were chosen; else empty.
        finalists: The finalists judged on the validation seeds, best first; empty without validation seeds.
        phases: Phase ("tuning", "validation", "test", "baseline") -> env steps.
        space: The search space, one row a hyperparameter.
        fixed: Hyperparameters held at a value other than the algorithm's default.
        provenance: Versions, git hash, command line, platform, numerics stamp: plain data.
        warnings: Sentences shown first of all.
        checklist: Item key of `autorl.report.checklist.ITEMS` -> answer, where the derived one is to be replaced.
        nondeterministic: What entered from the clock, one sentence each; empty if the study can be repeated exactly.
        interrupted: Whether the study was ended before its budget and could go on.
        incomplete: Whether test runs are missing, so that intervals are withheld.
        autorl_version: The version of this package that made the study.
        constraints: In the study's order; the metric of each is among `metrics` or an objective.
        known_front: The environment's true front at the evaluation's discount, shape (n, rewards), or None.
    """

    name: str
    description: Mapping[str, object]
    objectives: tuple[Quantity, ...]
    seeds: SeedSets
    trials: tuple[TrialRow, ...]
    metrics: tuple[Quantity, ...] = ()
    baseline: Member | None = None
    default: Member | None = None
    best: Member | None = None
    front: tuple[Member, ...] = ()
    finalists: tuple[Member, ...] = ()
    phases: Mapping[str, Phase] = field(default_factory=dict)
    space: tuple[Row, ...] = ()
    fixed: Mapping[str, Value] = field(default_factory=dict)
    provenance: Mapping[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    checklist: Mapping[str, str] = field(default_factory=dict)
    nondeterministic: tuple[str, ...] = ()
    interrupted: bool = False
    incomplete: bool = False
    autorl_version: str = ""
    constraints: tuple[Constraint, ...] = ()
    known_front: FloatArray | None = None

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The objectives, then the other metrics, each once."""
        named = {quantity.label: quantity for quantity in (*self.objectives, *self.metrics)}
        named |= {quantity.label: quantity for quantity in self.objectives}
        return tuple(named.values())

    @property
    def chosen(self) -> tuple[Member, ...]:
        """The best configuration or the front: what the study found."""
        return self.front if self.front else (self.best,) if self.best is not None else ()

    @property
    def status_counts(self) -> dict[str, int]:
        """Status -> number of trials, every status named."""
        return {status.value: sum(trial.status is status for trial in self.trials) for status in Status}
