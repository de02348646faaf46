"""What an agent draws from the process-wide generators depends on that agent alone."""

# ruff: noqa: NPY002  # the process-wide generator is what is tested
from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from autorl.population.generators import OwnGenerators

Draw = tuple[float, float, float]


def draw() -> Draw:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def draws(generators: OwnGenerators, count: int) -> list[Draw]:
    found = []
    for _ in range(count):
        with generators.active():
            found.append(draw())
    return found


def test_interleaving_two_agents_changes_neither() -> None:
    alone = draws(OwnGenerators(1), 4)
    first, second = OwnGenerators(1), OwnGenerators(2)
    mixed = []
    for _ in range(4):
        mixed += draws(first, 1)
        draws(second, 3)
    assert mixed == alone
    assert len({*alone}) == 4
    assert draws(OwnGenerators(2), 1) != alone[:1]


def test_the_process_finds_its_own_generators_again_even_after_an_exception() -> None:
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[index]  # the legacy state is a tuple

    def fail() -> None:
        with OwnGenerators(5).active():
            draw()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[index]  # the legacy state is a tuple
    assert before == after


def test_an_agent_begins_where_the_seeding_functions_begin() -> None:
    with OwnGenerators(7).active():  # so that the process's own are put back
        random.seed(3)
        np.random.seed(3)
        torch.manual_seed(3)
        expected = [draw(), draw()]
    assert draws(OwnGenerators(3), 2) == expected
