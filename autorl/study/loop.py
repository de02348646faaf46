"""The tuning loop: carries out what the schedule requests, and depends on nothing but the study and what it brought."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence

from autorl.errors import BrokenObjective, InvalidInput
from autorl.records import Agent, Configuration, Run, Status, Trial
from autorl.schedules import Ask, Assignment, Frame, Tell, Train
from autorl.storage.truth import Truth
from autorl.study.asking import Asking
from autorl.study.resolved import ResolvedStudy
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
        self._told: list[Trial] = []
        self._fulls: dict[int, Configuration] = {}
        self._env_steps = 0
        self._seeds = study.seeds.tuning
        stored = truth.stored()
        self._elapsed_before = self._elapsed_noted = stored.elapsed if stored is not None else 0.0
        self._ended_by_clock = truth.inputs(ENDED)
        self._started = time.monotonic()
        self._stopped: float | None = None
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
        description = self.study.description
        frame = Frame(
            description.budget.env_steps, self.study.seeds.tuning, description.batch, len(self.study.criteria)
        )
        requests = self.study.schedule.requests(frame)
        answer: tuple[int, ...] | tuple[Trial, ...] | None = None
        self._fulls = {one.proposal.number: self.study.full(one.configuration) for one in self._asking.answered}
        self._trainer.foresee(self._fulls.values(), self._seeds)
        try:
            while True:
                request = next(requests) if answer is None else requests.send(answer)
                if isinstance(request, Ask):
                    answer = self._ask(request)
                elif isinstance(request, Train):
                    answer = self._train(request)
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
        if budget.total_env_steps is not None and self._env_steps >= budget.total_env_steps:
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

    def _counted(self, trial: Trial) -> int:
        """Env steps of training that count for the budget.

        A trial counts in full, also where it shares its runs with another one, and at its plan where it did not
        complete: otherwise a study that repeats itself or only fails would never end.
        """
        if trial.status is Status.COMPLETE:
            return sum(run.env_steps for run in trial.runs)
        return trial.rung * len(self._seeds)

    # Training

    def _train(self, request: Train) -> tuple[Trial, ...]:
        assignments = request.assignments
        wanted = [Wanted(self._full(entry.trial), entry.seeds, entry.mark, "tuning") for entry in assignments]
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
                self._on_group([*self._told, *made.values()])

        self._trainer.train([wanted[place] for place in runnable], after_group, on_runs)
        trials = tuple(
            made.get(place) or self._failed(entry, "its runs were lost") for place, entry in enumerate(assignments)
        )
        for trial in trials:
            self._take(trial)
        self._stop_if_broken(assignments)
        return trials

    def _take(self, trial: Trial) -> None:
        before = self._results.get(trial.number)
        self._env_steps += self._counted(trial) - (0 if before is None else self._counted(before))
        self._results[trial.number] = trial

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
        asked = self._asking.asked[assignment.trial]
        return Trial(
            assignment.trial,
            asked.configuration,
            Status.FAILED,
            rung=assignment.mark,
            reason=reason,
            origin=asked.proposal.origin,
        )

    def _trial(self, assignment: Assignment, runs: Sequence[Run]) -> Trial | None:
        """The trial made of these runs; None while some are missing. It ends as its worst run does."""
        if len(runs) < len(assignment.seeds):
            return None
        asked = self._asking.asked[assignment.trial]
        status = next((one for one in SEVERITY if any(run.status is one for run in runs)), Status.COMPLETE)
        reason = next((run.reason for run in runs if run.status is status and run.reason), None)
        losses: tuple[float, ...] | None = None
        violations: tuple[float, ...] = ()
        if status is Status.COMPLETE:
            losses, violations, reason = self._measured(runs)
            if reason is not None:
                status, losses, violations = Status.FAILED, None, ()
        return Trial(
            assignment.trial,
            asked.configuration,
            status,
            tuple(runs),
            losses,
            assignment.mark,
            reason,
            asked.proposal.origin,
            violations,
        )

    def _measured(self, runs: Sequence[Run]) -> tuple[tuple[float, ...], tuple[float, ...], str | None]:
        """Losses and violations of complete runs, and why these are no measurement, or None."""
        study = self.study
        values = {metric.label: metric.aggregate(runs) for metric in study.metrics}
        losses = tuple(one.loss(values[one.label]) for one in study.criteria)
        violations = tuple(one.violation(values[one.label]) for one in study.constraints)
        for kind, numbers in (("objectives", losses), ("constraints' metrics", violations)):
            if not all(map(math.isfinite, numbers)):
                return losses, violations, f"its {kind} are not finite: {values}"
        return losses, violations, None

    def _stop_if_broken(self, assignments: Sequence[Assignment]) -> None:
        """Stops where each of the first trials failed with the same exception: then it is no configuration's fault."""
        limit = self.study.trials
        first = self.study.description.limits.first_failures
        first = first if limit is None else min(first, limit)
        if self._trainer.executor is None or len(self._asking.asked) < first:
            return
        if all(assignment.trial >= first for assignment in assignments):
            return
        marks = {trial.number: trial.rung for trial in self._results.values()}
        marks |= {assignment.trial: assignment.mark for assignment in assignments}
        agents = [(Agent(self._full(number), seed), marks[number]) for number in range(first) for seed in self._seeds]
        raised = [self._trainer.raised(agent, mark) for agent, mark in agents]
        count = len(self._seeds)
        by_trial = [next(filter(None, raised[at : at + count]), None) for at in range(0, len(raised), count)]
        reasons = [reason for reason in by_trial if reason is not None]
        if len(reasons) < first or len({_last_line(reason) for reason in reasons}) > 1:
            return
        self._trainer.forget(agents)
        said = f"each of the first {first} trials failed with the same exception ({_last_line(reasons[0])})"
        self._truth.store_input(BROKEN, "reason", said)
        raise BrokenObjective(
            f"{said}, so the environment or the algorithm is broken; the study stops:\n{reasons[0].rstrip()}"
        )

    # Telling

    def _tell(self, request: Tell) -> tuple[int, ...]:
        trials = [self._results[number] for number in request.trials]
        self._told.extend(trials)
        self._asking.tell(self._telling.outcomes(trials))
        if self._on_trial is not None:
            for trial in trials:
                self._on_trial(trial)
        return ()


def _last_line(reason: str) -> str:
    return reason.rstrip().rpartition("\n")[2]
