"""One rule for every name: a bare name is bundled, `module:attribute` is the user's own.

Bundled things are found by looking, never listed by hand: a new file in the right folder is enough.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TypeVar

from autorl.errors import InvalidInput, UnknownName

__all__ = ["discover", "load_attribute", "module_names", "resolve_class"]

T = TypeVar("T")


def module_names(package: str) -> list[str]:
    """Names of the public modules of a package, sorted, without importing them."""
    path = importlib.import_module(package).__path__
    return sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_"))


def discover(package: str, base: type[T]) -> dict[str, type[T]]:
    """Concrete subclasses of `base` defined in a package's modules, by their `name`, sorted.

    Modules are imported for this, so those of a package searched this way import heavy libraries lazily.
    """
    found: dict[str, type[T]] = {}
    for module_name in module_names(package):
        module = importlib.import_module(f"{package}.{module_name}")
        for member in vars(module).values():
            if (
                inspect.isclass(member)
                and issubclass(member, base)
                and not inspect.isabstract(member)
                and member.__module__ == module.__name__
                and vars(member).get("name")
            ):
                found[vars(member)["name"]] = member
    return dict(sorted(found.items()))


def load_attribute(kind: str, reference: str, where: str = "") -> object:
    """Loads what `module:attribute` names.

    Raises:
        InvalidInput: If the module cannot be imported because it does not exist, or lacks the attribute.
    """
    module_name, _, attribute = reference.partition(":")
    place = f"{where}: " if where else ""
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and module_name.startswith(error.name):
            raise InvalidInput(
                f"{place}{kind} {reference!r} names the module {module_name!r}, which is not found on the Python path"
            ) from error
        raise
    found: object = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            known = [name for name in vars(module) if not name.startswith("_")]
            raise UnknownName(f"attribute of module {module_name!r} named as {kind}", part, known, where)
        found = getattr(found, part)
    return found


def resolve_class(kind: str, reference: str, package: str, base: type[T], where: str = "") -> type[T]:
    """The class a name stands for: bundled in `package` by bare name, or the user's own as `module:attribute`.

    Raises:
        InvalidInput: If nothing answers to the name, or what does is no subclass of `base`.
    """
    if ":" in reference:
        found = load_attribute(kind, reference, where)
        if not (inspect.isclass(found) and issubclass(found, base)):
            place = f"{where}: " if where else ""
            raise InvalidInput(f"{place}{kind} {reference!r} is {found!r}, which is no subclass of {base.__name__}")
        return found
    known = discover(package, base)
    if reference not in known:
        raise UnknownName(kind, reference, known, where)
    return known[reference]
