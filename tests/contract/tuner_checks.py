"""What a tuner owes the study, one check a property; each raises AssertionError where it is not kept."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from autorl.content import digest
from autorl.space import Coordinate
from autorl.study.telling import penalty
from autorl.tuners import Outcome, Proposal, Tuner
from tests.contract.tuner_spaces import load
from tests.contract.tuner_subject import (
    USER,
    Case,
    History,
    Length,
    Pattern,
    Subject,
    Walk,
    histories,
    patterns_of,
    plain,
    refusal,
    restored,
)

__all__ = [
    "CHECKS",
    "check_conditions",
    "check_constraints_heeded",
    "check_end",
    "check_failures_avoided",
    "check_globals",
    "check_objectives_refused",
    "check_replay",
    "check_seeded",
    "check_valid",
    "check_varied",
]


def check_valid(case: Case, length: Length) -> None:
    """Plain, in range, in space order, decodable, for the trials asked, and unharmed by a way through JSON."""
    space = load(case.space)
    for _, run in histories(case, length):
        numbers = [proposal.number for step in run for proposal in step.asked]
        assert numbers == [*range(len(numbers))], f"proposals for the trials {numbers}"
        for proposal in own(run):
            assert proposal.origin == "tuner", proposal
            assert [*proposal.vector] == [coordinate.name for coordinate in space.coordinates]
            for coordinate in space.coordinates:
                check_position(proposal.vector[coordinate.name], coordinate)
            assert json.loads(json.dumps(plain([proposal]))) == plain([proposal]), "not JSON data"
            configuration = space.decode(proposal.vector)
            assert space.check(configuration, "proposal") == configuration


def check_position(value: object, coordinate: Coordinate) -> None:
    if coordinate.kind == "unit":
        assert type(value) is float, f"{coordinate.name}: {value!r}"
        assert 0 <= value <= 1, f"{coordinate.name}: {value!r}"
    elif coordinate.kind == "index":
        assert type(value) is int, f"{coordinate.name}: {value!r}"
        assert 0 <= value < coordinate.size, f"{coordinate.name}: {value!r}"
    else:
        assert type(value) is str, f"{coordinate.name}: {value!r}"
        assert value in coordinate.labels, f"{coordinate.name}: {value!r}"


def check_varied(case: Case, length: Length) -> None:
    """Batches are no heaps of copies; now and then a genetic algorithm may breed twins."""
    for _, run in histories(case, length):
        batches = [asked for asked, _ in run if len(asked) > 1]
        heaps = [asked for asked in batches if len({json.dumps(dict(one.vector)) for one in asked}) == 1]
        assert len(heaps) <= len(batches) / 4, f"{len(heaps)} of {len(batches)} batches hold copies: {heaps[0]}"


def check_seeded(case: Case, length: Length) -> None:
    """Another seed proposes something else; a finite tuner may walk a fixed list."""
    pattern, expected = histories(case, length)[0]
    trials = 4 if case.subject.slow else 7
    for seed in {0, 6} - {pattern.seed}:
        with case.subject.opened(load(case.space), case.objectives, seed) as tuner:
            if tuner.size is not None:
                return
            walk = Walk(tuner, Pattern(pattern.batch, pattern.lag, seed))
            others: list[Proposal] = []
            while walk.number < trials:
                others += walk.step().asked
        first = [proposal for step in expected for proposal in step.asked][: len(others)]
        assert plain(others) != plain(first), f"seeds {pattern.seed} and {seed} propose the same"


def check_globals(case: Case, length: Length) -> None:
    """The same again in this process, with the global generators reseeded before every ask, and left where they were.

    All of a run is asked again; of a slow tuner's two asks, by a fresh one that was told the rest by turns.
    """
    for pattern, run in histories(case, length):
        first, last = (cuts(run, 1)[0], cuts(run, 1)[0] + 2) if case.subject.slow else (0, len(run))
        with case.subject.opened(load(case.space), case.objectives, pattern.seed) as tuner:
            replay(tuner, run[:first], collected=False)
            walk = Walk(tuner, pattern)
            for index, step in enumerate(run[first:last]):
                stir(index)
                before = generators()
                again = walk.again(step)
                assert generators() == before, "global generators were moved"
                assert plain(again.asked) == plain(step.asked), "differs when it runs again, generators reseeded"


def check_replay(case: Case, length: Length) -> None:
    """A fresh tuner told the first part of a run goes on like the unbroken one, in either order of telling."""
    for pattern, run in histories(case, length):
        for cut in cuts(run, patterns_of(case.subject, length)[2]):
            for collected in (True,) if case.subject.slow and length.name == "short" else (False, True):
                with case.subject.opened(load(case.space), case.objectives, pattern.seed) as tuner:
                    replay(tuner, run[:cut], collected)
                    walk = Walk(tuner, pattern)
                    for step in run[cut : cut + 2]:
                        told = "all told at the end" if collected else "told by turns"
                        place = f"differs after {cut} of {len(run)} asks, {told}, {pattern}"
                        assert plain(walk.again(step).asked) == plain(step.asked), place


def check_end(case: Case, length: Length) -> None:
    """A finite tuner has as many proposals as it says, from first to last; an endless one always has more."""
    with case.subject.opened(load(case.space), case.objectives, 3) as tuner:
        size = tuner.size
        if size is None:
            for _, run in histories(case, length):
                assert sum(len(step.asked) for step in run) >= patterns_of(case.subject, length)[1], "ran out"
            return
        assert type(size) is int, f"size {size!r}"
        assert size >= 0, f"size {size!r}"
        walk = Walk(tuner, Pattern(4, 0, 3))
        while walk.own < min(size, 500):
            left = size - walk.own
            step = walk.step()
            assert step.asked, f"{walk.own} of {size} were had"
            if step.asked[0].origin == "tuner":
                assert len(step.asked) == min(4, left), f"{len(step.asked)} instead of {min(4, left)} proposals"
            assert tuner.size == size, f"size {size} became {tuner.size}"


def check_objectives_refused(subject: Subject, space: str = "numeric") -> None:
    """It takes the numbers of objectives it says it takes, and refuses others, naming the number and the rule."""
    kind = subject.kind
    said = f"{kind.least_objectives} to {kind.most_objectives or 'any number'}"
    for objectives in (1, 2, 3, 4, 5, 0):
        error = refusal(subject, space, objectives)
        if subject.takes(objectives):
            assert error is None, f"{objectives} objective(s) refused; it says {said}: {error}"
        else:
            assert error is not None, f"{objectives} objective(s) taken; it says {said}"
            assert re.search(rf"\b{objectives}\b", str(error)), f"{objectives} is not in {error}"


def check_conditions(subject: Subject) -> None:
    """It takes a space with conditions, or refuses it when it is made and says that conditions are the reason."""
    error = refusal(subject, "conditional", subject.fewest)
    assert error is None or "condition" in str(error), error


def check_failures_avoided(subject: Subject, length: Length) -> None:
    """Where everything fails (x above a half), a tuner does not gather; random draws put half of the trials there."""

    def judge(proposal: Proposal, told: Sequence[Outcome]) -> Outcome:
        x, y = (float(value) for value in proposal.vector.values())
        losses = tuple((x - 0.1 * best) ** 2 + (y - 0.1 * best) ** 2 for best in range(1, subject.fewest + 1))
        if x <= 0.5:
            return Outcome(proposal.number, losses)
        complete = [one.losses for one in told if one.complete]
        return Outcome(proposal.number, penalty(complete or [losses]), complete=False)

    share = np.mean(late(subject, length, judge) > 0.5)
    assert share <= 0.7, f"{share:.0%} of the later trials lie where all fail"


def check_constraints_heeded(subject: Subject, length: Length) -> None:
    """Who says that it uses constraints goes less often where one is broken (x above a half) and losses are best."""

    def judge(violations: Callable[[float], tuple[float, ...]]) -> Judge:
        def judged(proposal: Proposal, told: Sequence[Outcome]) -> Outcome:
            x, y = (float(value) for value in proposal.vector.values())
            losses = tuple((x - 0.9 + 0.1 * best) ** 2 + (y - 0.2) ** 2 for best in range(subject.fewest))
            return Outcome(proposal.number, losses, violations=violations(x))

        return judged

    heeded, untold = (
        late(subject, length, judge(violations)) for violations in (lambda x: (x - 0.5, -1.0), lambda x: (-1.0, -1.0))
    )
    assert not np.array_equal(heeded, untold), "proposes the same, whether a violation is told or not"
    there, elsewhere = np.mean(heeded > 0.5), np.mean(untold > 0.5)
    assert there <= elsewhere, f"{there:.0%} of the later trials break it, {elsewhere:.0%} where none is told"


CHECKS: dict[str, Callable[[Case, Length], None]] = {
    "valid": check_valid,
    "varied": check_varied,
    "seeded": check_seeded,
    "globals": check_globals,
    "replay": check_replay,
    "end": check_end,
}
"""The properties of one tuner on one space."""
Judge = Callable[[Proposal, Sequence[Outcome]], Outcome]


def own(run: History) -> Iterator[Proposal]:
    """What was asked of the tuner."""
    return (proposal for step in run for proposal in step.asked if proposal.number not in (0, USER))


def cuts(run: History, count: int) -> list[int]:
    """So many places inside a run, each in the middle of its share."""
    last = len(run) - 1
    return sorted({max(1, -(-last * (2 * index + 1) // (2 * count))) for index in range(count)})


def replay(tuner: Tuner, past: Sequence[tuple[Sequence[Proposal], Sequence[Outcome]]], collected: bool) -> None:
    """Brings a fresh tuner to where another was: told by turns, or everything accepted first and then told."""
    for asked, told in past:
        for proposal in asked:
            tuner.accept(restored(proposal))
        if not collected:
            tuner.tell(told)
    if collected:
        tuner.tell([one for _, told in past for one in told])


def late(subject: Subject, length: Length, judge: Judge) -> npt.NDArray[np.float64]:
    """The x of the proposals of a run's second half on the square, asked one by one.

    Of four runs: one of a slow tuner's has so few proposals that chance decides, and in CI it does have but one.
    """
    _, trials, _ = patterns_of(subject, length)
    seeds = (1,) if subject.slow and length.name == "short" else (1, 2, 3, 4)
    xs: list[float] = []
    for seed in seeds:
        told: list[Outcome] = []
        with subject.opened(load("square"), subject.fewest, seed) as tuner:
            for number in range(trials):
                (proposal,) = tuner.ask([number])
                told.append(judge(proposal, told))
                tuner.tell(told[-1:])
                if number >= trials // 2:
                    xs.append(float(proposal.vector["x"]))
    return np.array(xs)


def stir(seed: int) -> None:
    """Reseeds every global generator there is in this process."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  # the global generator is the point
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def generators() -> str:
    """Where the global generators stand."""
    states = [repr(random.getstate()), repr([np.asarray(part).tolist() for part in np.random.get_state()])]  # noqa: NPY002  # the global generator is the point
    if "torch" in sys.modules:
        states.append(repr(sys.modules["torch"].get_rng_state().tolist()))
    return digest(states)
