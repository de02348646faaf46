"""Memory that is planned for training beside what a process of its own takes for it, and what states at rungs take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autorl.agents.off_policy import OffPolicyPopulation
from autorl.agents.priorities import Priorities
from autorl.environment import Environment
from autorl.numerics import worker_environment
from autorl.population import resolve_algorithm
from autorl.records import Agent

ROOT = Path(__file__).parents[2]
ALLOCATORS = 32 * 2**20
"""What allocators and libraries may take besides."""
TASKS = {
    "dqn": "CartPole-v1",
    "sac": "Pendulum-v1",
    "td3": "Pendulum-v1",
    "mdpo_off_policy": "Pendulum-v1",
    "mo_dqn": "deep-sea-treasure-v0",
    "morld": "deep-sea-treasure-v0",
}


def child(case: str) -> dict[str, int]:
    """Runs a case in a process of its own."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("only Linux tells and forgets the peak of a process")
    environment = {**os.environ, **worker_environment(), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.agents.memory_child", case]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, int] = json.loads(done.stdout)
    return answer


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", ["turns", "teams", "priorities"])
def test_training_takes_no_more_memory_than_planned(case: str) -> None:
    found = child(case)
    assert found["measured"] <= found["planned"] + ALLOCATORS
    assert found["planned"] <= 4 * found["measured"], "a bound, not a guess"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_states_at_rungs_are_never_held_twice() -> None:
    found = child("copies")
    row, everybody = found["row"], found["agents"] * found["row"]
    assert found["saving"] <= 3 * row + ALLOCATORS // 4, "a state, and the bytes of its file"
    assert found["loading"] <= everybody + 3 * row + ALLOCATORS // 4
    assert found["selecting"] <= everybody // 2 + row + ALLOCATORS // 4
    assert found["joining"] <= everybody // 2 + row + ALLOCATORS // 4


@pytest.mark.parametrize("name", TASKS)
def test_random_numbers_are_counted_to_the_byte(name: str) -> None:
    algorithm = resolve_algorithm(name)
    small = {"width": 4, "batch_size": 6, "n_envs": 3, "gradient_steps": 5, "gradient_updates": 5, "buffer_size": 60}
    values = {**algorithm.defaults(), **{key: value for key, value in small.items() if key in algorithm.defaults()}}
    environment = Environment(TASKS[name])
    population = algorithm.population([Agent(values, 0), Agent(values, 1)], environment, 100)
    assert isinstance(population, OffPolicyPopulation)
    population.restart(0)
    population.advance(population.iteration_env_steps)
    taken = sum(array.nbytes for array in population._draws.values())
    population.close()
    assert taken == 2 * population.static.drawn_bytes(environment.spaces())


def planned(algorithm: str, **values: Any) -> int:
    made = resolve_algorithm(algorithm)
    task = Environment(TASKS[algorithm]).spaces()
    memory = made.configure({**made.defaults(), **values}).plan(task, 10_000).memory_bytes
    assert memory is not None
    return memory


@pytest.mark.parametrize("algorithm", ["dqn", "mo_dqn"])
def test_priorities_are_planned_for_instead_of_gatherings(algorithm: str) -> None:
    whole = {"buffer_size": 10_000, "width": 2, "depth": 1, "n_envs": 1, "batch_size": 1}
    trees = planned(algorithm, **whole, prioritized_replay=True) - planned(algorithm, **whole)
    tree = 2 * 16384 * 8
    assert Priorities(1, 10_000).tree.nbytes == tree
    assert tree - 4096 < trees <= tree
