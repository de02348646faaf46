"""Content keys: what a result depends on, digested."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence

__all__ = ["canonical_json", "digest"]


def _plain(value: object) -> object:
    # Keys are made of few types, so these are looked at first; asking for the abstract ones takes far longer.
    if value is None or type(value) in (bool, int, str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            return {"float": repr(value)}
        if type(value) is float:
            return value
    elif isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    elif isinstance(value, (dict, Mapping)):
        return {str(key): _plain(entry) for key, entry in value.items()}
    elif isinstance(value, str):  # an enumeration's member, or a NumPy string
        return str(value)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(entry) for entry in value]
    raise TypeError(f"{value!r} of type {type(value).__name__} has no canonical form; convert it to plain data first")


def canonical_json(value: object) -> str:
    """JSON with sorted keys, no spaces, shortest round-trip floats; 1 and 1.0 and True stay apart.

    Raises:
        TypeError: For anything but mappings, sequences, text, numbers, booleans and None.
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
