"""What every tuner owes the study, over everything registered; a broken tuner fails each property."""

from __future__ import annotations

import functools
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import optuna
import pytest

from autorl.content import digest
from autorl.errors import InvalidInput
from autorl.space import SearchSpace
from autorl.tuners import Outcome, Proposal, Tuner, Vector, build_tuner, bundled_tuners
from autorl.tuners.optuna_tuners import NSGA2, Random

SPACES: dict[str, dict[str, object]] = {
    "numeric": {
        "learning_rate": {"float": [1e-5, 1e-1], "log": True, "default": 1e-3},
        "gamma": {"float": [0.9, 0.999], "reverse_log": True, "default": 0.99},
        "n_steps": {"int": [32, 512], "pow2": True, "default": 128},
    },
    "mixed": {
        "learning_rate": {"float": [1e-5, 1e-1], "log": True, "default": 1e-3},
        "activation": {"choice": ["tanh", "relu", "elu"], "default": "relu"},
        "width": {"ordered": [16, 32, 64, 128], "default": 32},
        "normalize": {"constant": True},
    },
    "conditional": {
        "prioritized": {"choice": [True, False], "default": False},
        "alpha": {"float": [0.1, 1.0], "default": 0.6, "when": {"prioritized": True}},
        "n_steps": {"int": [32, 512], "pow2": True, "default": 128},
        "batch_size": {"int": [16, 1024], "pow2": True, "default": 64},
        "relations": ["batch_size <= n_steps * 4"],
    },
}
Build = Callable[[SearchSpace, int, int], Tuner]
History = list[tuple[Sequence[Proposal], Sequence[Outcome]]]

tuners = pytest.mark.parametrize("name", sorted(bundled_tuners()))
spaces = pytest.mark.parametrize("space", sorted(SPACES))
objective_counts = pytest.mark.parametrize("objectives", [1, 2, 3])


def build_short(name: str, space: SearchSpace, objectives: int, seed: int) -> Tuner:
    return build_tuner({"name": name, **bundled_tuners()[name].examples(space)[0]}, space, objectives, seed)


def builder(name: str) -> Build:
    return functools.partial(build_short, name)


@functools.cache
def load(space: str) -> SearchSpace:
    return SearchSpace.load(SPACES[space])


def measured(vector: Vector, objectives: int) -> tuple[float, ...]:
    """Smooth and in conflict: each loss has its own best place."""
    numbers = [len(value) / 4 if isinstance(value, str) else float(value) for value in vector.values()]
    return tuple(sum((number - 0.3 * best) ** 2 for number in numbers) for best in range(1, objectives + 1))


def outcome(proposal: Proposal, objectives: int) -> Outcome:
    if proposal.number % 7 == 3:
        return Outcome(proposal.number, (9.0,) * objectives, complete=False)
    return Outcome(proposal.number, measured(proposal.vector, objectives))


def history_of(build: Build, space: SearchSpace, objectives: int, batch: int, lag: int, trials: int = 24) -> History:
    """An unbroken run: the default, then batches, and once a user's own proposal.

    The last `lag` proposals stay pending over the next ask.
    """
    tuner = build(space, objectives, 3)
    history: History = []
    pending: list[Proposal] = []
    number = 0
    while number < trials:
        if number in (0, 9):
            default = space.encode(space.default())
            asked = [Proposal(number, default, origin="user" if number else "default")]
            tuner.accept(asked[0])
        else:
            asked = tuner.ask(range(number, number + batch))
        number += len(asked)
        pending += asked
        ended, pending = (pending[:-lag], pending[-lag:]) if lag else (pending, [])
        told = [outcome(proposal, objectives) for proposal in reversed(ended)]
        tuner.tell(told)
        history.append((asked, told))
    return history


def sequence(build: Build, space: SearchSpace, objectives: int, seed: int, trials: int = 12) -> list[Proposal]:
    tuner, proposals = build(space, objectives, seed), []
    for number in range(trials):
        proposals += tuner.ask([number])
        tuner.tell([outcome(proposals[-1], objectives)])
    return proposals


def plain(proposals: Sequence[Proposal]) -> list[object]:
    return [[one.number, dict(one.vector), dict(one.attributes)] for one in proposals]


def digests(names: Sequence[str]) -> dict[str, str]:
    """What each tuner proposes on each space, in short; also run in other processes."""
    return {
        f"{name} {space} {objectives}": digest(plain(sequence(builder(name), load(space), objectives, 5)))
        for name in names
        for space in SPACES
        for objectives in (1, 2, 3)
    }


def check_valid(build: Build, space: SearchSpace, objectives: int) -> None:
    for asked, _ in history_of(build, space, objectives, batch=4, lag=0):
        for proposal in asked:
            assert [*proposal.vector] == [coordinate.name for coordinate in space.coordinates]
            for coordinate in space.coordinates:
                value = proposal.vector[coordinate.name]
                if coordinate.kind == "unit":
                    assert type(value) is float
                    assert 0 <= value <= 1
                elif coordinate.kind == "index":
                    assert type(value) is int
                    assert 0 <= value < coordinate.size
                else:
                    assert type(value) is str
                    assert value in coordinate.labels
            assert json.loads(json.dumps(plain([proposal]))) == plain([proposal])
            configuration = space.decode(proposal.vector)
            assert space.check(configuration, "proposal") == configuration


def check_batches(build: Build, space: SearchSpace, objectives: int) -> None:
    history = history_of(build, space, objectives, batch=4, lag=2)
    for asked, _ in history:
        assert len(asked) == 1 or len({json.dumps(dict(proposal.vector)) for proposal in asked}) > 1, (
            "a batch of copies"
        )
    numbers = [one.number for asked, _ in history for one in asked]
    assert numbers == [*range(26)]


def check_seeded(build: Build, space: SearchSpace, objectives: int) -> None:
    expected = sequence(build, space, objectives, 5)
    assert plain(sequence(build, space, objectives, 5)) == plain(expected)
    assert plain(sequence(build, space, objectives, 6)) != plain(expected)
    assert plain(sequence(build, space, objectives, 0)) != plain(expected), "seed 0 is a seed"


def check_globals_unused(build: Build, space: SearchSpace, objectives: int) -> None:
    def stirred(space: SearchSpace, objectives: int, seed: int) -> Tuner:
        stir(17)
        return build(space, objectives, seed)

    expected = plain(sequence(build, space, objectives, 5))
    before = random.getstate(), digest([str(part) for part in np.random.get_state()])  # noqa: NPY002
    assert plain(sequence(build, space, objectives, 5)) == expected
    assert (random.getstate(), digest([str(part) for part in np.random.get_state()])) == before  # noqa: NPY002
    assert plain(sequence(stirred, space, objectives, 5)) == expected


def stir(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002


def check_replay(
    build: Build, space: SearchSpace, objectives: int, batch: int, lag: int, cuts: Sequence[int] = (1, 7, 13, 22)
) -> None:
    """A fresh tuner told the first part of a history goes on like the unbroken run, in either order of telling."""
    history = history_of(build, space, objectives, batch, lag)
    for cut in sorted({min(-(-cut // batch), len(history) - 1) for cut in cuts}):
        past = [([restored(one) for one in asked], told) for asked, told in history[:cut]]
        by_turns, collected = build(space, objectives, 3), build(space, objectives, 3)
        for asked, told in past:
            for proposal in asked:
                by_turns.accept(proposal)
                collected.accept(proposal)
            by_turns.tell(told)
        collected.tell([one for _, told in past for one in told])
        for expected, told in history[cut : cut + 3]:
            for tuner in (by_turns, collected):
                if expected[0].origin == "tuner":
                    again = tuner.ask([proposal.number for proposal in expected])
                    assert plain(again) == plain(expected), f"differs after {cut} of {len(history)} asks"
                else:
                    tuner.accept(expected[0])
                tuner.tell(told)


def restored(proposal: Proposal) -> Proposal:
    """Through text and back, as the truth stores it."""
    vector, attributes = json.loads(json.dumps([dict(proposal.vector), dict(proposal.attributes)]))
    return Proposal(proposal.number, vector, attributes, proposal.origin)


@tuners
@spaces
@objective_counts
class TestEveryTuner:
    def test_proposals_are_valid(self, name: str, space: str, objectives: int) -> None:
        check_valid(builder(name), load(space), objectives)

    def test_batches_are_whole_and_varied(self, name: str, space: str, objectives: int) -> None:
        check_batches(builder(name), load(space), objectives)

    def test_the_seed_decides(self, name: str, space: str, objectives: int) -> None:
        check_seeded(builder(name), load(space), objectives)

    def test_global_generators_are_neither_read_nor_moved(self, name: str, space: str, objectives: int) -> None:
        check_globals_unused(builder(name), load(space), objectives)

    @pytest.mark.parametrize(("batch", "lag"), [(1, 0), (4, 3)])
    def test_a_replayed_history_goes_on_alike(
        self, name: str, space: str, objectives: int, batch: int, lag: int
    ) -> None:
        check_replay(builder(name), load(space), objectives, batch, lag)


def elsewhere(names: Sequence[str], hash_seed: str, call: str = "digests") -> dict[str, str]:
    """The digests as another process finds them."""
    command = f"import json, sys, test_tuner_contract as t; print(json.dumps(t.{call}({[*names]!r})))"
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.path.dirname(__file__)}
    run = subprocess.run([sys.executable, "-c", command], env=environment, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_another_process_and_hash_seed_propose_the_same(hash_seed: str) -> None:
    names = sorted(bundled_tuners())
    assert elsewhere(names, hash_seed) == digests(names)


class Broken(Tuner):
    """Fails one property or another, by its subclass."""

    summary: ClassVar[str] = "broken on purpose"

    def draw(self, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, number])

    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        return [Proposal(number, self.vector(self.draw(number))) for number in numbers]

    def vector(self, generator: np.random.Generator) -> dict[str, float | int | str]:
        vector: dict[str, float | int | str] = {}
        for one in self.space.coordinates:
            if one.kind == "unit":
                vector[one.name] = float(generator.random())
            elif one.kind == "index":
                vector[one.name] = int(generator.integers(one.size))
            else:
                vector[one.name] = one.labels[int(generator.integers(len(one.labels)))]
        return vector

    def accept(self, proposal: Proposal) -> None:
        """Remembers nothing."""

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Remembers nothing."""


class OutOfRange(Broken):
    def vector(self, generator: np.random.Generator) -> dict[str, float | int | str]:
        return {name: 1.5 if isinstance(value, float) else value for name, value in super().vector(generator).items()}


class Copies(Broken):
    def ask(self, numbers: Sequence[int]) -> list[Proposal]:
        return [Proposal(number, self.vector(self.draw(numbers[0]))) for number in numbers]


class SeedIgnored(Broken):
    def draw(self, number: int) -> np.random.Generator:
        return np.random.default_rng(number)


class GlobalGenerator(Broken):
    def draw(self, number: int) -> np.random.Generator:
        return np.random.default_rng(random.randrange(2**30))


class HiddenState(Broken):
    def __init__(self, space: SearchSpace, objectives: int, seed: int) -> None:
        super().__init__(space, objectives, seed)
        self.generator = np.random.default_rng(seed)

    def draw(self, number: int) -> np.random.Generator:
        return self.generator


class HashOrdered(Broken):
    def draw(self, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, number, hash("text") % 2**30])


class ReadsPending(Random):
    """Depends on how the past was told: by turns or at once."""

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        super().tell(outcomes)
        self.seed += len(outcomes) ** 2


class StockNSGA2(NSGA2):
    """What Optuna ships, built anew for each ask."""

    def sampler(self, number: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.NSGAIISampler(population_size=5, seed=self.ask_seed(number))


def hash_ordered_digest(names: Sequence[str]) -> dict[str, str]:
    return {name: digest(plain(sequence(HashOrdered, load("mixed"), 1, 5))) for name in names}


class TestBrokenTuners:
    def test_the_base_of_the_broken_ones_is_sound(self) -> None:
        space = load("mixed")
        check_valid(Broken, space, 1)
        check_batches(Broken, space, 1)
        check_seeded(Broken, space, 1)
        check_globals_unused(Broken, space, 1)
        check_replay(Broken, space, 1, batch=4, lag=1)

    def test_out_of_range(self) -> None:
        with pytest.raises((AssertionError, InvalidInput)):
            check_valid(OutOfRange, load("mixed"), 1)

    def test_copies_in_a_batch(self) -> None:
        with pytest.raises(AssertionError, match="copies"):
            check_batches(Copies, load("mixed"), 1)

    def test_seed_ignored(self) -> None:
        with pytest.raises(AssertionError):
            check_seeded(SeedIgnored, load("mixed"), 1)

    def test_global_generator(self) -> None:
        with pytest.raises(AssertionError):
            check_globals_unused(GlobalGenerator, load("mixed"), 1)

    @pytest.mark.parametrize("build", [HiddenState, ReadsPending])
    def test_hidden_state(self, build: Build) -> None:
        with pytest.raises(AssertionError, match="differs after"):
            check_replay(build, load("mixed"), 1, batch=4, lag=1)

    def test_the_stock_genetic_sampler(self) -> None:
        with pytest.raises(AssertionError, match="differs after"):
            check_replay(StockNSGA2, load("mixed"), 2, batch=1, lag=0)

    def test_hash_order(self) -> None:
        first, second = (elsewhere(["hash"], seed, "hash_ordered_digest") for seed in ("0", "4711"))
        assert first != second
