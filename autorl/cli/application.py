"""All commands under one name, and what an error becomes: a sentence on stderr and an exit code."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import autorl
from autorl.cli.check import check
from autorl.cli.listing import listing
from autorl.cli.mirror import mirror
from autorl.cli.report import report
from autorl.cli.run import run
from autorl.cli.show import show
from autorl.cli.status import status
from autorl.errors import AutorlError, BrokenObjective, InvalidInput

__all__ = ["application"]

FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130


class _Commands(TyperGroup):
    """Turns errors into messages: nobody sees a stack trace for a mistake of their own."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except InvalidInput as error:
            _fail(f"Error: {error}", WRONG_USE, error)
        except BrokenObjective as error:
            _fail(f"Stopped: {error}", FAILED, error)
        except AutorlError as error:
            _fail(f"Failed: {error}", FAILED, error)
        except KeyboardInterrupt as error:
            _fail("Interrupted.", INTERRUPTED, error)
        except OSError as error:
            if error.filename is None:
                raise
            _fail(f"Error: {str(error.filename)!r} cannot be used: {error.strerror}", WRONG_USE, error)


def _fail(message: str, code: int, error: BaseException) -> None:
    typer.echo(message, err=True)
    raise typer.Exit(code) from error


application = typer.Typer(
    cls=_Commands,
    help="Hyperparameter optimisation for reinforcement learning.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help costs 0.1 s less, and a mistake gets a sentence instead of a box
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"autorl {autorl.__version__}")
        raise typer.Exit


@application.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Hyperparameter optimisation for reinforcement learning."""


for _command in (run, check, status, report, mirror, show):
    application.command()(_command)
application.command("list")(listing)
