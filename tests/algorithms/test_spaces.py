"""Which spaces the bundled algorithms for one reward take: composite observations flat, composite actions by some."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete

from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.population import resolve_algorithm
from autorl.records import Agent

ACTIONS = {
    "discrete": Discrete(3), "box": Box(-1, 1, (2,), np.float32), "several": MultiDiscrete([3, 2]),
    "binary": MultiBinary(2),
}  # fmt: skip
TAKEN = {
    "ppo": set(ACTIONS), "mdpo": set(ACTIONS), "dqn": {"discrete"}, "sac": {"box"}, "td3": {"box"},
    "mdpo_off_policy": {"box"},
}  # fmt: skip


class Composite(gymnasium.Env[dict[str, Any], Any]):
    """A dictionary of a vector, a whole number and two switches; rewards nothing."""

    def __init__(self, actions: str = "discrete") -> None:
        self.action_space: Any = ACTIONS[actions]
        self.observation_space = Dict({
            "point": Box(-1, 1, (2,), np.float32), "room": Discrete(4), "keys": MultiDiscrete([2, 3])
        })  # fmt: skip

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], Any]:
        super().reset(seed=seed)
        return self._seen(), {}

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)
        return self._seen(), 0.0, False, False, {}

    def _seen(self) -> dict[str, Any]:
        generator = self.np_random
        point = generator.uniform(-1, 1, 2).astype(np.float32)
        return {"point": point, "room": generator.integers(4), "keys": generator.integers([2, 3])}


if "spaces/Composite-v0" not in gymnasium.registry:
    gymnasium.register("spaces/Composite-v0", f"{__name__}:Composite", max_episode_steps=5)


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("actions", ACTIONS)
def test_actions_that_do_not_fit_are_refused_before_training(name: str, actions: str) -> None:
    environment = Environment(f"{__name__}:spaces/Composite-v0", {"actions": actions})
    algorithm = resolve_algorithm(name)
    configured = algorithm.configure({})
    if actions not in TAKEN[name]:
        with pytest.raises(InvalidInput, match=r"(Discrete|Box) spaces.*, not in (Multi)?(Discrete|Binary|Box)"):
            configured.plan(environment.spaces(), 4096)
        return
    # Two numbers, four places for the room, and two and three for the keys
    assert environment.spaces().observation.shape == (2 + 4 + 2 + 3,)
    small: dict[str, Any] = {"n_envs": 1, "n_steps": 8, "batch_size": 4, "width": 8, "learning_starts": 4}
    if name not in ("ppo", "mdpo"):
        small["n_steps"] = 1
    configuration = {
        **algorithm.defaults(),
        **{key: value for key, value in small.items() if key in algorithm.defaults()},
    }
    population = algorithm.population([Agent(configuration, 0)], environment, 16)
    population.restart(0)
    population.advance(16)
    population.close()
    assert population.costs()[0].gradient_updates > 0
