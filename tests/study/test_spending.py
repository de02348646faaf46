"""What counts for `budget.env_steps_total`, by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autorl.records import Evaluation, Run, Segment, Status, Stretch, Trial
from autorl.study.spending import Spending
from autorl.study.trainer import Wanted

EVALUATED = 7
"""Env steps of the evaluation at the end of every segment."""


def spending(checkpoints: str) -> tuple[Spending, dict[tuple[int, int], list[Segment]]]:
    """With a trainer that knows a list of segments per mark and number of seeds."""
    known: dict[tuple[int, int], list[Segment]] = {}
    trainer: Any = SimpleNamespace(
        study=SimpleNamespace(algorithm=SimpleNamespace(checkpoints=checkpoints)),
        segments=lambda one: {segment.key: segment for segment in known[one.mark, len(one.seeds)]},
    )
    return Spending(trainer), known


def segment(key: str, first: int, last: int) -> Segment:
    returns = np.zeros((1, 1, 1))
    evaluations = (Evaluation(last, returns, EVALUATED, False),)
    return Segment(key, None, first, last, Status.COMPLETE, env_steps=last - first, evaluations=evaluations)


def take(
    counted: Spending,
    known: dict[tuple[int, int], list[Segment]],
    mark: int,
    segments: list[Segment],
    seeds: int = 1,
    status: Status = Status.COMPLETE,
    earlier: tuple[Stretch, ...] = (),
) -> int:
    """How much is added by one assignment of trial 0, whose runs consist of these segments."""
    known[mark, seeds] = segments
    before, where = counted.env_steps, tuple(range(seeds))
    runs = tuple(Run.from_segments(seed, 1000, 1, [one]) for seed, one in enumerate(segments))
    trial = Trial(0, {}, status, runs, rung=mark)
    counted.add(Wanted({}, where, mark, "tuning", earlier=earlier), trial)
    return counted.env_steps - before


def test_who_goes_on_counts_what_is_new_and_new_seeds_whole() -> None:
    counted, known = spending("exact")
    first = segment("a", 0, 300)
    assert take(counted, known, 300, [first]) == 300 + EVALUATED
    second = segment("b", 300, 1000)
    assert take(counted, known, 1000, [first, second]) == 700 + EVALUATED
    others = [segment("c", 0, 300), segment("d", 300, 1000)]
    assert take(counted, known, 1000, [first, second, *others], seeds=2) == 1000 + 2 * EVALUATED


def test_who_starts_from_zero_counts_all_of_it_again() -> None:
    counted, known = spending("none")
    assert take(counted, known, 300, [segment("a", 0, 300)]) == 300 + EVALUATED
    assert take(counted, known, 1000, [segment("b", 0, 1000)]) == 1000 + EVALUATED


def test_a_copy_does_not_count_the_past_of_whom_it_copied() -> None:
    counted, known = spending("exact")
    take(counted, known, 300, [segment("own", 0, 300)])
    copied = [segment("another's", 0, 300), segment("from there", 300, 1000)]
    assert take(counted, known, 1000, copied, earlier=(Stretch(300, {}),)) == 700 + EVALUATED


@pytest.mark.parametrize(("checkpoints", "wanted"), [("exact", 1400), ("none", 2000)])
def test_who_fails_counts_at_least_its_plan_on_its_own_seeds(checkpoints: str, wanted: int) -> None:
    counted, known = spending(checkpoints)
    take(counted, known, 300, [segment("a", 0, 300)])
    assert take(counted, known, 1000, [segment("a", 0, 300)], seeds=2, status=Status.FAILED) == wanted
