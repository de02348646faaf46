"""Arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Directory", "Json", "Overrides", "StudySource"]

StudySource = Annotated[str, typer.Argument(metavar="STUDY", help="A bundled study's name, or a study file.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace one key of the study file; may be repeated."),
]
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="A run directory.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")]
