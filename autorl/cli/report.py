"""`autorl report`: the report of a run directory, made again from what is stored."""

from __future__ import annotations

import typer

from autorl.cli.options import Directory

__all__ = ["report"]


def report(directory: Directory) -> None:
    """Write the report of a run directory again, from what is stored, and print its path."""
    from autorl.study import open_result

    typer.echo(str(open_result(directory).report()))
