"""The process that SMAC runs in: started when it is first needed, shared, and gone soon after nobody needs it.

What SMAC proposes depends on the order of its sets, so on PYTHONHASHSEED, and on how many threads a matrix product is
shared among; a process of its own has both fixed. It answers each request from that request alone (see `_smac.py`), so
that all tuners of this process may share one, and it can be started anew at any time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from autorl.errors import AutorlError
from autorl.numerics import worker_environment

__all__ = ["LINGER", "SmacProcess", "shared_process"]

SCRIPT = Path(__file__).with_name("_smac.py")
LINGER = 10.0
"""Seconds the process waits for another tuner after the last one let it go; to start it takes a few."""


class SmacProcess:
    """A process that answers requests, one at a time; it ends with this one, when its input does."""

    def __init__(self) -> None:
        # Reentrant: a tuner may be collected, and so let go, in the middle of a request.
        self._lock = threading.RLock()
        self._users = 0
        self._timer: threading.Timer | None = None
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[bytes] | None = None

    @property
    def identifier(self) -> int | None:
        """The process's id while one is there."""
        return self._process.pid if self._process is not None else None

    def hold(self, user: object) -> weakref.finalize[[], object]:
        """Keeps the process, once started, for a user; it is let go by calling what is returned, or with the user."""
        with self._lock:
            self._users += 1
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        hold = weakref.finalize(user, self._let_go)
        hold.atexit = False  # then the process ends anyway
        return hold

    def ask(self, request: Mapping[str, object], where: str) -> list[float]:
        """Sends a request and waits for the vector.

        Args:
            request: What `autorl.tuners._smac.propose` takes; JSON data.
            where: What opens the message of an error.

        Raises:
            AutorlError: If SMAC raises an error, or the process ends; the next request starts another.
        """
        with self._lock:
            process = self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except BrokenPipeError:
                line = ""
            except BaseException:
                self.end()  # interrupted: the answer to this request must not become that to the next
                raise
            if not line:
                raise AutorlError(f"{where}: {self._last_words(process)}")
        answer = json.loads(line)
        if "error" in answer:
            raise AutorlError(f"{where}: SMAC failed: {answer['error']}")
        vector: list[float] = answer["vector"]
        return vector

    def end(self) -> None:
        """Ends the process, which has nothing to lose."""
        with self._lock:
            process, self._process = self._process, None
            if process is not None:
                process.kill()
                with process:  # waits, and closes the pipes
                    pass
            if self._errors is not None:
                self._errors.close()
                self._errors = None

    def forget(self) -> None:
        """Leaves the process to the parent: this one is a fork of it."""
        if self._process is not None:
            self._process.returncode = 0  # not this process's child, so nothing to wait for
        self.__init__()  # type: ignore[misc]  # as if new: locks and timers do not survive a fork

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", str(SCRIPT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**os.environ, **worker_environment()},
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is this process's to handle
            )
        return self._process

    def _last_words(self, process: subprocess.Popen[str]) -> str:
        code = process.wait()
        assert self._errors is not None
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        self.end()
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
        return f"the process of SMAC ended with exit code {code}: {last}"

    def _let_go(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._process is not None:
                self._timer = threading.Timer(LINGER, self._end_unused)
                self._timer.daemon = True
                self._timer.start()

    def _end_unused(self) -> None:
        with self._lock:
            if self._users == 0:
                self.end()


SHARED = SmacProcess()
os.register_at_fork(after_in_child=SHARED.forget)


def shared_process() -> SmacProcess:
    """The one of this process."""
    return SHARED
