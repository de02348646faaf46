"""The command line: one file a command. It prints; nothing else in the package does."""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Entry point of `autorl`."""
    # A script's own folder stands on the path, the current one does not; `module:attribute` means the user's files.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    from autorl.cli.application import application

    application(prog_name="autorl")
