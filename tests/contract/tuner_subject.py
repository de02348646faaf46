"""What is tried in the tuner's contract, at which length, and the unbroken runs every property is read from."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from autorl.content import digest
from autorl.errors import InvalidInput
from autorl.registry import resolve_class
from autorl.space import SearchSpace
from autorl.tuners import Outcome, Proposal, Tuner, build_tuner, bundled_tuners
from tests.contract.tuner_spaces import SPACES, brought, load, measured

__all__ = [
    "FULL",
    "MAY_REFUSE",
    "SHORT",
    "USER",
    "Case",
    "History",
    "Length",
    "Pattern",
    "Step",
    "Subject",
    "Walk",
    "cases",
    "digest_of",
    "histories",
    "history",
    "opened",
    "patterns_of",
    "plain",
    "references",
    "refusal",
    "restored",
    "subjects",
]

OUTSIDE = "tests.contract.broken_tuners:Sound"
"""A tuner from outside, found as a user's own: the suite takes what it has never heard of."""
SLOW = ("gp", "optuna", "smac")
"""How the names of tuners begin whose ask takes long; they get fewer trials. `optuna` copies its sampler for each."""
MAY_REFUSE = frozenset({"cmaes", "grid"})
"""Who may refuse a space because of its conditions."""
USER = 5
"""The trial that comes from a user's own hand."""


@dataclass(frozen=True)
class Pattern:
    """How a study asks: so many at once, and so many of them still pending when it asks again."""

    batch: int
    lag: int
    seed: int


@dataclass(frozen=True)
class Length:
    """How much is tried.

    Attributes:
        patterns: The unbroken runs of a tuner.
        slow_patterns: Those of a slow one.
        trials: Of a run.
        slow_trials: Of a slow tuner's.
        cuts: In how many places of a run a fresh tuner takes over, in either order of telling.
        slow_cuts: Of a slow tuner's run.
        hash_seeds: Other processes, by their PYTHONHASHSEED.
    """

    name: str
    patterns: tuple[Pattern, ...]
    slow_patterns: tuple[Pattern, ...]
    trials: int
    slow_trials: int
    cuts: int
    slow_cuts: int
    hash_seeds: tuple[str, ...]


ONE_BY_ONE, LAGGING = Pattern(1, 0, seed=3), Pattern(4, 3, seed=0)
SHORT = Length(
    "short",
    (ONE_BY_ONE, LAGGING),
    (Pattern(2, 1, seed=3),),
    trials=30,
    slow_trials=10,
    cuts=2,
    slow_cuts=1,
    hash_seeds=("4711",),
)
FULL = Length(
    "full",
    (ONE_BY_ONE, LAGGING, Pattern(7, 0, seed=8), Pattern(2, 1, seed=9)),
    (ONE_BY_ONE, LAGGING),
    trials=60,
    slow_trials=16,
    cuts=4,
    slow_cuts=2,
    hash_seeds=("0", "4711"),
)


@dataclass(frozen=True)
class Subject:
    """A tuner and one of the option sets it names itself."""

    reference: str
    example: int = 0

    @property
    def kind(self) -> type[Tuner]:
        """The tuner's class."""
        return resolve_class("tuner", self.reference, "autorl.tuners", Tuner)  # type: ignore[type-abstract]  # the base

    @property
    def slow(self) -> bool:
        """Whether an ask takes long."""
        return self.reference.startswith(SLOW)

    @property
    def fewest(self) -> int:
        """The fewest objectives it takes."""
        return self.kind.least_objectives

    def takes(self, objectives: int) -> bool:
        """Whether it says that it takes this number of objectives."""
        most = self.kind.most_objectives
        return self.fewest <= objectives and (most is None or objectives <= most)

    @property
    def endless(self) -> bool:
        """Whether it can go on for ever; a finite tuner walks its list, whatever it is told."""
        if self.kind.size is Tuner.size:
            return True
        with self.opened(load("square"), self.fewest, 0) as tuner:
            return tuner.size is None

    @property
    def uses_constraints(self) -> bool:
        """Whether it says so; that may depend on its options."""
        if not self.kind.uses_constraints:
            return False
        with self.opened(load("square"), self.fewest, 0) as tuner:
            return tuner.uses_constraints

    @contextmanager
    def opened(self, space: SearchSpace, objectives: int, seed: int) -> Iterator[Tuner]:
        """A fresh tuner, closed at the end."""
        with opened(self.reference, self.kind.examples(space)[self.example], space, objectives, seed) as tuner:
            yield tuner

    def __str__(self) -> str:
        name = self.reference.rpartition(":")[2]
        return f"{name}{self.example or ''}"


@contextmanager
def opened(
    reference: str, options: Mapping[str, object], space: SearchSpace, objectives: int, seed: int
) -> Iterator[Tuner]:
    """A fresh tuner with these options, closed at the end."""
    tuner = build_tuner({"name": reference, **options}, space, objectives, seed)
    try:
        yield tuner
    finally:
        tuner.close()


class Case(NamedTuple):
    """A subject on a space with a number of objectives."""

    subject: Subject
    space: str
    objectives: int

    def __str__(self) -> str:
        return f"{self.subject}-{self.space}-{self.objectives}"


class Step(NamedTuple):
    """What was asked at once, and what was told before the next ask."""

    asked: tuple[Proposal, ...]
    told: tuple[Outcome, ...]


History = tuple[Step, ...]


def references() -> list[str]:
    """Every tuner that must keep the contract; a bundled one joins by being there."""
    return [*bundled_tuners(), OUTSIDE]


def subjects() -> list[Subject]:
    """Every tuner with each option set it names for a mixed space."""
    found = [Subject(reference) for reference in references()]
    return [Subject(one.reference, index) for one in found for index in range(len(one.kind.examples(load("mixed"))))]


def cases(length: Length) -> list[Case]:
    """Every subject on every space it does not refuse, with each number of objectives up to three it says it takes.

    At the short length a slow one meets each space with one number of objectives, in turn.
    """
    found = []
    for subject in subjects():
        counts = [objectives for objectives in (1, 2, 3) if subject.takes(objectives)]
        for place, space in enumerate(list(SPACES)[:4]):
            if space == "conditional" and subject.reference in MAY_REFUSE and refusal(subject, space, counts[0]):
                continue
            chosen = [counts[place % len(counts)]] if subject.slow and length.name == "short" else counts
            found += [Case(subject, space, objectives) for objectives in chosen]
    return found


def refusal(subject: Subject, space: str, objectives: int) -> InvalidInput | None:
    """Why it does not take a space and a number of objectives, if it does not."""
    try:
        with subject.opened(load(space), objectives, 0):
            return None
    except InvalidInput as error:
        return error


class Walk:
    """Leads a tuner through a study: what it may be asked, and what it is told.

    The default comes first and a user's own proposal later; every seventh trial fails. What is done in a batch is told
    from its end, the last `lag` proposals stay pending over the next ask, and a finite tuner is never asked for more
    than it has.
    """

    def __init__(self, tuner: Tuner, pattern: Pattern) -> None:
        self.tuner, self.pattern = tuner, pattern
        self.number, self.own = 0, 0
        self._pending: list[Proposal] = []

    def step(self) -> Step:
        """Asks once and tells what is done; asks for nothing at the end."""
        asked = self._asked()
        self.number += len(asked)
        self._pending += asked
        kept = self.pattern.lag
        done, self._pending = (self._pending[:-kept], self._pending[-kept:]) if kept else (self._pending, [])
        told = tuple(self._outcome(proposal) for proposal in reversed(done))
        self.tuner.tell(told)
        return Step(tuple(asked), told)

    def again(self, step: Step) -> Step:
        """Asks for what was asked in a step of another walk and tells what was told there."""
        asked = list(step.asked)
        if asked[0].origin == "tuner":
            asked = self.tuner.ask([one.number for one in asked])
        else:
            self.tuner.accept(asked[0])
        self.tuner.tell(step.told)
        return Step(tuple(asked), step.told)

    def _asked(self) -> list[Proposal]:
        space, number = self.tuner.space, self.number
        if number in (0, USER):
            vector = brought(space) if number else space.encode(space.default())
            given = Proposal(number, vector, origin="user" if number else "default")
            self.tuner.accept(given)
            return [given]
        left = self.pattern.batch if self.tuner.size is None else self.tuner.size - self.own
        stop = number + min(self.pattern.batch, left)
        numbers = range(number, min(stop, USER) if number < USER else stop)
        if not numbers:
            return []
        self.own += len(numbers)
        return self.tuner.ask(numbers)

    def _outcome(self, proposal: Proposal) -> Outcome:
        objectives, number = self.tuner.objectives, proposal.number
        complete = number % 7 != 3
        losses = measured(proposal.vector, objectives) if complete else (99.0,) * objectives
        if not self.tuner.uses_constraints:
            return Outcome(number, losses, complete)
        return Outcome(number, losses, complete, (losses[0] - 1, -1.0) if complete else (198.0, 9.0))


@functools.cache
def history(case: Case, pattern: Pattern, trials: int) -> History:
    """An unbroken run, shorter if the tuner has an end."""
    with case.subject.opened(load(case.space), case.objectives, pattern.seed) as tuner:
        walk = Walk(tuner, pattern)
        steps: list[Step] = []
        while walk.number < trials and (step := walk.step()).asked:
            steps.append(step)
    return tuple(steps)


def plain(proposals: Sequence[Proposal]) -> list[object]:
    """Proposals as JSON data."""
    return [[one.number, dict(one.vector), dict(one.attributes)] for one in proposals]


def restored(proposal: Proposal) -> Proposal:
    """Through text and back, as the truth stores it."""
    vector, attributes = json.loads(json.dumps([dict(proposal.vector), dict(proposal.attributes)]))
    return Proposal(proposal.number, vector, attributes, proposal.origin)


def patterns_of(subject: Subject, length: Length) -> tuple[tuple[Pattern, ...], int, int]:
    """The runs of a subject, their trials, and the cuts made in each."""
    if subject.slow:
        return length.slow_patterns, length.slow_trials, length.slow_cuts
    return length.patterns, length.trials, length.cuts


def histories(case: Case, length: Length) -> list[tuple[Pattern, History]]:
    """The unbroken runs of a case."""
    patterns, trials, _ = patterns_of(case.subject, length)
    return [(pattern, history(case, pattern, trials)) for pattern in patterns]


def digest_of(case: Case, length: Length) -> str:
    """All that a case's runs propose, in short."""
    return digest([plain(step.asked) for _, run in histories(case, length) for step in run])
