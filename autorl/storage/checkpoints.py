"""States of agents at rungs: one safetensors file a segment, and nothing depends on any of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from autorl.storage.files import replacing

__all__ = ["CheckpointFolder"]


class CheckpointFolder:
    """A folder of states, each named by the key of the segment it ends.

    Args:
        folder: Created when the first state is saved.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def path(self, key: str) -> Path:
        """Where the state under a key lies, if it does."""
        return self.folder / f"{key}.safetensors"

    def save(self, key: str, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Keeps one agent's state; the file appears whole, and is written without a copy of it in memory.

        Raises:
            OSError: If the folder cannot be written to.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import save_file

        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.path(key)) as temporary:
            try:
                save_file(dict(state), temporary, metadata={"segment": key})
            except SafetensorError as error:  # a full disk, say
                raise OSError(f"state {self.path(key)} cannot be written: {error}") from error

    def load(self, key: str) -> dict[str, npt.NDArray[Any]] | None:
        """The state under a key, or None if it is missing or damaged."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            return dict(load_file(self.path(key)))
        except (OSError, SafetensorError, ValueError, KeyError):
            return None  # a cache: whoever asked trains the chain again, to the same bits

    def drop(self, keys: Iterable[str]) -> None:
        """Deletes these states, as far as they are there."""
        for key in keys:
            self.path(key).unlink(missing_ok=True)

    def keep_only(self, keys: Iterable[str]) -> None:
        """Deletes every state but these."""
        kept = {self.path(key).name for key in keys}
        for path in self.folder.glob("*.safetensors"):
            if path.name not in kept:
                path.unlink(missing_ok=True)
