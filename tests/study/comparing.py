"""What must be equal between two runs of one study, and what is measured and may differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def numbers(directory: str | Path) -> Any:
    """The content of `results.json` without seconds."""
    return _without_seconds(json.loads((Path(directory) / "results.json").read_text("utf-8")))


def _without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_seconds(entry) for key, entry in value.items() if key != "train_seconds"}
    return [_without_seconds(entry) for entry in value] if isinstance(value, list) else value
