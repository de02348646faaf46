"""Somebody else's training loop, made to stop where it is asked to.

A loop that calls us back cannot be left and entered again; a thread that blocks inside the callback can. Exactly one
side runs at any time, so the order of events, and with it every random number, is the same in every run.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Abandoned", "Coroutine"]

R = TypeVar("R")

PATIENCE = 10.0
"""Wall seconds an abandoned loop has for its clean-up before it is left to itself."""


class Abandoned(BaseException):  # a signal, not an error
    """Raised inside a loop nobody will resume, so that its `finally` blocks run; no `except Exception` catches it."""


class _Baton(Generic[R]):
    """What the two sides share. The thread holds this alone: a reference to the owner would keep it alive."""

    def __init__(self) -> None:
        self.resumed, self.paused = threading.Semaphore(0), threading.Semaphore(0)
        self.abandoned = self.finished = False
        self.results: list[R] = []
        self.error: BaseException | None = None

    def pause(self) -> None:
        if self.abandoned:
            raise Abandoned
        self.paused.release()
        self.resumed.acquire()
        if self.abandoned:
            raise Abandoned


class Coroutine(Generic[R]):
    """A body that runs until it pauses, in a thread of its own.

    The thread starts at the first `resume`. It ends with the body, with `close`, when the last reference to this
    object goes, or at the interpreter's exit, whichever comes first.

    Args:
        body: Called with a function `pause`; it returns the result.
        name: The thread's name.
    """

    def __init__(self, body: Callable[[Callable[[], None]], R], name: str) -> None:
        self._baton: _Baton[R] = _Baton()
        self._thread = threading.Thread(target=_run, args=(self._baton, body), name=name, daemon=True)
        self._end = weakref.finalize(self, _abandon, self._baton, self._thread)

    @property
    def finished(self) -> bool:
        """Whether the body has ended."""
        return self._baton.finished

    @property
    def result(self) -> R:
        """What the finished body returned."""
        return self._baton.results[0]

    def resume(self) -> None:
        """Runs the body until it pauses or ends; does nothing once it has ended well.

        Raises:
            Exception: What the body raised, with its traceback.
            RuntimeError: If the body tried to end the process, or was abandoned before.
        """
        baton = self._baton
        if not baton.finished:
            if baton.abandoned:
                raise RuntimeError(f"{self._thread.name} was closed and cannot go on")
            if self._thread.ident is None:
                self._thread.start()
            baton.resumed.release()
            try:
                baton.paused.acquire()
            except BaseException:
                # Interrupted while the body runs: it ends at its next pause.
                baton.abandoned = True
                raise
        if isinstance(baton.error, Exception):
            raise baton.error
        if baton.error is not None:
            raise RuntimeError(f"{self._thread.name} raised {baton.error!r}, which is no Exception") from baton.error

    def close(self) -> None:
        """Ends the body: `Abandoned` is raised where it is paused."""
        self._end()


def _run(baton: _Baton[R], body: Callable[[Callable[[], None]], R]) -> None:
    baton.resumed.acquire()
    try:
        if not baton.abandoned:
            baton.results.append(body(baton.pause))
    except Abandoned:
        pass
    except BaseException as error:  # noqa: BLE001  # carried to the side that resumed
        baton.error = error
    finally:
        baton.finished = True
        baton.paused.release()


def _abandon(baton: _Baton[R], thread: threading.Thread) -> None:
    baton.abandoned = True
    if thread.ident is not None and thread is not threading.current_thread():
        baton.resumed.release()
        thread.join(PATIENCE)
