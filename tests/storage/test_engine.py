"""SQLite's journal: a log beside the file while somebody writes, one file before and after; a kill loses nothing."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from autorl.storage import engine as engine_module
from autorl.storage.engine import is_local
from autorl.storage.truth import Truth, database_url
from autorl.tuners import Outcome

ROOT = Path(__file__).parents[2]
MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
tmpfs /home/me/my\\040scratch tmpfs rw 0 0
overlay /twice overlay rw 0 0
server:/twice /twice lustre rw 0 0
who /knows fuse.something rw 0 0
"""
WRITER = """
import os, signal, sys
sys.path.insert(0, {root!r})
from autorl.storage.truth import Truth
from autorl.tuners import Outcome
truth = Truth(sys.argv[1], "s")
for number in range(50):
    truth.store_tells(number, [Outcome(number, (float(number),))])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def _the_log_is_safe_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever file system the tests run on."""
    monkeypatch.setattr(engine_module, "is_local", lambda path: True)


def mode(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "study.sqlite")) as database:
        return str(database.execute("PRAGMA journal_mode").fetchone()[0])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("path", "local"),
    [
        ("/runs/a", True),
        ("/home/me/runs", False),
        ("/home/me/my scratch/runs", True),
        ("/twice/runs", False),
        ("/knows/runs", False),
        ("/homes", True),
    ],
)
def test_the_file_system_of_a_path(path: str, local: bool) -> None:
    assert is_local(Path(path), MOUNTS.splitlines()) is local


def test_without_a_list_of_mounts_nothing_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", absent)
    assert not is_local(Path("/"))


def test_who_writes_keeps_a_log_and_leaves_one_file(tmp_path: Path) -> None:
    truth = Truth(database_url("sqlite", tmp_path), "s")
    truth.store_elapsed(1.0)
    assert mode(tmp_path) == "wal"
    truth.close()
    assert mode(tmp_path) == "delete"
    assert names(tmp_path) == ["study.sqlite"]


def test_who_only_reads_changes_nothing(tmp_path: Path) -> None:
    Truth(database_url("sqlite", tmp_path), "s").close()
    before = (tmp_path / "study.sqlite").read_bytes()
    truth = Truth(database_url("sqlite", tmp_path), "s")
    assert truth.tells() == []
    assert mode(tmp_path) == "delete"
    truth.close()
    assert (tmp_path / "study.sqlite").read_bytes() == before


def test_elsewhere_the_journal_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "is_local", lambda path: False)
    truth = Truth(database_url("sqlite", tmp_path), "s")
    truth.store_elapsed(1.0)
    assert mode(tmp_path) == "delete"
    truth.close()


def test_a_reader_neither_waits_for_the_writer_nor_keeps_it_from_closing(tmp_path: Path) -> None:
    writer = Truth(database_url("sqlite", tmp_path), "s")
    writer.store_tells(0, [Outcome(0, (1.0,))])
    with closing(sqlite3.connect(tmp_path / "study.sqlite")) as reader:
        rows = reader.execute("select number from tells")
        assert rows.fetchone() == (0,)
        writer.store_tells(1, [Outcome(1, (2.0,))])
        writer.close()
    again = Truth(database_url("sqlite", tmp_path), "s")
    assert [outcome.number for outcome in again.tells()] == [0, 1]
    again.close()


def test_a_killed_writer_loses_nothing(tmp_path: Path) -> None:
    url = database_url("sqlite", tmp_path / "run")
    (tmp_path / "run").mkdir()
    # The child decides for itself whether the log is safe; either way nothing may be lost.
    done = subprocess.run([sys.executable, "-c", WRITER.format(root=str(ROOT)), url], check=False)
    assert done.returncode == -signal.SIGKILL
    shutil.copytree(tmp_path / "run", tmp_path / "copy")  # the log travels with the folder
    for place in ("run", "copy"):
        truth = Truth(database_url("sqlite", tmp_path / place), "s")
        assert truth.tells_stored() == 50
        truth.store_elapsed(1.0)
        truth.close()
        assert names(tmp_path / place) == ["study.sqlite"]
