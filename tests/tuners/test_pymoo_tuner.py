"""The adapter of pymoo: what the contract of all tuners does not cover, and the traps of the library it avoids."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

import numpy as np
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.termination import NoTermination
from pymoo.problems import get_problem

from autorl.errors import InvalidInput
from autorl.space import SearchSpace
from autorl.tuners import Outcome, Proposal, Vector, build_tuner
from autorl.tuners.pymoo_tuner import Pymoo

BOX = SearchSpace.load({name: {"float": [0.0, 1.0], "default": 0.5} for name in "ab"})
MIXED = SearchSpace.load(
    {
        "x": {"float": [0.0, 1.0], "default": 0.5},
        "width": {"ordered": [16, 32, 64, 128], "default": 32},
        "activation": {"choice": ["tanh", "relu", "elu"], "default": "tanh"},
    }
)


def made(space: SearchSpace = MIXED, objectives: int = 2, seed: int = 0, **options: object) -> Pymoo:
    tuner = build_tuner({"name": "pymoo", "population_size": 6, "n_offsprings": 4, **options}, space, objectives, seed)
    assert isinstance(tuner, Pymoo)
    return tuner


def losses(vector: Vector, objectives: int) -> tuple[float, ...]:
    number = float(next(iter(vector.values())))
    return tuple((number - 0.2 * best) ** 2 for best in range(objectives))


def tell(tuner: Pymoo, *proposals: Proposal) -> None:
    tuner.tell([Outcome(one.number, losses(one.vector, tuner.objectives)) for one in proposals])


def walked(tuner: Pymoo, trials: int, first: int = 0) -> list[Proposal]:
    proposals = []
    for number in range(first, first + trials):
        proposals += tuner.ask([number])
        tell(tuner, proposals[-1])
    return proposals


def generation(proposal: Proposal) -> object:
    return proposal.attributes["generation"]


def survivors(tuner: Pymoo) -> list[object]:
    return [float(one.X["a"]) for one in tuner._evolution._algorithm.pop]


class TestGenerations:
    def test_pymoo_itself_goes_on_with_the_part_it_is_told(self) -> None:
        algorithm = NSGA2(pop_size=10).setup(get_problem("zdt1"), termination=NoTermination(), seed=0)
        told = algorithm.ask()[:3]
        told.set("F", np.arange(6.0).reshape(3, 2))
        algorithm.tell(infills=told)
        assert len(algorithm.pop) == 3

    def test_one_ends_when_enough_are_told_whichever_they_are(self) -> None:
        tuner = made(BOX)
        first = tuner.ask(range(9))
        tell(tuner, *first[:3])
        later = tuner.ask(range(9, 12))
        assert [generation(one) for one in (*first, *later)] == [0] * 12, "three of six are told"
        tell(tuner, later[2], *first[6:8])
        second = tuner.ask([12, 13])
        assert [one.attributes for one in second] == [{"generation": 1, "members": [0, 1, 2, 6, 7, 11]}] * 2
        assert len(survivors(tuner)) == 6
        tell(tuner, *first[3:6], second[0])
        (third,) = tuner.ask([14])
        assert third.attributes == {"generation": 2, "members": [3, 4, 5, 12]}, "late ones count in the next"
        assert len(survivors(tuner)) == 6

    def test_asks_beyond_it_get_further_children_of_the_same_parents(self) -> None:
        tuner = made(BOX)
        walked(tuner, 6)
        children = tuner.ask(range(6, 36))
        assert {generation(one) for one in children} == {1}
        assert len({json.dumps(dict(one.vector)) for one in children}) == 30

    def test_trials_from_elsewhere_belong_to_it_and_are_learned_from(self) -> None:
        tuner = made(BOX, 1)
        for number in range(6):
            tuner.accept(Proposal(number, {"a": 0.7 + 0.01 * number, "b": 0.3}, origin="start_from"))
        tuner.tell([Outcome(number, (0.0,)) for number in range(6)])
        children = tuner.ask(range(6, 26))
        assert {generation(one) for one in children} == {1}
        assert np.mean([0.6 < float(one.vector["a"]) < 0.85 for one in children]) > 0.5

    def test_a_failure_counts_with_its_penalty_and_does_not_survive_better_ones(self) -> None:
        tuner = made(BOX, population_size=4)
        asked = tuner.ask(range(8))
        tuner.tell([Outcome(one.number, (1.0, 1.0), complete=True) for one in asked[:4]])
        tuner.tell([Outcome(one.number, (9.0, 9.0), complete=False) for one in asked[4:]])
        tuner.ask([8])
        tell(tuner)
        assert not {one.vector["a"] for one in asked[4:]} & set(survivors(tuner)[:4])

    def test_a_restored_proposal_of_a_generation_that_cannot_be_is_refused(self) -> None:
        vector = BOX.encode(BOX.default())
        wrong: tuple[Mapping[str, object], ...] = (
            {"generation": 2, "members": [0]},
            {"generation": 1, "members": 3},
            {"members": []},
        )
        for attributes in wrong:
            with pytest.raises(InvalidInput, match=r"trial 7 has the attributes .* its generation, 0 or the next"):
                made(BOX).accept(Proposal(7, vector, attributes))
        tuner = made(BOX)
        tuner.accept(Proposal(0, vector))
        tuner.accept(Proposal(7, vector, {"generation": 1, "members": [0]}))
        with pytest.raises(InvalidInput, match="generation 0 ended with trial 0, which is not told"):
            tuner.ask([8])


class Undrawn:
    """A generator of the system's, which pymoo makes here and there and must not draw from."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} of a generator without a seed")


class TestRandomNumbers:
    @pytest.mark.parametrize("algorithm", ["NSGA2", "NSGA3", "SMSEMOA", "SPEA2", "UNSGA3"])
    @pytest.mark.parametrize("objectives", [1, 2, 3])
    def test_none_is_the_systems_also_among_equally_infeasible_parents(
        self, algorithm: str, objectives: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seeded = np.random.default_rng
        monkeypatch.setattr(np.random, "default_rng", lambda seed=None: Undrawn() if seed is None else seeded(seed))
        tuners = [made(algorithm=algorithm, objectives=objectives) for _ in range(2)]
        for number in range(24):
            proposals = [tuner.ask([number])[0] for tuner in tuners]
            assert proposals[0] == proposals[1]
            for tuner in tuners:
                told = losses(proposals[0].vector, objectives)
                tuner.tell([Outcome(number, told, violations=(-1.0 if number % 3 == 0 else 1.0,))])

    def test_tuners_of_one_process_share_nothing(self) -> None:
        """pymoo's SPEA2 keeps its bounds in a default argument, one object for all."""
        alone = walked(made(algorithm="SPEA2"), 20)
        tuner, disturbing = made(algorithm="SPEA2"), made(algorithm="SPEA2", seed=1)
        beside = []
        for number in range(20):
            beside += walked(tuner, 1, number)
            disturbing.ask([number])
            disturbing.tell([Outcome(number, (1000.0 * number, -1000.0 * number))])
        assert beside == alone


class TestConstraints:
    @pytest.mark.parametrize("algorithm", ["NSGA2", "NSGA3", "SMSEMOA", "SPEA2"])
    @pytest.mark.parametrize("objectives", [1, 2])
    def test_the_feasible_survive_before_the_better(self, algorithm: str, objectives: int) -> None:
        tuner = made(BOX, objectives, algorithm=algorithm, population_size=4)
        for number in range(8):
            tuner.accept(Proposal(number, {"a": number / 10, "b": 0.5}, origin="user"))
        for half in (range(4), range(4, 8)):
            tuner.tell([Outcome(n, (float(n),) * objectives, violations=(0.5 - n / 10, n / 10 - 0.6)) for n in half])
            asked = tuner.ask([8 + half.start])
        assert generation(asked[0]) == 2
        assert {0.5, 0.6} < set(survivors(tuner)), "the two that keep both constraints"


class TestSpaces:
    def test_values_are_plain_python(self) -> None:
        for one in walked(made(), 14):
            assert [type(value) for value in one.vector.values()] == [float, int, str]

    @pytest.mark.parametrize(
        ("space", "vectors"),
        [
            ({"x": {"constant": 1.0}}, {"{}"}),
            ({"x": {"ordered": [3], "default": 3}}, {'{"x": 0}'}),
            (
                {"x": {"ordered": [3], "default": 3}, "y": {"choice": ["a", "b"], "default": "a"}},
                {'{"x": 0, "y": "a"}', '{"x": 0, "y": "b"}'},
            ),
        ],
    )
    def test_one_with_little_to_choose_is_searched_for_ever(
        self, space: Mapping[str, object], vectors: set[str]
    ) -> None:
        tuner, found = made(SearchSpace.load(space)), set()
        for number in range(40):
            (proposal,) = tuner.ask([number])
            found.add(json.dumps(dict(proposal.vector)))
            tuner.tell([Outcome(number, (float(number), -float(number)))])
        assert found == vectors


class TestOptions:
    def test_pymoo_itself_takes_misspelt_ones(self) -> None:
        NSGA2(sead=1)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"algorithm": "NSGA"}, "unknown algorithm of pymoo 'NSGA'; did you mean 'NSGA[23]'"),
            ({"algorithm": "CMAES"}, "'CMAES' of pymoo breeds no generations from mixed variables"),
            ({"algorithm": "MOEAD"}, "'MOEAD' .* cannot be told a generation at once, and takes no constraints"),
            ({"algorithm": "PINSGA2"}, "'PINSGA2' of pymoo asks a person"),
            ({"algorithm": "GA"}, "the number of objectives is 2; algorithm 'GA' of pymoo takes one"),
            ({"algorithm": "OmniOptimizer"}, "'OmniOptimizer' .* cannot search this space: TypeError: float"),
            ({"algorithm": "GDE3"}, "'GDE3' of pymoo cannot search this space: TypeError: .* multiple values"),
            ({"algorithm": "DNSGA2"}, "'DNSGA2' of pymoo cannot search this space: .* breeds no children"),
            ({"algorithm": "RVEA"}, "'RVEA' of pymoo cannot search this space: .* termination criterion"),
            ({"algorithm": "RNSGA2"}, "'RNSGA2' of pymoo needs the option.s. ref_points"),
            ({"options": {"sead": 1}}, "unknown option of pymoo's NSGA2 'sead'"),
            ({"algorithm": "SMSEMOA", "options": {"normalise": False}}, "did you mean 'normalize'"),
            ({"options": {"pop_size": 3}}, "option 'pop_size' of pymoo's NSGA2 is set by the tuner"),
            ({"options": {"seed": 3}}, "option 'seed' of pymoo's NSGA2 is set by the tuner"),
            ({"options": [1]}, r"options is \[1\]; it must map names to values"),
            ({"population_size": 1}, "population_size is 1; at least 2 are needed"),
            ({"n_offsprings": 0}, "n_offsprings is 0; it must be a whole number from 1"),
            ({"n_offsprings": "four"}, "n_offsprings is 'four'"),
            ({"algorithm": "NSGA3", "population_size": 2, "options": {"ref_dirs": [[1, 0], [0, 1], [1, 1]]}}, "shape"),
            ({"algorithm": "NSGA3", "options": {"ref_dirs": [1.0, 0.0]}}, r"shape \(2,\) for 2 objectives"),
        ],
    )
    def test_wrong_ones_are_refused(self, options: dict[str, object], message: str) -> None:
        with pytest.raises(InvalidInput, match=message):
            made(MIXED, 2, 0, **options)

    def test_they_reach_the_algorithm(self) -> None:
        tuner = made(algorithm="SMSEMOA", options={"normalize": False}, population_size=9, n_offsprings=5)
        algorithm = tuner._evolution._algorithm
        assert (algorithm.normalize, algorithm.pop_size, algorithm.n_offsprings) == (False, 9, 5)
        assert type(algorithm).__name__ == "SMSEMOA"
        directions = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
        chosen = made(algorithm="NSGA3", options={"ref_dirs": directions})._evolution._algorithm
        assert chosen.ref_dirs.tolist() == directions

    def test_half_the_population_is_bred_at_a_time_unless_said(self) -> None:
        tuner = build_tuner({"name": "pymoo", "population_size": 7}, BOX, 2, 0)
        assert isinstance(tuner, Pymoo)
        assert tuner._evolution._algorithm.n_offsprings == 3
        default = build_tuner("pymoo", BOX, 2, 0)
        assert isinstance(default, Pymoo)
        algorithm = default._evolution._algorithm
        assert (type(algorithm).__name__, algorithm.pop_size, algorithm.n_offsprings) == ("NSGA2", 8, 4)

    @pytest.mark.parametrize(("objectives", "population", "directions"), [(2, 8, 8), (3, 8, 6), (3, 10, 10), (5, 6, 5)])
    def test_reference_directions_are_as_many_as_the_population_can_follow(
        self, objectives: int, population: int, directions: int
    ) -> None:
        tuner = made(objectives=objectives, algorithm="NSGA3", population_size=population)
        assert len(tuner._evolution._algorithm.ref_dirs) == directions

    def test_with_one_objective_the_loss_alone_decides(self) -> None:
        for algorithm in ("NSGA2", "NSGA3", "GA"):
            tuner = made(BOX, 1, algorithm=algorithm)
            assert type(tuner._evolution._algorithm).__name__ == "GA"
        asked = walked(tuner, 11)
        best = sorted((one.vector for one in asked[:10]), key=lambda vector: losses(vector, 1))[:6]
        assert sorted(map(str, survivors(tuner))) == sorted(str(vector["a"]) for vector in best)


def in_another_process(command: str) -> str:
    run = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    return run.stdout + run.stderr


def test_pymoo_loads_when_the_tuner_is_built_and_says_nothing() -> None:
    """Not compiled, pymoo prints advice when its first algorithm is made."""
    command = """
import sys
from autorl.space import SearchSpace
from autorl.tuners import build_tuner, bundled_tuners
bundled_tuners()
assert "pymoo" not in sys.modules
import pymoo.functions
pymoo.functions.is_compiled = lambda: False
tuner = build_tuner("pymoo", SearchSpace.load({"x": {"float": [0.0, 1.0], "default": 0.5}}), 2, 0)
tuner.ask(range(20))
assert "torch" not in sys.modules
assert pymoo.config.Config.warnings["not_compiled"]
"""
    assert in_another_process(command) == ""


def test_an_algorithm_whose_library_is_missing_is_refused_by_its_name() -> None:
    command = """
import sys
sys.modules["numba"] = None
from autorl.space import SearchSpace
from autorl.tuners import build_tuner
try:
    space = SearchSpace.load({"x": {"float": [0, 1], "default": 0}})
    build_tuner({"name": "pymoo", "algorithm": "AGEMOEA"}, space, 2, 0)
except ValueError as error:
    print(error)
"""
    assert "'AGEMOEA' of pymoo cannot be loaded: Please install numba" in in_another_process(command)


def test_agemoea_searches_where_numba_is_installed() -> None:
    pytest.importorskip("numba")  # extra agemoea
    proposals = walked(made(algorithm="AGEMOEA"), 20)
    assert walked(made(algorithm="AGEMOEA"), 20) == proposals
    assert generation(proposals[-1]) == 4
