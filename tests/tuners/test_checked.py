"""The bookkeeping of tuners that learn one trial at a time."""

from __future__ import annotations

import math

import pytest

from autorl.errors import InvalidInput
from autorl.space import SearchSpace
from autorl.tuners import Outcome, Proposal
from autorl.tuners.checked import CheckedTuner

LINE = SearchSpace.load({"x": {"float": [0.0, 1.0], "default": 0.5}})


class Diary(CheckedTuner):
    """Writes down what it is given."""

    def __init__(self, space: SearchSpace, objectives: int, seed: int) -> None:
        super().__init__(space, objectives, seed)
        self.pages: list[tuple[str, int, object]] = []

    def propose(self, number: int) -> Proposal:
        return Proposal(number, {"x": number / 100}, {"mine": number})

    def take_up(self, proposal: Proposal) -> None:
        self.pages.append(("taken", proposal.number, dict(proposal.attributes)))

    def learn(self, proposal: Proposal, outcome: Outcome) -> None:
        self.pages.append(("learned", outcome.number, dict(proposal.vector)))


def test_what_is_asked_accepted_and_told_arrives_once_and_in_order() -> None:
    tuner = Diary(LINE, 1, 0)
    tuner.accept(Proposal(0, {"x": 1}, origin="user"))
    asked = tuner.ask([1, 4])
    tuner.tell([Outcome(4, (1.0,)), Outcome(0, (9.0,), complete=False)])
    assert [one.number for one in asked] == [1, 4]
    assert tuner.pages == [
        ("taken", 0, {}),
        ("taken", 1, {"mine": 1}),
        ("taken", 4, {"mine": 4}),
        ("learned", 4, {"x": 0.04}),
        ("learned", 0, {"x": 1.0}),
    ]


def test_numbers_must_increase() -> None:
    tuner = Diary(LINE, 1, 0)
    tuner.ask([0, 5])
    for number in (5, 3):
        with pytest.raises(InvalidInput, match=f"trial {number} comes after trial 5"):
            tuner.ask([number])
        with pytest.raises(InvalidInput, match=f"trial {number} comes after trial 5"):
            tuner.accept(Proposal(number, {"x": 0.5}))


def test_a_vector_that_does_not_fit_is_refused_and_forgotten() -> None:
    tuner = Diary(LINE, 1, 0)
    with pytest.raises(InvalidInput, match="trial 0: coordinate 'x' is 2"):
        tuner.accept(Proposal(0, {"x": 2.0}))
    tuner.accept(Proposal(0, {"x": 0.5}))


@pytest.mark.parametrize("losses", [(math.nan,), (math.inf,), (1.0, 2.0), ()])
def test_losses_must_be_finite_and_as_many_as_the_objectives(losses: tuple[float, ...]) -> None:
    tuner = Diary(LINE, 1, 0)
    tuner.ask([0])
    with pytest.raises(InvalidInput, match="trial 0 has the losses"):
        tuner.tell([Outcome(0, losses)])


@pytest.mark.parametrize("violations", [(math.nan,), (1.0, 2.0), ()])
def test_violations_must_be_finite_and_as_many_as_before(violations: tuple[float, ...]) -> None:
    tuner = Diary(LINE, 1, 0)
    tuner.ask([0, 1])
    tuner.tell([Outcome(0, (1.0,), violations=(0.5,))])
    with pytest.raises(InvalidInput, match=r"trial 1 has the violations .*; 1 finite"):
        tuner.tell([Outcome(1, (1.0,), violations=violations)])


def test_each_trial_is_told_once() -> None:
    tuner = Diary(LINE, 1, 0)
    tuner.ask([0])
    tuner.tell([Outcome(0, (1.0,))])
    for number in (0, 1):
        with pytest.raises(InvalidInput, match=f"trial {number} is told but is not pending"):
            tuner.tell([Outcome(number, (1.0,))])
