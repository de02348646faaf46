"""`pbt`: a population in training; now and then the worst copy the best, and go on with other hyperparameters.

Source: M. Jaderberg et al. 2017, Population based training of neural networks (arXiv 1711.09846): exploit by truncation
selection, explore by perturbing and resampling. Deviations: a member is several seeds, each of which copies the same
seed of the better member; members wait for each other at every rung, so that the result depends on no clock; a member
that failed or diverged is replaced at the next rung, also beyond the quantile; trials of several objectives are
compared by non-dominated rank and crowding. The result is a schedule of hyperparameters, and what is reported of it is
that schedule carried out anew, from initial weights, on seeds that the population never saw.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from autorl.checks import check_number, check_whole
from autorl.errors import InvalidInput
from autorl.records import Configuration, Stretch, Trial
from autorl.schedules.base import Assignment, Frame, Requests, Schedule, ask, tell, train
from autorl.schedules.perturbation import explored
from autorl.schedules.ranking import ranked
from autorl.schedules.rungs import ROUNDING
from autorl.seeds import stream
from autorl.space import SearchSpace

__all__ = ["PBT", "Interval"]


@dataclass(frozen=True)
class Interval:
    """One interval of a population's training.

    Attributes:
        trials: The members as they ended it.
        begun: Number -> the trial whose weights a member began with, its own as a rule; empty from initial weights.
    """

    trials: tuple[Trial, ...]
    begun: Mapping[int, Trial]


class PBT(Schedule):
    """Populations, one after the other.

    Args:
        population: Members.
        interval: Env steps from rung to rung; the horizon is a multiple of it. Below 1 it is a share of the horizon,
            one part in a whole number of them.
        quantile: The share of the population that copies, and the share that is copied; at least one member each.
        resample: The probability with which a hyperparameter is drawn anew instead of perturbed.
        perturb: Factors of which one multiplies a number.
        init_size: How many configurations the first interval starts with, of which the best go on as the population;
            None: the population alone.

    Raises:
        InvalidInput: If an option is impossible.
    """

    name: ClassVar[str] = "pbt"
    summary: ClassVar[str] = "a population whose worst copy the best and change hyperparameters in training"

    def __init__(
        self,
        *,
        population: int = 16,
        interval: float = 0.1,
        quantile: float = 0.25,
        resample: float = 0.25,
        perturb: Sequence[float] = (1.2, 0.8),
        init_size: int | None = None,
    ) -> None:
        check_whole("population", population, 2)
        check_number("interval", interval, 0.0, above=True)
        check_number("quantile", quantile, 0.0, 0.5, above=True)
        check_number("resample", resample, 0.0, 1.0)
        if init_size is not None:
            check_whole("init_size", init_size, population)
        self.population, self.init_size = population, init_size or population
        self.interval, self.quantile, self.resample = interval, quantile, resample
        self.perturb = _factors(perturb)

    def rungs(self, horizon: int) -> tuple[int, ...]:
        """The end of every interval.

        Raises:
            InvalidInput: If the horizon is no multiple of the interval, or holds one interval alone.
        """
        parts = 1 / self.interval if self.interval < 1 else horizon / self.interval
        count = round(parts)
        if abs(parts - count) > ROUNDING * parts or not 2 <= count <= horizon:
            raise InvalidInput(
                f"interval: {self.interval!r} divides budget.env_steps, {horizon}, into {parts:g} parts; their number "
                f"must be whole and at least 2 (a share such as 0.1, or env steps of which {horizon} is a multiple)"
            )
        return tuple(horizon * part // count for part in range(1, count + 1))

    def check(self, frame: Frame) -> None:
        """Refuses an algorithm whose weights cannot be copied, and hyperparameters that cannot change."""
        if frame.checkpoints != "exact":
            raise InvalidInput(
                f"schedule {self.name!r} copies what others have learned; the algorithm declares checkpoints "
                f"{frame.checkpoints!r} and trains from zero alone, so it needs another schedule, 'full' say"
            )
        space = self.space(frame)
        default, tuned = space.default(), {coordinate.name for coordinate in space.coordinates}
        # What a condition switches on and off changes too, a constant even.
        changing = tuned | {one.name for one in space.hyperparameters if one.conditions}
        static = [name for name in space.names if name in changing & frame.static]
        if static:
            held = ", ".join(f"{name}: {default.get(name, '...')}" for name in static)
            raise InvalidInput(
                f"schedule {self.name!r} changes hyperparameters in training; {', '.join(map(repr, static))} cannot "
                f"change (a shape or the loop's length depends on it) and must be held, say by fixed: {{{held}}}"
            )

    def requests(self, frame: Frame) -> Requests:
        """Populations, until nothing is brought."""
        marks = self.rungs(frame.horizon)
        while asked := (yield from ask(self.init_size)):
            trials = yield from train(Assignment(number, frame.seeds, marks[0]) for number in asked)
            order = self.order(trials)
            yield from tell(trial.number for trial in order[self.population :])
            intervals = [Interval(_by_number(order[: self.population]), {})]
            for rung, mark in itertools.pairwise(marks):
                sources = self.sources(frame, intervals[-1].trials, rung)
                changed = self.changed(frame, intervals, sources, rung)
                going = [_going(one, sources, changed, rung, mark, frame) for one in intervals[-1].trials]
                begun = {one.number: sources.get(one.number, one) for one in intervals[-1].trials}
                intervals.append(Interval((yield from train(going)), begun))
            yield from tell(trial.number for trial in intervals[-1].trials)

    def rank(self, trials: Sequence[Trial]) -> list[Trial]:
        """The complete trials, best first."""
        return ranked(trials)

    def order(self, trials: Sequence[Trial]) -> list[Trial]:
        """All trials, those that failed or diverged last."""
        best_first = self.rank(trials)
        complete = {trial.number for trial in best_first}
        return [*best_first, *(trial for trial in trials if trial.number not in complete)]

    def sources(self, frame: Frame, trials: Sequence[Trial], rung: int) -> dict[int, Trial]:
        """Exploit: number -> whom that member copies, for the worst and for everybody that did not complete."""
        order, complete = self.order(trials), len(self.rank(trials))
        share = min(max(1, int(self.quantile * len(order) + ROUNDING)), len(order) // 2)
        better = order[: min(share, complete)]
        worse = order[max(len(better), min(len(order) - share, complete)) :]
        if not better:  # nobody is left to copy
            return {}
        return {one.number: better[int(self.draws(frame, one.number, rung).integers(len(better)))] for one in worse}

    def changed(
        self, frame: Frame, intervals: Sequence[Interval], sources: Mapping[int, Trial], rung: int
    ) -> dict[int, Configuration]:
        """Explore: number -> the hyperparameters with which a member that copies goes on.

        Args:
            frame: What is known of the study.
            intervals: All of this population so far.
            sources: Whom each one copies.
            rung: Where it happens, in env steps.
        """
        return {number: self.perturbed(frame, number, source, rung) for number, source in sources.items()}

    def perturbed(self, frame: Frame, number: int, source: Trial, rung: int) -> Configuration:
        """What a member makes of the hyperparameters it copied."""
        generator = self.draws(frame, number, rung, "explore")
        return explored(self.space(frame), source.configuration, generator, self.resample, self.perturb)

    @staticmethod
    def space(frame: Frame) -> SearchSpace:
        """What is searched.

        Raises:
            InvalidInput: If nothing is known of it.
        """
        if frame.space is None:
            raise InvalidInput(f"the space is {frame.space!r}; who changes hyperparameters must know their ranges")
        return frame.space

    @staticmethod
    def draws(frame: Frame, number: int, rung: int, what: str = "exploit") -> np.random.Generator:
        """A member's generator at a rung, one for each thing that is drawn."""
        return stream(frame.seed, f"pbt {what}", lineage=str(number), index=rung)


def _going(
    trial: Trial,
    sources: Mapping[int, Trial],
    changed: Mapping[int, Configuration],
    rung: int,
    mark: int,
    frame: Frame,
) -> Assignment:
    """What a member trains next: as before, or from where another one stands."""
    source = sources.get(trial.number)
    if source is None:
        return Assignment(trial.number, frame.seeds, mark, trial.configuration, trial.earlier, trial.lineage)
    past = (*source.earlier, Stretch(rung, source.configuration, source.lineage))
    return Assignment(trial.number, frame.seeds, mark, changed[trial.number], past, f"{trial.number}@{rung}")


def _by_number(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    return tuple(sorted(trials, key=lambda trial: trial.number))


def _factors(perturb: Sequence[float]) -> tuple[float, ...]:
    given: object = perturb
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise InvalidInput(f"perturb: {perturb!r} is no list of factors; write [1.2, 0.8], say")
    for factor in perturb:
        check_number("perturb", factor, 0.0, above=True)
        if factor == 1:
            raise InvalidInput(f"perturb: {list(perturb)} holds the factor {factor!r}, which would change nothing")
    return tuple(float(factor) for factor in perturb)
