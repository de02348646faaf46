"""Which source an algorithm comes from, as a digest: a result counts for that source alone."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autorl.population.base import Algorithm

__all__ = ["function_digest", "source_digest"]

PLAIN = (bool, int, float, complex, str, bytes, tuple, list, dict, frozenset, type(None))


def source_digest(algorithm: type[Algorithm]) -> str:
    """Digest of an algorithm's source, as 16 hexadecimal digits.

    Of a class or a function in a module: of the module's whole file. Of one defined in `__main__`, a notebook or
    where there is no file: of its own source and that of every function, class and plain value of the same module
    that it refers to, directly or through another, with its defaults and what it closes over, so that the rest of a
    script may change. An algorithm derived from others, which have names of their own, counts with their sources. What
    it imports from other modules beyond that is not followed; versions of distributions are part of the numerics stamp
    by name.
    """
    own = vars(algorithm).get("digest")
    if isinstance(own, str):
        return own
    named = [one for one in algorithm.__mro__[1:] if issubclass(one, Algorithm) and vars(one).get("name")]
    digest = function_digest(algorithm)
    if not named:
        return digest
    return hashlib.sha256("\0".join([digest, *map(source_digest, named)]).encode()).hexdigest()[:16]


def function_digest(made: Any) -> str:
    """As `source_digest`, for a function or a class."""
    file = _module_file(made.__module__)
    if file is not None:
        return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    parts = sorted(_parts(made, made.__module__, set()))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _module_file(name: str) -> Path | None:
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if name == "__main__" or file is None or not Path(file).is_file():
        return None
    return Path(file)


def _parts(made: Any, module: str, seen: set[int]) -> Iterator[str]:
    """The source of a function or class, and of what it refers to in its module."""
    if id(made) in seen:
        return
    seen.add(id(made))
    try:
        yield inspect.getsource(made)
    except (OSError, TypeError):  # typed in at a prompt: there is no source, the compiled code stands for it
        yield from (_compiled(function.__code__) for function in _functions(made))
    for function in _functions(made):
        yield from _bound(function)
        for name in sorted(_names(function.__code__)):
            found = function.__globals__.get(name)
            if isinstance(found, PLAIN):
                yield f"{name} = {found!r}"
            elif getattr(found, "__module__", None) == module and (inspect.isclass(found) or inspect.isfunction(found)):
                yield from _parts(found, module, seen)


def _bound(function: types.FunctionType) -> Iterator[str]:
    """Plain values that a function carries along: defaults, and what it closes over."""
    yield repr([value for value in function.__defaults__ or () if isinstance(value, PLAIN)])
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # a cell not filled yet
            if isinstance(cell.cell_contents, PLAIN):
                yield f"{name} = {cell.cell_contents!r}"


def _functions(made: Any) -> list[types.FunctionType]:
    members = list(vars(made).values()) if inspect.isclass(made) else [made]
    plain = [getattr(member, "__func__", getattr(member, "fget", member)) for member in members]
    return [inspect.unwrap(member) for member in plain if inspect.isfunction(member)]


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _names(code: types.CodeType) -> set[str]:
    return {name for inner in _codes(code) for name in inner.co_names}


def _compiled(code: types.CodeType) -> str:
    constants = [constant for constant in code.co_consts if not isinstance(constant, types.CodeType)]
    return "\n".join([code.co_name, code.co_code.hex(), repr(constants), repr(code.co_names)]) + "".join(
        _compiled(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)
    )
