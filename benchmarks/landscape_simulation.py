"""One study on a simulated landscape: the project's tuner, schedule, telling and selection over a surrogate.

A schedule's requests are carried out as the study's loop does (what is launched completes in the order of launching),
with two differences. The budget is hard: a training
that no longer fits ends the study, so that no schedule gets more than another. And the default configuration is not
tried first: a record does not say what it was, and the tuner is to be measured alone.

What is charged: from where an agent (trial and seed) already is to the mark, in full trainings of one seed. A promotion
pays the difference, a seed added later pays from zero. A mark between two recorded checkpoints trains, and is charged,
to the next one. A trial that diverges is charged in full.
"""

from __future__ import annotations

import bisect
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autorl.errors import InvalidInput
from autorl.records import Run, Status, Trial
from autorl.schedules import Ask, Assignment, Await, Frame, Launch, Tell, Train, build_schedule
from autorl.seeds import integer_seed, stream
from autorl.study.selection import best_trials
from autorl.study.telling import Telling
from autorl.tuners import Tuner, build_tuner
from benchmarks.landscape_surrogate import Simulated, Surrogate

__all__ = ["Entry", "Method", "Outcome", "Replay", "play", "seed_halves"]

Entry = str | Mapping[str, object]
"""A tuner or a schedule as a study file names it."""
EPSILON = 1e-9
"""Rounding of charges that are sums of shares of a full training."""


@dataclass(frozen=True)
class Method:
    """What is compared.

    Attributes:
        tuner: As a study file names it.
        schedule: As a study file names it.
        seeds: Tuning seeds a study has, at most half of those recorded.
        batch: Configurations asked at once where the schedule has no number of its own.
        budget: Full trainings of one seed.
    """

    tuner: Entry
    schedule: Entry = "full"
    seeds: int = 3
    batch: int = 4
    budget: float = 96.0


@dataclass(frozen=True)
class Outcome:
    """What one study on one landscape came to; scores as shares of the landscape's range.

    A study without a complete trial has no winner: its regrets are 1, its optimism is left out.

    Attributes:
        regret: Of the winner's truth.
        unseen_regret: The same with the mean score on the unseen half of the seeds in place of the truth.
        optimism: The score by which the winner was ranked minus its truth, or None.
        spent: Full trainings charged.
        trials: Configurations trained.
        failures: How many of them diverged.
        seconds_per_ask: Mean wall time of proposing one configuration and telling its result.
    """

    regret: float
    unseen_regret: float
    optimism: float | None
    spent: float
    trials: int
    failures: int
    seconds_per_ask: float


class Replay:
    """Carries out a schedule's requests on a surrogate.

    Args:
        surrogate: The landscape.
        tuner: Who proposes.
        seeds: The tuning seeds.
        budget: Full trainings of one seed.

    Attributes:
        results: Trial number -> what it brought at its last mark.
        simulated: Trial number -> what training it brings.
        spent: Full trainings charged so far.
        seconds: Wall time that the tuner took, to propose and to be told.
    """

    def __init__(self, surrogate: Surrogate, tuner: Tuner, seeds: tuple[int, ...], budget: float) -> None:
        self.surrogate, self.budget = surrogate, budget
        self._tuner, self._seeds = tuner, seeds
        self._marks = surrogate.landscape.marks
        self._telling = Telling(lambda trial: [None])
        self._reached: dict[tuple[int, int], int] = {}  # (trial, seed) -> checkpoints trained
        self.results: dict[int, Trial] = {}
        self.simulated: dict[int, Simulated] = {}
        self.spent = 0.0
        self.seconds = 0.0

    def run(self, schedule: Entry, batch: int) -> None:
        """Runs a schedule to the end of the budget."""
        horizon = self.surrogate.landscape.horizon
        frame = Frame(horizon, self._seeds, batch, objectives=1, space=self.surrogate.landscape.space)
        built = build_schedule(schedule)
        built.check(frame)
        requests = built.requests(frame)
        answer: tuple[int, ...] | tuple[Trial, ...] | None = None
        launched: tuple[Assignment, ...] = ()
        while True:
            try:
                request = next(requests) if answer is None else requests.send(answer)
            except StopIteration:
                return
            if isinstance(request, Ask):
                answer = self._ask(request)
            elif isinstance(request, (Train, Await)):
                wanted, launched = (request.assignments, launched) if isinstance(request, Train) else (launched, ())
                answer = self._train(wanted)
                if len(answer) < len(wanted):
                    requests.close()
                    return
            elif isinstance(request, Launch):
                launched += request.assignments
                answer = ()
            else:
                answer = self._tell(request)

    def _ask(self, request: Ask) -> tuple[int, ...]:
        asked, size = len(self.simulated), self._tuner.size
        count = request.count if size is None else min(request.count, size - asked)
        if count < 1 or self.spent > self.budget - EPSILON:
            return ()
        started = time.perf_counter()
        proposals = self._tuner.ask(range(asked, asked + count))
        self.seconds += time.perf_counter() - started
        for one in proposals:
            configuration = self.surrogate.landscape.space.decode(one.vector)
            self.simulated[one.number] = self.surrogate.simulate(configuration)
            self.results[one.number] = Trial(one.number, configuration, Status.FAILED)  # until it is trained
        return tuple(one.number for one in proposals)

    def _train(self, assignments: Sequence[Assignment]) -> tuple[Trial, ...]:
        """Trains in order as many assignments as the budget still holds."""
        trained = []
        for assignment in assignments:
            upto = min(bisect.bisect_left(self._marks, assignment.mark), len(self._marks) - 1)
            cost = sum(self._cost(assignment.trial, seed, upto) for seed in assignment.seeds)
            if self.spent + cost > self.budget + EPSILON:
                break
            self.spent += cost
            for seed in assignment.seeds:
                self._reached[assignment.trial, seed] = max(self._reached.get((assignment.trial, seed), 0), upto + 1)
            trained.append(self._trial(assignment, upto))
            self.results[assignment.trial] = trained[-1]
        return tuple(trained)

    def _cost(self, trial: int, seed: int, upto: int) -> float:
        marks = (0, *self._marks)
        return max(0, marks[upto + 1] - marks[self._reached.get((trial, seed), 0)]) / self._marks[-1]

    def _trial(self, assignment: Assignment, upto: int) -> Trial:
        configuration = self.results[assignment.trial].configuration
        scores = self.simulated[assignment.trial].scores[: upto + 1, list(assignment.seeds)]
        runs = tuple(
            self._run(seed, scores[:, column], assignment.mark) for column, seed in enumerate(assignment.seeds)
        )
        if any(run.status is Status.DIVERGED for run in runs):
            return Trial(assignment.trial, configuration, Status.DIVERGED, runs, rung=assignment.mark)
        losses = (-float(scores[-1].mean()),)
        seed_losses = tuple((-float(score),) for score in scores[-1])
        return Trial(
            assignment.trial, configuration, Status.COMPLETE, runs, losses, assignment.mark, seed_losses=seed_losses
        )

    def _run(self, seed: int, scores: np.ndarray[tuple[int], np.dtype[np.float64]], mark: int) -> Run:
        curve = scores.reshape(-1, 1, 1, 1)
        status = Status.COMPLETE if np.isfinite(scores).all() else Status.DIVERGED
        marks = self._marks[: len(scores)]
        return Run(
            seed, status, self._marks[-1], marks, curve, curve[-1], env_steps=marks[-1], evaluation_steps=0,
            train_seconds=0.0, gradient_updates=-1, flops=float("nan"), parameters=-1,
        )  # fmt: skip

    def _tell(self, request: Tell) -> tuple[int, ...]:
        outcomes = self._telling.outcomes([self.results[number] for number in request.trials])
        started = time.perf_counter()
        if outcomes:
            self._tuner.tell(outcomes)
        self.seconds += time.perf_counter() - started
        return ()


def seed_halves(surrogate: Surrogate, repetition: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The recorded seeds in two disjoint halves, tuning and unseen, in an order drawn per landscape and repetition."""
    landscape = surrogate.landscape
    drawn = stream(repetition, "landscape seeds", lineage=landscape.name).permutation(landscape.seeds)
    order = [int(seed) for seed in drawn]
    half = landscape.seeds // 2
    return tuple(order[:half]), tuple(order[half:])


def play(surrogate: Surrogate, method: Method, repetition: int) -> Outcome:
    """One study.

    The tuner's seed and the seeds trained on are functions of landscape and repetition alone, so that every method
    meets the same ones.

    Raises:
        InvalidInput: If the tuner or the schedule is refused, the tuner proposes nothing, or half of the recorded seeds
            is too few.
    """
    tuning, unseen = seed_halves(surrogate, repetition)
    if not 1 <= method.seeds <= len(tuning):
        raise InvalidInput(f"{method.seeds} tuning seeds wanted; {surrogate.landscape.name} has 1 to {len(tuning)}")
    tuner_seed = integer_seed(repetition, "landscape tuner", lineage=surrogate.landscape.name)
    tuner = build_tuner(method.tuner, surrogate.landscape.space, 1, tuner_seed)
    try:
        replay = Replay(surrogate, tuner, tuning[: method.seeds], method.budget)
        replay.run(method.schedule, method.batch)
    finally:
        tuner.close()
    if not replay.simulated:
        raise InvalidInput(f"tuner {method.tuner!r} proposes 0 configurations of its own, so it cannot be measured")
    return _judged(replay, unseen)


def _judged(replay: Replay, unseen: Sequence[int]) -> Outcome:
    surrogate = replay.surrogate
    trained = [trial for trial in replay.results.values() if trial.rung]
    regret = unseen_regret = 1.0
    optimism = None
    for winner in best_trials(trained, 1):
        found = replay.simulated[winner.number]
        assert winner.losses is not None  # a complete trial has them
        truth = float(found.truth[-1])
        regret = surrogate.regret(truth)
        unseen_regret = surrogate.regret(float(found.counted[-1, list(unseen)].mean()))
        optimism = regret - surrogate.regret(-winner.losses[0])
    return Outcome(
        regret=regret,
        unseen_regret=unseen_regret,
        optimism=optimism,
        spent=round(replay.spent, 9),
        trials=len(trained),
        failures=sum(trial.status is Status.DIVERGED for trial in trained),
        seconds_per_ask=replay.seconds / len(replay.simulated),
    )
