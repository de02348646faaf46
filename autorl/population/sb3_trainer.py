"""One model of Stable-Baselines3, trained by its own `learn` and held at marks."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import numpy.typing as npt

from autorl.environment import Environment, Spaces
from autorl.errors import InvalidInput
from autorl.population.base import Costs
from autorl.population.coroutine import Coroutine
from autorl.population.one_agent import OneAgentTrainer
from autorl.records import Agent
from autorl.seeds import integer_seed

if TYPE_CHECKING:
    from autorl.population.sb3 import SB3Algorithm

__all__ = ["SB3Trainer", "acting_parameters", "shape_of"]


@dataclass
class _Progress:
    """What `learn` and its owner both see.

    Attributes:
        target: The mark that is being trained to, in env steps.
        gradient_updates: Optimiser steps taken.
    """

    target: int = 0
    gradient_updates: int = 0


class SB3Trainer(OneAgentTrainer):
    """Trains one model.

    `learn` is called once, for the full budget, so that what the library anneals refers to it; it runs in a coroutine
    that pauses before a rollout which would pass the mark. The training environments are the library's own
    (`DummyVecEnv`), their seeds ours: keyed, where the library would count upwards from one.

    Args:
        algorithm: The configuration.
        agent: Who trains.
        environment: Where.
        horizon: Full budget in env steps.
        device: A torch device.

    Raises:
        InvalidInput: If the environment has several rewards.
    """

    def __init__(
        self, algorithm: SB3Algorithm, agent: Agent, environment: Environment, horizon: int, device: str
    ) -> None:
        from stable_baselines3.common.vec_env import DummyVecEnv

        spaces = environment.spaces()
        if spaces.rewards != 1:
            raise InvalidInput(f"{algorithm.name} learns from one reward; the environment gives {spaces.rewards}")
        count = algorithm.values()["n_envs"]
        vector = DummyVecEnv([environment.make] * count)
        # Its generator serves uniformly random actions; a space shared between environments would mix agents.
        vector.action_space = copy.deepcopy(vector.action_space)
        seed = integer_seed(agent.seed, "library", lineage=agent.lineage)
        self._model = model = algorithm.build(vector, seed, device)
        vector._seeds = [
            integer_seed(agent.seed, "environment", lineage=agent.lineage, index=index) for index in range(count)
        ]
        self._progress = progress = _Progress()  # the body must not refer to `self`; see Coroutine
        _learner(model).optimizer.register_step_post_hook(lambda *_: _count(progress))
        rollout = algorithm.iteration_env_steps

        def body(pause: Callable[[], None]) -> None:
            def wait() -> None:
                while model.num_timesteps + rollout > progress.target:
                    pause()

            with np.errstate(all="ignore"):  # numbers that are not finite are looked for at every mark
                model.learn(horizon, callback=_callback(wait), log_interval=None)

        self._training = Coroutine(body, f"the training of {algorithm.name}")
        self._diverged = False

    def advance(self, to_env_steps: int) -> None:
        """Trains as many rollouts as fit below the mark."""
        self._progress.target = to_env_steps
        try:
            self._training.resume()
        except Exception:
            # The library meets numbers that are not finite with whatever its next check raises.
            self._diverged = not self._finite()
            if not self._diverged:
                raise
        self._diverged = not self._finite()

    def _finite(self) -> bool:
        import torch

        return all(bool(torch.isfinite(weights).all()) for weights in self._model.policy.parameters())

    def act(self, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The deterministic policy's actions."""
        actions: npt.NDArray[Any] = self._model.predict(observations, deterministic=True)[0]
        return actions

    def costs(self) -> Costs:
        """Env steps and optimiser steps so far; the library does not count operations."""
        return Costs(
            env_steps=int(self._model.num_timesteps),
            gradient_updates=self._progress.gradient_updates,
            parameters=acting_parameters(self._model),
        )

    @property
    def diverged(self) -> bool:
        """Whether a weight is not finite."""
        return self._diverged

    def close(self) -> None:
        """Ends `learn` and closes the environments."""
        self._training.close()
        self._model.get_env().close()


def _callback(wait: Callable[[], None]) -> Any:
    """A callback that calls a function before every rollout."""
    from stable_baselines3.common.callbacks import BaseCallback

    class Wait(BaseCallback):  # type: ignore[misc]  # the library is optional, so mypy sees no base
        def _on_rollout_start(self) -> None:
            wait()

        def _on_step(self) -> bool:
            return True

    return Wait()


def _count(progress: _Progress) -> None:
    progress.gradient_updates += 1


def _learner(model: Any) -> Any:
    """The network whose optimiser's steps are counted: the critic where there are two."""
    return model.policy if getattr(model.policy, "optimizer", None) is not None else model.policy.critic


def acting_parameters(model: Any) -> int:
    """Parameters of the network that acts: the actor or the Q-network, without critics and targets."""
    policy = model.policy
    if hasattr(policy, "actor"):
        parts = [policy.actor]
    elif hasattr(policy, "q_net"):
        parts = [policy.q_net]
    else:
        # Of an actor-critic: the features, the policy's layers and its last one.
        parts = [policy.pi_features_extractor, policy.mlp_extractor.policy_net, policy.action_net]
    weights = itertools.chain.from_iterable(part.parameters() for part in parts)
    return sum(int(np.prod(entry.shape)) for entry in weights)


def shape_of(spaces: Spaces) -> gymnasium.Env[Any, Any]:
    """An environment that has spaces and nothing else, for building a model that will not train."""

    class Shape(gymnasium.Env[Any, Any]):
        observation_space, action_space = spaces.observation, copy.deepcopy(spaces.action)

    return Shape()
