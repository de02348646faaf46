"""EnvPool's environments: compiled, stepped in one batch."""

from __future__ import annotations

import copy
import functools
import importlib.metadata
import importlib.util
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box, Discrete

from autorl.environment.base import Backend, Spaces, Step, VectorEnvironment
from autorl.environment.registered import quiet_bounds
from autorl.environment.versions import distribution_version
from autorl.errors import InvalidInput, MissingExtra, UnknownName

__all__ = ["EnvPoolBackend", "EnvPoolVector"]

OWN_ARGUMENTS = ("env_type", "num_envs", "batch_size", "num_threads", "seed", "env_seed", "max_episode_steps")
UNLIMITED = 2**31 - 1
"""What EnvPool calls no time limit."""


class EnvPoolBackend(Backend):
    """Environments of the extra `envpool`.

    Its physics and initial states are its own: results do not compare with Gymnasium's seed by seed. Discrete
    observations become one-hot vectors. The only wrapper accepted is `FlattenObservation`, which says that they do.
    """

    name: ClassVar[str] = "envpool"

    def spaces(self) -> Spaces:
        """What the environment offers; builds a pool of one to look."""
        return self._looked_at[0]

    def resolved(self) -> Mapping[str, object]:
        """The limit in force, and `FlattenObservation` where observations are one-hot."""
        spaces, categories = self._looked_at
        wrappers = [{"name": "FlattenObservation", "kwargs": {}}] if categories or self.wrappers else []
        return {"max_episode_steps": spaces.max_episode_steps, "wrappers": wrappers}

    def vector(self, seeds: Sequence[int]) -> VectorEnvironment:
        """One sub-environment a seed, in a pool of their own: EnvPool seeds only when a pool is made."""
        spaces, categories = self._looked_at
        # One step more than the limit, which the vector counts itself: at its own limit EnvPool reports an episode
        # that terminates in that very step as truncated.
        limit = spaces.max_episode_steps
        assert limit is not None  # the backend looked
        return EnvPoolVector(self._pool(seeds, limit + 1), len(seeds), spaces, limit, categories)

    def make(self) -> gymnasium.Env[Any, Any]:
        """Refused: a pool has no single environment with Gymnasium's interface."""
        raise InvalidInput(
            f"environment {self.id!r}: backend 'envpool' makes vector environments only; use backend 'gymnasium'"
        )

    def versions(self) -> Mapping[str, str]:
        """EnvPool's and its asset packages'."""
        try:
            needed = importlib.metadata.requires("envpool") or []
        except importlib.metadata.PackageNotFoundError:
            needed = []
        names = {re.split(r"[^\w.-]", requirement)[0] for requirement in needed}
        found = ["envpool", "gymnasium", *(name for name in sorted(names) if name.startswith("envpool"))]
        return {name: distribution_version(name) or "absent" for name in found}

    def _pool(self, seeds: Sequence[int], limit: int | None) -> Any:
        if importlib.util.find_spec("envpool") is None:
            raise MissingExtra("backend 'envpool'", extra="envpool")
        import envpool

        for name in OWN_ARGUMENTS:
            if name in self.kwargs:
                raise InvalidInput(f"environment.kwargs: {name!r} ({self.kwargs[name]!r}) is set by the backend")
        for name, arguments in self.wrappers:
            if (name, dict(arguments)) != ("FlattenObservation", {}):
                raise InvalidInput(f"environment wrapper {name!r}: backend 'envpool' takes no wrappers")
        if self.id not in _known_ids():
            raise UnknownName("environment of backend 'envpool'", self.id, _known_ids())
        kwargs = copy.deepcopy(dict(self.kwargs))
        if limit is not None:
            kwargs["max_episode_steps"] = limit
        try:
            with quiet_bounds():
                # A list of seeds, since one integer s would mean s, s + 1, ...; one thread, since workers share cores.
                pool = envpool.make(
                    self.id, env_type="gymnasium", num_envs=len(seeds), num_threads=1, seed=list(seeds), **kwargs
                )
                _ = pool.observation_space, pool.action_space  # built when first asked for, with the warnings
        except (TypeError, ValueError, AssertionError) as error:
            raise InvalidInput(f"environment {self.id!r} of backend 'envpool' cannot be built: {error}") from error
        return pool

    @functools.cached_property
    def _looked_at(self) -> tuple[Spaces, int]:
        """The spaces, and how many categories a discrete observation has (0 for a Box)."""
        pool = self._pool([0], self.max_episode_steps)
        observation, action = pool.observation_space, pool.action_space
        limit = int(pool.spec.config.max_episode_steps)
        pool.close()
        if not isinstance(observation, (Box, Discrete)) or not isinstance(action, (Box, Discrete)):
            raise InvalidInput(
                f"environment {self.id!r}: backend 'envpool' handles Box and Discrete spaces, "
                f"not observations of {observation} with actions of {action}"
            )
        if limit >= UNLIMITED:
            raise InvalidInput(
                f"environment {self.id!r} has no time limit and an episode might never end; set max_episode_steps"
            )
        categories = int(observation.n) if isinstance(observation, Discrete) else 0
        seen = Box(0.0, 1.0, (categories,), np.float32) if categories else observation
        return Spaces(seen, action, 1, limit), categories


@functools.cache
def _known_ids() -> frozenset[str]:
    import envpool

    return frozenset(envpool.list_all_envs())


class EnvPoolVector(VectorEnvironment):
    """A pool whose finished episodes are reset at once.

    EnvPool by itself resets in the step after the last, whose row is no transition. Asking for the reset of the
    finished sub-environments right after their last step takes that row's place: the next step is a real one.

    Args:
        pool: A synchronous pool with one step more than `limit`.
        count: Its sub-environments.
        spaces: What they offer.
        limit: Steps after which an episode is truncated.
        categories: Values of a discrete observation, or 0.
    """

    def __init__(self, pool: Any, count: int, spaces: Spaces, limit: int, categories: int) -> None:
        assert spaces.action.shape is not None  # a Box or Discrete: the backend looked
        self._pool, self._count, self._limit = pool, count, limit
        discrete = isinstance(spaces.action, Discrete)
        self._action_type = np.dtype(np.int32) if discrete else spaces.action.dtype
        self._action_shape = (count, *spaces.action.shape)
        self._one_hot = np.eye(categories, dtype=np.float32) if categories else None
        self._all = np.arange(count, dtype=np.int32)
        self._elapsed = np.zeros(count, dtype=np.int64)
        self._current: npt.NDArray[Any] = np.empty(0)

    def reset(self) -> npt.NDArray[Any]:
        """Starts the first episodes."""
        self._current = self._seen(self._pool.reset()[0])
        return self._current

    def step(self, actions: npt.NDArray[Any], running: npt.NDArray[np.bool_] | None = None) -> Step:
        """Steps the sub-environments that run, in one call."""
        given = np.asarray(actions, dtype=self._action_type).reshape(self._action_shape)
        rows = self._all if running is None or running.all() else np.flatnonzero(running).astype(np.int32)
        arrived, rewards = self._current.copy(), np.zeros((self._count, 1))
        terminated, truncated = np.zeros(self._count, dtype=np.bool_), np.zeros(self._count, dtype=np.bool_)
        observations = arrived
        if len(rows):
            seen, reward, over, cut, info = self._pool.step(np.ascontiguousarray(given[rows]), rows)
            rows = info["env_id"]
            arrived[rows] = self._seen(seen)
            rewards[rows, 0] = reward
            self._elapsed[rows] += 1
            terminated[rows] = over
            truncated[rows] = (cut | (self._elapsed[rows] >= self._limit)) & ~over
            ended = np.flatnonzero(terminated | truncated).astype(np.int32)
            if len(ended):
                observations = arrived.copy()
                fresh, info = self._pool.reset(ended)
                observations[info["env_id"]] = self._seen(fresh)
                self._elapsed[ended] = 0
        self._current = observations
        return Step(arrived, rewards, terminated, truncated, observations)

    def close(self) -> None:
        """Ends the pool's thread."""
        self._pool.close()

    def _seen(self, observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return observations if self._one_hot is None else self._one_hot[observations]
