"""The adapter of Optuna: what the contract of all tuners does not cover."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import optuna
import pytest

from autorl.errors import InvalidInput
from autorl.space import SearchSpace
from autorl.tuners import Outcome, Proposal, Tuner, build_tuner
from autorl.tuners.optuna_evolution import NSGA2, NSGA3
from autorl.tuners.optuna_tuners import TPE, Random

LINE = SearchSpace.load({"x": {"float": [0.0, 1.0], "default": 0.5}})
MIXED = SearchSpace.load(
    {
        "x": {"float": [0.0, 1.0], "default": 0.5},
        "width": {"ordered": [16, 32], "default": 32},
        "activation": {"choice": ["tanh", "relu"], "default": "tanh"},
    }
)
VECTOR: dict[str, float | int | str] = {"x": 0.5, "width": 1, "activation": "tanh"}


def told(tuner: Tuner, trials: int) -> Tuner:
    """The tuner after some trials; the loss is least at 0.3."""
    for number in range(trials):
        (proposal,) = tuner.ask([number])
        tuner.tell([Outcome(number, ((float(proposal.vector["x"]) - 0.3) ** 2,) * tuner.objectives)])
    return tuner


def test_tpe_draws_at_random_until_enough_trials_ended() -> None:
    rising, falling = (TPE(LINE, 1, 0, n_startup_trials=5) for _ in range(2))
    for number in range(5):
        assert rising.ask([number]) == falling.ask([number]), "what was told does not matter yet"
        rising.tell([Outcome(number, (float(number),))])
        falling.tell([Outcome(number, (-float(number),))])
    assert rising.ask(range(5, 11)) != falling.ask(range(5, 11))


def test_tpe_keeps_away_from_pending_trials_and_the_others_do_not_look() -> None:
    for tuner_class, moved in ((TPE, True), (Random, False), (NSGA2, False)):
        alone, beside = told(tuner_class(LINE, 1, 0), 20), told(tuner_class(LINE, 1, 0), 20)
        (expected,) = told(tuner_class(LINE, 1, 0), 20).ask([21])
        alone.ask([20])
        beside.accept(Proposal(20, {"x": expected.vector["x"]}, origin="user"))
        assert (beside.ask([21])[0].vector != expected.vector) == moved


def test_a_failure_counts_as_a_trial_with_its_penalty() -> None:
    complete, failed = told(TPE(LINE, 1, 0), 12), told(TPE(LINE, 1, 0), 12)
    for tuner, is_complete in ((complete, True), (failed, False)):
        tuner.ask([12])
        tuner.tell([Outcome(12, (3.0,), complete=is_complete)])
    assert complete.ask([13]) == failed.ask([13])


def generations(tuner: Tuner, first: int, trials: int) -> list[object]:
    found: list[object] = []
    for number in range(first, first + trials):
        (proposal,) = tuner.ask([number])
        system = proposal.attributes["system"]
        assert isinstance(system, dict)
        found.append(system["NSGAIISampler:generation"])
        tuner.tell([Outcome(number, (float(number), -float(number)))])
    return found


def test_trials_from_elsewhere_belong_to_the_first_generation() -> None:
    tuner = NSGA2(LINE, 2, 0, population_size=4)
    for number, origin in enumerate(("default", "start_from", "user")):
        tuner.accept(Proposal(number, {"x": 0.25 * number}, origin=origin))
    tuner.tell([Outcome(number, (float(number), -float(number))) for number in range(3)])
    assert generations(tuner, 3, 9) == [0, 1, 1, 1, 1, 2, 2, 2, 2]


def test_parents_are_chosen_when_a_generation_begins_and_travel_with_its_trials() -> None:
    tuner = NSGA2(LINE, 2, 0, population_size=2)
    generations(tuner, 0, 2)
    (child,) = tuner.ask([2])
    assert child.attributes["parents"] == [0, 1]
    larger = NSGA2(LINE, 2, 1, population_size=5)
    generations(larger, 0, 20)
    (child,) = larger.ask([20])
    parents = child.attributes["parents"]
    assert isinstance(parents, list)
    assert parents == sorted(parents), "by number, not in the order of selection"
    assert len(parents) == 5


@pytest.mark.parametrize("kind", [NSGA2, NSGA3])
def test_crossover_and_redrawn_labels_do_not_run_in_step(kind: type[NSGA2] | type[NSGA3]) -> None:
    """One seed for both generators of an ask chose labels by the very numbers that chose the crossover."""
    samplers = [kind(LINE, 1, 0).sampler(number) for number in range(50)]
    draws = [(one._rng.rng.rand(), one._random_sampler._rng.rng.rand()) for one in samplers]  # type: ignore[attr-defined]  # an inner part
    assert abs(float(np.corrcoef(np.transpose(draws))[0, 1])) < 0.4


@pytest.mark.parametrize("kind", [NSGA2, NSGA3])
def test_children_stay_near_their_parents(kind: type[NSGA2] | type[NSGA3]) -> None:
    """Optuna's own mutation redraws a number: on a line, where each child mutates, its NSGA-II draws at random."""
    tuner = kind(LINE, 1, 0, population_size=2)
    for number in range(2):
        tuner.accept(Proposal(number, {"x": 0.5}, origin="user"))
    tuner.tell([Outcome(number, (1.0,)) for number in range(2)])
    children = [float(proposal.vector["x"]) for proposal in tuner.ask(range(2, 202))]
    assert 0.3 < float(np.quantile(children, 0.1)) < 0.48
    assert 0.52 < float(np.quantile(children, 0.9)) < 0.7
    assert len(set(children)) == 200


def test_numbers_may_have_gaps_but_must_increase() -> None:
    tuner = Random(LINE, 1, 0)
    tuner.ask([0, 5])
    tuner.tell([Outcome(5, (1.0,))])
    for number in (5, 3):
        with pytest.raises(InvalidInput, match=f"trial {number} comes after trial 5"):
            tuner.ask([number])
        with pytest.raises(InvalidInput, match=f"trial {number} comes after trial 5"):
            tuner.accept(Proposal(number, {"x": 0.5}))


def test_a_proposal_depends_on_its_number_not_on_the_calls() -> None:
    apart = Random(LINE, 1, 0)
    assert Random(LINE, 1, 0).ask(range(4)) == [*apart.ask([0]), *apart.ask([1, 2]), *apart.ask([3])]


@pytest.mark.parametrize("losses", [(math.nan,), (math.inf,), (1.0, 2.0), ()])
def test_losses_must_be_finite_and_as_many_as_the_objectives(losses: tuple[float, ...]) -> None:
    tuner = Random(LINE, 1, 0)
    tuner.ask([0])
    with pytest.raises(InvalidInput, match="trial 0 has the losses"):
        tuner.tell([Outcome(0, losses)])


def test_each_trial_is_told_once() -> None:
    tuner = Random(LINE, 1, 0)
    tuner.ask([0])
    tuner.tell([Outcome(0, (1.0,))])
    for number in (0, 1):
        with pytest.raises(InvalidInput, match=f"trial {number} is told but is not pending"):
            tuner.tell([Outcome(number, (1.0,))])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": 1.5}, r"'x' is 1\.5; it must be a number in \[0, 1\]"),
        ({"x": "0.5"}, r"'x' is '0\.5'"),
        ({"width": 2}, r"'width' is 2; it must be a whole number in \[0, 2\)"),
        ({"width": 0.5}, r"'width' is 0\.5"),
        ({"activation": "gelu"}, r"'activation' is 'gelu'; it must be one of \['tanh', 'relu'\]"),
        ({"depth": 2}, r"coordinates \['activation', 'depth', 'width', 'x'\]"),
    ],
)
def test_a_vector_that_does_not_fit_is_refused(change: dict[str, float | int | str], message: str) -> None:
    tuner = Random(MIXED, 1, 0)
    with pytest.raises(InvalidInput, match="trial 0: .*" + message):
        tuner.accept(Proposal(0, VECTOR | change))
    tuner.accept(Proposal(0, VECTOR))


def test_attributes_that_are_no_mapping_are_refused() -> None:
    with pytest.raises(InvalidInput, match="'system' is 3"):
        TPE(LINE, 1, 0).accept(Proposal(0, {"x": 0.5}, {"system": 3}))


@pytest.mark.parametrize("tuner", ["random", "qmc", "tpe", "gp", "nsga2", "nsga3", "cmaes"])
def test_a_space_with_nothing_or_one_value_to_choose_is_searched(tuner: str) -> None:
    constant = SearchSpace.load({"x": {"constant": 1.0}})
    assert [dict(one.vector) for one in build_tuner(tuner, constant, 1, 0).ask([0, 1])] == [{}, {}]


@pytest.mark.parametrize(
    ("tuner", "message"),
    [
        ("random", "the number of objectives is 0; it takes at least 1"),
        ({"name": "tpe", "n_startup_trials": 0}, "n_startup_trials is 0; it must be a whole number of at least 1"),
        ({"name": "gp", "n_startup_trials": 0}, "'gp': n_startup_trials is 0; it must be a whole number of at least 1"),
        ({"name": "nsga2", "population_size": 1}, "population_size is 1; it must be a whole number of at least 2"),
        (
            {"name": "nsga3", "population_size": 1},
            "'nsga3': population_size is 1; it must be a whole number of at least 2",
        ),
    ],
)
def test_wrong_options_are_refused(tuner: str | dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        build_tuner(tuner, LINE, 0 if tuner == "random" else 1, 0)


def test_options_reach_the_sampler() -> None:
    assert NSGA2(LINE, 1, 0).population_size == 10
    assert TPE(LINE, 1, 0).n_startup_trials == 10
    sampler = NSGA2(LINE, 1, 0, population_size=7).sampler(0)
    assert isinstance(sampler, optuna.samplers.NSGAIISampler)
    assert sampler.population_size == 7


def test_the_logging_of_optuna_is_left_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    for name in ("random", "qmc", "tpe", "gp", "nsga2", "nsga3", "cmaes"):
        told(build_tuner(name, LINE, 1, 0), 12)
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")


def test_optuna_loads_when_a_tuner_is_built_and_not_before() -> None:
    command = """
import sys
from autorl.space import SearchSpace
from autorl.tuners import build_tuner, bundled_tuners
bundled_tuners()
assert "optuna" not in sys.modules
build_tuner("random", SearchSpace.load({"x": {"float": [0.0, 1.0], "default": 0.5}}), 1, 0)
assert "optuna" in sys.modules
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", command], check=True)
