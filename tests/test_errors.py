"""The tree of errors and the sentences of those that make their own."""

from __future__ import annotations

import inspect
import pickle

import pytest

from autorl import errors
from autorl.errors import (
    AutorlError,
    BrokenObjective,
    InvalidInput,
    MissingExtra,
    StudyMismatch,
    UnknownName,
)


def test_the_tree() -> None:
    assert all(issubclass(getattr(errors, name), AutorlError) for name in errors.__all__)
    for mistake in (UnknownName, MissingExtra, StudyMismatch):
        assert issubclass(mistake, InvalidInput)
    assert issubclass(InvalidInput, ValueError)
    assert not issubclass(BrokenObjective, ValueError)


def test_every_class_is_listed() -> None:
    classes = {
        name
        for name, member in vars(errors).items()
        if inspect.isclass(member) and member.__module__ == errors.__name__
    }
    assert classes == set(errors.__all__)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UnknownName("tuner", "tp", ["tpe", "random"]), "unknown tuner 'tp'; did you mean 'tpe'?"),
        (UnknownName("tuner", "zzz", ["tpe", "random"]), "unknown tuner 'zzz'; known: random, tpe"),
        (UnknownName("tuner", "zzz", []), "unknown tuner 'zzz'; known: none"),
        (UnknownName("tuner", 3, ["tpe"], "a.yaml: tuner"), "a.yaml: tuner: unknown tuner 3; known: tpe"),
        (
            MissingExtra("backend 'envpool'", "envpool"),
            "backend 'envpool' is not installed; install it with: pip install 'autorl[envpool]'",
        ),
        (
            MissingExtra("environment 'highway-v0'", distribution="highway-env"),
            "environment 'highway-v0' is not installed; install it with: pip install 'highway-env'",
        ),
        (MissingExtra("box2d"), "box2d is not installed; install it with: pip install 'box2d'"),
    ],
)
def test_messages_survive_the_way_between_processes(error: InvalidInput, message: str) -> None:
    assert str(error) == message
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    assert isinstance(again, InvalidInput)
    assert str(again) == message


def test_an_unknown_name_carries_what_was_known() -> None:
    error = UnknownName("metric", "retrun", ["return", "auc"])
    assert (error.kind, error.name, error.known) == ("metric", "retrun", ["auc", "return"])
