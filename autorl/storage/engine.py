"""How a database is opened, and what SQLite's journal is while a study is written to it.

SQLite's rollback journal waits for the disk two or three times a transaction, and a study commits one after every
group. While a process writes, its database therefore keeps a write-ahead log: a killed process loses nothing, and only
a loss of power could take the last transactions. The log lies beside the file under the ending `-wal` until the writer
closes it; then the database is one file again, which a copy or a folder without write permission can hold.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import OperationalError

__all__ = ["begin_writing", "end_writing", "is_local", "open_engine"]

LOCAL = frozenset(
    {"apfs", "bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "ramfs", "tmpfs", "xfs", "zfs"}
)
"""File systems that one machine has to itself."""


def open_engine(url: str) -> Engine:
    """The engine of a database; SQLite waits half a minute for a lock.

    Raises:
        SQLAlchemyError: If the URL is none.
        ModuleNotFoundError: If the database's driver is not installed.
    """
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _configure(connection: Any, _: object) -> None:
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA busy_timeout=30000")

    return engine


def begin_writing(engine: Engine) -> None:
    """Turns to the write-ahead log, where that is safe: the log needs memory that all its readers share.

    On a file system that other machines may reach, or of an unknown kind, everything stays as it is, and is slower.
    """
    if engine.dialect.name == "sqlite" and engine.url.database and is_local(Path(engine.url.database)):
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")


def end_writing(engine: Engine) -> None:
    """Puts everything into the one file again; while somebody else has it open, the log stays for them."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection, contextlib.suppress(OperationalError):
            connection.exec_driver_sql("PRAGMA busy_timeout=0")
            connection.exec_driver_sql("PRAGMA journal_mode=DELETE")


def is_local(path: Path, mounts: Iterable[str] | None = None) -> bool:
    """Whether a path lies on a file system known to belong to this machine alone.

    Args:
        path: Need not exist.
        mounts: Lines as in `/proc/self/mounts`; None reads that file, and where there is none nothing is local.
    """
    if mounts is None:
        try:
            mounts = Path("/proc/self/mounts").read_text("utf-8", "surrogateescape").splitlines()
        except OSError:
            return False
    resolved, kind, longest = path.resolve(), "", -1
    for line in mounts:
        _, folder, found, *_ = line.split(" ")
        place = Path(folder.replace("\\040", " "))
        if resolved.is_relative_to(place) and len(place.parts) >= longest:  # of two mounts at one place the later
            kind, longest = found, len(place.parts)
    return kind in LOCAL
