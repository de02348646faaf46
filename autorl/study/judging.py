"""After tuning: who is chosen, and what everybody reported scores on seeds the tuner never saw."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from autorl.content import digest
from autorl.errors import InvalidInput
from autorl.metrics import Metric
from autorl.records import Configuration, Run, Status, Stretch, Trial
from autorl.schedules.ranking import order
from autorl.statistics import Estimate, estimate
from autorl.storage.truth import Truth
from autorl.study.resolved import ResolvedStudy
from autorl.study.selection import best_trials, chosen_front, front_places, selectable
from autorl.study.trainer import NotTrainedError, Trainer, Wanted

__all__ = ["OPENED", "Judged", "Judging", "Verdict"]

OPENED = "test opened"
"""The kind of input that records every opening of the test seeds."""


@dataclass(frozen=True, eq=False)
class Judged:
    """One configuration with all it was measured on.

    Attributes:
        trial: Its trial, or None for the baseline.
        configuration: Every hyperparameter of the algorithm.
        tuning: Runs on the tuning seeds; empty if it failed there.
        validation: Runs on the validation seeds; empty without them.
        test: Runs on the test seeds, None where one was lost; empty while none was made.
        lineage: Names its agents' random streams.
        earlier: What it trains under before it has this configuration, with full configurations.
    """

    trial: Trial | None
    configuration: Configuration
    tuning: tuple[Run, ...] = ()
    validation: tuple[Run, ...] = ()
    test: tuple[Run | None, ...] = ()
    lineage: str = ""
    earlier: tuple[Stretch, ...] = ()

    def wanted(self, seeds: tuple[int, ...], mark: int, phase: str, *, final: bool = False) -> Wanted:
        """What to train to judge it on seeds; where its schedule changed hyperparameters, all of that anew."""
        return Wanted(self.configuration, seeds, mark, phase, final, self.lineage, self.earlier)

    def estimates(self, runs: Sequence[Run | None], metrics: Sequence[Metric], seed: int) -> dict[str, Estimate]:
        """Metric label -> estimate over these runs; a metric that cannot be measured on them is left out.

        A lost run leaves the aggregate of the others, without an interval.
        """
        known = [run for run in runs if run is not None]
        found: dict[str, Estimate] = {}
        for metric in metrics if known else ():
            try:
                values = [metric.per_run(run) for run in known]
            except InvalidInput:  # the algorithm does not count it, or its runs hold no evaluation
                continue
            one = estimate(values, metric.over_seeds, is_mean=metric.is_mean, seed=seed)
            if len(known) < len(runs):
                lost = f"{len(runs) - len(known)} of {len(runs)} runs were lost: no interval"
                one = Estimate(one.mean, math.nan, math.nan, one.per_seed, one.n, "none", lost)
            found[metric.label] = one
        return found


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a study found.

    Attributes:
        baseline: The algorithm's defaults with `fixed`; None while not measured.
        default: Trial 0; None without one, or where a schedule changed its hyperparameters.
        chosen: With one objective the best configuration alone, with several the chosen front; tested.
        finalists: With validation seeds the finalists, best on them first.
        complete: Whether everything that was to be measured is.
    """

    baseline: Judged | None = None
    default: Judged | None = None
    chosen: tuple[Judged, ...] = ()
    finalists: tuple[Judged, ...] = ()
    complete: bool = False


class Judging:
    """Selects on tuning (and validation) seeds, then opens the test seeds.

    Args:
        study: The study.
        truth: Where openings of the test seeds are recorded.
        trainer: Where runs come from.
        on_group: Called with the phase, the configurations done in it and how many it has, whenever a group is done.
    """

    def __init__(
        self,
        study: ResolvedStudy,
        truth: Truth,
        trainer: Trainer,
        on_group: Callable[[str, int, int], None] | None = None,
    ) -> None:
        self._study, self._truth, self._trainer, self._on_group = study, truth, trainer, on_group

    def judge(self, trials: Sequence[Trial]) -> Verdict:
        """Judges finished trials; only reading, as far as what is stored reaches."""
        # Where it copied another one, trial 0 is the default no more.
        default = next((self._of(trial) for trial in trials if trial.number == 0 and not trial.earlier), None)
        verdict = Verdict(None, default)
        if not selectable(trials):
            return verdict
        try:
            baseline = Judged(None, self._study.baseline, self._tuned(self._study.baseline))
            verdict = Verdict(baseline, default)
            finalists, chosen = self._chosen(trials)
            verdict = Verdict(baseline, default, tuple(chosen), tuple(finalists))
            return self._tested(verdict)
        except NotTrainedError:
            return verdict

    def _of(self, trial: Trial) -> Judged:
        runs = tuple(run for run in trial.runs if len(run.checkpoints))
        tuning = runs if trial.status is Status.COMPLETE else ()
        full, past = self._study.full(trial.configuration), self._study.past(trial.earlier)
        return Judged(trial, full, tuning, lineage=trial.lineage, earlier=past)

    def _tuned(self, configuration: Configuration) -> tuple[Run, ...]:
        wanted = Wanted(configuration, self._study.seeds.tuning, self._trainer.objective.horizon, "baseline")
        (runs,) = self._train("baseline", [wanted])
        whole = [run for run in runs if run is not None and run.status in (Status.COMPLETE, Status.DIVERGED)]
        return tuple(whole) if len(whole) == len(runs) else ()

    def _chosen(self, trials: Sequence[Trial]) -> tuple[list[Judged], list[Judged]]:
        """The finalists judged on validation seeds, and who is tested."""
        study = self._study
        several, count = len(study.criteria) > 1, study.description.finalists
        validated = bool(study.seeds.validation)
        best = chosen_front(trials, count) if several else best_trials(trials, count if validated else 1)
        finalists = [self._of(trial) for trial in best]
        if not validated:
            return [], finalists
        horizon = self._trainer.objective.horizon
        wanted = [one.wanted(study.seeds.validation, horizon, "validation") for one in finalists]
        judged = []
        for one, runs in zip(finalists, self._train("validation", wanted), strict=True):
            whole = tuple(run for run in runs if run is not None)
            judged.append(replace(one, validation=whole))
        # Who failed or diverged on a validation seed is never preferred; among those the order on tuning seeds stays.
        scores = [_validated(one, study) for one in judged]
        failed = [one for one, score in zip(judged, scores, strict=True) if score is None]
        measured = [(one, *score) for one, score in zip(judged, scores, strict=True) if score is not None]
        losses, violations = [loss for _, loss, _ in measured], [bounds for _, _, bounds in measured]
        judged = [*(measured[place][0] for place in order(losses, violations)), *failed]
        if not several:
            return judged, judged[:1]
        return judged, [measured[place][0] for place in front_places(losses, violations)] or failed

    def _tested(self, verdict: Verdict) -> Verdict:
        """Trains everybody reported on the test seeds."""
        study, horizon = self._study, self._trainer.objective.horizon
        reported = [one for one in (verdict.baseline, verdict.default, *verdict.chosen) if one is not None]
        phases = ["baseline" if one.trial is None else "test" for one in reported]
        wanted = [
            one.wanted(study.seeds.test, horizon, phase, final=True)
            for one, phase in zip(reported, phases, strict=True)
        ]
        self._record_opening(reported)
        found = iter(self._train("test", wanted))
        tested = {id(one): replace(one, test=next(found)) for one in reported}
        chosen = tuple(tested[id(one)] for one in verdict.chosen)
        best = {one.trial.number: one for one in chosen if one.trial is not None}
        finalists = [best.get(_number(one), one) for one in verdict.finalists]
        return Verdict(
            tested[id(verdict.baseline)] if verdict.baseline is not None else None,
            tested[id(verdict.default)] if verdict.default is not None else None,
            chosen,
            tuple(finalists),
            complete=True,
        )

    def _record_opening(self, reported: Sequence[Judged]) -> None:
        if self._trainer.executor is None:
            return
        content = [[_described(one) for one in reported], list(self._study.seeds.test)]
        name = digest(content)
        if name not in self._truth.inputs(OPENED):
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            entry = {"at": now, "choice": digest(content[0]), "seeds": len(self._study.seeds.test)}
            self._truth.store_input(OPENED, name, entry)

    def _train(self, phase: str, wanted: Sequence[Wanted]) -> list[tuple[Run | None, ...]]:
        def after_group() -> None:
            if self._on_group is not None:
                done = sum(self._known(one) for one in wanted)
                self._on_group(phase, done, len(wanted))

        return self._trainer.train(wanted, after_group)

    def _known(self, one: Wanted) -> bool:
        return all(self._trainer.known_run(agent, one.mark) is not None for agent in one.agents)


def _validated(one: Judged, study: ResolvedStudy) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """A finalist's losses and violations on the validation seeds; None if it failed or diverged on one of them."""
    runs = one.validation
    if len(runs) < len(study.seeds.validation) or any(run.status is not Status.COMPLETE for run in runs):
        return None
    losses = tuple(one.loss(one.metric.aggregate(runs)) for one in study.criteria)
    violations = tuple(bound.violation(bound.metric.aggregate(runs)) for bound in study.constraints)
    return (losses, violations) if all(map(math.isfinite, (*losses, *violations))) else None


def _described(one: Judged) -> object:
    configuration = dict(one.configuration)
    if not one.earlier:
        return configuration
    return [configuration, one.lineage, *([past.until, dict(past.configuration), past.lineage] for past in one.earlier)]


def _number(one: Judged) -> int:
    return -1 if one.trial is None else one.trial.number
