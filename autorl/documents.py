"""YAML and JSON documents read strictly: plain data, one meaning per key, and messages that name the file and line.

PyYAML reads `1e-5` as text (YAML 1.1 wants a dot and a signed exponent); `as_number` takes such text as the number.
"""

from __future__ import annotations

import functools
import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autorl.errors import InvalidInput

if TYPE_CHECKING:
    import yaml

__all__ = ["as_number", "looks_like_number", "parse_document", "read_document", "read_text"]

_WHOLE = re.compile(r"[-+]?\d+")
_DECIMAL = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")
_DEEPEST = 50
_TUPLE = "tag:yaml.org,2002:python/tuple"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


def read_document(path: str | Path) -> dict[str, object]:
    """Reads a file that holds one mapping: JSON if its name ends in `.json`, else YAML.

    Args:
        path: The file; messages name it as given.

    Raises:
        InvalidInput: If the file cannot be read or `parse_document` refuses its text.
    """
    where, text = str(path), read_text(path)
    return _parse_json(text, where) if where.endswith(".json") else parse_document(text, where)


def read_text(path: str | Path) -> str:
    """Reads a text file.

    Raises:
        InvalidInput: If it cannot be read or is no UTF-8.
    """
    where = str(path)
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidInput(f"{where}: no such file") from None
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{where}: byte {error.start} is no UTF-8 text; save the file as UTF-8") from None
    except OSError as error:
        raise InvalidInput(f"{where}: cannot be read ({error.strerror})") from None


def parse_document(text: str, where: str, *, tuples: bool = False) -> dict[str, object]:
    """Reads YAML text that holds one mapping; JSON is YAML too.

    Dates stay text. Keys are text and stand once.

    Args:
        text: The document.
        where: The file it comes from, for messages.
        tuples: Whether the tag of a Python tuple, which ConfigSpace writes, is read.

    Raises:
        InvalidInput: If the YAML is broken, empty, no mapping, or holds a duplicate key, a key that is no text, a tag,
            an anchor or an alias; the message names the line.
    """
    import yaml

    try:
        depth = 0
        for token in yaml.scan(text):
            place = f"{where}, line {token.start_mark.line + 1}"
            depth += type(token).__name__.endswith("StartToken") - type(token).__name__.endswith("EndToken")
            if depth > _DEEPEST:
                raise InvalidInput(f"{place}: nested more than {_DEEPEST} levels deep")
            if isinstance(token, yaml.TagToken):
                tag = "".join(part or "" for part in token.value)
                if tuples and tag == "!!python/tuple":
                    continue
                raise InvalidInput(f"{place}: the tag {tag!r} is not allowed; only plain data is read")
            if isinstance(token, (yaml.AnchorToken, yaml.AliasToken)):
                mark = "&" if isinstance(token, yaml.AnchorToken) else "*"
                raise InvalidInput(f"{place}: {mark}{token.value} is an anchor or alias; write the value out instead")
        loader = _loader()(text)
        try:
            node = loader.get_single_node()
            if node is None:
                raise InvalidInput(f"{where}: the file is empty; a mapping (name: value) belongs there")
            _check_keys(node, loader, where)
            found = loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise InvalidInput(_broken(error, where)) from None
    except (ValueError, OverflowError) as error:  # such as a number with more digits than Python reads
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{where}: {error}") from None
    return _mapping(found, where)


def as_number(value: object, where: str) -> int | float:
    """Takes a value where a number belongs.

    Args:
        value: A number, or text such as "1e-5" that YAML did not read as one.
        where: The file and key it stands in.

    Returns:
        A plain int or float.

    Raises:
        InvalidInput: If it is a truth value, nan, other text or anything else.
    """
    if isinstance(value, str):
        text = value.strip()
        if _WHOLE.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return float(text)
        raise InvalidInput(f"{where}: the text {value!r} is no number; write it such as 0.1 or 1.0e-5")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidInput(f"{where}: {value!r} is no number; write one such as 0.1 or 1.0e-5")
    if math.isnan(value):
        raise InvalidInput(f"{where}: nan is no number that can be compared; write a finite one")
    return int(value) if isinstance(value, int) else float(value)


def looks_like_number(text: str) -> bool:
    """Whether text is a number in exponent notation, such as `1e-5`, that PyYAML leaves as text."""
    return _EXPONENT.fullmatch(text.strip()) is not None


def _tuple(loader: yaml.SafeLoader, node: yaml.Node) -> tuple[object, ...]:
    import yaml

    if not isinstance(node, yaml.SequenceNode):
        raise yaml.constructor.ConstructorError(None, None, "a tuple must be written as a list", node.start_mark)
    return tuple(loader.construct_sequence(node, deep=True))


@functools.cache
def _loader() -> type[yaml.SafeLoader]:
    import yaml

    class Loader(yaml.SafeLoader):
        """PyYAML's safe loader without dates, which have no place in plain data."""

    Loader.yaml_implicit_resolvers = {
        first: [entry for entry in entries if entry[0] != _TIMESTAMP]
        for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_constructor(_TUPLE, _tuple)
    return Loader


def _check_keys(node: yaml.Node, loader: yaml.SafeLoader, where: str) -> None:
    import yaml

    if isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            _check_keys(entry, loader, where)
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if key_node.tag != "tag:yaml.org,2002:str":
            if not isinstance(key_node, yaml.ScalarNode):
                shown = "that is a collection"
            elif key_node.tag == "tag:yaml.org,2002:merge":
                shown = "<<"
            else:
                shown = repr(loader.construct_object(key_node))
            raise InvalidInput(
                f"{where}, line {line}: the key {shown} is no text; put it in quotes if it is meant as one"
            )
        key = str(key_node.value)
        if key in lines:
            raise InvalidInput(f"{where}, line {line}: duplicate key {key!r}, first given in line {lines[key]}")
        lines[key] = line
        _check_keys(value_node, loader, where)


def _broken(error: yaml.YAMLError, where: str) -> str:
    import yaml

    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        place = f"{where}, line {mark.line + 1}, column {mark.column + 1}" if mark is not None else where
        return f"{place}: broken YAML: {error.problem or error.context or 'unreadable'}"
    return f"{where}: broken YAML: {' '.join(str(error).split())}"


def _parse_json(text: str, where: str) -> dict[str, object]:
    def pairs(entries: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in entries:
            if key in found:
                raise InvalidInput(f"{where}: duplicate key {key!r}")
            found[key] = value
        return found

    if not text.strip():
        raise InvalidInput(f"{where}: the file is empty; a mapping (name: value) belongs there")
    try:
        found = json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{where}, line {error.lineno}, column {error.colno}: broken JSON: {error.msg}") from None
    except RecursionError:
        raise InvalidInput(f"{where}: nested too deeply to be read") from None
    return _mapping(found, where)


def _mapping(found: object, where: str) -> dict[str, object]:
    if isinstance(found, dict):
        return found
    if found is None:
        raise InvalidInput(f"{where}: the file is empty; a mapping (name: value) belongs there")
    kind = "a list" if isinstance(found, list) else f"the single value {found!r}"
    raise InvalidInput(f"{where}: holds {kind} where a mapping (name: value) belongs")
