"""A study with everything it names found, built and checked; nothing is trained for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.metrics import (
    Constraint,
    Criterion,
    Metric,
    constraints,
    criteria,
    refuse_constant,
    refuse_shared_labels,
)
from autorl.population import Algorithm, Plan, resolve_algorithm
from autorl.records import Configuration, Stretch, Value
from autorl.schedules import Frame, Schedule, build_schedule
from autorl.seeds import SeedPlan
from autorl.space import SearchSpace, bundled_spaces
from autorl.study.candidates import representatives
from autorl.study.description import StudyDescription
from autorl.study.lengths import check_iterations, check_rungs, check_updates
from autorl.study.starting import Start, find_start, wasted
from autorl.study.weights import Vectors, evaluation_weights
from autorl.tuners import Tuner, build_tuner
from autorl.tuners.given import ReadsFiles

__all__ = ["ResolvedStudy", "may_stop_early", "resolve"]

COUNTED = ("gradient_updates", "flops", "parameters")
"""Metrics of cost that an algorithm counts, or not."""
STATIC_COMBINATIONS = 12
"""Configurations that differ in a static hyperparameter cannot train together; beyond this many, few ever do."""

M = TypeVar("M", Criterion, Constraint)


@dataclass(frozen=True, eq=False)
class ResolvedStudy:
    """What a study runs on.

    Attributes:
        description: The study file, with what it reads from elsewhere (a table, an earlier study) put in its place.
        algorithm: What is tuned.
        environment: Where; `spaces()` works.
        space: What is searched, `fixed` applied.
        criteria: The objectives, in order.
        constraints: What a configuration must satisfy to be preferred, in order; empty without any.
        schedule: How much training each configuration gets.
        frame: What the schedule knows of the study.
        seeds: The three seed sets.
        rungs: Marks at which training environments restart, in env steps, the horizon last.
        checkpoints: Marks of the learning curve, in env steps, the rungs among them.
        weights: The weight vectors that policies are evaluated for; empty where the reward is one number.
        baseline: The algorithm's defaults plus `fixed`, as a full configuration.
        start_from: Configurations tried after the default, complete and checked.
        start: Where they came from.
        trials: The most trials there can be: `budget.trials`, or what the tuner has to propose if that is less; None
            without either.
        memory_bytes: The most one agent of the space may need, or None where the algorithm does not say.
        static_combinations: Groups the space falls into, or None if there is no end to them.
        warnings: What is allowed but should be known, one sentence each.
    """

    description: StudyDescription
    algorithm: type[Algorithm]
    environment: Environment
    space: SearchSpace
    criteria: tuple[Criterion, ...]
    constraints: tuple[Constraint, ...]
    schedule: Schedule
    frame: Frame
    seeds: SeedPlan
    rungs: tuple[int, ...]
    checkpoints: tuple[int, ...]
    weights: Vectors
    baseline: Configuration
    start_from: tuple[Configuration, ...]
    start: Start
    trials: int | None
    memory_bytes: int | None
    static_combinations: int | None
    warnings: tuple[str, ...]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What a trial is measured by: the metrics of the objectives, then of the constraints."""
        return (*(one.metric for one in self.criteria), *(one.metric for one in self.constraints))

    def full(self, configuration: Configuration) -> dict[str, Value]:
        """Every hyperparameter of the algorithm: defaults, then fixed, then the active tuned values."""
        return {**self.baseline, **configuration}

    def past(self, stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
        """Earlier training with full configurations, as an agent has it behind it."""
        return tuple(replace(one, configuration=self.full(one.configuration)) for one in stretches)

    def document(self) -> dict[str, object]:
        """The study file with everything it names written out, so that it depends on no other file."""
        return {
            **self.description.resolved(),
            "environment": self.environment.describe(),
            "space": self.space.describe(),
        }


def resolve(description: StudyDescription, directory: Path | None = None) -> ResolvedStudy:
    """Finds, builds and checks everything a study names.

    Args:
        description: The study.
        directory: Its run directory, if it has one: what an earlier session took from earlier studies stays.

    Raises:
        InvalidInput: For a user's mistake: an unknown name, a space or tuner that does not fit, an environment that
            is not installed, an objective that is constant, a budget shorter than an iteration.
    """
    where = description.where
    horizon = description.budget.env_steps
    algorithm = resolve_algorithm(description.algorithm, f"{where}: algorithm")
    schedule = build_schedule(description.schedule, f"{where}: schedule")
    with _located(f"{where}: schedule"):
        rungs = schedule.rungs(horizon)
    with _located(f"{where}: environment"):
        spaces = description.environment.spaces()
    with _located(f"{where}: algorithm"):
        algorithm.check_rewards(spaces)
    with _located(where):
        weights = evaluation_weights(description.evaluation.weights, spaces.rewards)
    with _located(f"{where}: fixed"):
        algorithm.configure(description.fixed)
    baseline = {**algorithm.defaults(), **description.fixed}
    space = _space(description, algorithm)
    chosen = criteria(description.objectives, f"{where}: objectives")
    frame = _frame(description, algorithm, space, chosen)
    with _located(f"{where}: schedule"):
        schedule.check(frame)
    start = find_start(description, algorithm, baseline, space, directory)
    start_from = tuple(space.check(entry, f"{where}: start_from[{index}]") for index, entry in enumerate(start.entries))
    bounded = constraints(description.constraints, f"{where}: constraints")
    refuse_shared_labels([*(one.metric for one in chosen), *(one.metric for one in bounded)], f"{where}: constraints")
    _refuse_uncounted([one.metric for one in chosen], algorithm, f"{where}: objectives", "an objective")
    _refuse_uncounted([one.metric for one in bounded], algorithm, f"{where}: constraints", "a constraint")
    chosen = _suited(chosen, description, f"{where}: objectives")
    bounded = _suited(bounded, description, f"{where}: constraints")
    tuner = build_tuner(description.tuner, space, len(chosen), description.tuner_seed, f"{where}: tuner")
    trials = _trials(description, None if tuner.size is None else 1 + len(start_from) + tuner.size)

    def plan(configuration: Configuration, env_steps: int = horizon) -> Plan:
        return algorithm.configure({**baseline, **configuration}).plan(spaces, env_steps)

    must_run = {"the baseline (the algorithm's defaults with `fixed`)": {}, "the space's default": space.default()}
    must_run |= {f"start_from[{index}]": dict(entry) for index, entry in enumerate(start_from)}
    for name, configuration in must_run.items():
        with _located(f"{where}: {name} cannot run"):
            plan(configuration)
    looked_at, warnings = _look(representatives(space, algorithm.static_names()), plan)
    plans = [plan({}), *(found for _, found in looked_at)]
    candidates = [baseline, *({**baseline, **configuration} for configuration, _ in looked_at)]
    warnings = [*start.warnings, *wasted(space.default(), start_from, trials), *warnings]
    with _located(where):
        warnings += check_iterations(candidates, plans, rungs[0], algorithm.static_names() & set(space.names))
        first = plans if rungs[0] == horizon else [plan(configuration, rungs[0]) for configuration in candidates]
        warnings += check_updates(candidates, first, rungs[0], set(space.names))
        warnings += check_rungs(candidates, rungs, spaces.max_episode_steps)
    refuse_constant(
        chosen,
        plans[1:],
        schedule.constant_metrics(),
        early_stopping=len(rungs) > 1 or any(may_stop_early(entry) for entry in candidates),
        where=f"{where}: objectives",
    )
    warnings += _hopeless(bounded, plans[1:])
    if len(chosen) == 1 and chosen[0].metric.caution:
        warnings.append(f"objectives: {chosen[0].label!r} alone misleads: {chosen[0].metric.caution}")
    if bounded and not tuner.uses_constraints:
        warnings.append(f"constraints: tuner {tuner.name!r} does not use constraints; selection does")
    if tuner.swift_until is not None and (trials or 0) > tuner.swift_until:
        warnings.append(
            f"tuner: {tuner.name!r} takes more than a second for a proposal from about trial {tuner.swift_until} on, "
            f"and the study has {trials}; 'tpe' takes milliseconds"
        )
    combinations = _static_combinations(space, algorithm)
    if combinations is None or combinations > STATIC_COMBINATIONS:
        warnings.append(
            f"space: it falls into {combinations or 'endlessly many'} combinations of static hyperparameters; "
            f"configurations train together only if they agree on those, so more than {STATIC_COMBINATIONS} cost speed"
        )
    memory = [entry.memory_bytes for entry in plans if entry.memory_bytes is not None]
    count = description.evaluation.checkpoints
    return ResolvedStudy(
        description=description.model_copy(update={"start_from": start.entries, "tuner": _stored(description, tuner)}),
        algorithm=algorithm,
        environment=description.environment,
        space=space,
        criteria=chosen,
        constraints=bounded,
        schedule=schedule,
        frame=frame,
        seeds=description.seeds,
        rungs=rungs,
        checkpoints=tuple(sorted({horizon * (index + 1) // count for index in range(count)} | set(rungs))),
        weights=weights,
        baseline=baseline,
        start_from=start_from,
        start=start,
        trials=trials,
        memory_bytes=max(memory, default=None),
        static_combinations=combinations,
        warnings=tuple(warnings),
    )


def _stored(description: StudyDescription, tuner: Tuner) -> object:
    """The entry of the tuner; one that reads files, such as a table, says itself what depends on none."""
    if not isinstance(tuner, ReadsFiles):
        return description.tuner
    name = description.tuner if isinstance(description.tuner, str) else description.tuner["name"]
    return {"name": name, **tuner.stored_options()}


def _trials(description: StudyDescription, proposals: int | None) -> int | None:
    """The most trials there can be, or None where only steps or hours limit them."""
    budget = description.budget
    if proposals is None and not budget.limited:
        raise InvalidInput(
            f"{description.where}: budget: {budget.model_dump(exclude_none=True)} sets no limit; set trials, hours or "
            f"env_steps_total, since the tuner has no end"
        )
    return min((limit for limit in (budget.trials, proposals) if limit is not None), default=None)


def _look(
    configurations: list[dict[str, Value]], plan: Callable[[Configuration], Plan]
) -> tuple[list[tuple[Configuration, Plan]], list[str]]:
    """The configurations that can run, each with its plan, and a warning if others cannot."""
    found: list[tuple[Configuration, Plan]] = []
    refused = []
    for configuration in configurations:
        try:
            found.append((configuration, plan(configuration)))
        except InvalidInput as error:
            refused.append(f"{configuration}: {error}")
    if not refused:
        return found, []
    return found, [
        f"space: {len(refused)} of {len(configurations)} configurations looked at cannot run, and each such one would "
        f"be a failed trial; the first is {refused[0]}"
    ]


def may_stop_early(configuration: Configuration) -> bool:
    """Whether updates may end before a plan's bound: a target for the divergence of policies does that."""
    return configuration.get("target_kl") is not None


def _space(description: StudyDescription, algorithm: type[Algorithm]) -> SearchSpace:
    where = f"{description.where}: space"
    source = description.space
    if source is None:
        source = algorithm.default_space()
    if source is None:
        source = algorithm.__module__.rpartition(".")[2]
        if source not in bundled_spaces():
            raise InvalidInput(
                f"{where}: algorithm {algorithm.name!r} has no search space of its own; give one, by a name, a file or "
                f"a mapping"
            )
    return SearchSpace.load(source, defaults=algorithm.defaults(), fixed=description.fixed, where=where)


def _frame(
    description: StudyDescription, algorithm: type[Algorithm], space: SearchSpace, objectives: Sequence[Criterion]
) -> Frame:
    return Frame(
        horizon=description.budget.env_steps,
        seeds=description.seeds.tuning,
        batch=description.batch,
        objectives=len(objectives),
        space=space,
        seed=description.tuner_seed,
        not_means=tuple(one.label for one in objectives if not one.metric.is_mean),
        static=algorithm.static_names(),
        checkpoints=algorithm.checkpoints,
    )


def _static_combinations(space: SearchSpace, algorithm: type[Algorithm]) -> int | None:
    count = space.static_combinations(sorted(algorithm.static_names() & set(space.names)))
    return None if count == sys.maxsize else count


def _suited(measures: Sequence[M], description: StudyDescription, where: str) -> tuple[M, ...]:
    """Objectives or constraints whose metrics are checked against the environment, and take from it what they need."""
    environment, discount = description.environment, description.evaluation.discount
    found = []
    for index, one in enumerate(measures):
        with _located(f"{where}[{index}]"):
            found.append(replace(one, metric=one.metric.suited(environment, discount)))
            if one.metric.checkpoints > description.evaluation.checkpoints:
                raise InvalidInput(
                    f"metric {one.label!r} needs {one.metric.checkpoints} checkpoints; evaluation.checkpoints is "
                    f"{description.evaluation.checkpoints}, so set it to as many at least"
                )
    return tuple(found)


def _refuse_uncounted(metrics: Sequence[Metric], algorithm: type[Algorithm], where: str, use: str) -> None:
    """Refuses a metric that the algorithm does not count, before anything is trained for it."""
    for metric in metrics:
        if metric.name in COUNTED and metric.name not in algorithm.counts:
            counted = ", ".join(sorted(algorithm.counts)) or "env_steps alone"
            raise InvalidInput(
                f"{where}: {metric.label!r} cannot be {use}: algorithm {algorithm.name!r} does not count it "
                f"(it counts {counted})"
            )


def _hopeless(bounded: Sequence[Constraint], plans: Sequence[Plan]) -> list[str]:
    """A warning for each constraint that every configuration looked at breaks, as far as plans fix its metric."""
    found = []
    for constraint in bounded:
        known = [value for value in (constraint.metric.known(plan) for plan in plans) if value is not None]
        if known and len(known) == len(plans) and all(constraint.violation(value) > 0 for value in known):
            found.append(
                f"constraints: {constraint.rule!r} holds for none of the {len(known)} configurations looked at, where "
                f"{constraint.label} lies between {min(known):.15g} and {max(known):.15g}"
            )
    return found


@contextmanager
def _located(where: str) -> Iterator[None]:
    """Puts the file and key before the message of a mistake found inside, whose kind stays."""
    try:
        yield
    except InvalidInput as error:
        error.args = (f"{where}: {error}",)
        raise
