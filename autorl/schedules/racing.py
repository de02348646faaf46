"""`racing`: few seeds first, and more only for a configuration that cannot yet be ruled out.

In the spirit of F-Race (Birattari et al. 2002, A racing algorithm for configuring metaheuristics) and of irace's t-test
race (López-Ibáñez et al. 2016). Deviations: the tests are one-sided paired t-tests with shrunk standard deviations
(`paired`), their level is spent in equal parts over the looks and within a look by Holm's method over the comparisons,
and the best configurations of earlier batches race along, so that a race goes on from batch to batch. With several
objectives a configuration leaves when one incumbent beats it in all, each at the whole level.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from autorl.checks import check_number, check_whole
from autorl.errors import InvalidInput
from autorl.pareto import non_dominated
from autorl.records import FloatArray, Status, Trial
from autorl.schedules.base import Assignment, Frame, Requests, Schedule, ask, tell, train
from autorl.schedules.paired import PairedTests

__all__ = ["Racing", "rejected", "survivors"]


def rejected(p_values: FloatArray, level: float) -> list[int]:
    """Places of the p-values that are rejected at a level for all of them together (Holm 1979)."""
    found: list[int] = []
    for place in np.argsort(p_values, kind="stable"):
        if p_values[place] > level / (len(p_values) - len(found)):
            break
        found.append(int(place))
    return found


def survivors(trials: Sequence[Trial], incumbents: Sequence[Trial], tests: PairedTests, level: float) -> list[Trial]:
    """Which of the trials no incumbent rules out.

    Args:
        trials: Trained on equally many seeds; those that are not complete do not survive.
        incumbents: Earlier trials, trained on at least these seeds.
        tests: Takes in every pair that is compared here.
        level: For all comparisons together.
    """
    running = [trial for trial in trials if trial.status is Status.COMPLETE]
    field = [trial for trial in [*running, *incumbents] if trial.feasible]  # who breaks a constraint rules out nobody
    if not running or not field:
        return running
    seeds = len(running[0].seed_losses)
    losses = {trial.number: np.array(trial.seed_losses[:seeds]) for trial in [*running, *field]}
    front = non_dominated([losses[trial.number].mean(axis=0) for trial in field])
    best = [trial.number for trial, kept in zip(field, front, strict=True) if kept]
    pairs = [(trial.number, other) for trial in running for other in best if trial.number != other]
    if not pairs:
        return running
    p_values = tests.compare(pairs, np.stack([losses[one] - losses[other] for one, other in pairs]))
    beaten = {pairs[place][0] for place in rejected(p_values, level)}
    return [trial for trial in running if trial.number not in beaten]


class Racing(Schedule):
    """Races of `batch` configurations against each other and the best so far.

    Args:
        first_seeds: How many seeds everybody gets; then one more at a time.
        alpha: The level of all comparisons of a batch together, over all looks. It holds for an incumbent named in
            advance and noise that is nearly normal; the best so far is picked by the scores it is compared on, so that
            among equals somebody is ruled out more often.
        prior_weight: Degrees of freedom for which the pooled variance counts.

    Raises:
        InvalidInput: If an option is impossible.
    """

    name: ClassVar[str] = "racing"
    summary: ClassVar[str] = "few seeds first, more only while a configuration cannot be ruled out"

    def __init__(self, *, first_seeds: int = 2, alpha: float = 0.1, prior_weight: float = 4.0) -> None:
        check_whole("first_seeds", first_seeds, 1)
        check_number("alpha", alpha, 0.0, 0.5, above=True)
        check_number("prior_weight", prior_weight, 0.0)
        self.first_seeds, self.alpha, self.prior_weight = first_seeds, alpha, prior_weight

    def rungs(self, horizon: int) -> tuple[int, ...]:
        """No rung before the end."""
        return (horizon,)

    def check(self, frame: Frame) -> None:
        """Refuses more first seeds than there are, and objectives that are no mean over seeds."""
        if self.first_seeds > len(frame.seeds):
            raise InvalidInput(
                f"first_seeds: {self.first_seeds} must be at most the number of tuning seeds, which is "
                f"{len(frame.seeds)}"
            )
        if frame.not_means:
            raise InvalidInput(
                f"schedule 'racing' compares means over seeds; {', '.join(map(repr, frame.not_means))} "
                "aggregates its seeds in another way and must not be an objective"
            )

    def requests(self, frame: Frame) -> Requests:
        """One race a batch, until nothing is brought."""
        tests, incumbents = PairedTests(self.prior_weight), list[Trial]()
        counts = range(self.first_seeds, len(frame.seeds) + 1)
        level = self.alpha / max(1, len(counts) - 1)  # nothing is spent at the last look: it saves no seed
        while asked := (yield from ask(frame.batch)):
            running = asked
            for seeds in counts:
                trials = yield from train(Assignment(one, frame.seeds[:seeds], frame.horizon) for one in running)
                alive = survivors(trials, incumbents, tests, level if seeds < len(frame.seeds) else 0.0)
                running = tuple(trial.number for trial in alive)
                if not running:
                    break
            else:
                incumbents = _front([*incumbents, *alive])
            yield from tell(asked)

    def constant_metrics(self) -> frozenset[str]:
        """Everybody trains the full length, on however many seeds."""
        return frozenset({"env_steps"})


def _front(trials: Sequence[Trial]) -> list[Trial]:
    feasible = [trial for trial in trials if trial.feasible]
    kept = non_dominated([trial.losses or () for trial in feasible])
    return [trial for trial, one in zip(feasible, kept, strict=True) if one]
