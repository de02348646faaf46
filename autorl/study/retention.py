"""Which states of agents are kept: those that training can still go on from, so that the disk they take is bounded."""

from __future__ import annotations

from collections.abc import Collection

from autorl.storage.checkpoints import CheckpointFolder

__all__ = ["Retention"]


class Retention:
    """Keeps the last state of every trial that is not ended, and deletes what no trial needs any more.

    States are deleted by name, never by listing the folder: a study that is carried out again from what is stored meets
    the rungs of an earlier session one by one, and the states of later ones must survive that.

    Args:
        folder: Where states lie; None keeps and deletes nothing.
    """

    def __init__(self, folder: CheckpointFolder | None) -> None:
        self._folder = folder
        self._needed: dict[int, frozenset[str]] = {}

    def reached(self, states: dict[int, frozenset[str]]) -> None:
        """Trials stand at later rungs now.

        Args:
            states: Trial number -> the keys of the states it would go on from.
        """
        self._replace({**self._needed, **states})

    def ended(self, numbers: Collection[int]) -> None:
        """Nobody goes on from these trials."""
        self._replace({number: keys for number, keys in self._needed.items() if number not in numbers})

    def _replace(self, needed: dict[int, frozenset[str]]) -> None:
        before, self._needed = self._needed, needed
        if self._folder is None:
            return
        # Trials with equal configurations share their states, and so does a copy with what it was copied from.
        kept = frozenset[str]().union(*needed.values())
        self._folder.drop(frozenset[str]().union(*before.values()) - kept)
