"""Ctrl-C that cannot get lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

__all__ = ["Interruption"]


class Interruption:
    """Takes note of every interrupt while entered, and passes it on to the handler that was there.

    Python raises `KeyboardInterrupt` wherever the main thread happens to be. In a finaliser, in a callback from C or
    under a library's bare `except` it vanishes, and a study would train on to its end: so whoever trains asks between
    two groups whether there was one. Threads other than the main one get no signals; there this does nothing.
    """

    def __init__(self) -> None:
        self._noted = False
        self._previous: Callable[[int, FrameType | None], object] | None = None

    def __enter__(self) -> Self:
        previous = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and callable(previous):
            self._previous = previous
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def raise_if_noted(self) -> None:
        """Raises the interrupt again that arrived and was lost.

        Raises:
            KeyboardInterrupt: If there was one.
        """
        if self._noted:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted = True
        if self._previous is not None:
            self._previous(number, frame)
