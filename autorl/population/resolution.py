"""From the name in a study file to an algorithm, and back."""

from __future__ import annotations

import importlib
import inspect
import operator
import sys
from collections.abc import Mapping

from autorl.errors import InvalidInput, UnknownName
from autorl.population.base import Algorithm
from autorl.registry import discover, load_attribute, module_names

__all__ = ["algorithm_reference", "bundled_algorithms", "resolve_algorithm"]

BUNDLED = "autorl.algorithms"

ADAPTERS = {"sb3": "autorl.population.sb3"}
"""Libraries whose algorithms are made into ours: prefix -> module with `library_algorithm(name, where)`."""


def resolve_algorithm(source: object, where: str = "algorithm") -> type[Algorithm]:
    """The algorithm that a study file or an argument names.

    Args:
        source: A class, which is returned; a bundled name; `module:attribute` of a class or of a function made by
            `@algorithm`; or a library's algorithm, as `sb3:PPO` or `{sb3: PPO}`.
        where: The file and key, for messages.

    Raises:
        UnknownName: If nothing answers to the name.
        MissingExtra: If the library it belongs to is not installed.
        InvalidInput: If the source has another form, or what it names is no algorithm.
    """
    if isinstance(source, Mapping):
        if len(source) != 1 or not all(isinstance(part, str) for part in (*source, *source.values())):
            raise InvalidInput(f"{where}: {dict(source)!r} is no single adapter with a name, such as {{sb3: PPO}}")
        ((adapter, name),) = source.items()
        if adapter not in ADAPTERS:
            raise UnknownName("algorithm adapter", adapter, ADAPTERS, where)
        return resolve_algorithm(f"{adapter}:{name}", where)
    if isinstance(source, str) and ":" in source:
        adapter, _, name = source.partition(":")
        if adapter in ADAPTERS:
            made: type[Algorithm] = importlib.import_module(ADAPTERS[adapter]).library_algorithm(name, where)
            return made
        if adapter == "__main__" and not hasattr(sys.modules["__main__"], name):
            raise InvalidInput(
                f"{where}: {source!r} was defined in a script or a notebook; go on from that script with the same call"
            )
        return _checked(load_attribute("algorithm", source, where), source, where)
    if isinstance(source, str):
        return _bundled(source, where)
    return _checked(source, source, where)


def bundled_algorithms() -> dict[str, type[Algorithm]]:
    """Every bundled algorithm by name, sorted; imports them all."""
    base: type[Algorithm] = Algorithm  # type: ignore[type-abstract]  # only compared with
    return discover(BUNDLED, base)


def algorithm_reference(algorithm: type[Algorithm]) -> str | None:
    """A text that `resolve_algorithm` reads back in another process.

    None for a class that no other process finds by name: defined in `__main__`, in a notebook or inside a function.
    Such a class travels by value, and a study of it is resumed by the same script only.
    """
    module, qualname = algorithm.__module__, algorithm.__qualname__
    for adapter, home in ADAPTERS.items():
        if module == home:
            return f"{adapter}:{qualname}"
    if module.rpartition(".")[0] == BUNDLED and vars(algorithm).get("name") == module.rpartition(".")[2]:
        return algorithm.name
    if module == "__main__" or module not in sys.modules or "<" in qualname:
        return None
    try:
        found = operator.attrgetter(qualname)(sys.modules[module])
    except AttributeError:
        return None
    return f"{module}:{qualname}" if found is algorithm else None


def _bundled(name: str, where: str) -> type[Algorithm]:
    """Imports the module of that name alone: others may need libraries that are not installed."""
    known = module_names(BUNDLED)
    if name not in known:
        raise UnknownName("algorithm", name, known, where)
    module = importlib.import_module(f"{BUNDLED}.{name}")
    for member in vars(module).values():
        if inspect.isclass(member) and issubclass(member, Algorithm) and vars(member).get("name") == name:
            return member
    raise InvalidInput(f"{where}: the module {module.__name__!r} holds no Algorithm with name = {name!r}")


def _checked(found: object, source: object, where: str) -> type[Algorithm]:
    named = f"{where}: {source!r}" if found is source else f"{where}: {source!r} is {found!r}, which"
    if not (inspect.isclass(found) and issubclass(found, Algorithm)):
        hint = "; decorate it with @autorl.algorithm(space=...)" if inspect.isroutine(found) else ""
        raise InvalidInput(f"{named} is no Algorithm{hint}")
    missing = sorted(found.__abstractmethods__)
    if missing:
        raise InvalidInput(f"{named} is an Algorithm that lacks {', '.join(missing)}")
    parameters = vars(found).get("__dataclass_params__")
    if parameters is None or not parameters.frozen:
        raise InvalidInput(f"{named} must be a frozen dataclass, whose fields are its hyperparameters")
    if not vars(found).get("name"):
        raise InvalidInput(f"{named} has no name of its own (a class attribute `name`)")
    return found
