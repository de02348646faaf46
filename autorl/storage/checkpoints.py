"""States of agents at rungs: one safetensors file a segment, and nothing depends on any of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from autorl.storage.files import write_atomically

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
        """Keeps one agent's state; the file appears whole.

        Raises:
            OSError: If the folder cannot be written to.
        """
        from safetensors.numpy import save

        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path(key), save(dict(state), metadata={"segment": key}))

    def load(self, key: str) -> dict[str, npt.NDArray[Any]] | None:
        """The state under a key, or None if it is missing or damaged."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            return dict(load(self.path(key).read_bytes()))
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
