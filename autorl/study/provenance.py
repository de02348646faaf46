"""Where a result came from: versions, code, command line, machine."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping

from autorl import __version__
from autorl.numerics import cpu_capability, numerics_stamp, processor

__all__ = ["session"]


def session(numerics: Mapping[str, str], jobs: int) -> dict[str, object]:
    """What is known of the session that begins now, as plain data.

    Args:
        numerics: The parts of the numerics stamp.
        jobs: Worker processes.
    """
    return {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv),
        "autorl": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "hardware": _hardware(),
        "jobs": jobs,
        "git": _git(),
        "numerics_stamp": numerics_stamp(numerics),
        "numerics": dict(numerics),
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    """Versions of the dependencies that are installed, extras included."""
    try:
        needed = importlib.metadata.requires("autorl") or []
    except importlib.metadata.PackageNotFoundError:  # a checkout on the path that was never installed
        needed = []
    found = {}
    for requirement in needed:
        name = re.split(r"[^\w.-]", requirement)[0]
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return dict(sorted(found.items()))


def _hardware() -> str:
    """The processor's name, cores and memory, as far as the system tells."""
    name = processor().get("model name") or platform.processor() or platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{name} ({cpu_capability()}), {os.cpu_count()} cores, {memory:.0f} GiB"


def _git() -> dict[str, object] | None:
    """The commit of the working directory and whether it has changes; None outside a repository."""
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=True
        ).stdout.strip()
        changes = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            capture_output=True, text=True, timeout=10, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "changes": "uncommitted changes" if changes else "none"}
