"""How things are printed: tables that fit, warnings on stderr, JSON in one line."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["console", "print_json", "print_table", "warn", "warnings_shown"]

PLAIN_WIDTH = 200
"""Columns where nobody's terminal says how many there are: a file or a pipe wraps nothing."""


def console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr, made when used so that tests may replace the streams."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=PLAIN_WIDTH)


def print_table(rows: Iterable[Sequence[str]], *, title: str | None = None, right: Sequence[int] = ()) -> None:
    """Prints rows of texts, the head first.

    Args:
        rows: The head, then one row a line; a head of empty texts is not shown.
        title: Above the table.
        right: Columns aligned to the right.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    head, *body = rows
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False, show_header=any(head))
    for index, name in enumerate(head):
        table.add_column(name, justify="right" if index in right else "left", overflow="fold")
    for row in body:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)


def print_json(content: Mapping[str, object]) -> None:
    """Prints one JSON object in one line on stdout."""
    typer.echo(json.dumps(content, allow_nan=False, ensure_ascii=False))


def warn(messages: Iterable[str]) -> None:
    """Prints warnings on stderr."""
    for message in messages:
        typer.echo(f"Warning: {message}", err=True)


@contextlib.contextmanager
def warnings_shown(*, visible: bool) -> Iterator[None]:
    """Prints what the logger "autorl" warns of within as `warn` does; where it is not to be visible, nothing."""
    logger, handler = logging.getLogger("autorl"), _Warning() if visible else logging.NullHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Warning(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        warn([record.getMessage()])
