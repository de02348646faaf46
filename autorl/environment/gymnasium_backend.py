"""Gymnasium environments, stepped in this process: one after the other, or in one batch where there is a twin."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from gymnasium.wrappers import FlattenObservation, OrderEnforcing, TimeLimit, TransformAction

from autorl.environment.base import Backend, Spaces, Step, VectorEnvironment
from autorl.environment.registered import Made, build, find, wrapper_maker
from autorl.environment.twins import Twin, twin
from autorl.environment.versions import distribution_version, module_versions
from autorl.errors import InvalidInput

__all__ = ["GymnasiumBackend", "GymnasiumVector"]

NO_LIMIT = 2**62


class GymnasiumBackend(Backend):
    """Whatever Gymnasium has registered, MO-Gymnasium's environments included.

    Observations other than `Box` are flattened (`FlattenObservation`), and discrete actions are shifted to start at 0.
    Where `autorl.environment.twins` has the environment as a batch, it takes the place of the loop, bit for bit.
    """

    name: ClassVar[str] = "gymnasium"

    @property
    def at_once(self) -> int | None:
        """A twin is a handful of arrays, and the faster the more it steps at once."""
        return super().at_once if self._twin is None else None

    def make(self) -> Made:
        """One environment, wrapped as described, not yet reset."""
        return self._adapted(self._wrapped())

    def spaces(self) -> Spaces:
        """What the environment offers; builds one and takes one step in it."""
        return self._looked_at[0]

    def resolved(self) -> Mapping[str, object]:
        """The id with its version, the limit in force, and `FlattenObservation` where it was added."""
        spaces, flattened = self._looked_at
        wrappers = [{"name": name, "kwargs": dict(kwargs)} for name, kwargs in self.wrappers]
        if flattened:
            wrappers.append({"name": "FlattenObservation", "kwargs": {}})
        return {"id": self._found[0], "max_episode_steps": spaces.max_episode_steps, "wrappers": wrappers}

    def vector(self, seeds: Sequence[int]) -> VectorEnvironment:
        """One sub-environment a seed."""
        spaces = self.spaces()
        if self._twin is not None and len(seeds) >= self._twin.least:
            return self._twin.maker(seeds, spaces)
        return GymnasiumVector([self.make() for _ in seeds], seeds, spaces)

    def known_front(self, discount: float) -> npt.NDArray[np.float64] | None:
        """What the environment itself calls its Pareto front, where no wrapper changes more than what is seen."""
        environment = build(self._found[1], self.kwargs, self.max_episode_steps)
        for wrap in self._wrap:
            environment = wrap(environment)
            if not isinstance(environment, gymnasium.ObservationWrapper):
                return None
        listed = getattr(environment.unwrapped, "pareto_front", None)
        return None if listed is None else np.array(listed(gamma=discount), dtype=np.float64)

    def versions(self) -> Mapping[str, str]:
        """Gymnasium's, that of the environment's distribution, and those of the wrappers'."""
        made = self._found[1].entry_point
        modules = [made.partition(":")[0] if isinstance(made, str) else getattr(made, "__module__", "gymnasium")]
        modules += [name.partition(":")[0] for name in (self.id, *(name for name, _ in self.wrappers)) if ":" in name]
        return {"gymnasium": distribution_version("gymnasium") or "unknown", **module_versions(modules)}

    @functools.cached_property
    def _found(self) -> tuple[str, gymnasium.envs.registration.EnvSpec]:
        return find(self.id)

    @functools.cached_property
    def _twin(self) -> Twin | None:
        spec = self._found[1]
        return twin(spec, self.kwargs, self.wrappers, lambda: build(spec, self.kwargs, None).unwrapped)

    @functools.cached_property
    def _wrap(self) -> list[Any]:
        return [wrapper_maker(name, kwargs) for name, kwargs in self.wrappers]

    def _wrapped(self) -> Made:
        environment = build(self._found[1], self.kwargs, self.max_episode_steps)
        for wrap in self._wrap:
            environment = wrap(environment)
        return environment

    def _adapted(self, environment: Made) -> Made:
        """With observations as arrays and discrete actions from 0."""
        space = environment.observation_space
        if not isinstance(space, Box):
            if not space.is_np_flattenable:
                raise InvalidInput(f"environment {self.id!r}: observations of {space} have no flat form of fixed size")
            environment = FlattenObservation(environment)
        return _from_zero(environment)

    @functools.cached_property
    def _looked_at(self) -> tuple[Spaces, bool]:
        """The spaces, and whether observations had to be flattened."""
        wrapped = self._wrapped()
        environment = self._adapted(wrapped)
        if not isinstance(environment.action_space, (Box, Discrete, MultiBinary, MultiDiscrete)):
            raise InvalidInput(
                f"environment {self.id!r}: actions of {environment.action_space} are not supported; they must be of a "
                f"Box, Discrete, MultiDiscrete or MultiBinary space"
            )
        limits = [layer.spec.max_episode_steps for layer in _layers(environment) if layer.spec and _is_limit(layer)]
        if not limits:
            raise InvalidInput(
                f"environment {self.id!r} has no time limit and an episode might never end; set max_episode_steps"
            )
        # How many numbers a reward has is asked of a reward: a scalarising wrapper leaves `reward_space` behind.
        environment.reset(seed=0)
        environment.action_space.seed(0)
        reward = environment.step(environment.action_space.sample())[1]
        spaces = Spaces(
            environment.observation_space,
            environment.action_space,
            int(np.size(np.asarray(reward))),
            min(limit for limit in limits if limit is not None),
        )
        environment.close()
        return spaces, not isinstance(wrapped.observation_space, Box)


def _layers(environment: Made) -> list[Made]:
    layers = [environment]
    while isinstance(layers[-1], gymnasium.Wrapper):
        layers.append(layers[-1].env)
    return layers


def _is_limit(layer: Made) -> bool:
    return isinstance(layer, TimeLimit)


def _from_zero(environment: Made) -> Made:
    """Shifts discrete actions to count from 0."""
    space = environment.action_space
    shifted: gymnasium.Space[Any]
    if isinstance(space, Discrete) and space.start != 0:
        start: Any = space.start
        shifted = Discrete(int(space.n))
    elif isinstance(space, MultiDiscrete) and np.any(space.start != 0):
        start = space.start
        shifted = MultiDiscrete(space.nvec, dtype=space.dtype.type)
    else:
        return environment
    return TransformAction(environment, lambda action: start + action, shifted)


class GymnasiumVector(VectorEnvironment):
    """A loop over sub-environments.

    Gymnasium's `SyncVectorEnv` cannot leave out a sub-environment whose episode is over, which is why it is not used.
    It is also slower: in four runs of `benchmarks/environment_stepping.py` (80 sub-environments of CartPole-v1 and of
    Pendulum-v1, a busy machine) it took 1.0 to 1.4 times as long as this loop, in most about 1.2 times. What is left
    is the environment's own physics: bare `step` calls take 0.8 to 1.0 of this loop's time.

    Args:
        environments: The sub-environments, not yet reset.
        seeds: One a sub-environment.
        spaces: What they offer.
    """

    def __init__(self, environments: Sequence[Made], seeds: Sequence[int], spaces: Spaces) -> None:
        observation, action = spaces.observation, spaces.action
        assert observation.shape is not None  # an array: the backend looked
        assert action.shape is not None  # likewise
        self._environments, self._seeds = list(environments), list(seeds)
        self._observation_shape, self._observation_type = (len(seeds), *observation.shape), observation.dtype
        self._action_shape, self._action_type = (len(seeds), *action.shape), action.dtype
        self._reward_shape = (len(seeds), spaces.rewards)
        peeled = [_peel(environment) for environment in environments]
        self._inner = [environment for environment, _ in peeled]
        self._steps = [environment.step for environment, _ in peeled]
        self._limits = [limit for _, limit in peeled]
        self._elapsed = [0] * len(seeds)
        self._current: list[Any] = []

    def reset(self) -> npt.NDArray[Any]:
        """Starts the first episodes, each with its seed."""
        pairs = zip(self._inner, self._seeds, strict=True)
        self._current = [np.array(environment.reset(seed=seed)[0]) for environment, seed in pairs]
        self._elapsed = [0] * len(self._seeds)
        return self._stacked(self._current)

    def step(self, actions: npt.NDArray[Any], running: npt.NDArray[np.bool_] | None = None) -> Step:
        """Steps the sub-environments that run, one after the other."""
        count = len(self._steps)
        # A copy, since an environment may keep or write its action; its rows are what Gymnasium itself hands over.
        given = list(np.array(actions, dtype=self._action_type).reshape(self._action_shape))
        current, elapsed, limits, steps = self._current, self._elapsed, self._limits, self._steps
        zero: Any = 0.0 if self._reward_shape[1] == 1 else (0.0,) * self._reward_shape[1]
        rewards: list[Any] = [zero] * count
        terminated, truncated = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
        fresh: dict[int, Any] = {}
        for row in range(count) if running is None else np.flatnonzero(running).tolist():
            observation, rewards[row], over, cut, _ = steps[row](given[row])
            elapsed[row] += 1
            if over or cut or elapsed[row] >= limits[row]:
                terminated[row], truncated[row] = over, not over
                observation = np.array(observation)  # the reset may write into the same array
                fresh[row] = self._inner[row].reset()[0]
                elapsed[row] = 0
            current[row] = observation
        arrived = self._stacked(current)
        observations = arrived
        if fresh:
            observations = arrived.copy()
            for row, observation in fresh.items():
                observations[row] = current[row] = observation
        flat = np.array(rewards, dtype=np.float64).reshape(self._reward_shape)
        return Step(arrived, flat, terminated, truncated, observations)

    def close(self) -> None:
        """Closes every sub-environment."""
        for environment in self._environments:
            environment.close()
        self._environments, self._inner, self._steps = [], [], []

    def _stacked(self, observations: list[Any]) -> npt.NDArray[Any]:
        return np.array(observations, dtype=self._observation_type).reshape(self._observation_shape)


def _peel(environment: Made) -> tuple[Made, int]:
    """Takes off Gymnasium's time limit and order check where they are outermost.

    The loop counts steps and keeps the order itself. Measured in turn on CartPole-v1 and Pendulum-v1, stepping with
    the two layers on takes 1.07 to 1.08 times as long.
    """
    limit = NO_LIMIT
    if type(environment) is TimeLimit and environment.spec is not None:
        limit = environment.spec.max_episode_steps or NO_LIMIT
        environment = environment.env
    if type(environment) is OrderEnforcing:
        environment = environment.env
    return environment, limit
