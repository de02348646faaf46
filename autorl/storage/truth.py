"""The truth of a study: what was asked, what training gave, what was told, and what came from the clock."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import (
    Connection,
    Insert,
    Select,
    Table,
    bindparam,
    delete,
    func,
    insert,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError, SQLAlchemyError

from autorl.content import canonical_json
from autorl.errors import InvalidInput, MissingExtra
from autorl.records import Configuration, Evaluation, Segment, Status
from autorl.storage import schema
from autorl.storage.engine import begin_writing, end_writing, open_engine
from autorl.tuners import Outcome, Proposal

__all__ = ["Asked", "StoredStudy", "Truth", "database_url"]

CHUNK = 400
"""Keys per query: below every database's limit of parameters."""
SEGMENT_COLUMNS = tuple(column.name for column in schema.segments.columns)


@dataclass(frozen=True)
class Asked:
    """A trial as it was asked for.

    Attributes:
        proposal: The vector, its origin and the tuner's attributes.
        configuration: The active tuned hyperparameters with their natural values.
        request: Which of the schedule's `Ask` requests brought it, from 0.
    """

    proposal: Proposal
    configuration: Configuration
    request: int


@dataclass(frozen=True)
class StoredStudy:
    """What is stored of a study itself.

    Attributes:
        description: The resolved study description.
        numerics: The parts of the numerics stamp.
        elapsed: Wall seconds spent on it so far, over all sessions.
    """

    description: dict[str, Any]
    numerics: dict[str, str]
    elapsed: float


def database_url(storage: str, directory: Path) -> str:
    """The URL that a study's `storage` entry means: "sqlite" is a file in the run directory."""
    return f"sqlite:///{directory / 'study.sqlite'}" if storage == "sqlite" else storage


class Truth:
    """One study's part of a database. Every method that writes is one transaction.

    Args:
        url: A database URL of SQLAlchemy.
        study: The study's name.

    Raises:
        InvalidInput: If the database cannot be opened, or has another schema version.
    """

    def __init__(self, url: str, study: str) -> None:
        self.study = study
        self._writing = False
        try:
            self._engine = open_engine(url)
            schema.metadata.create_all(self._engine)
        except ModuleNotFoundError as error:
            what = f"{error.name}, which the database {_shown(url)!r} needs,"
            raise MissingExtra(what, distribution=str(error.name)) from error
        except SQLAlchemyError as error:
            raise InvalidInput(f"storage: the database {_shown(url)!r} cannot be opened: {_brief(error)}") from error

    def close(self) -> None:
        """Releases the database."""
        if self._writing:
            end_writing(self._engine)
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """One transaction; the first one says that from now on this process writes. Who only reads changes nothing."""
        if not self._writing:
            begin_writing(self._engine)
            self._writing = True
        with self._engine.begin() as connection:
            yield connection

    # The study itself

    def stored(self) -> StoredStudy | None:
        """What is stored of the study, or None if it is new.

        Raises:
            InvalidInput: If it was stored under another schema version.
        """
        with self._engine.connect() as connection:
            row = connection.execute(select(schema.studies).where(schema.studies.c.study == self.study)).one_or_none()
        if row is None:
            return None
        if row.schema_version != schema.SCHEMA_VERSION:
            raise InvalidInput(
                f"storage: study {self.study!r} was stored under schema version {row.schema_version}; this version "
                f"of autorl reads {schema.SCHEMA_VERSION}"
            )
        return StoredStudy(json.loads(row.description), json.loads(row.numerics), row.elapsed)

    def store(self, description: Mapping[str, object], numerics: Mapping[str, str]) -> None:
        """Stores the study's description and numerics, or replaces them."""
        table = schema.studies
        values = {"description": canonical_json(description), "numerics": canonical_json(numerics)}
        with self._transaction() as connection:
            changed = connection.execute(update(table).where(table.c.study == self.study).values(**values))
            if not changed.rowcount:
                new = {"study": self.study, "schema_version": schema.SCHEMA_VERSION, "elapsed": 0.0, **values}
                connection.execute(insert(table).values(**new))

    def store_elapsed(self, seconds: float) -> None:
        """Stores how long the study has taken so far."""
        table = schema.studies
        with self._transaction() as connection:
            connection.execute(update(table).where(table.c.study == self.study).values(elapsed=seconds))

    # Trials and tells

    def trials(self) -> list[Asked]:
        """Everything asked for, by number."""
        table = schema.trials
        with self._engine.connect() as connection:
            rows = connection.execute(select(table).where(table.c.study == self.study).order_by(table.c.number)).all()
        return [
            Asked(
                Proposal(row.number, json.loads(row.vector), json.loads(row.attributes), row.origin),
                json.loads(row.configuration),
                row.request,
            )
            for row in rows
        ]

    def store_trials(self, asked: Sequence[Asked]) -> None:
        """Stores what one request brought, all or nothing."""
        rows = [
            {
                "study": self.study,
                "number": one.proposal.number,
                "request": one.request,
                "origin": one.proposal.origin,
                "vector": json.dumps(dict(one.proposal.vector)),
                "attributes": json.dumps(dict(one.proposal.attributes)),
                "configuration": json.dumps(dict(one.configuration)),
            }
            for one in asked
        ]
        with self._transaction() as connection:
            connection.execute(insert(schema.trials), rows)

    def tells(self) -> list[Outcome]:
        """Everything told, in the order of telling."""
        table = schema.tells
        query = select(table).where(table.c.study == self.study).order_by(table.c.position)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [
            Outcome(row.number, tuple(json.loads(row.losses)), bool(row.complete), tuple(json.loads(row.violations)))
            for row in rows
        ]

    def trials_stored(self) -> int:
        """How many trials were asked for."""
        return self._count(schema.trials)

    def tells_stored(self) -> int:
        """How many outcomes were told."""
        return self._count(schema.tells)

    def _count(self, table: Table) -> int:
        query = select(func.count()).select_from(table).where(table.c.study == self.study)
        with self._engine.connect() as connection:
            return connection.execute(query).scalar_one()

    def store_tells(self, position: int, outcomes: Sequence[Outcome]) -> None:
        """Stores outcomes told, the first one at a position; those stored already are left as they are."""
        rows = [
            {
                "study": self.study,
                "position": position + offset,
                "number": outcome.number,
                "losses": json.dumps(list(outcome.losses)),
                "complete": int(outcome.complete),
                "violations": json.dumps(list(outcome.violations)),
            }
            for offset, outcome in enumerate(outcomes)
        ]
        with self._transaction() as connection:
            _insert_new(connection, schema.tells, rows)

    # Inputs

    def inputs(self, kind: str) -> dict[str, Any]:
        """Inputs of one kind by name; of several under one name the last."""
        table = schema.inputs
        query = select(table).where(table.c.study == self.study, table.c.kind == kind).order_by(table.c.id)
        with self._engine.connect() as connection:
            return {row.name: json.loads(row.value) for row in connection.execute(query)}

    def store_input(self, kind: str, name: str, value: object) -> None:
        """Stores something that entered from outside the study's description: the clock, a user, a lost worker."""
        with self._transaction() as connection:
            row = {"study": self.study, "kind": kind, "name": name, "value": json.dumps(value)}
            connection.execute(insert(schema.inputs).values(**row))

    # Segments

    def store_segments(self, segments: Sequence[tuple[Segment, Sequence[str]]]) -> None:
        """Stores what a group trained, all or nothing; keys stored already keep what they hold.

        Args:
            segments: Segments with the keys of their evaluations.
        """
        with self._transaction() as connection:
            _insert_new(connection, schema.segments, [_segment_row(segment) for segment, _ in segments])
            rows = [
                _evaluation_row(key, evaluation)
                for segment, keys in segments
                if segment.status is not Status.FAILED
                for key, evaluation in zip(keys, segment.evaluations, strict=True)
            ]
            _insert_new(connection, schema.evaluations, rows)

    def segments(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, Segment]:
        """The segments stored whole: with all the evaluations asked for, or failed.

        Args:
            wanted: Segment key -> the keys of its evaluations.
        """
        with self._engine.connect() as connection:
            rows = _by_key(connection, schema.segments, list(wanted))
            keys = [key for name in rows for key in wanted[name]]
            points = _by_key(connection, schema.evaluations, keys)
        found = {}
        for key, row in rows.items():
            evaluated = [points[name] for name in wanted[key] if name in points]
            if len(evaluated) == len(wanted[key]) or row.status == Status.FAILED.value:
                found[key] = _segment(row, [_evaluation(point) for point in evaluated])
        return found

    def forget_segments(self, keys: Iterable[str]) -> None:
        """Deletes segments, so that they are trained again."""
        with self._transaction() as connection:
            for chunk in _chunks(list(keys)):
                connection.execute(delete(schema.segments).where(schema.segments.c.key.in_(chunk)))


def _insert_new(connection: Connection, table: Any, rows: Sequence[Mapping[str, object]]) -> None:
    """Inserts rows whose key is not there yet."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(_insert_or_ignore(table), list(rows))
        return
    for row in rows:
        try:
            with connection.begin_nested():
                connection.execute(insert(table).values(**row))
        except IntegrityError:
            continue


@functools.cache
def _insert_or_ignore(table: Table) -> Insert:
    """One object a table: SQLAlchemy walks through every new statement to see whether it knows it compiled."""
    return insert(table).prefix_with("OR IGNORE")


@functools.cache
def _select_keys(table: Table) -> Select[Any]:
    return select(table).where(table.c.key.in_(bindparam("keys", expanding=True)))


def _by_key(connection: Connection, table: Any, keys: Sequence[str]) -> dict[str, Any]:
    found = {}
    for chunk in _chunks(keys):
        found.update({row.key: row for row in connection.execute(_select_keys(table), {"keys": chunk})})
    return found


def _chunks(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))


def _segment_row(segment: Segment) -> dict[str, object]:
    row = {name: getattr(segment, name) for name in SEGMENT_COLUMNS}
    return {**row, "status": segment.status.value, "flops": None if math.isnan(segment.flops) else segment.flops}


def _segment(row: Any, evaluations: Sequence[Evaluation]) -> Segment:
    values = {**row._mapping, "status": Status(row.status), "flops": math.nan if row.flops is None else row.flops}
    return Segment(**values, evaluations=tuple(evaluations))


def _evaluation_row(key: str, evaluation: Evaluation) -> dict[str, object]:
    returns = np.ascontiguousarray(evaluation.returns, dtype="<f8")
    return {
        "key": key,
        "checkpoint": evaluation.checkpoint,
        "shape": json.dumps(returns.shape),
        "returns": returns.tobytes(),
        "env_steps": evaluation.env_steps,
        "diverged": int(evaluation.diverged),
    }


def _evaluation(row: Any) -> Evaluation:
    shape = tuple(json.loads(row.shape))
    returns = np.frombuffer(row.returns, dtype="<f8").reshape(shape).astype(np.float64)
    return Evaluation(row.checkpoint, returns, row.env_steps, bool(row.diverged))


def _shown(url: str) -> str:
    """A URL without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url


def _brief(error: Exception) -> str:
    inner = error.orig if isinstance(error, OperationalError) and error.orig is not None else error
    return str(inner).splitlines()[0]
