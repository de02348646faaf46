"""`--set a.b=c`: single keys of a study file from the command line or from keyword arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from autorl.documents import as_number, looks_like_number, parse_document
from autorl.errors import InvalidInput, UnknownName
from autorl.study.description import StudyDescription
from autorl.study.validation import key_names, sub_model

__all__ = ["apply_overrides", "parse_overrides"]

FREE = {"algorithm", "environment", "fixed", "schedule", "space", "tuner"}
"""Keys whose inner keys are checked by what they describe."""
SHORT_FORMS = {"environment": "id", "schedule": "name", "tuner": "name"}
"""Where a bare name stands for a mapping with one key."""
SEED_SETS = ("tuning", "validation", "test")


def parse_overrides(texts: Iterable[str]) -> dict[str, object]:
    """Reads `key=value` texts; values are YAML, and `1e-4` is a number.

    Returns:
        Dotted key -> value, in the order given.

    Raises:
        InvalidInput: If a text has no `=`, no key, broken YAML, or a key comes twice.
    """
    found: dict[str, object] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not all(part.strip() for part in key.split(".")):
            raise InvalidInput(f"--set {text!r} has no form key=value, such as budget.trials=12")
        if key in found:
            raise InvalidInput(f"--set {text!r}: the key {key!r} is set twice; set each key once")
        found[key] = _value(value, f"--set {text!r}")
    return found


def _value(text: str, where: str) -> object:
    document = parse_document(f"value: {text.strip()}", where)
    if set(document) != {"value"}:
        raise InvalidInput(f"{where}: {text!r} is no single value")
    return _numbers(document["value"])


def _numbers(value: object) -> object:
    if isinstance(value, str) and looks_like_number(value):
        return as_number(value, "--set")
    if isinstance(value, list):
        return [_numbers(entry) for entry in value]
    if isinstance(value, Mapping):
        return {key: _numbers(entry) for key, entry in value.items()}
    return value


def apply_overrides(document: Mapping[str, object], overrides: Mapping[str, object]) -> dict[str, object]:
    """A study file's content with single keys replaced; the content given is not changed.

    A bare name becomes a mapping where an inner key is set: `tuner: nsga2` with `tuner.population_size=16`.

    Args:
        document: Keys of a study file with their values.
        overrides: Dotted key -> value.

    Raises:
        UnknownName: If a key is unknown; the message has the nearest known one.
        InvalidInput: If an inner key is set of something that has none.
    """
    changed = dict(document)
    for key, value in overrides.items():
        _check_known(key)
        parts = key.split(".")
        _place_at(changed, key, parts, value)
    return changed


def _check_known(key: str) -> None:
    first, *rest = key.split(".")
    if first not in key_names(StudyDescription):
        raise UnknownName("key", key, _all_keys() if rest else key_names(StudyDescription), "overrides")
    if not rest or first in FREE:
        return
    known = _inner_keys(first)
    if not known:
        raise InvalidInput(f"overrides: {key!r} names an inner key, but {first!r} has none; set {first!r} as a whole")
    if len(rest) > 1 or rest[0] not in known:
        raise UnknownName("key", key, [f"{first}.{name}" for name in known], "overrides")


def _inner_keys(key: str) -> tuple[str, ...]:
    inner = sub_model(StudyDescription, key)
    return SEED_SETS if key == "seeds" else key_names(inner) if inner else ()


def _all_keys() -> list[str]:
    return [f"{key}.{inner}" for key in key_names(StudyDescription) for inner in _inner_keys(key)]


def _place_at(document: dict[str, object], key: str, parts: list[str], value: object) -> None:
    """Walks down to the last part's mapping, making mappings where there are none, and sets it.

    Every mapping on the way is copied, so that only the outermost one given changes.
    """
    inner = document
    for depth, part in enumerate(parts[:-1]):
        entry = inner.get(part)
        if entry is None:
            default = StudyDescription.model_fields[part].default if depth == 0 else None
            entry = default if isinstance(default, str) else {}
        if isinstance(entry, str) and depth == 0 and part in SHORT_FORMS:
            entry = {SHORT_FORMS[part]: entry}
        elif not isinstance(entry, Mapping):
            raise InvalidInput(
                f"overrides: {key!r} names an inner key of {'.'.join(parts[: depth + 1])!r}, which is {entry!r} and "
                f"no mapping; set it as a whole"
            )
        inner[part] = inner = dict(entry)
    inner[parts[-1]] = value
