"""Fills the record a report is made from."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from autorl import __version__
from autorl.errors import InvalidInput
from autorl.metrics import Criterion
from autorl.metrics.fronts import run_front
from autorl.records import Configuration, Run, Status, Trial
from autorl.report import Curve, Member, Phase, Quantity, SeedSets, StudyContent, TrialRow
from autorl.report.content import Schedule
from autorl.report.entries import equal_scores
from autorl.report.feasibility import feasible
from autorl.statistics import Difference, difference
from autorl.storage.truth import Truth
from autorl.study.flying import LANDED
from autorl.study.judging import OPENED, Judged, Verdict
from autorl.study.loop import BROKEN
from autorl.study.reported_metrics import reported_metrics
from autorl.study.resolved import ResolvedStudy
from autorl.study.selection import reached
from autorl.study.trainer import LOST, Charge

__all__ = ["ACCEPTED", "content"]

ACCEPTED = "numerics accepted"
"""The kind of input that records a resume under other numerics."""


def content(
    study: ResolvedStudy,
    trials: Sequence[Trial],
    verdict: Verdict,
    charges: Mapping[str, Charge],
    truth: Truth,
    provenance: Mapping[str, object],
    *,
    finished: bool,
) -> StudyContent:
    """The record of a study as far as it has come.

    Args:
        study: The study.
        trials: Every trial done.
        verdict: What was chosen and measured.
        charges: Env steps per phase.
        truth: Where inputs from the clock are recorded.
        provenance: Of the newest session.
        finished: Whether the budget is used up.
    """
    metrics = reported_metrics(study)
    seed = study.description.tuner_seed
    several = len(study.criteria) > 1

    baseline = None if verdict.baseline is None else _member(verdict.baseline, study, metrics, seed)

    def member(judged: Judged) -> Member:
        own = _member(judged, study, metrics, seed)
        return own if baseline is None else replace(own, minus_baseline=_apart(own, baseline, metrics, seed))

    chosen = [member(one) for one in verdict.chosen]
    measured = [one for one in (verdict.baseline, verdict.default, *verdict.chosen) if one is not None and one.test]
    lost = any(run is None or run.status is Status.FAILED for one in measured for run in one.test)
    return StudyContent(
        name=study.description.name,
        description=study.document(),
        objectives=tuple(_quantity(one) for one in study.criteria),
        metrics=tuple(_quantity(one) for one in metrics),
        seeds=SeedSets(study.seeds.tuning, study.seeds.validation, study.seeds.test),
        trials=tuple(_trial_row(trial, study, metrics) for trial in trials),
        baseline=baseline,
        default=None if verdict.default is None else member(verdict.default),
        best=chosen[0] if chosen and not several else None,
        front=tuple(chosen) if several else (),
        finalists=tuple(map(member, verdict.finalists)),
        phases={name: Phase(charge.training, charge.evaluation) for name, charge in charges.items()},
        space=tuple(study.space.rows(study.algorithm.static_names())),
        fixed=study.description.fixed,
        provenance=provenance,
        warnings=(*_infeasible(study, chosen), *_warnings(study, trials, verdict, truth, provenance)),
        nondeterministic=tuple(_from_the_clock(study, trials, truth)),
        interrupted=not (finished and (verdict.complete or not verdict.chosen)),
        incomplete=lost,
        autorl_version=__version__,
        constraints=study.constraints,
        known_front=study.environment.known_front(study.description.evaluation.discount),
    )


def _quantity(criterion: Criterion) -> Quantity:
    metric = criterion.metric
    return Quantity(criterion.label, criterion.direction, metric.unit, metric.summary)


def _member(judged: Judged, study: ResolvedStudy, metrics: Sequence[Criterion], seed: int) -> Member:
    measured = [one.metric for one in metrics]
    test = [run if run is not None and run.status is not Status.FAILED else None for run in judged.test]
    known = [run for run in test if run is not None]
    pairs = list(zip(study.seeds.test, test, strict=True)) if test else []
    return Member(
        trial=None if judged.trial is None else judged.trial.number,
        configuration=_shown(judged, study),
        tuning=judged.estimates(judged.tuning, measured, seed),
        test=judged.estimates(test, measured, seed),
        validation=judged.estimates(judged.validation, measured, seed),
        curve=_curve(known),
        diverged_test_seeds=tuple(seed for seed, run in pairs if run is not None and run.diverged_at is not None),
        missing_test_seeds=tuple(seed for seed, run in pairs if run is None),
        schedule=() if judged.trial is None else _schedule(judged.trial),
        fronts=tuple(run_front(run) for run in known if run.final.shape[-1] > 1),
    )


def _apart(own: Member, baseline: Member, metrics: Sequence[Criterion], seed: int) -> dict[str, Difference]:
    """How far its test scores lie above the baseline's; nothing where they share their runs, or some are missing.

    Equal seeds start equal episodes, but whoever trains otherwise draws otherwise: the samples count as independent.
    """
    if own.missing_test_seeds or baseline.missing_test_seeds:
        return {}
    if equal_scores(own.test, baseline.test):
        return {}
    return {
        one.label: difference(
            own.test[one.label].per_seed,
            baseline.test[one.label].per_seed,
            None if one.metric.is_mean else one.metric.over_seeds,
            seed=seed,
        )
        for one in metrics
        if one.label in own.test and one.label in baseline.test
    }


def _schedule(trial: Trial) -> Schedule:
    """Its hyperparameters over training, if they changed."""
    return trial.schedule if len(trial.schedule) > 1 else ()


def _shown(judged: Judged, study: ResolvedStudy) -> Configuration:
    """The active tuned hyperparameters; of the baseline the algorithm's own values for those of the space."""
    if judged.trial is not None:
        return judged.trial.configuration
    return {name: judged.configuration[name] for name in study.space.names}


def _curve(runs: Sequence[Run]) -> Curve | None:
    """Learning curves of runs with one policy and one reward."""
    if not runs or any(run.curve.shape[1] != 1 or run.curve.shape[3] != 1 or not run.curve.size for run in runs):
        return None
    returns = np.stack([run.curve[:, 0, :, 0].mean(axis=1) for run in runs])
    return Curve(runs[0].checkpoints, returns, tuple(run.seed for run in runs))


def _trial_row(trial: Trial, study: ResolvedStudy, metrics: Sequence[Criterion]) -> TrialRow:
    runs = trial.runs
    complete = trial.status is Status.COMPLETE
    measured = {metric.label for metric in study.metrics}
    return TrialRow(
        number=trial.number,
        configuration=trial.configuration,
        status=trial.status,
        origin=trial.origin,
        values={one.label: one.metric.aggregate(runs) for one in study.criteria} if complete else {},
        per_seed=_per_seed(runs, metrics, measured) if complete else {},
        seeds=tuple(run.seed for run in runs),
        rung=trial.rung,
        reason=trial.reason,
        env_steps=sum(run.env_steps for run in runs),
        evaluation_steps=sum(run.evaluation_steps for run in runs),
        train_seconds=sum(run.train_seconds for run in runs),
        constraints={one.label: one.metric.aggregate(runs) for one in study.constraints} if complete else {},
        feasible=trial.feasible if complete and study.constraints else None,
        schedule=_schedule(trial),
    )


def _per_seed(runs: Sequence[Run], metrics: Sequence[Criterion], measured: Collection[str]) -> dict[str, list[float]]:
    """Metric label -> one value per run; what cannot be measured on all of them is left out.

    A metric that differs from another by its aggregate alone (the worst return, say) would repeat that one's values.
    """
    found: dict[str, list[float]] = {}
    for one in metrics:
        if not one.metric.is_mean and one.label not in measured:
            continue
        try:
            values = [one.metric.per_run(run) for run in runs]
        except InvalidInput:
            continue
        if not all(math.isnan(value) for value in values):
            found[one.label] = values
    return found


def _infeasible(study: ResolvedStudy, chosen: Sequence[Member]) -> list[str]:
    """That nothing is feasible; a front then holds members that all break a constraint."""
    if not any(feasible(study.constraints, one) is False for one in chosen):
        return []
    seeds = "validation" if any(one.validation for one in chosen) else "tuning"
    rules = "; ".join(one.rule for one in study.constraints)
    return [f"no configuration holds every constraint ({rules}) on the {seeds} seeds; the least infeasible is reported"]


def _warnings(
    study: ResolvedStudy, trials: Sequence[Trial], verdict: Verdict, truth: Truth, provenance: Mapping[str, object]
) -> list[str]:
    found = list(study.warnings)
    broken = truth.inputs(BROKEN).get("reason")
    if broken is not None:
        found.append(f"the study stopped: {broken}")
    failed = [trial for trial in trials if trial.status is not Status.COMPLETE]
    if trials and len(failed) == len(trials):
        found.append(f"none of the {len(trials)} trials is complete, so nothing could be selected")
    for accepted in truth.inputs(ACCEPTED).values():
        found.append(f"part of the results was made under other numerics, on request: {'; '.join(accepted)}")
    openings = truth.inputs(OPENED)
    if len({one["choice"] for one in openings.values()}) > 1:
        times = ", ".join(str(one["at"]) for one in openings.values())
        found.append(
            f"the test seeds were opened {len(openings)} times ({times}), for different choices; the later one may "
            f"have been influenced by the earlier result"
        )
    finalists = verdict.finalists
    if finalists and not any(_validated(one, study) for one in finalists):
        found.append(
            f"none of the {len(finalists)} finalists completed on the validation seeds; the choice is by tuning seeds"
        )
    furthest = max((reached(trial) for trial in trials if trial.complete), default=None)
    top = study.schedule.top(study.frame)
    if verdict.complete and furthest is not None and furthest < top:
        found.append(
            f"nobody completed the last rung, {top[0]:,} env steps on {top[1]} seeds; the choice is among those that "
            f"came to {furthest[0]:,} env steps on {furthest[1]}"
        )
    git = provenance.get("git")
    if isinstance(git, Mapping) and git.get("changes") != "none":
        found.append(f"the working directory had changes not in commit {git.get('commit')}")
    return found


def _validated(judged: Judged, study: ResolvedStudy) -> bool:
    whole = [run for run in judged.validation if run.status is Status.COMPLETE]
    return len(whole) == len(study.seeds.validation)


def _from_the_clock(study: ResolvedStudy, trials: Sequence[Trial], truth: Truth) -> list[str]:
    found = []
    for one in study.criteria:
        if not one.metric.reproducible:
            found.append(f"the objective {one.label!r} is measured and differs between repetitions")
    for label in dict.fromkeys(one.label for one in study.constraints if not one.metric.reproducible):
        found.append(f"the constraint on {label!r} is measured and differs between repetitions")
    if study.description.budget.hours is not None:
        found.append(f"the budget ends by the clock, after {study.description.budget.hours:g} hours")
    if truth.inputs(LANDED):
        found.append("the order in which trials completed came from the clock; it is stored, and replayed")
    lost = truth.inputs(LOST)
    if lost:
        reasons = sorted({str(entry["reason"]) for entry in lost.values()})
        found.append(f"{len(lost)} agents did not finish: {'; '.join(reasons)}")
    return found
