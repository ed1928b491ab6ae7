"""The statements that record files in bulk, as text: the models take longer to import than these to run.

Each takes many rows at once, as a table ``n``: for SQLite as ``VALUES``, for PostgreSQL as one array a column.  That is three
times as fast as a row at a time, and so is SQLite's ``OR IGNORE`` compared to ``ON CONFLICT``, where nothing else can be
ignored by it.
"""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

Name = Literal["path", "artifact", "hash", "input", "output"]


class _Bulk(NamedTuple):
    columns: dict[str, str]
    """Name and PostgreSQL type of the columns of ``n``."""
    into: str
    select: str
    only_conflicts: bool
    """Whether a row that breaks another rule than being unique must fail."""


_KNOWN_BY = (  # by its primary digest or by a further one
    "coalesce((SELECT a.id FROM artifact a WHERE a.digest = n.{digest} AND a.algorithm = n.{algorithm}),"
    " (SELECT h.artifact FROM artifact_hash h WHERE h.digest = n.{digest} AND h.algorithm = n.{algorithm}))"
)
_STATE = "size, mtime_ns, ctime_ns, dev, ino, mode, stat_size, missing_reason, tracked"


def _edge(table: str) -> _Bulk:
    return _Bulk(
        {
            "job": "bigint", "path": "bytea", "algorithm": "text", "digest": "bytea", "size": "bigint",
            "mtime_ns": "bigint", "ctime_ns": "bigint", "dev": "bigint", "ino": "bigint", "mode": "bigint",
            "stat_size": "bigint", "missing_reason": "text", "tracked": "boolean",
        },
        f"{table} (job, path, artifact, {_STATE})",
        "n.job, (SELECT p.id FROM path p WHERE p.path = n.path),"
        f" {_KNOWN_BY.format(algorithm='algorithm', digest='digest')}, {_STATE} FROM n WHERE true",
        only_conflicts=True,
    )  # fmt: skip


_BULK: dict[Name, _Bulk] = {
    "path": _Bulk({"path": "bytea"}, "path (path)", "n.path FROM n", only_conflicts=False),
    # Contents by their primary digests, unless they are known by them as further ones.
    "artifact": _Bulk(
        {"algorithm": "text", "digest": "bytea", "size": "bigint"},
        "artifact (algorithm, digest, size)",
        "n.algorithm, n.digest, n.size FROM n"
        " WHERE NOT EXISTS (SELECT 1 FROM artifact_hash h WHERE h.digest = n.digest AND h.algorithm = n.algorithm)",
        only_conflicts=False,
    ),
    # Further digests of the contents that are known by a first one.
    "hash": _Bulk(
        {"known_by": "text", "known": "bytea", "algorithm": "text", "digest": "bytea"},
        "artifact_hash (artifact, algorithm, digest)",
        f"{_KNOWN_BY.format(algorithm='known_by', digest='known')}, n.algorithm, n.digest FROM n"
        " WHERE NOT EXISTS (SELECT 1 FROM artifact a WHERE a.digest = n.digest AND a.algorithm = n.algorithm)",
        only_conflicts=False,
    ),
    "input": _edge("job_input"),
    "output": _edge("job_output"),
}


@cache
def for_sqlite(name: Name, rows: int) -> str:
    """The statement that takes that many rows, with ``?`` for each value."""
    bulk = _BULK[name]
    values = ", ".join([f"({', '.join('?' * len(bulk.columns))})"] * rows)
    verb, end = ("INSERT INTO", " ON CONFLICT DO NOTHING") if bulk.only_conflicts else ("INSERT OR IGNORE INTO", "")
    return f"{verb} {bulk.into} {_source(bulk, f'VALUES {values}')} SELECT {bulk.select}{end}"


@cache
def for_postgresql(name: Name) -> str:
    """The statement that takes any number of rows, with ``%s`` for the array of each column."""
    bulk = _BULK[name]
    arrays = ", ".join(f"%s::{kind}[]" for kind in bulk.columns.values())
    source = _source(bulk, f"SELECT * FROM unnest({arrays})")
    return f"INSERT INTO {bulk.into} {source} SELECT {bulk.select} ON CONFLICT DO NOTHING"


def _source(bulk: _Bulk, rows: str) -> str:
    names = ", ".join(f'"{name}"' for name in bulk.columns)
    return f"WITH n ({names}) AS ({rows})"
