"""The proposals of cases as another process finds them, under a PYTHONHASHSEED of its own."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path

from tests.contract.tuner_subject import Case, Length, digest_of

__all__ = ["Elsewhere"]

ROOT = Path(__file__).parents[2]


class Elsewhere:
    """A process that works while this one does; `digests` waits for it.

    Args:
        cases: Whose proposals are wanted.
        length: How many of them.
        hash_seed: The process's PYTHONHASHSEED.
    """

    def __init__(self, cases: Sequence[Case], length: Length, hash_seed: str) -> None:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.contract.tuner_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=ROOT,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(pickle.dumps((list(cases), length)))
        self._process.stdin.close()
        self._process.stdin = None
        self._answers: dict[str, str] | None = None

    def digests(self) -> dict[str, str]:
        """Per case the digest of its proposals, or the traceback of what went wrong."""
        if self._answers is None:
            out, _ = self._process.communicate()
            assert self._process.returncode == 0, "the other process failed; what it said stands above"
            self._answers = json.loads(out)
        return self._answers

    def close(self) -> None:
        """Ends the process if it still works."""
        if self._answers is None:
            self._process.kill()
            self._process.communicate()


def main() -> None:
    warnings.simplefilter("error")
    cases, length = pickle.load(sys.stdin.buffer)  # noqa: S301  # from the process that started this one
    answers = {}
    for case in cases:
        try:
            answers[str(case)] = digest_of(case, length)
        except Exception:  # noqa: BLE001  # every failure is reported
            answers[str(case)] = traceback.format_exc()
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main()
