"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["replacing", "write_atomically"]


def write_atomically(path: str | Path, data: bytes) -> None:
    """Writes a file under a temporary name beside it, then renames it.

    Raises:
        OSError: If the folder cannot be written to; the former file, if any, is untouched.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary file beside another, which takes its place once it is written.

    Yields:
        The temporary file, empty, to be written by its path.

    Raises:
        OSError: If the folder cannot be written to; the former file, if any, is untouched.
    """
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        os.close(handle)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        # mkstemp makes the file private; a report is as readable as anything else the user writes.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except BaseException:  # interrupted too: nothing half written may stay
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
