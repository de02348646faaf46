"""Tables of configurations: files that hold one configuration a row."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from autorl.documents import as_number, parse_document, read_text
from autorl.errors import InvalidInput, UnknownName
from autorl.records import Value
from autorl.space import SearchSpace
from autorl.space.numbers import Float, Int
from autorl.space.values import label, show

__all__ = ["read_table"]

Row = tuple[str, dict[str, object]]
"""Where a configuration stands, for messages, and its values."""
Table = tuple[Sequence[str], list[Row]]
"""Every column or key it has, and its configurations."""
PREFIX = "config."
"""How `trials.csv` marks the columns of hyperparameters."""
EMPTY = "the file is empty; a table holds one configuration a row"


def read_table(path: str | Path, space: SearchSpace, ignore: Collection[str] = ()) -> list[Row]:
    """Reads the configurations of a file: CSV, JSON lines (`.jsonl`), or a list of mappings in JSON or YAML.

    CSV opens with a header of hyperparameter names; if some begin with `config.`, as in a report's `trials.csv`, those
    are the hyperparameters and the other columns are passed over. An empty cell is left out. Cells are read as what
    the space expects there; null and truth values are written `null`, `true` and `false`.

    Args:
        path: The file; its ending says the format.
        space: What the configurations are of; their values are checked elsewhere.
        ignore: Columns or keys that are no hyperparameters.

    Returns:
        Per row where it stands and its values.

    Raises:
        UnknownName: If a column is none of the space, or one to ignore is none of the file.
        InvalidInput: If the file cannot be read, is empty, or is broken; the message names the line.
    """
    ending = Path(path).suffix.lower()
    if ending not in READERS:
        raise InvalidInput(f"{path}: the ending {ending!r} is none of {', '.join(READERS)}, which tables are read from")
    text = read_text(path).removeprefix("\ufeff")
    if not text.strip():
        raise InvalidInput(f"{path}: {EMPTY}")
    names, rows = READERS[ending](text, str(path), space, ignore)
    if not rows:
        raise InvalidInput(f"{path}: the table holds 0 configurations; it needs at least one")
    for name in ignore:
        if name not in names:
            raise UnknownName("column", name, names, f"{path}: ignore")
    return rows


def _csv(text: str, path: str, space: SearchSpace, ignore: Collection[str]) -> Table:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if cells]
    except csv.Error as error:
        raise InvalidInput(f"{path}, line {reader.line_num}: this is no CSV: {error}") from None
    (_, header), *rest = lines
    readers = _columns(header, path, space, ignore)
    rows = []
    for number, cells in rest:
        where = f"{path}, line {number}"
        if len(cells) != len(header):
            raise InvalidInput(
                f"{where}: {len(cells)} cell(s) stand under {len(header)} column(s); a row has one for each"
            )
        given: dict[str, object] = {
            name: read(cells[place], f"{where}: {name}") for place, (name, read) in readers.items() if cells[place]
        }
        if not given:
            raise InvalidInput(f"{where}: {','.join(cells)!r} holds no value of a hyperparameter; delete the line")
        rows.append((where, given))
    return header, rows


def _columns(
    header: Sequence[str], path: str, space: SearchSpace, ignore: Collection[str]
) -> dict[int, tuple[str, Callable[[str, str], Value]]]:
    """Place of a column -> the hyperparameter and how its cells are read."""
    marked = any(name.startswith(PREFIX) for name in header)
    names = {
        place: name.removeprefix(PREFIX)
        for place, name in enumerate(header)
        if name not in ignore and (name.startswith(PREFIX) or not marked)
    }
    readers = _readers(space)
    found: dict[int, tuple[str, Callable[[str, str], Value]]] = {}
    for place, name in names.items():
        if name not in readers:
            hint = f"{path}, line 1 (columns that are no hyperparameters go under `ignore`)"
            raise UnknownName("column", name, readers, hint)
        if name in [other for other, _ in found.values()]:
            raise InvalidInput(f"{path}, line 1: the column {name!r} stands twice; each hyperparameter has one")
        found[place] = name, readers[name]
    return found


def _readers(space: SearchSpace) -> dict[str, Callable[[str, str], Value]]:
    """Hyperparameter -> what turns a cell into its value; also for names outside the space that are held."""

    def choosing(choices: Sequence[Value]) -> Callable[[str, str], Value]:
        return lambda cell, _: _chosen(cell, choices)

    held = {**space.given, **space.fixed}
    return {name: choosing((value,)) for name, value in held.items()} | {
        one.name: as_number if isinstance(one, (Float, Int)) else choosing(one.range) for one in space.hyperparameters
    }


def _chosen(cell: str, choices: Sequence[Value]) -> Value:
    """The choice a cell means; if none is spelled so, what it says by itself, to be refused by the space."""
    for spelled in (label, show):
        for choice in choices:
            if cell == spelled(choice):
                return choice
    words: dict[str, Value] = {"true": True, "false": False, "null": None, "none": None}
    if cell.lower() in words:
        return words[cell.lower()]
    try:
        return as_number(cell, "cell")
    except InvalidInput:
        return cell


def _json_lines(text: str, path: str, space: SearchSpace, ignore: Collection[str]) -> Table:
    lines = [(f"{path}, line {number}", line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    return _rows([(where, _parsed(line, where)) for where, line in lines], ignore)


def _json(text: str, path: str, space: SearchSpace, ignore: Collection[str]) -> Table:
    return _listed(_parsed(text, path), path, ignore)


def _yaml(text: str, path: str, space: SearchSpace, ignore: Collection[str]) -> Table:
    # The strict reader takes mappings, so the list becomes the value of a key, on a line before the file's own.
    inner = re.sub(r"\A---[ \t]*$", "", text, count=1, flags=re.MULTILINE)
    try:
        found = parse_document(f"rows:\n{inner}", path)
    except InvalidInput as error:
        message = re.sub(r"(?<=\bline )\d+", lambda number: str(int(number[0]) - 1), str(error))
        raise InvalidInput(message) from None
    return _listed(found["rows"] if len(found) == 1 else found, path, ignore)


def _parsed(text: str, where: str) -> object:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise InvalidInput(f"{where}: the key {key!r} stands twice; each hyperparameter has one value")
            found[key] = value
        return found

    try:
        return json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{where}: broken JSON in line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise InvalidInput(f"{where}: {text[:20]!r}... is nested too deeply to be read") from None


def _listed(found: object, path: str, ignore: Collection[str]) -> Table:
    if not isinstance(found, list):
        kind = "a mapping" if isinstance(found, Mapping) else repr(found)
        raise InvalidInput(f"{path}: holds {kind} where a list of configurations belongs")
    return _rows([(f"{path}, configuration {number}", entry) for number, entry in enumerate(found, 1)], ignore)


def _rows(entries: Sequence[tuple[str, object]], ignore: Collection[str]) -> Table:
    names: dict[str, None] = {}
    rows: list[Row] = []
    for where, entry in entries:
        if not isinstance(entry, Mapping):
            raise InvalidInput(f"{where}: {entry!r} is no mapping of hyperparameters to values")
        names |= dict.fromkeys(map(str, entry))
        rows.append((where, {str(name): value for name, value in entry.items() if name not in ignore}))
    return [*names], rows


READERS: dict[str, Callable[[str, str, SearchSpace, Collection[str]], Table]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".json": _json,
    ".yaml": _yaml,
    ".yml": _yaml,
}
