"""A run directory: whose it is, who works in it, and what lies where."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from autorl.errors import InvalidInput, StudyMismatch
from autorl.storage.files import write_atomically

__all__ = ["RunDirectory", "differences"]

STUDY_FILE = "study.yaml"
PATIENCE = 1.0
"""Wall seconds to wait for a lock that somebody who only looks may hold for a moment."""


class RunDirectory:
    """The folder a study writes to.

    Args:
        path: Need not exist yet.

    Raises:
        InvalidInput: If the path is a file, or a folder that holds something else than a study.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise InvalidInput(
                f"run directory {str(path)!r} is a file; name a folder that is new, empty or holds a study"
            )
        if (
            self.path.is_dir()
            and not self.begun
            and any(not entry.name.startswith(".") for entry in self.path.iterdir())
        ):
            raise InvalidInput(
                f"run directory {str(path)!r} holds files but no study; name a folder that is new, "
                f"empty or holds a study"
            )

    @property
    def begun(self) -> bool:
        """Whether a study was begun here, be it that it was killed before its file was written."""
        return self.holds_study or self.database.exists()

    @property
    def database(self) -> Path:
        """Where the database of a study with `storage: sqlite` lies."""
        return self.path / "study.sqlite"

    @property
    def holds_study(self) -> bool:
        """Whether a study was begun here."""
        return self.study_file.exists()

    @property
    def study_file(self) -> Path:
        """The resolved study."""
        return self.path / STUDY_FILE

    @property
    def checkpoints(self) -> Path:
        """States of agents; a cache."""
        return self.path / "checkpoints"

    @property
    def provenance_file(self) -> Path:
        """Who ran what, with which versions, per session."""
        return self.path / "provenance.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes out; the folder is created if need be.

        Raises:
            InvalidInput: If another process works in it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("w") as file:
            patience = time.monotonic() + PATIENCE
            while not _lock(file, fcntl.LOCK_EX):
                if time.monotonic() > patience:
                    raise InvalidInput(
                        f"run directory {str(self.path)!r} is in use by another process; wait for it or end it"
                    )
                time.sleep(0.05)
            yield

    @property
    def in_use(self) -> bool:
        """Whether a process works here now."""
        try:
            with (self.path / ".lock").open() as file:
                return not _lock(file, fcntl.LOCK_SH)
        except OSError:  # no lock was ever taken
            return False

    def write_study(self, text: str) -> None:
        """Writes the resolved study file."""
        write_atomically(self.study_file, text.encode())

    def add_session(self, session: Mapping[str, object]) -> None:
        """Adds one session to the provenance."""
        sessions = [*self.sessions(), dict(session)]
        write_atomically(self.provenance_file, json.dumps({"sessions": sessions}, indent=1).encode() + b"\n")

    def sessions(self) -> list[dict[str, object]]:
        """The provenance of every session, oldest first; empty if the file is missing or damaged."""
        try:
            found = json.loads(self.provenance_file.read_text())["sessions"]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def differences(stored: Mapping[str, object], given: Mapping[str, object], directory: Path) -> None:
    """Refuses a study that is not the one stored, or that does not extend it.

    Args:
        stored: The resolved study in the directory.
        given: The resolved study to run.
        directory: For the message.

    Raises:
        StudyMismatch: Naming every key that differs with both values.
    """
    wrong = []
    for key, (old, new) in _different(stored, given).items():
        if key == "executor":
            continue
        if key == "budget.trials" and _grows(old, new):
            continue
        if key == "seeds.test" and isinstance(old, list) and isinstance(new, list) and new[: len(old)] == old:
            continue
        wrong.append(f"{key} is {_brief(old)} there and {_brief(new)} here")
    if wrong:
        raise StudyMismatch(
            f"run directory {str(directory)!r} holds a different study: {'; '.join(wrong)}; only budget.trials and "
            f"seeds.test may grow, so choose another directory"
        )


def _grows(old: object, new: object) -> bool:
    return new is None or (isinstance(old, int) and isinstance(new, int) and new >= old)


def _different(old: object, new: object, path: str = "") -> dict[str, tuple[object, object]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        found: dict[str, tuple[object, object]] = {}
        for key in dict.fromkeys([*old, *new]):
            inner = f"{path}.{key}" if path else str(key)
            found.update(_different(old.get(key), new.get(key), inner))
        return found
    return {} if json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True) else {path: (old, new)}


def _brief(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
