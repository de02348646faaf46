"""`autorl show`: a search space as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autorl.cli.console import print_json, print_table
from autorl.cli.listing import bundled_spaces
from autorl.cli.options import Json
from autorl.errors import InvalidInput, UnknownName
from autorl.registry import module_names

if TYPE_CHECKING:
    from autorl.population import Algorithm
    from autorl.space import SearchSpace

__all__ = ["show"]

HEAD = ("name", "kind", "range", "scale", "default", "static", "condition")


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An algorithm, a space, or the path of a space file.")],
    algorithm: Annotated[
        str | None, typer.Option(help="The algorithm a space belongs to; default: the one its name begins with.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the search space of an algorithm, or a space by name, as a table."""
    from autorl.population import resolve_algorithm

    owner = algorithm or _owner(name)
    found = None if owner is None else resolve_algorithm(owner, "show")
    space = _space(name, found)
    static = frozenset() if found is None else found.static_names()
    if json:
        print_json({"space": space.describe(), "static": sorted(static & set(space.names)), "algorithm": owner})
        return
    rows = [tuple(_cell(cell) for cell in row) for row in space.rows(static)]
    print_table([HEAD, *rows], title=f"Search space {name}" + (f" of {owner}" if owner not in (None, name) else ""))
    for relation in space.relations:
        typer.echo(f"Relation: {relation}")
    if found is not None:
        rest = {key: value for key, value in found.defaults().items() if key not in space.names}
        if rest:
            typer.echo("Not tuned: " + ", ".join(f"{key} = {value!r}" for key, value in rest.items()))


def _cell(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _owner(name: str) -> str | None:
    """The algorithm meant: the name itself, or the bundled one that a space's name begins with."""
    algorithms = module_names("autorl.algorithms")
    if name in algorithms or (name not in bundled_spaces() and ":" in name):
        return name
    stem = name.rpartition("/")[2]
    prefixes = [known for known in algorithms if stem.startswith(f"{known}_") or stem.startswith(f"{known}.")]
    return max(prefixes, key=len, default=None)


def _space(name: str, algorithm: type[Algorithm] | None) -> SearchSpace:
    from autorl.space import SearchSpace

    algorithms, spaces = module_names("autorl.algorithms"), bundled_spaces()
    defaults = None if algorithm is None else algorithm.defaults()
    if name in algorithms or (algorithm is not None and ":" in name):
        assert algorithm is not None  # `_owner` answers for these names
        source = algorithm.default_space()
        return SearchSpace.load(name if source is None else source, defaults=defaults)
    if name not in spaces and "/" not in name and not name.endswith((".yaml", ".yml", ".json")):
        raise UnknownName("algorithm or space", name, {*algorithms, *spaces})
    try:
        return SearchSpace.load(name, defaults=defaults)
    except InvalidInput as error:
        if algorithm is None:
            error.args = (f"{error} (a relation or default may need the algorithm's own: name it with --algorithm)",)
        raise
