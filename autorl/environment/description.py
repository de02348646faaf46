"""An environment as plain data: hashable, picklable, and equal wherever its description is."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from autorl.content import canonical_json
from autorl.environment.base import Backend, Spaces, VectorEnvironment
from autorl.errors import InvalidInput, UnknownName
from autorl.pareto import undominated
from autorl.records import FloatArray
from autorl.registry import resolve_class

if TYPE_CHECKING:
    import gymnasium

__all__ = ["Environment"]


@dataclass(frozen=True, eq=False)
class Environment:
    """Where agents act: everything needed to build the environment in another process.

    Constructing one checks the data only. What is installed is looked at by `spaces()`, which a study calls before
    any training. Two descriptions are equal if their canonical JSON is, so 1 and 1.0 and True stay apart.

    Attributes:
        id: A registered id; `module:Id` imports the module first, which is Gymnasium's own rule.
        kwargs: Arguments of the environment's constructor, as plain data.
        wrappers: Wrappers around the environment, innermost first. Each is a name, or `{name: ..., kwargs: {...}}`;
            a bare name is one of `gymnasium.wrappers`, `module:attribute` is the user's own, and `LinearReward` with
            `{weight: [...]}` gives the weighted sum of a reward vector.
        max_episode_steps: Steps after which an episode is truncated; None takes the registered limit.
        backend: "gymnasium", "envpool", or `module:attribute` of a `Backend`.

    Raises:
        InvalidInput: If a field has the wrong type, or holds what is no plain data.
    """

    id: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    wrappers: Sequence[str | Mapping[str, Any]] = ()
    max_episode_steps: int | None = None
    backend: str = "gymnasium"

    def __post_init__(self) -> None:
        names: dict[str, tuple[object, str]] = {
            "id": (self.id, "a registered id such as CartPole-v1"),
            "backend": (self.backend, "gymnasium, envpool or module:attribute"),
        }
        for name, (text, rule) in names.items():
            if not isinstance(text, str) or not text:
                raise InvalidInput(f"environment.{name}: {text!r} is no name; write {rule}")
        limit: object = self.max_episode_steps
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise InvalidInput(f"environment.max_episode_steps: {limit!r} is no positive whole number")
        object.__setattr__(self, "kwargs", _plain_kwargs("environment.kwargs", self.kwargs))
        object.__setattr__(self, "wrappers", _wrappers(self.wrappers))

    @staticmethod
    def of(source: str | Mapping[str, object] | Environment) -> Environment:
        """Reads a study file's entry: an id, or a mapping of the fields.

        Raises:
            UnknownName: If a key is no field.
            InvalidInput: If the entry has another form, or lacks the id.
        """
        if isinstance(source, Environment):
            return source
        if isinstance(source, str):
            return Environment(source)
        if not isinstance(source, Mapping):
            raise InvalidInput(f"environment: {source!r} is neither an id nor a mapping")
        known = [entry.name for entry in fields(Environment)]
        for key in source:
            if key not in known:
                raise UnknownName("key of environment", key, known)
        if "id" not in source:
            raise InvalidInput(f"environment: {dict(source)!r} lacks the key 'id'")
        values: dict[str, Any] = {key: value for key, value in source.items() if value is not None}
        return Environment(**values)

    def describe(self) -> dict[str, object]:
        """The resolved description, as plain JSON for content keys; `of` reads it back.

        The id carries its version, the time limit is the one in force, and `FlattenObservation` stands among the
        wrappers if observations are flattened.

        Raises:
            InvalidInput: As `spaces()`.
        """
        described = _plain(self)
        described.update(copy.deepcopy(dict(_backend(self).resolved())))
        return described

    def spaces(self) -> Spaces:
        """What the environment offers to a learner; builds one to look, once a process.

        Raises:
            UnknownName: If nothing answers to the id, a wrapper or the backend.
            MissingExtra: If something the environment or the backend needs is not installed.
            InvalidInput: If an argument does not fit, or the environment has no time limit.
        """
        return _backend(self).spaces()

    @property
    def at_once(self) -> int | None:
        """Sub-environments of an agent that an evaluation keeps at once, one a policy at least; None for any number.

        Raises:
            InvalidInput: As `spaces()`.
        """
        return _backend(self).at_once

    def known_front(self, discount: float) -> FloatArray | None:
        """The true Pareto front of an environment that states it, as MO-Gymnasium's `pareto_front` does.

        Dominated points, which such lists can hold, and copies are left out.

        Args:
            discount: Of the returns.

        Returns:
            Discounted returns, shape (n, rewards), in lexicographic order; None where the environment states none, or
            a wrapper before it changes more than what is seen.

        Raises:
            InvalidInput: As `spaces()`.
        """
        found = _known_front(self, discount)
        return None if found is None else found.copy()

    def vector(self, seeds: Sequence[int]) -> VectorEnvironment:
        """One sub-environment a seed, each with a stream of its own.

        Args:
            seeds: At least one, each in 0 to 2**31 - 1; the same seed twice gives the same stream twice.

        Raises:
            InvalidInput: As `spaces()`, or if a seed is out of range.
        """
        wrong = [seed for seed in seeds if not 0 <= seed < 2**31]
        if wrong or not len(seeds):
            raise InvalidInput(f"environment seeds {wrong or list(seeds)!r}: at least one, each in 0 to {2**31 - 1}")
        return _backend(self).vector([int(seed) for seed in seeds])

    def make(self, seed: int | None = None) -> gymnasium.Env[Any, Any]:
        """One environment with Gymnasium's own interface, for code that brings its own loop.

        Args:
            seed: If given, the environment's stream and its action space's are seeded with it.

        Raises:
            InvalidInput: As `spaces()`, or if the backend makes vector environments only.
        """
        environment = _backend(self).make()
        if seed is not None:
            environment.reset(seed=seed)
            environment.action_space.seed(seed)
        return environment

    def versions(self) -> dict[str, str]:
        """Versions of the distributions that change this environment's numbers, by name.

        A user's own module has no distribution; it stands here with a digest of its file.
        """
        return dict(sorted(_backend(self).versions().items()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Environment):
            return NotImplemented
        return self._canonical == other._canonical

    def __hash__(self) -> int:
        return hash(self._canonical)

    @functools.cached_property
    def _canonical(self) -> str:
        return canonical_json(_plain(self))


def _plain(environment: Environment) -> dict[str, object]:
    return {entry.name: copy.deepcopy(getattr(environment, entry.name)) for entry in fields(environment)}


def _plain_kwargs(where: str, kwargs: object) -> dict[str, Any]:
    if not isinstance(kwargs, Mapping) or not all(isinstance(name, str) for name in kwargs):
        raise InvalidInput(f"{where}: {kwargs!r} is no mapping of names to values")
    try:
        canonical_json(kwargs)
    except TypeError as error:
        raise InvalidInput(f"{where}: {error}") from error
    return copy.deepcopy(dict(kwargs))


def _wrappers(wrappers: object) -> tuple[dict[str, Any], ...]:
    if isinstance(wrappers, str) or not isinstance(wrappers, Sequence):
        raise InvalidInput(
            f"environment.wrappers: {wrappers!r} is no list; write [NAME, ...], or {{name: NAME, kwargs: {{...}}}} for "
            f"one with arguments"
        )
    found = []
    for position, entry in enumerate(wrappers):
        where = f"environment.wrappers[{position}]"
        given = {"name": entry} if isinstance(entry, str) else entry
        if not isinstance(given, Mapping) or not isinstance(given.get("name"), str) or not given["name"]:
            raise InvalidInput(f"{where}: {entry!r} is neither a name nor a mapping with the key 'name'")
        for key in given:
            if key not in ("name", "kwargs"):
                raise UnknownName("key of a wrapper", key, ("name", "kwargs"), where)
        found.append({"name": given["name"], "kwargs": _plain_kwargs(f"{where}.kwargs", given.get("kwargs") or {})})
    return tuple(found)


@functools.lru_cache(maxsize=64)
def _known_front(environment: Environment, discount: float) -> FloatArray | None:
    listed = _backend(environment).known_front(discount)
    return None if listed is None else undominated(listed)


@functools.lru_cache(maxsize=256)
def _backend(environment: Environment) -> Backend:
    """The maker behind a description; cached, since looking at an environment means building one."""
    base: type[Backend] = Backend  # type: ignore[type-abstract]  # only compared with
    made = resolve_class("environment backend", environment.backend, "autorl.environment", base)
    wrappers = [(str(entry["name"]), dict(entry["kwargs"])) for entry in _wrappers(environment.wrappers)]
    return made(environment.id, dict(environment.kwargs), wrappers, environment.max_episode_steps)
