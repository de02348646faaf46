"""`autorl status`: where a run directory stands."""

from __future__ import annotations

import dataclasses

from autorl.cli.console import print_json, print_table
from autorl.cli.options import Directory, Json

__all__ = ["status"]


def status(directory: Directory, json: Json = False) -> None:
    """Say where the study of a run directory stands."""
    from autorl.study import study_state

    state = dataclasses.asdict(study_state(directory))
    if json:
        print_json({key: _plain(value) for key, value in state.items()})
        return
    print_table([("", ""), *((key.replace("_", " "), _text(value)) for key, value in state.items())])


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return value if isinstance(value, (bool, int, float, str, list)) or value is None else str(value)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {entry}" for key, entry in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return "none" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
