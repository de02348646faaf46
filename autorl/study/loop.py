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
from autorl.study.telling import Telling, known_losses
from autorl.study.trainer import NotTrainedError, Trainer, Wanted

__all__ = ["BROKEN", "Loop"]

ENDED = "ended"
"""The kind of input that says at which request the clock ended the study."""
BROKEN = "broken"
"""The kind of input that says what stopped the last session, or None."""
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
        self._telling = Telling(functools.partial(known_losses, study))
        self._results: dict[int, Trial] = {}
        self._done: set[int] = set()
        self._seeds = study.seeds.tuning
        stored = truth.stored()
        self._elapsed_before = stored.elapsed if stored is not None else 0.0
        self._started = time.monotonic()
        self._stopped: float | None = None
        self.finished = False

    @property
    def trials(self) -> list[Trial]:
        """Every trial done, by number."""
        return [self._results[number] for number in sorted(self._done)]

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
        if budget.total_env_steps is not None and self._env_steps() >= budget.total_env_steps:
            return True
        if budget.hours is None or not self._asking.asked:  # whatever the clock says, the first batch is tried
            return False
        name = str(self._asking.request)
        if name in self._truth.inputs(ENDED):
            return True
        if self._trainer.executor is not None and self.elapsed >= budget.hours * 3600:
            self._truth.store_input(ENDED, name, {"seconds": self.elapsed})
            return True
        return False

    def _env_steps(self) -> int:
        """Env steps of training that count for the budget.

        A trial counts in full, also where it shares its runs with another one, and at its plan where it did not
        complete: otherwise a study that repeats itself or only fails would never end.
        """
        return sum(
            sum(run.env_steps for run in trial.runs)
            if trial.status is Status.COMPLETE
            else trial.rung * len(self.study.seeds.tuning)
            for trial in self._results.values()
        )

    # Training

    def _train(self, request: Train) -> tuple[Trial, ...]:
        wanted = [
            Wanted(self._full(assignment.trial), assignment.seeds, assignment.mark, "tuning")
            for assignment in request.assignments
        ]
        refusals = [self._refusal(one) for one in wanted]
        runnable = [one for one, refusal in zip(wanted, refusals, strict=True) if refusal is None]

        def after_group() -> None:
            self._truth.store_elapsed(self.elapsed)
            self._stop_if_broken(request.assignments)
            if self._on_group is not None:
                done = [self._trial(entry, self._known_runs(entry)) for entry in request.assignments]
                self._on_group([*self.trials, *(trial for trial in done if trial is not None)])

        found = iter(self._trainer.train(runnable, after_group))
        trials = []
        for assignment, refusal in zip(request.assignments, refusals, strict=True):
            if refusal is not None:
                trial = self._failed(assignment, refusal)
            else:
                runs = [run for run in next(found) if run is not None]
                trial = self._trial(assignment, runs) or self._failed(assignment, "its runs were lost")
            self._results[assignment.trial] = trial
            trials.append(trial)
        self._stop_if_broken(request.assignments)
        return tuple(trials)

    def _full(self, number: int) -> Configuration:
        return self.study.full(self._asking.asked[number].configuration)

    def _refusal(self, one: Wanted) -> str | None:
        """Why the algorithm cannot run a configuration that the space allows, or None."""
        try:
            self.study.algorithm.configure(one.configuration)
        except InvalidInput as error:
            return str(error)
        return None

    def _known_runs(self, assignment: Assignment) -> list[Run]:
        full = self._full(assignment.trial)
        agents = [Agent(full, seed) for seed in assignment.seeds]
        runs = [self._trainer.known_run(agent, assignment.mark) for agent in agents]
        return [run for run in runs if run is not None]

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
        if status is Status.COMPLETE:
            values = {one.label: one.metric.aggregate(runs) for one in self.study.criteria}
            losses = tuple(one.loss(values[one.label]) for one in self.study.criteria)
            if not all(math.isfinite(loss) for loss in losses):
                status, losses, reason = Status.FAILED, None, f"its objectives are not finite: {values}"
        return Trial(
            assignment.trial,
            asked.configuration,
            status,
            tuple(runs),
            losses,
            assignment.mark,
            reason,
            asked.proposal.origin,
        )

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
        self._done.update(request.trials)
        self._asking.tell(self._telling.outcomes(trials))
        if self._on_trial is not None:
            for trial in trials:
                self._on_trial(trial)
        return ()


def _last_line(reason: str) -> str:
    return reason.rstrip().rpartition("\n")[2]
