"""Any sampler of Optuna's: seeded whoever made it, restored whatever it stores, refused where it cannot work."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
import yaml

from autorl.errors import InvalidInput
from autorl.space import SearchSpace
from autorl.study import Study
from autorl.tuners import Outcome, Proposal, build_tuner
from autorl.tuners.objects import tuner_entry, written
from autorl.tuners.optuna_any import AnyOptuna
from tests.study.toys import study

MIXED = SearchSpace.load(
    {
        "x": {"float": [0.0, 1.0], "default": 0.5},
        "y": {"float": [0.0, 1.0], "default": 0.5},
        "width": {"ordered": [16, 32, 64], "default": 32},
        "activation": {"choice": ["tanh", "relu"], "default": "tanh"},
    }
)
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


class OwnSampler(optuna.samplers.BaseSampler):
    """Somebody's own, with a generator of every kind, some nested."""

    def __init__(self) -> None:
        self.legacy = np.random.RandomState()
        self.held: dict[str, list[Any]] = {"generators": [np.random.default_rng(), (random.Random(),)]}

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: dict[str, Any]) -> dict[str, Any]:
        return {}

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
        modern, (standard,) = self.held["generators"]
        if isinstance(param_distribution, optuna.distributions.FloatDistribution):
            return (self.legacy.rand() + modern.random() + standard.random()) / 3
        return param_distribution.to_external_repr(0)


SAMPLERS: dict[str, Callable[[], object]] = {
    "random": lambda: optuna.samplers.RandomSampler,
    "tpe": lambda: optuna.samplers.TPESampler(n_startup_trials=4),
    "qmc": lambda: optuna.samplers.QMCSampler(scramble=True, warn_asynchronous_seeding=False),
    "nsga2": lambda: optuna.samplers.NSGAIISampler(population_size=4),
    "nsga3": lambda: optuna.samplers.NSGAIIISampler(population_size=4),
    "cmaes": lambda: optuna.samplers.CmaEsSampler(popsize=4, warn_independent_sampling=False),
    "cmaes with margin": lambda: optuna.samplers.CmaEsSampler(
        popsize=4, warn_independent_sampling=False, with_margin=True
    ),
    "separable cmaes": lambda: optuna.samplers.CmaEsSampler(
        popsize=4, warn_independent_sampling=False, use_separable_cma=True
    ),
    "partly fixed": lambda: optuna.samplers.PartialFixedSampler(
        {"x": 0.25}, optuna.samplers.NSGAIISampler(population_size=4)
    ),
    "fixed cmaes": lambda: optuna.samplers.PartialFixedSampler(
        {"width": 1}, optuna.samplers.CmaEsSampler(popsize=4, warn_independent_sampling=False)
    ),
    "own": OwnSampler,
}
every_sampler = pytest.mark.parametrize("make", SAMPLERS.values(), ids=SAMPLERS)


def loss(vector: Any) -> float:
    return float((vector["x"] - 0.3) ** 2 + vector["y"] + vector["width"] / 10)


def outcome(proposal: Proposal) -> Outcome:
    if proposal.number % 5 == 4:
        return Outcome(proposal.number, (9.0,), complete=False)
    return Outcome(proposal.number, (loss(proposal.vector),))


def walk(tuner: AnyOptuna, trials: int) -> list[Proposal]:
    """Two at a time, one of them pending over the next ask."""
    found: list[Proposal] = []
    for number in range(0, trials, 2):
        found += tuner.ask([number, number + 1])
        tuner.tell([outcome(one) for one in found[max(0, number - 1) : number + 1]])
    return found


@every_sampler
def test_the_seed_decides_whoever_made_the_sampler(make: Callable[[], object]) -> None:
    first = walk(AnyOptuna(MIXED, 1, 3, sampler=make()), 20)
    assert walk(AnyOptuna(MIXED, 1, 3, sampler=make()), 20) == first, "another unseeded one proposes the same"
    vectors = [one.vector for one in first]
    assert len({json.dumps(dict(one)) for one in vectors}) > 10
    assert [one.vector for one in walk(AnyOptuna(MIXED, 1, 4, sampler=make()), 20)] != vectors


@every_sampler
def test_what_it_stores_comes_back(make: Callable[[], object]) -> None:
    tuner = AnyOptuna(MIXED, 1, 3, sampler=make())
    tuner.accept(Proposal(0, MIXED.encode(MIXED.default()), origin="default"))
    tuner.tell([Outcome(0, (1.0,))])
    asked = [one for number in range(1, 29, 4) for one in _batch(tuner, number)]
    again = AnyOptuna(MIXED, 1, 3, sampler=make())
    again.accept(Proposal(0, MIXED.encode(MIXED.default()), origin="default"))
    for one in asked:
        vector, attributes = json.loads(json.dumps([dict(one.vector), dict(one.attributes)]))
        again.accept(Proposal(one.number, vector, attributes))
    again.tell([Outcome(0, (1.0,)), *(outcome(one) for one in asked)])
    for number in (29, 33):
        assert _batch(again, number) == _batch(tuner, number)


def _batch(tuner: AnyOptuna, first: int) -> list[Proposal]:
    asked = tuner.ask(range(first, first + 4))
    tuner.tell([outcome(one) for one in asked])
    return asked


def test_the_sampler_handed_over_is_not_touched() -> None:
    sampler = optuna.samplers.TPESampler(seed=1)
    walk(AnyOptuna(MIXED, 1, 3, sampler=sampler), 14)
    assert sampler._rng.rng.random_sample() == np.random.RandomState(1).random_sample()
    later = AnyOptuna(MIXED, 1, 3, sampler=sampler)
    sampler._n_startup_trials = 1000
    assert walk(later, 14) == walk(AnyOptuna(MIXED, 1, 3, sampler="optuna.samplers:TPESampler"), 14)


def test_no_pickle_is_stored_or_read() -> None:
    tuner = AnyOptuna(MIXED, 1, 3, sampler=SAMPLERS["cmaes"]())
    stored = [one.attributes["system"] for one in walk(tuner, 24)]
    names = {name for system in stored for name in system}  # type: ignore[attr-defined]  # JSON, a mapping here
    assert names == {"cma:generation", "cma:solutions"}


def test_a_gaussian_process_works_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    inner = optuna.samplers.GPSampler._sample_relative_impl

    def watched(*arguments: Any) -> Any:
        seen.append(torch.get_num_threads())
        return inner(*arguments)

    monkeypatch.setattr(optuna.samplers.GPSampler, "_sample_relative_impl", watched)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        tuner = AnyOptuna(MIXED, 1, 3, sampler=optuna.samplers.GPSampler(n_startup_trials=3))
        walk(tuner, 6)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert set(seen) == {1}


def test_a_trial_from_elsewhere_joins_the_first_generation() -> None:
    tuner = AnyOptuna(MIXED, 1, 0, sampler=SAMPLERS["partly fixed"]())
    for number in range(4):
        tuner.accept(Proposal(number, MIXED.encode(MIXED.default()), origin="start_from"))
        tuner.tell([Outcome(number, (1.0,))])
    (child,) = tuner.ask([4])
    assert child.attributes["system"] == {"NSGAIISampler:generation": 1}
    assert child.attributes["study"] == {"NSGAIISampler:parent:1": [3, 2, 1, 0]}
    (sibling,) = tuner.ask([5])
    assert sibling.attributes["study"] == {}


def test_constraints_reach_the_sampler_that_uses_them_and_no_other() -> None:
    def asked(sampler: object, violation: float) -> list[Proposal]:
        tuner = AnyOptuna(MIXED, 1, 3, sampler=sampler)
        for number in range(8):
            tuner.ask([number])
            tuner.tell([Outcome(number, (float(number),), violations=(violation * (8 - number),))])
        return tuner.ask([8])

    for name, used in (("tpe", True), ("cmaes", False), ("random", False)):
        assert (asked(SAMPLERS[name](), 1.0) != asked(SAMPLERS[name](), -1.0)) == used, name


@pytest.mark.parametrize(
    ("sampler", "options", "message"),
    [
        (
            "optuna.samplers:TPESampler",
            {"n_startup_trial": 4},
            "option of TPESampler 'n_startup_trial'.*n_startup_trials",
        ),
        ("optuna.samplers:TPESampler", {"seed": 4}, "option of TPESampler 'seed'"),
        ("optuna.samplers:NSGAIISampler", {"population_size": 1}, "NSGAIISampler refuses .*population_size"),
        ("optuna.samplers:PartialFixedSampler", {}, "PartialFixedSampler refuses {}: .*fixed_params"),
        ("optuna.samplers:TPE", None, "attribute of module 'optuna.samplers' named as sampler 'TPE'"),
        ("optuna.sampler:TPESampler", None, "module 'optuna.sampler', which is not found"),
        ("tpe", None, "sampler 'tpe' is no `module:attribute`"),
        ("json:dumps", None, "sampler 'json:dumps' is no sampler of Optuna's"),
        (3, None, "sampler 3 is no sampler of Optuna's"),
        ("__main__:Mine", None, "'__main__:Mine' was handed over from a script or a notebook"),
        ("handed over in Python: optuna.samplers:TPESampler()", None, "was handed over from a script or a notebook"),
        ("optuna.samplers:BruteForceSampler", None, "BruteForceSampler ends a study by itself.*'grid'"),
        ("optuna.samplers:GridSampler", {"search_space": {"x": [0.0]}}, "GridSampler ends a study by itself.*'grid'"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(
    sampler: object, options: dict[str, object] | None, message: str
) -> None:
    entry = {"name": "optuna", "sampler": sampler} | ({} if options is None else {"options": options})
    with pytest.raises(InvalidInput, match=message):
        build_tuner(entry, MIXED, 1, 0)


def test_objects_that_cannot_work_are_refused_with_the_reason() -> None:
    with pytest.raises(InvalidInput, match=r"CmaEsSampler cannot propose for 4 .* 2 objective.*multi-objective"):
        AnyOptuna(MIXED, 2, 0, sampler=optuna.samplers.CmaEsSampler())
    with pytest.raises(InvalidInput, match=r"options {'n': 1} go with a class"):
        AnyOptuna(MIXED, 1, 0, sampler=optuna.samplers.TPESampler(), options={"n": 1})
    nested = optuna.samplers.PartialFixedSampler({"x": 0.5}, optuna.samplers.BruteForceSampler())
    with pytest.raises(InvalidInput, match="BruteForceSampler ends a study"):
        AnyOptuna(MIXED, 1, 0, sampler=nested)
    tuner = AnyOptuna(MIXED, 1, 0, sampler=optuna.samplers.TPESampler())
    with pytest.raises(InvalidInput, match="attribute 'study' is 3; it must be a mapping"):
        tuner.accept(Proposal(0, MIXED.encode(MIXED.default()), {"study": 3}))


class TestObjectsInAStudy:
    def test_they_become_an_entry(self) -> None:
        sampler = optuna.samplers.TPESampler()
        assert tuner_entry(sampler) == {"name": "optuna", "sampler": sampler}
        found = tuner_entry(optuna.samplers.TPESampler)["sampler"]
        assert found == "optuna.samplers._tpe.sampler:TPESampler", "a class has a name to be read back"
        assert AnyOptuna(MIXED, 1, 0, sampler=found).sampler(0).__class__ is optuna.samplers.TPESampler
        with pytest.raises(
            InvalidInput, match=r"3\.5 is neither a name, a mapping .* nor an object that a tuner takes"
        ):
            tuner_entry(3.5)

    def test_they_are_written_as_the_call_that_makes_them(self) -> None:
        class Local(optuna.samplers.TPESampler):
            pass

        inner = optuna.samplers.TPESampler(seed=3, n_startup_trials=4, multivariate=True)
        outer = optuna.samplers.PartialFixedSampler({"x": 0.5, "layers": [1, None]}, inner)
        entry = {"name": "optuna", "sampler": outer, "options": {"a": [1, "b", None], "kind": Local}}
        assert written(entry) == {
            "name": "optuna",
            "sampler": "handed over in Python: optuna.samplers._partial_fixed:PartialFixedSampler("
            "fixed_params={'x': 0.5, 'layers': [1, None]}, base_sampler=optuna.samplers._tpe.sampler:TPESampler("
            "n_startup_trials=4, multivariate=True, warn_independent_sampling=False))",
            "options": {
                "a": [1, "b", None],
                "kind": f"handed over in Python: {__name__}:TestObjectsInAStudy."
                "test_they_are_written_as_the_call_that_makes_them.<locals>.Local",
            },
        }
        assert written("tpe") == "tpe"
        assert "array" in str(written(np.zeros(2)))

    def test_a_study_goes_on_with_one_and_is_refused_without(self, tmp_path: Path) -> None:
        def content(startup: int = 3) -> dict[str, Any]:
            sampler = optuna.samplers.TPESampler(n_startup_trials=startup)
            return study("quick", tuner=sampler, budget={"trials": 12, "env_steps": 1000})

        def asked(directory: Path | None, trials: int) -> list[object]:
            found: list[object] = []
            with Study.load(content()).open(directory) as session:
                for _ in range(trials):
                    (one,) = session.ask(1)
                    session.tell(one, float(one.number))
                    found.append(one.config)
            return found

        assert asked(tmp_path, 7) + asked(tmp_path, 5) == asked(None, 12)
        text = yaml.safe_load((tmp_path / "study.yaml").read_text())["tuner"]["sampler"]
        assert text.startswith("handed over in Python: optuna.samplers._tpe.sampler:TPESampler(n_startup_trials=3")
        with pytest.raises(InvalidInput, match=r"tuner\.sampler is .* there and .* here"):
            Study.load(content(startup=4)).open(tmp_path)
        with pytest.raises(InvalidInput, match="go on from that script with the same call"):
            Study.load(tmp_path / "study.yaml").open(tmp_path)
