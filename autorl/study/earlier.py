"""An earlier study as an entry of `start_from`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autorl.checks import check_whole
from autorl.errors import InvalidInput, UnknownName

__all__ = ["EarlierStudy", "anchored"]


@dataclass(frozen=True)
class EarlierStudy:
    """The best configurations of another study, by its own selection.

    Attributes:
        study: Its run directory, an absolute path.
        best: How many configurations, at least 1.
    """

    study: str
    best: int = 1

    @staticmethod
    def of(value: object) -> EarlierStudy | None:
        """Reads `{study: DIRECTORY, best: 3}`, a directory or a `Result`; None for anything else.

        A relative path is relative to the working directory.

        Raises:
            UnknownName: If a mapping with the key `study` has an unknown one.
            InvalidInput: If `study` names no directory or `best` is no whole number of at least 1.
        """
        if isinstance(value, Mapping) and "study" in value:
            for key in value:
                if key not in ("study", "best"):
                    raise UnknownName("key of a study to start from", key, ("study", "best"))
            best = value.get("best", 1)
            check_whole("best (configurations of an earlier study)", best, 1)
            directory = _directory(value["study"])
            if directory is None:
                raise InvalidInput(f"study: {value['study']!r} is no path of a run directory")
            return EarlierStudy(directory, best)
        directory = _directory(value)
        return None if directory is None else EarlierStudy(directory)

    def plain(self) -> dict[str, object]:
        """The entry as plain data, which `of` reads back."""
        return {"study": self.study, "best": self.best}


def anchored(value: object, folder: Path) -> object:
    """What stands under `start_from` in a file, with relative directories taken as relative to the file's folder."""
    if isinstance(value, list):
        return [anchored(entry, folder) for entry in value]
    if isinstance(value, str) and value:
        return str((folder / value).resolve())
    if isinstance(value, Mapping) and isinstance(value.get("study"), str):
        return {**value, "study": anchored(value["study"], folder)}
    return value


def _directory(value: object) -> str | None:
    """The absolute path of a directory, or of a result's; None if the value is neither."""
    found = getattr(value, "directory", value)
    return str(Path(found).resolve()) if isinstance(found, (str, Path)) and str(found) else None
