"""Content keys: what a result depends on, digested."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence

__all__ = ["canonical_json", "digest"]


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)) or (isinstance(value, Sequence) and not isinstance(value, (str, bytes))):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, str):  # an enumeration's member, or a NumPy string
        return str(value)
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
