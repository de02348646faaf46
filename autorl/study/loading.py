"""Finds a study file by name or path and reads it."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from pathlib import Path

import yaml

from autorl.documents import read_document
from autorl.errors import InvalidInput, UnknownName
from autorl.study.description import StudyDescription
from autorl.study.earlier import anchored
from autorl.study.overrides import apply_overrides

__all__ = ["bundled_studies", "dump_document", "load_description"]

SUFFIXES = (".yaml", ".yml", ".json")


def bundled_studies() -> dict[str, Path]:
    """The bundled studies by name, sorted."""
    folder = Path(str(importlib.resources.files("autorl.studies")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_description(
    source: str | Path | Mapping[str, object], overrides: Mapping[str, object] | None = None
) -> StudyDescription:
    """Reads a study.

    Args:
        source: The name of a bundled study, the path of a study file, or a study file's content. Relative paths in a
            file (of a space, a tuner's `path`, the studies of `start_from`) are relative to that file.
        overrides: Dotted key -> value, put in place of the file's own.

    Raises:
        UnknownName: If nothing answers to a name or key; the message has the nearest known one.
        InvalidInput: If the file cannot be read or breaks a rule; one sentence with the file and the key.
    """
    if isinstance(source, Mapping):
        return StudyDescription.of(apply_overrides(source, overrides or {}))
    path = _path(source)
    document = read_document(path)
    document.setdefault("name", path.stem)
    space = document.get("space")
    if isinstance(space, str) and _is_path(space):
        document["space"] = str((path.parent / space).resolve())
    tuner = document.get("tuner")
    if isinstance(tuner, Mapping) and isinstance(tuner.get("path"), str):
        document["tuner"] = {**tuner, "path": str((path.parent / tuner["path"]).resolve())}
    if "start_from" in document:
        document["start_from"] = anchored(document["start_from"], path.parent)
    return StudyDescription.of(apply_overrides(document, overrides or {}), str(path))


def _is_path(text: str) -> bool:
    return text.endswith(SUFFIXES) or "/" in text or "\\" in text


def _path(source: str | Path) -> Path:
    if isinstance(source, str) and not _is_path(source):
        known = bundled_studies()
        if source not in known:
            raise UnknownName("study", source, known)
        return known[source]
    path = Path(source)
    if path.is_dir():
        raise InvalidInput(f"study {str(source)!r} is a directory; name a study file or a bundled study")
    if not path.is_file():
        known_names = ", ".join(bundled_studies())
        raise InvalidInput(f"study file {str(source)!r} does not exist; bundled studies are {known_names or 'none'}")
    return path


def dump_document(document: Mapping[str, object]) -> str:
    """A study file's text, keys in the order given; reading it gives the same content.

    Raises:
        yaml.YAMLError: If the content is no plain data.
    """
    text: str = yaml.safe_dump(dict(document), sort_keys=False, default_flow_style=None, allow_unicode=True, width=110)
    return text
