"""The spaces of multi-objective PPO and Q-learning: of the promised size, runnable, and the published one."""

from __future__ import annotations

from typing import Any

import pytest

from autorl.population import Algorithm, resolve_algorithm
from autorl.seeds import stream
from autorl.space import SearchSpace, bundled_spaces

NAMES = [name for name in bundled_spaces() if name.startswith(("mo_ppo", "mo_dqn"))]


def of(name: str) -> tuple[type[Algorithm], SearchSpace]:
    algorithm = resolve_algorithm("_".join(name.split("_")[:2]))
    return algorithm, SearchSpace.load(name, defaults=algorithm.defaults())


@pytest.mark.parametrize("name", NAMES)
def test_every_configuration_is_one_the_algorithm_can_run(name: str) -> None:
    algorithm, space = of(name)
    generator = stream(0, "test of multi-objective spaces")
    for draw in range(100):
        vector: dict[str, Any] = {}
        for coordinate in space.coordinates:
            # Corners first: every number at one of its ends.
            unit = float(generator.integers(0, 2)) if draw < 50 else float(generator.random())
            index = int(generator.integers(0, max(1, coordinate.size)))
            vector[coordinate.name] = unit if coordinate.kind == "unit" else index
            if coordinate.kind == "label":
                vector[coordinate.name] = coordinate.labels[index]
        algorithm.configure(space.decode(vector))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mo_ppo", 9), ("mo_ppo_small", 1), ("mo_dqn", 12), ("mo_dqn_small", 2), ("mo_dqn_felten", 45)],
)
def test_static_combinations_are_those_the_files_promise(name: str, expected: int) -> None:
    algorithm, space = of(name)
    assert space.static_combinations(algorithm.static_names()) == expected


@pytest.mark.parametrize("name", ["mo_ppo", "mo_ppo_small", "mo_ppo_wide", "mo_dqn", "mo_dqn_small", "mo_dqn_wide"])
def test_defaults_are_the_algorithms_own(name: str) -> None:
    algorithm, space = of(name)
    assert space.default().items() <= algorithm.defaults().items()


def test_the_published_space_has_its_fifteen_hyperparameters_and_no_dead_one() -> None:
    _, space = of("mo_dqn_felten")
    tuned = {one.name: tuple(one.range) for one in space.hyperparameters if len(one.range) > 1}
    buffer_size = tuned.pop("buffer_size")
    assert tuned == {
        "learning_rate": (1e-4, 1e-3), "initial_epsilon": (0.01, 1.0), "final_epsilon": (0.01, 1.0),
        "epsilon_decay_steps": (1, 100_000), "tau": (0.0, 1.0), "target_net_update_freq": (1, 10_000),
        "learning_starts": (1, 1000), "gradient_updates": (1, 10), "max_grad_norm": (0.1, 10.0),
        "num_sample_w": (2, 10), "per_alpha": (0.1, 0.9), "initial_homotopy_lambda": (0.0, 1.0),
        "final_homotopy_lambda": (0.0, 1.0),
        "homotopy_decay_steps": (1, 100_000),
    }  # fmt: skip
    assert (buffer_size[0], buffer_size[-1]) == (1000, 2_000_000)
    assert space.default()["target_net_update_freq"] == 200
    half: dict[str, Any] = {**space.encode(space.default()), "tau": 0.5}
    assert "target_net_update_freq" not in space.decode(half), "dead unless tau is 1"
