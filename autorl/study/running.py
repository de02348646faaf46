"""From a study to its result: the whole path, live or from what is stored."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from autorl.checks import check_whole
from autorl.errors import InvalidInput, StudyMismatch
from autorl.execution import Executor
from autorl.numerics import differing_parts, numerics_parts, numerics_stamp
from autorl.objective import EvaluationSettings, Objective
from autorl.population import algorithm_reference
from autorl.records import Status, Trial
from autorl.registry import resolve_class
from autorl.storage.checkpoints import CheckpointFolder
from autorl.storage.truth import StoredStudy, Truth, database_url
from autorl.study.asking import EVENT, Asking
from autorl.study.description import StudyDescription
from autorl.study.directory import RunDirectory, differences
from autorl.study.interrupting import Interruption
from autorl.study.judging import Judging, Verdict
from autorl.study.loading import dump_document, load_description
from autorl.study.loop import BROKEN, Loop
from autorl.study.machine import check_machine
from autorl.study.progress import Progress
from autorl.study.provenance import session
from autorl.study.reporting import ACCEPTED, content
from autorl.study.resolved import ResolvedStudy, resolve
from autorl.study.result import Result
from autorl.study.selection import preferred, reached, selectable
from autorl.study.starting import keep_start, reuse
from autorl.study.trainer import Trainer
from autorl.tuners import build_tuner

__all__ = ["Listener", "TrialListener", "open_result", "run_study"]

Listener = Callable[[Progress], None]
TrialListener = Callable[[Trial], None]
LOG = logging.getLogger("autorl")
PATIENCE = 20.0
"""How many times as long as it took to find the best trial passes before it is looked for again."""


def run_study(
    study: ResolvedStudy,
    directory: str | Path,
    *,
    jobs: int,
    on_progress: Listener | None,
    on_trial: TrialListener | None,
    accept_new_numerics: bool,
) -> Result:
    """Runs a study to the end of its budget, or goes on where an earlier session ended, and writes its report.

    What should be known before it trains is logged as warnings of the logger "autorl".

    Args:
        study: The study.
        directory: Its run directory.
        jobs: Worker processes; never changes a result.
        on_progress: Called whenever a group of agents is done.
        on_trial: Called once per trial, in the order of telling.
        accept_new_numerics: Whether to go on where the stored results were made under other numerics.

    Raises:
        InvalidInput: For a user's mistake; nothing is written then.
        StudyMismatch: If the directory holds another study.
        BrokenObjective: If each of the first trials fails with the same exception.
    """
    check_whole("jobs (worker processes)", jobs, 1)
    check_machine(study, jobs)
    run_directory = RunDirectory(directory)
    if study.description.storage != "sqlite":
        _opened(study, run_directory).close()  # a database that cannot be opened is refused before anything is made
    numerics = numerics_parts(study.algorithm, study.environment, study.description.device)
    with run_directory.locked():
        truth = _opened(study, run_directory)
        try:
            objectives = _claim(study, truth, run_directory, numerics, accept_new_numerics)
            reused = reuse(study, objectives[-1], truth)
            run_directory.add_session({**session(numerics, jobs), **reused})
            if truth.inputs(BROKEN).get("reason") is not None:  # what stopped the last session is over
                truth.store_input(BROKEN, "reason", None)
            base: type[Executor] = Executor  # type: ignore[type-abstract]  # only compared with
            executor_class = resolve_class("executor", study.description.executor, "autorl.execution", base)
            for sentence in study.warnings:
                LOG.warning("%s", sentence)
            with executor_class(jobs, run_directory.checkpoints) as executor:
                result = _carried_out(study, truth, run_directory, objectives, executor, on_progress, on_trial)
        finally:
            truth.close()
        result.report()
    return result


def open_result(directory: str | Path, description: StudyDescription | None = None) -> Result:
    """A study as far as it is stored; trains nothing and writes nothing.

    Args:
        directory: A run directory.
        description: The study; None reads it from the directory.

    Raises:
        InvalidInput: If the directory holds no study, or one whose algorithm was defined in a script.
    """
    run_directory = RunDirectory(directory)
    if not run_directory.holds_study:
        raise InvalidInput(f"run directory {str(directory)!r} holds no study")
    if description is None:
        description = load_description(run_directory.study_file)
        if str(description.algorithm).startswith("__main__:"):
            raise InvalidInput(
                f"run directory {str(directory)!r}: algorithm {description.algorithm!r} was defined in a script or a "
                f"notebook; go on from that script with the same call"
            )
    study = resolve(description, run_directory.path)
    truth = _opened(study, run_directory)
    try:
        stored = truth.stored()
        if stored is None:
            raise InvalidInput(f"run directory {str(directory)!r} holds no results of study {description.name!r}")
        return _carried_out(study, truth, run_directory, _objectives(study, stored, truth), None, None, None)
    finally:
        truth.close()


def _opened(study: ResolvedStudy, directory: RunDirectory) -> Truth:
    return Truth(database_url(study.description.storage, directory.path), study.description.name)


def _claim(
    study: ResolvedStudy, truth: Truth, directory: RunDirectory, numerics: dict[str, str], accept: bool
) -> list[Objective]:
    """Makes the directory the study's own, or checks that it is."""
    document, stored = study.document(), truth.stored()
    shared = study.description.storage != "sqlite"
    if stored is not None and shared and not directory.holds_study:
        raise StudyMismatch(
            f"the database holds a study {study.description.name!r} that was begun in another directory than "
            f"{str(directory.path)!r}; go on there, or give this one another name"
        )
    if stored is not None:
        differences(stored.description, document, directory.path)
        if truth.inputs(EVENT):
            raise StudyMismatch(
                f"run directory {str(directory.path)!r} holds a study that is asked and told from outside; `run` needs "
                f"another one"
            )
        _check_trials(study, truth, directory)
        parts = differing_parts(stored.numerics, numerics)
        if parts and not accept:
            raise StudyMismatch(
                f"run directory {str(directory.path)!r} was made under other numerics: {'; '.join(parts)}; results "
                f"would not be reproducible bit by bit; go on all the same with --accept-new-numerics "
                f"(accept_new_numerics=True), which the report will state, or choose another directory"
            )
        if parts:
            truth.store_input(ACCEPTED, numerics_stamp(stored.numerics), parts)
    elif directory.holds_study:  # killed in between the two, or a study of another name or database
        differences(load_description(directory.study_file).resolved(), document, directory.path)
    directory.write_study(dump_document(document))
    keep_start(study.start, directory.path)
    truth.store(document, numerics)
    found = truth.stored()
    assert found is not None  # just stored
    return _objectives(study, found, truth)


def _check_trials(study: ResolvedStudy, truth: Truth, directory: RunDirectory) -> None:
    asked, limit = truth.trials_stored(), study.description.budget.trials
    if limit is not None and asked > limit:
        raise StudyMismatch(
            f"run directory {str(directory.path)!r} holds {asked} trials already, so budget.trials cannot be {limit}; "
            f"give at least {asked}, or choose another directory"
        )


def _objectives(study: ResolvedStudy, stored: StoredStudy, truth: Truth) -> list[Objective]:
    """The black box under every numerics stamp whose results count, the current one last."""
    description = study.description
    rule = description.evaluation
    current = numerics_stamp(stored.numerics)
    stamps = [*(stamp for stamp in truth.inputs(ACCEPTED) if stamp != current), current]
    return [
        Objective(
            algorithm=algorithm_reference(study.algorithm) or study.algorithm,
            environment=study.environment,
            horizon=description.budget.env_steps,
            rungs=study.rungs,
            checkpoints=study.checkpoints,
            evaluation=EvaluationSettings(rule.episodes, rule.curve_episodes, rule.discount, study.weights),
            stamp=stamp,
            device=description.device,
        )
        for stamp in stamps
    ]


def _carried_out(
    study: ResolvedStudy,
    truth: Truth,
    directory: RunDirectory,
    objectives: Sequence[Objective],
    executor: Executor | None,
    on_progress: Listener | None,
    on_trial: TrialListener | None,
) -> Result:
    """The pure function: with an executor it trains what is missing, without one it ends there."""
    description = study.description
    tuner = None
    if executor is not None:
        tuner = build_tuner(description.tuner, study.space, len(study.criteria), description.tuner_seed)
    trainer = Trainer(study, objectives, truth, executor)
    interruption = Interruption()
    say = _Reporter(study, trainer, on_progress, interruption)
    loop = Loop(study, truth, Asking(study, truth, tuner), trainer, say.tuning, on_trial)
    verdict = Verdict()
    try:
        with interruption:
            loop.run()
            if loop.finished or executor is None:
                verdict = Judging(study, truth, trainer, say.judging).judge(loop.trials)
    finally:
        if tuner is not None:
            tuner.close()
            truth.store_elapsed(loop.elapsed)
    if executor is not None and verdict.complete:
        _drop_states(study, verdict, directory, objectives)
    sessions = directory.sessions()
    provenance: dict[str, Any] = {**sessions[-1], "sessions": len(sessions)} if sessions else {}
    record = content(study, loop.trials, verdict, trainer.charges, truth, provenance, finished=loop.finished)
    return Result(directory.path, study, record, tuple(loop.trials), tuple(objectives))


def _drop_states(
    study: ResolvedStudy, verdict: Verdict, directory: RunDirectory, objectives: Sequence[Objective]
) -> None:
    """Keeps the final weights of everybody reported and deletes what an earlier choice left behind."""
    reported = [one for one in (verdict.baseline, verdict.default, *verdict.chosen) if one is not None]
    horizon = study.description.budget.env_steps
    agents = [agent for one in reported for agent in one.wanted(study.seeds.test, horizon, "test").agents]
    CheckpointFolder(directory.checkpoints).keep_only(
        objective.chain(agent, objective.horizon)[-1] for objective in objectives for agent in agents
    )


class _Reporter:
    """Says how far a study is.

    The best of thousands of trials takes as long to find as everything else that follows a group. While tuning it is
    therefore looked for again only when `PATIENCE` times as long has passed; at the end of a phase it is exact. An
    interrupt that was lost ends the study here.
    """

    def __init__(
        self, study: ResolvedStudy, trainer: Trainer, listener: Listener | None, interruption: Interruption
    ) -> None:
        self._study, self._trainer, self._listener = study, trainer, listener
        self._interruption = interruption
        self._trials: Sequence[Trial] = ()
        self._standing = "", 0  # the best in words, and how many failed
        self._due = 0.0

    def tuning(self, trials: Sequence[Trial]) -> None:
        """After a group of the tuning phase."""
        self._trials = trials
        self._say("tuning", len(trials), self._study.trials)

    def judging(self, phase: str, done: int, total: int) -> None:
        """After a group of a later phase."""
        self._say(phase, done, total)

    def _say(self, phase: str, done: int, total: int | None) -> None:
        self._interruption.raise_if_noted()
        if self._listener is None:
            return
        started = time.perf_counter()
        if phase != "tuning" or done == total or started >= self._due:
            self._standing = self._best(), sum(trial.status is not Status.COMPLETE for trial in self._trials)
            ended = time.perf_counter()
            self._due = ended + PATIENCE * (ended - started)
        best, failed = self._standing
        self._listener(Progress(phase, done, total, best, self._trainer.env_steps, failed))

    def _best(self) -> str:
        complete = preferred(selectable(self._trials))
        found = []
        for index, criterion in enumerate(self._study.criteria):
            losses = [trial.losses[index] for trial in complete if trial.losses is not None]
            if losses:
                found.append(f"{criterion.label} {criterion.loss(min(losses)):.4g}")
        if not all(trial.feasible for trial in complete):
            found.append("no trial feasible yet")
        if len({reached(trial) for trial in self._trials if trial.complete}) > 1:
            mark, seeds = reached(complete[0])
            found.append(f"after {mark:,} env steps on {seeds} seed{'s' * (seeds > 1)}")
        return ", ".join(found)
