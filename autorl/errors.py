"""What can go wrong, as one tree.

::

    AutorlError                  everything raised on purpose
    |-- InvalidInput             somebody's own mistake: a file, an argument, a name (also a ValueError; exit code 2)
    |   |-- UnknownName          a name nothing answers to; carries the nearest known one
    |   |-- MissingExtra         something optional is not installed; names what to install
    |   `-- StudyMismatch        a run directory or database that holds another study
    `-- BrokenObjective          the same exception in each of the first trials: environment or algorithm is broken

A message is one sentence that names the thing, the value received and the rule it breaks.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "AutorlError",
    "BrokenObjective",
    "InvalidInput",
    "MissingExtra",
    "StudyMismatch",
    "UnknownName",
]


class AutorlError(Exception):
    """Base class of every error this package raises on purpose."""


class InvalidInput(AutorlError, ValueError):
    """A user's own mistake; the command line prints the message alone and exits with code 2."""


class UnknownName(InvalidInput):
    """A name that nothing answers to.

    Args:
        kind: What was looked for, in the singular ("tuner", "hyperparameter").
        name: The name received.
        known: The names that exist.
        where: The file and key the name stands in, if any.
    """

    def __init__(self, kind: str, name: object, known: Iterable[str], where: str = "") -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        nearest = difflib.get_close_matches(str(name), self.known, n=1, cutoff=0.4)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(self.known) or 'none'}"
        place = f"{where}: " if where else ""
        super().__init__(f"{place}unknown {kind} {name!r}; {hint}")

    def __reduce__(self) -> tuple[type[InvalidInput], tuple[str]]:
        return InvalidInput, (str(self),)


class MissingExtra(InvalidInput):
    """Something optional is not installed.

    Args:
        what: What was asked for, with its value.
        extra: The extra of this package that brings it, or "" when another distribution does.
        distribution: The distribution to install when no extra brings it.
    """

    def __init__(self, what: str, extra: str = "", distribution: str = "") -> None:
        install = f"pip install 'autorl[{extra}]'" if extra else f"pip install {distribution or what!r}"
        super().__init__(f"{what} is not installed; install it with: {install}")

    def __reduce__(self) -> tuple[type[InvalidInput], tuple[str]]:
        return InvalidInput, (str(self),)


class StudyMismatch(InvalidInput):
    """A run directory that holds a different study, or one made under other numerics."""


class BrokenObjective(AutorlError):
    """Every one of the first trials failed with the same exception; carries its traceback as text."""
