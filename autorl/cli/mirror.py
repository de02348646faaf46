"""`autorl mirror`: the trials of a run directory as an Optuna study."""

from __future__ import annotations

from typing import Annotated

import typer

from autorl.cli.options import Directory

__all__ = ["mirror"]


def mirror(
    directory: Directory,
    storage: Annotated[str, typer.Argument(metavar="URL", help="A database URL, such as sqlite:///optuna.sqlite.")],
) -> None:
    """Write the finished trials as an Optuna study, for optuna-dashboard; a former mirror is replaced."""
    from autorl.study import open_result

    typer.echo(f"{open_result(directory).mirror(storage)} trials written to {storage}")
