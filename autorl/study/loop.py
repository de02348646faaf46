"""The tuning loop: carries out what the schedule requests, and depends on nothing but the study and what it brought."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from autorl.errors import BrokenObjective, InvalidInput
from autorl.records import Configuration, Run, Status, Trial
from autorl.schedules import Ask, Assignment, Await, Launch, Tell, Train
from autorl.storage.checkpoints import CheckpointFolder
from autorl.storage.truth import Truth
from autorl.study.asking import Asking
from autorl.study.flying import Flying
from autorl.study.resolved import ResolvedStudy
from autorl.study.retention import Retention
from autorl.study.spending import Spending
from autorl.study.telling import Telling, known_in_advance
from autorl.study.trainer import NotTrainedError, Trainer, Wanted

__all__ = ["BROKEN", "Loop"]

ENDED = "ended"
"""The kind of input that says at which request the clock ended the study."""
BROKEN = "broken"
"""The kind of input that says what stopped the last session, or None."""
NOTED_EVERY = 1.0
"""Wall seconds between two notes of how long the study has taken: so many a killed process loses of them."""
SEVERITY = (Status.FAILED, Status.TIMED_OUT, Status.DIVERGED)


class Loop:
    """Runs a schedule to the end of the budget.

    Args:
        study: The study.
        truth: Its part of the database.
        asking: Where configurations come from.
        trainer: Where runs come from.
        on_group: Called whenever a group of agents is done.
        on_trial: Called once per trial, when it is done, in the order of telling.

    Attributes:
        trials: Every trial asked for and done, by number.
        finished: Whether the budget is used up.
    """

    def __init__(
        self,
        study: ResolvedStudy,
        truth: Truth,
        asking: Asking,
        trainer: Trainer,
        on_group: Callable[[Sequence[Trial]], None] | None = None,
        on_trial: Callable[[Trial], None] | None = None,
    ) -> None:
        self.study, self._truth, self._asking, self._trainer = study, truth, asking, trainer
        self._on_group, self._on_trial = on_group, on_trial
        self._telling = Telling(functools.partial(known_in_advance, study))
        self._results: dict[int, Trial] = {}
        self._launched: dict[int, Assignment] = {}
        self._flying = Flying(trainer)
        self._wanted: dict[int, Wanted] = {}  # what each trial was last trained to
        self._told: list[Trial] = []
        self._fulls: dict[int, Configuration] = {}
        self._spending = Spending(trainer)
        self._seeds = study.seeds.tuning
        stored = truth.stored()
        self._elapsed_before = self._elapsed_noted = stored.elapsed if stored is not None else 0.0
        self._ended_by_clock = truth.inputs(ENDED)
        self._started = time.monotonic()
        self._stopped: float | None = None
        promotes = trainer.executor is not None and len(study.rungs) > 1 and study.algorithm.checkpoints == "exact"
        self._retention = Retention(CheckpointFolder(trainer.executor.checkpoints) if promotes else None)  # type: ignore[union-attr]  # `promotes` says that there is one
        self.finished = False

    @property
    def trials(self) -> list[Trial]:
        """Every trial done, by number."""
        return sorted(self._told, key=lambda trial: trial.number)

    @property
    def elapsed(self) -> float:
        """Wall seconds spent on tuning, over all sessions."""
        now = time.monotonic() if self._stopped is None else self._stopped
        return self._elapsed_before + now - self._started

    def run(self) -> None:
        """Runs until nothing is asked for any more, or (only reading) nothing more is stored.

        Raises:
            BrokenObjective: If each of the first trials fails with the same exception.
        """
        requests = self.study.schedule.requests(self.study.frame)
        answer: tuple[int, ...] | tuple[Trial, ...] | None = None
        self._fulls = {one.proposal.number: self.study.full(one.configuration) for one in self._asking.answered}
        self._trainer.foresee(self._fulls.values(), self._seeds)
        try:
            while True:
                request = next(requests) if answer is None else requests.send(answer)
                if isinstance(request, Ask):
                    answer = self._ask(request)
                elif isinstance(request, Train):
                    self._retention.ended(request.leaving)
                    answer = self._train(request.assignments)
                elif isinstance(request, Launch):
                    answer = self._launch(request)
                elif isinstance(request, Await):
                    answer = self._await()
                else:
                    answer = self._tell(request)
        except StopIteration:
            self.finished = self._ended()
        except NotTrainedError:
            self.finished = False
        finally:
            self._stopped = time.monotonic()

    # Asking

    def _ask(self, request: Ask) -> tuple[int, ...]:
        if not self._asking.stored and self._ended():
            return ()
        limit = self.study.trials
        left = math.inf if limit is None else limit - len(self._asking.asked)
        asked = self._asking.ask(int(min(request.count, left)))
        return tuple(one.proposal.number for one in asked)

    def _ended(self) -> bool:
        """Whether the budget is used up at the next request."""
        budget, limit = self.study.description.budget, self.study.trials
        if limit is not None and len(self._asking.asked) >= limit:
            return True
        if budget.env_steps_total is not None and self._spending.env_steps >= budget.env_steps_total:
            return True
        if budget.hours is None or not self._asking.asked:  # whatever the clock says, the first batch is tried
            return False
        name = str(self._asking.request)
        if name in self._ended_by_clock:
            return True
        if self._trainer.executor is not None and self.elapsed >= budget.hours * 3600:
            self._ended_by_clock[name] = {"seconds": self.elapsed}
            self._truth.store_input(ENDED, name, self._ended_by_clock[name])
            return True
        return False

    # Training

    def _launch(self, request: Launch) -> tuple[int, ...]:
        for assignment in request.assignments:
            wanted = self._want(assignment)
            self._launched[assignment.trial] = assignment
            self._flying.launch(assignment.trial, wanted if self._refusal(wanted) is None else None)
        return ()

    def _await(self) -> tuple[Trial, ...]:
        """What has landed; all of it is known by then, so that nothing is trained for it here."""
        return self._train([self._launched.pop(number) for number in self._flying.land()])

    def _train(self, assignments: Sequence[Assignment]) -> tuple[Trial, ...]:
        wanted = [self._want(entry) for entry in assignments]
        self._wanted |= {entry.trial: one for entry, one in zip(assignments, wanted, strict=True)}
        made: dict[int, Trial] = {}  # place among the assignments -> trial
        for place, one in enumerate(wanted):
            refusal = self._refusal(one)
            if refusal is not None:
                made[place] = self._failed(assignments[place], refusal)
        runnable = [place for place in range(len(wanted)) if place not in made]

        def on_runs(which: int, runs: tuple[Run, ...]) -> None:
            place = runnable[which]
            trial = self._trial(assignments[place], runs)
            if trial is not None:
                made[place] = trial

        def after_group() -> None:
            self._note_elapsed()
            self._stop_if_broken(assignments)
            if self._on_group is not None:
                self._on_group([*{**self._results, **{one.number: one for one in made.values()}}.values()])

        self._trainer.train([wanted[place] for place in runnable], after_group, on_runs)
        trials = tuple(
            made.get(place) or self._failed(entry, "its runs were lost") for place, entry in enumerate(assignments)
        )
        for one, trial in zip(wanted, trials, strict=True):
            self._spending.add(one, trial)
            self._results[trial.number] = trial
        self._retain(trials)
        self._stop_if_broken(assignments)
        return trials

    def _retain(self, trials: Sequence[Trial]) -> None:
        if len(self.study.rungs) > 1:
            self._retention.reached({one.number: self._trainer.last_keys(self._wanted[one.number]) for one in trials})

    def _want(self, assignment: Assignment) -> Wanted:
        if assignment.configuration is None:
            configuration = self._full(assignment.trial)
        else:
            configuration = self.study.full(assignment.configuration)
        past = self.study.past(assignment.earlier)
        return Wanted(
            configuration, assignment.seeds, assignment.mark, "tuning", lineage=assignment.lineage, earlier=past
        )

    def _note_elapsed(self) -> None:
        """Stores the seconds spent so far, unless that was done a moment ago."""
        if self.elapsed >= self._elapsed_noted + NOTED_EVERY:
            self._elapsed_noted = self.elapsed
            self._truth.store_elapsed(self._elapsed_noted)

    def _full(self, number: int) -> Configuration:
        if number not in self._fulls:
            self._fulls[number] = self.study.full(self._asking.asked[number].configuration)
        return self._fulls[number]

    def _refusal(self, one: Wanted) -> str | None:
        """Why the algorithm cannot run a configuration that the space allows, or None."""
        try:
            self.study.algorithm.configure(one.configuration)
        except InvalidInput as error:
            return str(error)
        return None

    def _failed(self, assignment: Assignment, reason: str) -> Trial:
        return self._made(assignment, Status.FAILED, reason=reason)

    def _made(
        self,
        assignment: Assignment,
        status: Status,
        runs: tuple[Run, ...] = (),
        reason: str | None = None,
    ) -> Trial:
        asked = self._asking.asked[assignment.trial]
        configuration = asked.configuration if assignment.configuration is None else assignment.configuration
        return Trial(
            number=assignment.trial,
            configuration=configuration,
            status=status,
            runs=runs,
            rung=assignment.mark,
            reason=reason,
            origin=asked.proposal.origin,
            earlier=assignment.earlier,
            lineage=assignment.lineage,
        )

    def _trial(self, assignment: Assignment, runs: Sequence[Run]) -> Trial | None:
        """The trial made of these runs; None while some are missing. It ends as its worst run does."""
        if len(runs) < len(assignment.seeds):
            return None
        status = next((one for one in SEVERITY if any(run.status is one for run in runs)), Status.COMPLETE)
        reason = next((run.reason for run in runs if run.status is status and run.reason), None)
        trial = self._made(assignment, status, tuple(runs), reason)
        return self._measured(trial) if status is Status.COMPLETE else trial

    def _measured(self, trial: Trial) -> Trial:
        """A trial of complete runs with what they are worth; it failed where that is no measurement."""
        study = self.study
        per_run = {metric.label: [metric.per_run(run) for run in trial.runs] for metric in study.metrics}
        values = {metric.label: metric.over_seeds(per_run[metric.label]) for metric in study.metrics}
        losses = tuple(one.loss(values[one.label]) for one in study.criteria)
        violations = tuple(one.violation(values[one.label]) for one in study.constraints)
        for kind, numbers in (("objectives", losses), ("constraints' metrics", violations)):
            if not all(map(math.isfinite, numbers)):
                return replace(trial, status=Status.FAILED, reason=f"its {kind} are not finite: {values}")
        own = zip(*(map(one.loss, per_run[one.label]) for one in study.criteria), strict=True)
        return replace(trial, losses=losses, violations=violations, seed_losses=tuple(own))

    def _stop_if_broken(self, assignments: Sequence[Assignment]) -> None:
        """Stops where each of the first trials failed with the same exception: then it is no configuration's fault."""
        limit = self.study.trials
        first = self.study.description.limits.first_failures
        first = first if limit is None else min(first, limit)
        if self._trainer.executor is None or len(self._asking.asked) < first:
            return
        if all(assignment.trial >= first for assignment in assignments):
            return
        if not all(number in self._wanted for number in range(first)):
            return
        wanted = [self._wanted[number] for number in range(first)]
        reasons = [reason for reason in map(self._raised, wanted) if reason is not None]
        if len(reasons) < first or len({_last_line(reason) for reason in reasons}) > 1:
            return
        self._trainer.forget([(agent, one.mark) for one in wanted for agent in one.agents])
        said = f"each of the first {first} trials failed with the same exception ({_last_line(reasons[0])})"
        self._truth.store_input(BROKEN, "reason", said)
        raise BrokenObjective(
            f"{said}, so the environment or the algorithm is broken; the study stops:\n{reasons[0].rstrip()}"
        )

    def _raised(self, one: Wanted) -> str | None:
        """The first traceback among the runs of a configuration, or None."""
        return next(filter(None, (self._trainer.raised(agent, one.mark) for agent in one.agents)), None)

    # Telling

    def _tell(self, request: Tell) -> tuple[int, ...]:
        trials = [self._results[number] for number in request.trials]
        self._told.extend(trials)
        self._retention.ended(request.trials)
        self._asking.tell(self._telling.outcomes(trials))
        if self._on_trial is not None:
            for trial in trials:
                self._on_trial(trial)
        return ()


def _last_line(reason: str) -> str:
    return reason.rstrip().rpartition("\n")[2]
