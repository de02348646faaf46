"""Digests of source code, for keys of what is kept: a changed program is measured anew."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

__all__ = ["code_digest"]


@functools.cache
def code_digest(module: str, prefixes: tuple[str, ...]) -> str:
    """Digest of a module's code and, through their imports, of all modules it uses whose names begin with a prefix.

    Docstrings and comments do not count.
    """
    found: dict[str, str] = {}
    stack = [module]
    while stack:
        name = stack.pop()
        specification = importlib.util.find_spec(name) if name not in found else None
        if specification is None or specification.origin is None:
            continue
        tree = ast.parse(Path(specification.origin).read_text())
        stack += [target for target in _imported(tree) if target.startswith(prefixes) and _is_module(target)]
        found[name] = ast.dump(_without_docstrings(tree))
    return hashlib.sha256(json.dumps(sorted(found.items())).encode()).hexdigest()


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is a module, so it names something inside
        return False


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:]
    return tree
