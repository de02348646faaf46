"""Those who learn are gathered where they are few, and have the bits they would have among all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autorl.agents import off_policy
from autorl.agents.off_policy import OffPolicyPopulation
from autorl.environment import Environment
from autorl.population import Population, resolve_algorithm
from autorl.records import Agent

UNEVEN = [
    {"train_freq": 1, "gradient_steps": 2, "learning_starts": 10},
    {"train_freq": 2, "gradient_steps": 1, "n_steps": 3},
    {"train_freq": 5, "gradient_steps": 3, "learning_starts": 40},
    {"train_freq": 2, "gradient_steps": 1, "learning_starts": 30},
    {"train_freq": 7, "gradient_steps": 1, "policy_delay": 1, "sgd_steps": 2},
]
TASKS = {"dqn": "CartPole-v1", "sac": "Pendulum-v1", "td3": "Pendulum-v1", "mdpo_off_policy": "Pendulum-v1"}


def trained(name: str) -> tuple[Population, list[int]]:
    """Trains unlike agents, and notes how many learned each time."""
    algorithm = resolve_algorithm(name)
    known = algorithm.defaults()
    small = {"width": 8, "batch_size": 4, "buffer_size": 50, "learning_starts": 4}
    agents = []
    for number, uneven in enumerate(UNEVEN):
        own: dict[str, Any] = {**known, **{key: value for key, value in {**small, **uneven}.items() if key in known}}
        agents.append(Agent(own, number))
    population = algorithm.population(agents, Environment(TASKS[name]), 60)
    assert isinstance(population, OffPolicyPopulation)
    assert population.gathers
    sizes: list[int] = []
    made = type(population)
    learn = made.learn

    def noted(self: Any, batch: Any, rows: Any, turn: int, learning: Any, draws: Any) -> Any:
        sizes.append(len(rows))
        return learn(self, batch, rows, turn, learning, draws)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made, "learn", noted)
        population.restart(0)
        population.advance(60)
    return population, sizes


@pytest.mark.parametrize("name", TASKS)
def test_gathered_agents_have_the_bits_they_have_among_all(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gathered, sizes = trained(name)
    assert {2, 3} <= set(sizes), "a lone one beside its copy, and three of five"
    monkeypatch.setattr(off_policy, "FEW", -1.0)
    together, all_of_them = trained(name)
    assert set(all_of_them) == {5}
    wanted, found = together.state_dict(), gathered.state_dict()
    assert [one.gradient_updates for one in gathered.costs()] == [one.gradient_updates for one in together.costs()]
    for key, array in wanted.items():
        assert array.tobytes() == found[key].tobytes(), key
    assert np.abs(found["weights"]).max() > 0


def test_gatherings_are_made_anew_when_hyperparameters_change() -> None:
    gathered, _ = trained("sac")
    other, _ = trained("sac")
    changed = {**gathered.agents[0].configuration, "learning_rate": 0.5}
    for population in (gathered, other):
        population.replace(0, changed, "")
    other._teams.clear()  # type: ignore[attr-defined]  # an inner part
    for population in (gathered, other):
        population.restart(60)
        population.advance(90)
    assert gathered.state_dict()["weights"].tobytes() == other.state_dict()["weights"].tobytes()
