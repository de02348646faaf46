"""Each sampler of Optuna's behind the seam: equal to what Optuna ships, and free of its traps."""

from __future__ import annotations

import functools
import json
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna._gp import search_space
from optuna._gp.gp import fit_kernel_params
from optuna._gp.prior import default_log_prior

from autorl.errors import InvalidInput
from autorl.space import SearchSpace
from autorl.tuners import Outcome, Proposal, Tuner, Vector, build_tuner
from autorl.tuners._optuna import acquisitions
from autorl.tuners._optuna_gp import LEAST, improvement, quicker
from autorl.tuners.optuna_base import OptunaTuner
from autorl.tuners.optuna_evolution import CMAES, NSGA2, NSGA3
from autorl.tuners.optuna_tuners import GP, QMC, TPE, Random

LINE = SearchSpace.load({"x": {"float": [0.0, 1.0], "default": 0.5}})
SQUARE = SearchSpace.load({name: {"float": [0.0, 1.0], "default": 0.5} for name in "ab"})
MIXED = SearchSpace.load(  # in the order of names, in which Optuna infers a space
    {
        "a": {"float": [0.0, 1.0], "default": 0.5},
        "b": {"ordered": [16, 32, 64], "default": 32},
        "c": {"choice": ["tanh", "relu"], "default": "tanh"},
        "d": {"float": [0.0, 1.0], "default": 0.5},
    }
)
Losses = Callable[[Vector], tuple[float, ...]]
SHORT = {"n_startup_trials": 4}
LEARNING: list[tuple[type[Tuner], dict[str, object]]] = [
    (TPE, {"n_startup_trials": 8}),
    (GP, {"n_startup_trials": 4}),
    (NSGA2, {"population_size": 8}),
    (NSGA3, {"population_size": 8}),
]
learning = pytest.mark.parametrize(("kind", "options"), LEARNING, ids=lambda one: getattr(one, "name", ""))


def spread(objectives: int) -> Losses:
    """Each loss has its own best place."""

    def losses(vector: Vector) -> tuple[float, ...]:
        numbers = [len(value) / 4 if isinstance(value, str) else float(value) for value in vector.values()]
        return tuple(sum((number - 0.3 * best) ** 2 for number in numbers) for best in range(1, objectives + 1))

    return losses


def walk(
    tuner: Tuner,
    losses: Losses,
    trials: int,
    batch: int = 1,
    limit: Callable[[Vector], float] | None = None,
    penalty: float = 9.0,
) -> list[tuple[list[Proposal], list[Outcome]]]:
    """Batches; the last of each stays pending over the next ask, and every fifth trial fails."""
    history: list[tuple[list[Proposal], list[Outcome]]] = []
    pending: list[Proposal] = []
    for first in range(0, trials, batch):
        asked = tuner.ask(range(first, first + batch))
        pending += asked
        ended, pending = (pending[:-1], pending[-1:]) if batch > 1 else (pending, [])
        told = [
            Outcome(
                one.number,
                (penalty,) * tuner.objectives if one.number % 5 == 4 else losses(one.vector),
                complete=one.number % 5 != 4,
                violations=() if limit is None else (limit(one.vector), -1.0),
            )
            for one in ended
        ]
        tuner.tell(told)
        history.append((asked, told))
    return history


def vectors(history: Sequence[tuple[Sequence[Proposal], Sequence[Outcome]]]) -> list[Vector]:
    return [proposal.vector for asked, _ in history for proposal in asked]


def restore(tuner: Tuner, history: Sequence[tuple[Sequence[Proposal], Sequence[Outcome]]]) -> Tuner:
    """The history told to a new tuner, all proposals first, through text and back."""
    for asked, _ in history:
        for one in asked:
            vector, attributes = json.loads(json.dumps([dict(one.vector), dict(one.attributes)]))
            tuner.accept(Proposal(one.number, vector, attributes))
    for _, told in history:
        tuner.tell(told)
    return tuner


def running(tuner: TPE | GP) -> list[int]:
    """Numbers of the trials that Optuna takes for running."""
    trials = tuner.study._study.get_trials(deepcopy=False)
    return [trial.number for trial in trials if trial.state == optuna.trial.TrialState.RUNNING]


class TestRandom:
    EVERY = SearchSpace.load(
        {
            "learning_rate": {"float": [1e-5, 1e-1], "log": True, "default": 1e-3},
            "lone": {"choice": ["tanh"], "default": "tanh"},
            "n_steps": {"int": [32, 512], "pow2": True, "default": 128},
            "n_epochs": {"int": [1, 20], "default": 10},
            "width": {"ordered": [16, 32, 64], "default": 64},
            "only": {"ordered": [16], "default": 16},
            "activation": {"choice": ["tanh", "relu", "elu"], "default": "tanh"},
            "alpha": {"float": [0.0, 1.0], "default": 0.5, "when": {"activation": "elu"}},
            "normalize": {"constant": True},
        }
    )

    class Stock(OptunaTuner):
        """Optuna's own sampler in a study, seeded alike."""

        name = "random"

        def sampler(self, number: int) -> optuna.samplers.BaseSampler:
            return optuna.samplers.RandomSampler(seed=self.ask_seed(number))

    @pytest.mark.parametrize("space", [EVERY, LINE, MIXED], ids=["every", "line", "mixed"])
    def test_it_proposes_what_the_stock_sampler_proposes(self, space: SearchSpace) -> None:
        numbers = [*range(40), 999]
        ours, stock = (kind(space, 2, 3).ask(numbers) for kind in (Random, self.Stock))
        assert [list(one.vector.items()) for one in ours] == [list(one.vector.items()) for one in stock]
        types = [[type(value) for value in one.vector.values()] for one in ours]
        assert types == [[type(value) for value in one.vector.values()] for one in stock]


class TestTPE:
    class Stock(TPE):
        """Optuna's own sampler, seeded alike."""

        def sampler(self, number: int) -> optuna.samplers.BaseSampler:
            return optuna.samplers.TPESampler(n_startup_trials=4, seed=self.ask_seed(number))

    @pytest.mark.parametrize("objectives", [1, 2, 3])
    @pytest.mark.parametrize("constrained", [False, True])
    def test_it_proposes_what_the_stock_sampler_proposes(self, objectives: int, constrained: bool) -> None:
        def limit(vector: Vector) -> float:
            return float(vector["a"]) - 0.5

        ours, stock = (
            walk(
                kind(MIXED, objectives, 1, n_startup_trials=4),
                spread(objectives),
                40,
                4,
                limit if constrained else None,
            )
            for kind in (TPE, self.Stock)
        )
        assert vectors(ours) == vectors(stock)

    def test_the_trials_are_split_once_an_ask(self, monkeypatch: pytest.MonkeyPatch) -> None:
        calls: list[int] = []
        split = optuna.samplers._tpe.sampler._split_trials

        def counted(study: optuna.Study, trials: list[optuna.trial.FrozenTrial], good: int) -> object:
            calls.append(len(trials))
            return split(study, trials, good)

        monkeypatch.setattr("autorl.tuners._optuna_samplers.split_trials", counted)
        walk(TPE(MIXED, 2, 1, n_startup_trials=4), spread(2), 8)
        assert calls == [4, 5, 6, 7], "once for four coordinates, and not while they are drawn at random"


class TestGP:
    def test_it_leaves_torch_as_it_was(self) -> None:
        threads, dtype, generator = torch.get_num_threads(), torch.get_default_dtype(), torch.get_rng_state()
        torch.set_num_threads(2)
        try:
            two = vectors(walk(GP(MIXED, 2, 1, n_startup_trials=4), spread(2), 8, 2))
            assert torch.get_num_threads() == 2
            torch.set_num_threads(1)
            assert vectors(walk(GP(MIXED, 2, 1, n_startup_trials=4), spread(2), 8, 2)) == two
        finally:
            torch.set_num_threads(threads)
        assert torch.get_default_dtype() == dtype
        assert bool((torch.get_rng_state() == generator).all())
        assert torch.is_grad_enabled()

    def test_its_threads_are_limited_while_it_fits_and_proposes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[int] = []
        inner = optuna.samplers.GPSampler._sample_relative_impl

        def watched(*arguments: object, **named: object) -> object:
            seen.append(torch.get_num_threads())
            return inner(*arguments, **named)  # type: ignore[arg-type]  # passed through

        monkeypatch.setattr(optuna.samplers.GPSampler, "_sample_relative_impl", watched)
        threads = torch.get_num_threads()
        torch.set_num_threads(2)
        try:
            walk(GP(LINE, 1, 1, n_startup_trials=4), spread(1), 5)
        finally:
            torch.set_num_threads(threads)
        assert seen == [1]

    def test_losses_that_are_all_equal_do_not_stop_it(self) -> None:
        found = vectors(walk(GP(SQUARE, 1, 1, n_startup_trials=2), lambda vector: (1.0,), 4))
        assert len({tuple(one.values()) for one in found}) == 4


POINTS = np.random.default_rng(5).random((12, 3))
POINTS[:, 2] = POINTS[:, 2] > 0.5
LOSSES = -((POINTS[:, None, :] - 0.25 * np.arange(5)[:, None]) ** 2).sum(axis=-1)
LOSSES = (LOSSES - LOSSES.mean(axis=0)) / LOSSES.std(axis=0)


class TestHypervolumeImprovement:
    """Optuna's acquisition functions of several objectives, worked out another way."""

    @staticmethod
    @functools.cache
    def model(column: int) -> Any:
        """Fitted to twelve points of three coordinates, one of them a label."""
        return fit_kernel_params(
            POINTS, LOSSES[:, column], np.array([False, False, True]), default_log_prior, 1e-6, False
        )

    def acquisition(self, name: str, objectives: int, **more: object) -> Any:
        """By the name Optuna has for it."""
        if "C" in name:
            more |= {"constraints_gpr_list": [self.model(-1), self.model(-2)], "constraints_threshold_list": [0.0, 0.3]}
        if name.startswith("q"):
            more["normalized_params_of_running_trials"] = POINTS[:2] / 2
        search = search_space.SearchSpace(
            {
                "a": optuna.distributions.FloatDistribution(0.0, 1.0),
                "b": optuna.distributions.FloatDistribution(0.0, 1.0),
                "c": optuna.distributions.CategoricalDistribution(["tanh", "relu"]),
            }
        )
        known = None if more.pop("infeasible", False) else torch.from_numpy(LOSSES[:, :objectives])
        return getattr(acquisitions, name)(
            [self.model(column) for column in range(objectives)], search, known, 64, 9, **more
        )

    @pytest.mark.parametrize("objectives", [2, 3])
    @pytest.mark.parametrize("name", ["LogEHVI", "LogCEHVI", "qLogEHVI", "qLogCEHVI"])
    def test_value_and_gradient_are_those_of_the_stock_function(
        self, name: str, objectives: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("autorl.tuners._optuna_gp.PART", 3000)  # a few points at a time
        stock = self.acquisition(name, objectives)
        ours = quicker(self.acquisition(name, objectives))
        points = np.random.default_rng(6).random((40, 3)) * 1.6 - 0.3  # those far outside improve next to nothing
        found = []
        for one in (stock, ours):
            x = torch.from_numpy(points.copy()).requires_grad_(True)
            values = one.eval_acqf(x)
            values.sum().backward()
            assert x.grad is not None
            found.append((values.detach().numpy(), x.grad.numpy()))
            np.testing.assert_allclose(one.eval_acqf_no_grad(points), found[-1][0], rtol=1e-12)
            np.testing.assert_allclose(one.eval_acqf_no_grad(points[0]), found[-1][0][0], rtol=1e-9)
        for theirs, mine in zip(*found, strict=True):
            assert np.isfinite(theirs).all()
            np.testing.assert_allclose(mine, theirs, rtol=1e-7, atol=1e-9)
        assert np.ptp(found[0][0]) > 1.0
        assert list(ours.length_scales) == list(stock.length_scales)

    @pytest.mark.parametrize("name", ["LogCEHVI", "qLogCEHVI"])
    def test_without_a_feasible_trial_there_is_nothing_to_work_out(self, name: str) -> None:
        points = np.random.default_rng(6).random((5, 3))
        stock, ours = (self.acquisition(name, 2, infeasible=True) for _ in range(2))
        assert (quicker(ours).eval_acqf_no_grad(points) == stock.eval_acqf_no_grad(points)).all()

    def test_one_objective_is_left_as_it_is(self) -> None:
        other = object()
        assert quicker(other) is other

    def test_no_product_of_sides_is_zero(self) -> None:
        far = torch.full((1, 1, 20), -1e3, dtype=torch.float64)
        corner = torch.zeros(1, 20, dtype=torch.float64)
        assert float(improvement(far, corner, corner + 1)) == pytest.approx(LEAST**20, rel=1e-9)

    def test_the_tuner_uses_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        calls: list[tuple[int, ...]] = []

        def counted(values: torch.Tensor, lower: torch.Tensor, extent: torch.Tensor) -> torch.Tensor:
            calls.append(tuple(lower.shape))
            return improvement(values, lower, extent)

        monkeypatch.setattr("autorl.tuners._optuna_gp.improvement", counted)
        walk(GP(SQUARE, 2, 1, n_startup_trials=3), spread(2), 4)
        assert {len(shape) for shape in calls} == {2}
        walk(GP(SQUARE, 2, 1, n_startup_trials=3), spread(2), 6, 2)
        assert {len(shape) for shape in calls} == {2, 3}, "each sample has boxes of its own where a trial is pending"


class TestQMC:
    def test_every_power_of_two_of_proposals_is_spread_evenly(self) -> None:
        tuner = QMC(MIXED, 1, 3)
        tuner.accept(Proposal(0, MIXED.encode(MIXED.default()), origin="default"))
        found = [one.vector for one in tuner.ask(range(1, 17))]
        for name in ("a", "d"):
            assert sorted(int(16 * float(one[name])) for one in found) == [*range(16)], "one in each sixteenth"
        assert sorted(str(one["c"]) for one in found) == ["relu"] * 8 + ["tanh"] * 8
        assert sorted(int(one["b"]) for one in found) in (
            [0] * n + [1] * m + [2] * (16 - n - m) for n in (5, 6) for m in (5, 6)
        )
        assert [one.vector for one in Random(MIXED, 1, 3).ask(range(1, 17))] != found

    def test_proposals_are_points_of_one_sequence_whatever_is_told(self) -> None:
        asked = QMC(MIXED, 2, 3).ask(range(10))
        told = QMC(MIXED, 2, 3)
        walk(told, spread(2), 4)
        told.accept(Proposal(4, MIXED.encode(MIXED.default()), origin="user"))
        assert [one.vector for one in told.ask(range(5, 11))] == [one.vector for one in asked[4:]]
        other = restore(QMC(MIXED, 2, 3), [(asked[:6], [])])
        assert other.ask(range(6, 10)) == asked[6:]


class TestCMAES:
    class Stock(CMAES):
        """Optuna's own sampler, seeded alike."""

        def sampler(self, number: int) -> optuna.samplers.BaseSampler:
            return optuna.samplers.CmaEsSampler(
                popsize=4,
                seed=self.ask_seed(number),
                independent_sampler=optuna.samplers.RandomSampler(seed=self.ask_seed(number, "labels")),
                warn_independent_sampling=False,
            )

    @pytest.mark.parametrize("batch", [1, 6])
    def test_it_proposes_what_the_stock_sampler_proposes_and_stores_no_pickle(self, batch: int) -> None:
        ours = walk(CMAES(MIXED, 1, 2, population_size=4), spread(1), 42, batch)
        assert vectors(ours) == vectors(walk(self.Stock(MIXED, 1, 2, population_size=4), spread(1), 42, batch))
        stored = [one.attributes["system"] for asked, _ in ours for one in asked]
        assert not any("optimizer" in name for system in stored for name in system)  # type: ignore[attr-defined]  # an inner part
        begun = [system["cma:solutions"] for system in stored if "cma:solutions" in system]  # type: ignore[index, operator]  # an inner part
        assert len(begun) > 4, "generations advance"
        assert all(len(one["told"]) == 4 for one in begun)

    @pytest.mark.parametrize("batch", [1, 6])
    def test_its_state_is_computed_again_after_a_restart(self, batch: int) -> None:
        tuner = CMAES(MIXED, 1, 2, population_size=4)
        history = walk(tuner, spread(1), 36, batch)
        again = restore(CMAES(MIXED, 1, 2, population_size=4), history)
        assert again.ask(range(36, 39)) == tuner.ask(range(36, 39))

    def test_one_coordinate_is_enough_and_it_converges(self) -> None:
        for space in (LINE, SQUARE):
            found = vectors(walk(CMAES(space, 1, 0), spread(1), 90))
            last = [abs(float(value) - 0.3) for one in found[-10:] for value in one.values()]
            assert float(np.median(last)) < 0.05

    def test_a_space_of_labels_and_several_objectives_are_refused(self) -> None:
        labels = SearchSpace.load({"c": {"choice": ["tanh", "relu"], "default": "tanh"}})
        with pytest.raises(InvalidInput, match=r"space \['c'\] has nothing but unordered choices"):
            CMAES(labels, 1, 0)
        with pytest.raises(InvalidInput, match="number of objectives is 2; it takes 1; take 'tpe', 'gp' or 'nsga2'"):
            CMAES(MIXED, 2, 0)
        for size in (3, "4", True):
            with pytest.raises(
                InvalidInput, match=f"population_size is {size!r}; it must be a whole number of at least 4"
            ):
                build_tuner({"name": "cmaes", "population_size": size}, MIXED, 1, 0)


class TestNSGA3:
    @pytest.mark.parametrize(
        ("objectives", "population_size", "divisions", "points"),
        [(1, 16, 15, 1), (2, 16, 15, 16), (3, 16, 4, 15), (5, 16, 2, 15), (3, 2, 1, 3)],
    )
    def test_reference_points_are_as_many_as_individuals_or_fewer(
        self, objectives: int, population_size: int, divisions: int, points: int
    ) -> None:
        tuner = NSGA3(SQUARE, objectives, 0, population_size=population_size)
        assert tuner.divisions == divisions
        tuner.sampler(0)
        walk(tuner, spread(objectives), 2 * population_size + 1)
        sampler = tuner.sampler(99)
        assert isinstance(sampler, optuna.samplers.NSGAIIISampler)
        strategy = sampler._elite_population_selection_strategy
        strategy(tuner.study._study, tuner.study._study.get_trials(deepcopy=False)[: 2 * population_size])
        assert strategy._reference_points.shape == (points, objectives)  # type: ignore[attr-defined]  # an inner part

    def test_it_selects_otherwise_than_nsga2(self) -> None:
        two, three = (
            [
                one.attributes["parents"]
                for asked, _ in walk(kind(SQUARE, 2, 0, population_size=6), spread(2), 40)
                for one in asked
            ]
            for kind in (NSGA2, NSGA3)
        )
        assert two[:12] == three[:12], "the first generations have their parents from everybody or nobody"
        assert two != three


@learning
def test_trials_known_before_are_learned_from(kind: type[Tuner], options: dict[str, object]) -> None:
    """Optuna's NSGA-II looks at its own trials alone; ours count the others as its first generation."""

    def distance(known: int) -> float:
        tuner = kind(SQUARE, 1, 5, **options)
        for number, (a, b) in enumerate(np.random.default_rng(0).random((known, 2)).tolist()):
            tuner.accept(Proposal(number, {"a": a, "b": b}, origin="start_from"))
            tuner.tell([Outcome(number, spread(1)({"a": a, "b": b}))])
        found: list[float] = []
        for number in range(known, known + (7 if kind is GP else 14)):
            (proposal,) = tuner.ask([number])
            found += spread(1)(proposal.vector)
            tuner.tell([Outcome(number, tuple(found[-1:]))])
        return float(np.median(found))

    assert distance(32) < 0.5 * distance(0)


@learning
@pytest.mark.parametrize("objectives", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_constraints_are_heeded_and_replayed(kind: type[Tuner], options: dict[str, object], objectives: int) -> None:
    """All losses are best at a = 0.9 and above, where the constraint is broken."""

    def losses(vector: Vector) -> tuple[float, ...]:
        return tuple((float(vector["a"]) - 0.9 - 0.1 * index) ** 2 for index in range(objectives))

    def limit(vector: Vector) -> float:
        return float(vector["a"]) - 0.5

    trials, batch = (14, 2) if kind is GP else (60, 4)
    assert kind.uses_constraints
    bound = walk(kind(SQUARE, objectives, 3, **options), losses, trials, batch, limit, 0.3)
    free = walk(kind(SQUARE, objectives, 3, **options), losses, trials, batch, None, 0.3)
    feasible = [np.mean([limit(one) <= 0 for one in vectors(run)[-trials // 2 :]]) for run in (bound, free)]
    assert feasible[0] > feasible[1] + 0.3, feasible
    for cut in (2, trials // batch - 1):
        again = restore(kind(SQUARE, objectives, 3, **options), bound[:cut])
        for asked, told in bound[cut : cut + 1]:
            assert again.ask([one.number for one in asked]) == asked
            again.tell(told)


@pytest.mark.parametrize("kind", [Random, QMC, CMAES])
def test_who_does_not_use_constraints_is_not_told_of_them(kind: type[Tuner]) -> None:
    assert not kind.uses_constraints
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Optuna's CMA-ES warns of constraints
        found = vectors(walk(kind(SQUARE, 1, 3), spread(1), 12, limit=lambda vector: 1.0))
    assert found == vectors(walk(kind(SQUARE, 1, 3), spread(1), 12))


def test_violations_are_finite_and_as_many_as_before() -> None:
    tuner = Random(LINE, 1, 0)
    tuner.ask([0, 1])
    tuner.tell([Outcome(0, (1.0,), violations=(0.5, -1.0))])
    for wrong in ((), (1.0,), (float("inf"), 0.0), (float("nan"), 0.0)):
        with pytest.raises(InvalidInput, match=r"trial 1 has the violations .*; 2 finite"):
            tuner.tell([Outcome(1, (1.0,), violations=wrong)])


@pytest.mark.parametrize("kind", [TPE, GP])
def test_only_pending_trials_run_and_they_are_kept_away_from(kind: type[TPE] | type[GP]) -> None:
    tuner = kind(LINE, 1, 0, n_startup_trials=4)
    history = walk(tuner, spread(1), 12, 3, penalty=0.05)
    assert running(tuner) == [11], "the failed ones are over"
    again = kind(LINE, 1, 0, n_startup_trials=4)
    restore(again, history)
    assert running(again) == [11]
    (beside,) = again.ask([12])
    again = kind(LINE, 1, 0, n_startup_trials=4)
    restore(again, history)
    again.tell([Outcome(11, (0.0,), complete=False)])
    assert running(again) == []
    assert again.ask([12]) != [beside], "a trial told as failed is no longer pending"
