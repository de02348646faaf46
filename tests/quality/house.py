"""The package's source as the house rules see it: modules, their imports, and the layers of the design."""

from __future__ import annotations

import ast
import functools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

LAYERS = {
    0: (
        "errors",
        "records",
        "space",
        "seeds",
        "pareto",
        "simplex",
        "statistics",
        "content",
        "documents",
        "registry",
        "checks",
    ),
    1: ("environment", "population", "metrics", "agents", "numerics"),
    2: ("objective", "tuners", "schedules"),
    3: ("storage", "execution"),
    4: ("report",),
    5: ("study",),
    6: ("cli", "__main__"),
}
"""Who may import whom: a module imports its own layer and those below."""
CONTENT = ("algorithms", "search_spaces", "studies")
"""The folders of content; they import layers 0 and 1, and nothing imports them by name."""
LAYER_OF = {part: layer for layer, parts in LAYERS.items() for part in parts}


@dataclass(frozen=True)
class Import:
    """One import of a module of ours, or of another distribution.

    Attributes:
        target: The module named, "autorl.space" or "torch".
        line: Where.
        nested: Inside a function, so that it runs later.
        typing_only: Under `if TYPE_CHECKING`, so that it never runs.
    """

    target: str
    line: int
    nested: bool
    typing_only: bool


@dataclass(frozen=True)
class Module:
    """One source file.

    Attributes:
        name: Its import name.
        tree: Its syntax.
        package: Whether it is an `__init__.py`.
        lines: Its length.
    """

    name: str
    tree: ast.Module
    package: bool
    lines: int

    @property
    def part(self) -> str:
        """The name below `autorl`: the package or the top module; "" for `autorl` itself."""
        return self.name.split(".")[1] if "." in self.name else ""


def module(name: str, text: str, package: bool = False) -> Module:
    """A module from its source, also one made up for a negative control."""
    return Module(name, ast.parse(text), package, len(text.splitlines()))


@functools.cache
def modules() -> tuple[Module, ...]:
    """Every module of the package, those of the content folders included, by name."""
    found = []
    for folder in ("autorl", *CONTENT):
        for path in sorted((ROOT / folder).rglob("*.py")):
            relative = path.relative_to(ROOT)
            if folder == "autorl" and len(relative.parts) > 2 and relative.parts[1] in CONTENT:
                continue  # through a link; visited in its own folder
            parts = list(relative.with_suffix("").parts)
            name = ".".join(([] if folder == "autorl" else ["autorl"]) + [part for part in parts if part != "__init__"])
            found.append(module(name, path.read_text(), path.name == "__init__.py"))
    assert len(found) > 20, f"looked in the wrong place: {ROOT}"
    return tuple(found)


def imports(source: Module, known: Collection[str]) -> Iterator[Import]:
    """Every import of a module, wherever it stands.

    Args:
        source: The module.
        known: Names of our modules: `from autorl.tuners import base` names a module if there is one.
    """
    for node, nested, typing_only in _walk(source.tree, False, False):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, nested, typing_only)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(source, node)
            for target in sorted(
                {f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base for alias in node.names}
            ):
                yield Import(target, node.lineno, nested, typing_only)


def _absolute(source: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    anchor = source.name.split(".")
    anchor = anchor[: len(anchor) - node.level + int(source.package)]
    return ".".join([*anchor, *([node.module] if node.module else [])])


def _walk(node: ast.AST, nested: bool, typing_only: bool) -> Iterator[tuple[ast.AST, bool, bool]]:
    for child in ast.iter_child_nodes(node):
        yield child, nested, typing_only
        inner = nested or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for part in child.body:
                yield part, inner, True
                yield from _walk(part, inner, True)
            for part in child.orelse:
                yield part, inner, typing_only
                yield from _walk(part, inner, typing_only)
        else:
            yield from _walk(child, inner, typing_only)


def ours(target: str) -> bool:
    """Whether an import is of this package."""
    return target == "autorl" or target.startswith("autorl.")


def cycle(edges: Mapping[str, Collection[str]]) -> list[str]:
    """A cycle of a directed graph as its nodes in order, or nothing."""
    finished: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in finished:
            return []
        for target in sorted(edges.get(node, ())):
            if found := visit(target, [*path, node]):
                return found
        finished.add(node)
        return []

    return next((found for node in sorted(edges) if (found := visit(node, []))), [])
