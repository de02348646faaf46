"""An algorithm as the contract sees it: small configurations, training runs, and what to compare of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.population import Algorithm, Population, resolve_algorithm
from autorl.records import Agent, Value

SMALL: dict[str, Value] = {
    "n_envs": 3, "n_steps": 5, "batch_size": 5, "n_epochs": 2, "width": 6, "depth": 2, "learning_rate": 0.01,
    "buffer_size": 30, "learning_starts": 6, "train_freq": 4, "gradient_steps": 2, "target_update_interval": 6,
    "max_grad_norm": 0.5, "exploration_fraction": 0.9, "exploration_final_eps": 0.5,
    "sgd_steps": 3, "num_er_episodes": 2, "num_model_updates": 2, "max_buffer_size": 4, "max_set_size": 4,
    "epsilon_decay_steps": 60, "target_net_update_freq": 6, "gradient_updates": 2, "num_sample_w": 3,
    "pop_size": 3, "exchange_every": 27, "transfer": True, "weight_adaptation": "psa",
}  # fmt: skip
"""Values that make training short and lively, by Stable-Baselines3's names; taken where an algorithm has them."""

UNEVEN: dict[str, Sequence[Value]] = {
    "learning_rate": (0.003, 0.03), "gamma": (0.9, 0.99), "ent_coef": (0.01, 0.1), "clip_range": (0.1, 0.3),
    "target_kl": (None, 0.01), "clip_range_vf": (None, 0.2), "normalize_observations": (False, True),
    "normalize_advantage": (True, False), "anneal_learning_rate": (False, True), "step_size": (0.1, 0.3),
    "train_freq": (4, 6), "learning_starts": (6, 24), "gradient_steps": (2, 1),
}  # fmt: skip
"""Values in which the company of an agent differs from it."""

COMPANIONS: dict[str, dict[str, Value]] = {
    "sde_sample_freq": {"use_sde": True},
    **{name: {"prioritized_replay": True} for name in ("per_alpha", "per_beta", "per_eps")},
    "target_update_interval": {"target_update_interval": 1, "n_envs": 1, "gradient_steps": 3},
    "n_steps": {"n_steps": 1},
    "target_noise_clip": {"target_noise_clip": 0.1},
    **{f"{name}_homotopy_lambda": {"homotopy": True} for name in ("initial", "final")},
    "homotopy_decay_steps": {"homotopy": True, "initial_homotopy_lambda": 0.0},
    "action_eval": {"untried_first": True, "initial_epsilon": 0.0, "final_epsilon": 0.0},
    "target_net_update_freq": {"n_envs": 1, "tau": 1.0},
    "scalarization": {"pop_size": 6, "n_envs": 1, "train_freq": 1},
    "utopian_tau": {
        "pop_size": 6, "n_envs": 1, "train_freq": 1, "scalarization": "chebyshev", "utopian_tau": 64.0,
    },
}  # fmt: skip
"""What must be set for a hyperparameter to matter."""

WORDS = (
    "tanh", "relu", "elu", "linear", "auto", 0.5, "envelope", "scalarized", "pareto_cardinality", "chebyshev", "none",
)  # fmt: skip
SHORTEST = 21
"""Env steps of training that the small configuration learns something in: a whole episode in three environments."""
Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Subject:
    """One algorithm before the contract.

    Attributes:
        reference: What a study file would call it.
    """

    reference: str

    @property
    def algorithm(self) -> type[Algorithm]:
        return resolve_algorithm(self.reference)

    @property
    def exact(self) -> bool:
        return self.algorithm.checkpoints == "exact"

    def configuration(self, **values: Value) -> dict[str, Value]:
        """The small configuration with some values changed; names the algorithm lacks are left out.

        A variant says in `small` what it has otherwise.
        """
        known, own = self.algorithm.defaults(), getattr(self.algorithm, "small", {})
        return {**known, **{name: value for name, value in {**SMALL, **own, **values}.items() if name in known}}

    def agent(self, seed: int, lineage: str = "", **values: Value) -> Agent:
        return Agent(self.configuration(**values), seed, lineage)

    def company(self, count: int, **values: Value) -> list[Agent]:
        """Agents with other seeds and hyperparameters, equal in the static ones."""
        static = self.algorithm.static_names()
        agents = []
        for number in range(count):
            drawn = np.random.default_rng(number).integers(0, 2, len(UNEVEN))
            own = {name: choices[place] for place, (name, choices) in zip(drawn, UNEVEN.items(), strict=True)}
            free: dict[str, Any] = {name: value for name, value in own.items() if name not in static}
            agents.append(self.agent(1000 + number, **{**values, **free}))
        return agents

    def takes(self, environment: Environment) -> bool:
        """Whether the algorithm acts in such an environment."""
        try:
            self.algorithm.configure(self.configuration()).plan(environment.spaces(), 10_000)
        except InvalidInput:
            return False
        return True

    def taken(self, *environments: Environment) -> list[Environment]:
        """Those it acts in: as they are, else with several rewards, else also with whole numbers as observations."""
        first = [next(filter(self.takes, variants(environment)), None) for environment in environments]
        return [environment for environment in first if environment is not None]

    def among(self, *environments: Environment) -> list[Environment]:
        """As `taken`; at least one."""
        found = self.taken(*environments)
        assert found, f"{self.reference} acts in none of {[environment.kwargs for environment in environments]}"
        return found

    def iteration(self, environment: Environment) -> int:
        """Env steps of whole iterations of the small configuration in which something is learned."""
        planned = self.algorithm.configure(self.configuration()).plan(environment.spaces(), 10_000)
        whole = planned.iteration_env_steps or 16
        return whole * -(-SHORTEST // whole)

    def population(self, agents: Sequence[Agent], environment: Environment, horizon: int) -> Population:
        return self.algorithm.population(agents, environment, horizon)

    def trained(
        self, agents: Sequence[Agent], environment: Environment, marks: Sequence[int], horizon: int | None = None
    ) -> Population:
        """Trained to the last mark, with a rung at each mark before."""
        population = self.population(agents, environment, horizon or marks[-1])
        proceed(population, 0, marks)
        return population

    def changed(self, name: str) -> dict[str, Value]:
        """A configuration that differs from the small one in one hyperparameter (and its companions)."""
        base = self.configuration(**COMPANIONS.get(name, {}))
        for candidate in candidates(base[name]):
            made = {**base, name: candidate}
            try:
                self.algorithm.configure(made)
            except (InvalidInput, ValueError, TypeError):
                continue
            return made
        raise AssertionError(f"no other value of {name} than {base[name]!r} is taken")


def variants(environment: Environment) -> list[Environment]:
    """The environment, also with two rewards, also with two rewards and observations that are whole numbers."""
    changes: list[dict[str, Any]] = [{}, {"rewards": 2}, {"rewards": 2, "cells": True}]
    return [dataclasses.replace(environment, kwargs={**environment.kwargs, **change}) for change in changes]


def candidates(value: Value) -> list[Value]:
    """Other values of a hyperparameter, the most telling first."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [other for other in (value * 2, value // 2, value + 1, value - 1, value + 2) if other != value]
    if isinstance(value, float):
        return [value * 0.5, value * 2, 0.25, 1.0] if value else [0.1, 0.01]
    if value is None:
        return [1e-6, 1]
    return [other for other in WORDS if other != value]


def proceed(population: Population, start: int, marks: Sequence[int]) -> None:
    """Trains from rung to rung."""
    for rung, mark in zip([start, *marks[:-1]], marks, strict=True):
        population.restart(rung)
        population.advance(mark)


def observations(count: int, episodes: int = 64) -> Array:
    """Fixed observations for `act`: (M, 1, episodes, 3)."""
    drawn = np.random.default_rng(0).normal(size=(1, 1, episodes, 3)).astype(np.float32)
    return np.repeat(drawn, count, axis=0)


def pictures(count: int, episodes: int = 16) -> Array:
    """Fixed images for `act`: (M, 1, episodes, 6, 5, 3)."""
    drawn = np.random.default_rng(0).integers(0, 256, size=(1, 1, episodes, 6, 5, 3), dtype=np.uint8)
    return np.repeat(drawn, count, axis=0)


def fingerprint(population: Population, row: int, shown: Callable[[int], Array] = observations) -> dict[str, Array]:
    """Everything that can be seen of one agent: its state if it has one, its actions and its costs."""
    costs = population.costs()[row]
    seen: dict[str, Array] = {
        "actions": population.act(shown(len(population.agents)))[row],
        "costs": np.array([costs.env_steps, costs.gradient_updates, costs.flops, costs.parameters], dtype=np.float64),
        "diverged": np.array(population.diverged[row]),
    }
    try:
        state: Mapping[str, Array] = population.state_dict()
    except InvalidInput:
        state = {}
    return {**seen, **{name: array[row] for name, array in state.items()}}


def differing(first: Mapping[str, Array], second: Mapping[str, Array]) -> list[str]:
    """What differs between two fingerprints, bit by bit."""
    assert set(first) == set(second)
    return [name for name in first if first[name].tobytes() != second[name].tobytes()]


def same(first: Mapping[str, Array], second: Mapping[str, Array], what: str) -> None:
    """Asserts equal bits."""
    found = differing(first, second)
    assert not found, f"{what}: {', '.join(found)} differ"
