"""The tables of the truth.

Segments and evaluations stand under content keys and belong to no study, so that studies sharing a database share
them. Everything else carries the study's name.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, MetaData, String, Table, Text

__all__ = ["SCHEMA_VERSION", "evaluations", "inputs", "metadata", "segments", "studies", "tells", "trials"]

SCHEMA_VERSION = 2
"""Raised when a table changes; a database of another version is refused."""

metadata = MetaData()

studies = Table(
    "studies",
    metadata,
    Column("study", String(200), primary_key=True),
    Column("schema_version", Integer, nullable=False),
    Column("description", Text, nullable=False),
    Column("numerics", Text, nullable=False),
    Column("elapsed", Float, nullable=False, default=0.0),
)

trials = Table(
    "trials",
    metadata,
    Column("study", String(200), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("request", Integer, nullable=False),
    Column("origin", String(20), nullable=False),
    Column("vector", Text, nullable=False),
    Column("attributes", Text, nullable=False),
    Column("configuration", Text, nullable=False),
)

tells = Table(
    "tells",
    metadata,
    Column("study", String(200), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("losses", Text, nullable=False),
    Column("complete", Integer, nullable=False),
    Column("violations", Text, nullable=False),
)

inputs = Table(
    "inputs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("study", String(200), nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("name", String(200), nullable=False),
    Column("value", Text, nullable=False),
)

segments = Table(
    "segments",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("parent", String(64)),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("status", String(20), nullable=False),
    Column("env_steps", BigInteger, nullable=False),
    Column("cpu_seconds", Float, nullable=False),
    Column("gradient_updates", BigInteger, nullable=False),
    Column("flops", Float),
    Column("parameters", BigInteger, nullable=False),
    Column("reason", Text),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("checkpoint", BigInteger, nullable=False),
    Column("shape", String(60), nullable=False),
    Column("returns", LargeBinary, nullable=False),
    Column("env_steps", BigInteger, nullable=False),
    Column("diverged", Integer, nullable=False),
)
