"""Running a peer that lives in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["run_peer"]


def run_peer(python: Path, script: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """Runs a script of this folder, which prints JSON in its last line.

    Args:
        python: The interpreter of the peer's environment; nothing of ours is on its path.
        script: The file's name.
        told: Its argument, as JSON.

    Returns:
        What it printed.

    Raises:
        subprocess.CalledProcessError: If it failed.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [str(python), "-W", "ignore", str(Path(__file__).parent / script), json.dumps(told)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
