"""One rule for every name: a bare name is bundled, `module:attribute` is the user's own.

Bundled things are found by looking, never listed by hand: a new file in the right folder is enough. What takes
options is written as a name or as `{name: NAME, OPTION: VALUE, ...}`; its options are the constructor's keyword-only
arguments.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Mapping
from typing import TypeVar

from autorl.errors import InvalidInput, UnknownName

__all__ = ["build", "discover", "load_attribute", "module_names", "options_of", "resolve_class"]

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


def options_of(class_: type) -> dict[str, inspect.Parameter]:
    """The options of a class: its constructor's keyword-only arguments, by name."""
    parameters = inspect.signature(class_).parameters
    return {name: one for name, one in parameters.items() if one.kind is one.KEYWORD_ONLY}


def build(kind: str, source: object, package: str, base: type[T], arguments: tuple[object, ...], where: str) -> T:
    """Builds what an entry of a study file stands for.

    Args:
        kind: What is built, in the singular, for messages.
        source: A name as `resolve_class` takes it, or a mapping of `name` and options.
        package: Where bundled ones live.
        base: What it must be a subclass of.
        arguments: Positional arguments of the constructor.
        where: The file and key the entry stands in.

    Raises:
        UnknownName: If nothing answers to the name, or the class has no such option.
        InvalidInput: If the entry has another form, an option has the wrong type or is missing, or the class refuses.
    """
    options = dict(source) if isinstance(source, Mapping) else {"name": source}
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise InvalidInput(
            f"{where}: {source!r} is no {kind}; write a name, or {{name: NAME, OPTION: VALUE}} for one with options"
        )
    class_ = resolve_class(kind, name, package, base, where)
    if inspect.isabstract(class_):
        lacking = ", ".join(sorted(getattr(class_, "__abstractmethods__", ())))
        raise InvalidInput(f"{where}: {kind} {name!r} does not define {lacking}, so it cannot be used")
    known = options_of(class_)
    for option, value in options.items():
        if option not in known:
            raise UnknownName(f"option of {kind} {name!r}", option, known, where)
        _check_type(value, option, class_, where)
    for option, parameter in known.items():
        if parameter.default is parameter.empty and option not in options:
            raise InvalidInput(
                f"{where}: {kind} {name!r} needs the option {option!r}; write {{name: {name}, {option}: ...}}"
            )
    constructor: typing.Callable[..., T] = class_
    try:
        return constructor(*arguments, **options)
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error}") from error


def _check_type(value: object, option: str, class_: type, where: str) -> None:
    """Checks a value against a plain annotation (bool, int, float, str); others are the class's own to check."""
    expected = typing.get_type_hints(class_.__init__).get(option)  # type: ignore[misc]  # of this class, never called
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    if expected not in words:
        return
    accepted: tuple[type, ...] = (int, float) if expected is float else (expected,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and expected is not bool):
        raise InvalidInput(f"{where}: {option} is {value!r}, which is not {words[expected]}")
