"""From pydantic's lists of errors to one sentence with the file, the key, the value and the rule."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from autorl.errors import InvalidInput, UnknownName

__all__ = ["key_names", "one_sentence", "sub_model"]

RULES = {
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "model_type": "must be a mapping",
    "greater_than_equal": "must be at least {ge:g}",
    "greater_than": "must be greater than {gt:g}",
    "less_than_equal": "must be at most {le:g}",
}
"""Pydantic's kinds of error in our words."""


def key_names(model: type[BaseModel]) -> tuple[str, ...]:
    """The keys a model knows, in order."""
    return tuple(model.model_fields)


def sub_model(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The model behind one key, or None if the key holds something else."""
    field = model.model_fields.get(key)
    candidates = [] if field is None else [field.annotation, *get_args(field.annotation)]
    return next((entry for entry in candidates if isinstance(entry, type) and issubclass(entry, BaseModel)), None)


def one_sentence(error: ValidationError, model: type[BaseModel], where: str) -> InvalidInput:
    """The first error as one sentence; an unknown key goes before all others, which often follow from it.

    Args:
        error: What pydantic found.
        model: The model it was found for.
        where: The file.
    """
    entries = error.errors(include_url=False)
    first = next((entry for entry in entries if entry["type"] == "extra_forbidden"), entries[0])
    path = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        owner: type[BaseModel] = model
        for part in path[:-1]:
            owner = sub_model(owner, part) or owner
        return UnknownName("key", path[-1], key_names(owner), _place(where, path[:-1]))
    if first["type"] == "missing":
        return InvalidInput(f"{_place(where, path[:-1])}: the key {path[-1]!r} is missing; it has no default")
    cause: Any = first.get("ctx", {}).get("error")
    if isinstance(cause, UnknownName):
        own = str(cause).partition("unknown ")[0].removesuffix(": ")
        return UnknownName(cause.kind, cause.name, cause.known, f"{where}: {own}" if own else _place(where, path))
    if isinstance(cause, InvalidInput):
        message = str(cause).removeprefix(": ")
        # Parts that check themselves (seeds, environment, objectives) name their own key already.
        named = not path or message.startswith((f"{path[0]}:", f"{path[0]}.", f"{path[0]}["))
        return InvalidInput(f"{where}: {message}" if named else f"{_place(where, path)}: {message}")
    rule = RULES.get(first["type"])
    text = rule.format(**first.get("ctx", {})) if rule else f"is refused: {first['msg']}"
    return InvalidInput(f"{_place(where, path)}: {first['input']!r} {text}")


def _place(where: str, path: list[str]) -> str:
    return f"{where}: {'.'.join(path)}" if path else where
