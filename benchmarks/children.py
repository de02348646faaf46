"""What the benchmarks share: a process started as workers are, and results written as they are printed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from autorl.numerics import worker_environment

__all__ = ["RESULTS", "in_child", "table", "write_result"]

RESULTS = Path(__file__).parent / "results"
CHILD = "AUTORL_BENCHMARK_CHILD"


def in_child() -> bool:
    """Whether this is the child; in the parent, starts it and exits with its code.

    BLAS reads its environment variables when it is loaded, so a process cannot set them for itself.
    """
    if os.environ.get(CHILD):
        import torch

        torch.set_num_threads(1)
        return True
    environment = {**os.environ, **worker_environment(), CHILD: "1", "PYTHONPATH": str(RESULTS.parents[1])}
    done = subprocess.run([sys.executable, *sys.argv], env=environment, check=False)
    raise SystemExit(done.returncode)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; every column after the first is aligned to the right."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def write_result(name: str, text: str) -> None:
    """Prints a result and keeps it under `results`."""
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text + "\n")
