"""A bundled search space, cut down to the hyperparameters that another implementation of the algorithm has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from autorl.documents import read_document
from autorl.records import Configuration

__all__ = ["restricted_space"]

_NAME = re.compile(r"[A-Za-z_]\w*")


def restricted_space(name: str, known: Configuration) -> dict[str, object] | None:
    """What is left of the bundled space of that name, or None if there is no such space.

    Left out are hyperparameters that are not known, those known without a value where the space gives no default
    either, and whatever refers to one of these: conditions with their hyperparameter, and relations.

    Args:
        name: The bundled space.
        known: The hyperparameters there are, with their defaults.
    """
    path = Path(str(files("autorl.search_spaces") / f"{name}.yaml"))
    if not path.is_file():
        return None
    document = read_document(path)
    kept: dict[str, object] = {}
    for entry_name, entry in document.items():
        if entry_name not in known or not isinstance(entry, Mapping):
            continue
        given = "default" in entry or "constant" in entry or known[entry_name] is not None
        condition = entry.get("when")
        if given and all(other in kept for other in (condition if isinstance(condition, Mapping) else ())):
            kept[entry_name] = dict(entry)
    relations = document.get("relations")
    usable = set(kept) | {entry_name for entry_name, default in known.items() if default is not None}
    fitting = [
        relation
        for relation in (relations if isinstance(relations, list) else ())
        if set(_NAME.findall(str(relation))) <= usable and _NAME.findall(str(relation))[0] in kept
    ]
    return {**kept, "relations": fitting} if fitting else kept
