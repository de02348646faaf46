"""What benchmarks keep outlives a run that is stopped in the middle of a line."""

from __future__ import annotations

from pathlib import Path

from benchmarks.kept import Kept


def test_entries_are_found_again_and_half_a_line_is_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "new" / "cells.jsonl"
    kept = Kept(file)
    kept.add("a", {"score": 1.5})
    kept.add("b", {"score": 2.5})
    file.write_text(file.read_text()[:-5])
    again = Kept(file)
    assert again.entries == {"a": {"key": "a", "score": 1.5}}
    again.add("b", {"score": 3.5})
    assert Kept(file).entries["b"]["score"] == 3.5


def test_without_a_file_entries_stay_in_memory() -> None:
    kept = Kept(None)
    kept.add("a", {"score": 1.5})
    assert kept.entries["a"]["score"] == 1.5
