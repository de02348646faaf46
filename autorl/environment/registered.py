"""Registered Gymnasium environments: finding one, building it, and saying plainly why it cannot be built."""

from __future__ import annotations

import copy
import importlib
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec, find_highest_version, get_env_id, parse_env_id, registry

from autorl.environment.linear_reward import LinearReward
from autorl.environment.minecart import OwnOre
from autorl.errors import InvalidInput, MissingExtra, UnknownName
from autorl.registry import load_attribute

__all__ = ["build", "find", "quiet_bounds", "wrapper_maker"]

Made = gymnasium.Env[Any, Any]

OWN_ARGUMENTS = ("id", "max_episode_steps", "disable_env_checker")
"""Arguments of `gymnasium.make` itself, which would never reach the environment."""

REFUSED_WRAPPERS = {
    "Autoreset": "episodes are reset by the backend",
    "NormalizeObservation": "its statistics would start anew at every rung and evaluation; let the algorithm normalise",
    "NormalizeReward": "it would change the returns reported; let the algorithm normalise",
    "vector": "it is no wrapper",
}
MULTI_OBJECTIVE = "mo_gymnasium"
"""Registers its environments when it is imported; Gymnasium registers its own by itself."""
MINECART = "mo_gymnasium.envs.minecart.minecart:Minecart"
ENDS_BY_ITSELF: Mapping[object, tuple[str, int]] = {
    "mo_gymnasium.envs.fruit_tree.fruit_tree:FruitTreeEnv": ("depth", 6)
}
"""Environments registered without a limit whose every episode has as many steps as an argument (with default) says."""
EXTRAS = ("box2d", "mujoco")
"""Families of environments whose dependencies an extra of this package brings, by the family's name."""


def find(id: str) -> tuple[str, EnvSpec]:
    """Looks an id up; an id without a version means the newest one.

    Gymnasium's own look-up warns about old and left-out versions. Here an old version is taken as asked for, and a
    left-out one is resolved in the id returned. MO-Gymnasium's environments are found by their bare ids.

    Returns:
        The id with its version (and the module that registers it, if one must be imported), and the registration.

    Raises:
        UnknownName: If no such id is registered.
        InvalidInput: If the id is malformed, or its module or namespace is missing.
    """
    module, _, bare = id.rpartition(":")
    if module or bare not in registry:
        _import(id, module or MULTI_OBJECTIVE)
    try:
        namespace, name, version = parse_env_id(bare)
    except gymnasium.error.Error as error:
        raise InvalidInput(f"environment {id!r} is no well-formed id: {error}") from error
    if version is None and bare not in registry:
        bare = get_env_id(namespace, name, find_highest_version(namespace, name))
    if bare not in registry:
        if namespace is not None and namespace not in {spec.namespace for spec in registry.values()}:
            raise InvalidInput(
                f"environment {id!r}: nothing registers the namespace {namespace!r}; "
                f"name the module that does, as 'module:{bare}'"
            )
        raise UnknownName("environment", id, registry)
    if str(registry[bare].entry_point).startswith(f"{MULTI_OBJECTIVE}."):
        module = MULTI_OBJECTIVE  # however it was written: one environment has one resolved id
    return f"{module}:{bare}" if module else bare, registry[bare]


def _import(id: str, module: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and module.startswith(error.name):
            raise InvalidInput(
                f"environment {id!r} names the module {module!r}, which is not found on the Python path"
            ) from error
        raise InvalidInput(f"environment {id!r}: its module cannot be imported: {error}") from error


def build(spec: EnvSpec, kwargs: Mapping[str, Any], max_episode_steps: int | None) -> Made:
    """Builds one environment with Gymnasium's time limit and order check, without its passive checker.

    Raises:
        MissingExtra: If a dependency of the environment is not installed.
        InvalidInput: If the environment refuses its arguments.
    """
    for name in OWN_ARGUMENTS:
        if name in kwargs:
            raise InvalidInput(f"environment.kwargs: {name!r} (given as {kwargs[name]!r}) is no environment's argument")
    if max_episode_steps is None and spec.max_episode_steps is None:
        max_episode_steps = (
            kwargs.get(*ENDS_BY_ITSELF[spec.entry_point]) if spec.entry_point in ENDS_BY_ITSELF else None
        )
    with _explained(spec), quiet_bounds():
        _load(spec)
        made = gymnasium.make(spec, max_episode_steps, disable_env_checker=True, **copy.deepcopy(dict(kwargs)))
    return OwnOre(made) if spec.entry_point == MINECART else made


def _load(spec: EnvSpec) -> None:
    """Imports what makes the environment."""
    if isinstance(spec.entry_point, str):
        with warnings.catch_warnings():
            # SWIG's bindings (Box2D's are one) set these off at import; they say nothing about the environment.
            warnings.filterwarnings("ignore", "builtin type .* has no __module__ attribute", DeprecationWarning)
            importlib.import_module(spec.entry_point.partition(":")[0])


@contextmanager
def quiet_bounds() -> Iterator[None]:
    """Silences Gymnasium about the precision of bounds that an environment declares."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*precision lowered by casting", UserWarning)
        yield


@contextmanager
def _explained(spec: EnvSpec) -> Iterator[None]:
    """Turns what goes wrong while an environment is built into one sentence."""
    try:
        yield
    except (gymnasium.error.DependencyNotInstalled, ModuleNotFoundError) as error:
        named = re.search(r"gymnasium\[([\w,-]+)\]", str(error))
        family = named or re.match(rf"(?:mo_)?gymnasium\.envs\.({'|'.join(EXTRAS)})\b", str(spec.entry_point))
        if family is None:
            raise InvalidInput(f"environment {spec.id!r} cannot be built: {error}") from error
        missing = re.match(r"(?:No module named '?)?([\w.-]+)", str(error))
        what = missing.group(1) if missing else "something"
        who, extra = f"{what}, which environment {spec.id!r} needs,", family.group(1)
        raise MissingExtra(who, extra if extra in EXTRAS else "", f"gymnasium[{extra}]") from error
    except (gymnasium.error.Error, ImportError, TypeError, ValueError, AssertionError) as error:
        raise InvalidInput(f"environment {spec.id!r} cannot be built: {error}") from error


def wrapper_maker(name: str, kwargs: Mapping[str, Any]) -> Callable[[Made], Made]:
    """What puts a wrapper around an environment.

    Args:
        name: `LinearReward`, one of `gymnasium.wrappers`, or `module:attribute`.
        kwargs: Its arguments besides the environment.

    Raises:
        UnknownName: If nothing answers to the name.
        MissingExtra: If the wrapper needs a library that is not installed.
        InvalidInput: If the wrapper is refused, or is nothing to call.
    """
    made = load_attribute("environment wrapper", name) if ":" in name else _bundled_wrapper(name)
    if not callable(made):
        raise InvalidInput(f"environment wrapper {name!r} is {made!r}, which is nothing to call")

    def wrap(environment: Made) -> Made:
        try:
            wrapped = made(environment, **copy.deepcopy(dict(kwargs)))
        except (gymnasium.error.Error, TypeError, ValueError, AssertionError) as error:
            raise InvalidInput(
                f"environment wrapper {name!r} does not fit with arguments {dict(kwargs)!r}: {error}"
            ) from error
        if not isinstance(wrapped, gymnasium.Env):
            raise InvalidInput(f"environment wrapper {name!r} returned {wrapped!r}, which is no gymnasium.Env")
        return wrapped

    return wrap


def _bundled_wrapper(name: str) -> object:
    if name == LinearReward.__name__:
        return LinearReward
    known = [entry for entry in gymnasium.wrappers.__all__ if entry not in REFUSED_WRAPPERS]
    if name in REFUSED_WRAPPERS:
        raise InvalidInput(f"environment wrapper {name!r} is refused: {REFUSED_WRAPPERS[name]}")
    if name not in known:
        raise UnknownName("environment wrapper", name, [*known, LinearReward.__name__])
    try:
        return getattr(gymnasium.wrappers, name)
    except gymnasium.error.DependencyNotInstalled as error:
        raise InvalidInput(f"environment wrapper {name!r} cannot be loaded: {error}") from error
