"""What benchmarks keep of finished pieces of work, so that a run that was stopped goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["Kept"]


class Kept:
    """Entries by key, each a line of JSON in a file.

    Args:
        file: Where; None keeps them in memory alone.

    Attributes:
        entries: What is known, each with its "key".
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.entries: dict[str, Any] = {}
        if file is None:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = file.read_text().splitlines(keepends=True) if file.is_file() else []
        if lines and not lines[-1].endswith("\n"):  # it was being written when the run was stopped
            lines.pop()
            file.write_text("".join(lines))
        for entry in map(json.loads, lines):
            self.entries[entry["key"]] = entry

    def add(self, key: str, entry: Mapping[str, Any]) -> None:
        """Keeps an entry, which is written at once."""
        self.entries[key] = {"key": key, **entry}
        if self._file is not None:
            with self._file.open("a") as file:
                file.write(json.dumps(self.entries[key]) + "\n")
