"""The statements that record files in bulk, in both dialects, as text: the models take longer to import than these to run.

Each takes rows: SQLite one at a time, prepared once; PostgreSQL a column at a time, as arrays, in one round trip.

========== ===========================================================================================================
path       path
artifact   algorithm, digest, size: of the primary digest; nothing is added when the content is known by it already
hash       algorithm and digest by which the content is known, algorithm and digest to add
input      job, path, algorithm, digest, size, mtime_ns, ctime_ns, dev, ino, mode, stat_size, missing_reason, tracked
output     the same
========== ===========================================================================================================
"""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

_COLUMNS = (
    "job, path, artifact, size, mtime_ns, ctime_ns, dev, ino, mode, stat_size, missing_reason, tracked"  # of the edges
)


def _sqlite_artifact(algorithm: str, digest: str) -> str:
    """The artifact that has a digest, be it its primary one or a further one."""
    return (
        f"coalesce((SELECT id FROM artifact WHERE digest = {digest} AND algorithm = {algorithm}),"
        f" (SELECT artifact FROM artifact_hash WHERE digest = {digest} AND algorithm = {algorithm}))"
    )


def _sqlite_edge(table: str) -> str:
    return (
        f"INSERT INTO {table} ({_COLUMNS}) VALUES (?1, (SELECT id FROM path WHERE path = ?2), {_sqlite_artifact('?3', '?4')},"
        " ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO NOTHING"
    )


SQLITE = {
    "path": "INSERT INTO path (path) VALUES (?) ON CONFLICT DO NOTHING",
    "artifact": (
        "INSERT INTO artifact (algorithm, digest, size) SELECT ?1, ?2, ?3"
        " WHERE NOT EXISTS (SELECT 1 FROM artifact_hash WHERE digest = ?2 AND algorithm = ?1) ON CONFLICT DO NOTHING"
    ),
    "hash": (
        f"INSERT INTO artifact_hash (artifact, algorithm, digest) SELECT {_sqlite_artifact('?1', '?2')}, ?3, ?4"
        " WHERE NOT EXISTS (SELECT 1 FROM artifact WHERE digest = ?4 AND algorithm = ?3) ON CONFLICT DO NOTHING"
    ),
    "input": _sqlite_edge("job_input"),
    "output": _sqlite_edge("job_output"),
}


def _postgresql_artifact(row: str, algorithm: str = "algorithm", digest: str = "digest") -> str:
    return (
        f"coalesce((SELECT a.id FROM artifact a WHERE a.digest = {row}.{digest} AND a.algorithm = {row}.{algorithm}),"
        f" (SELECT h.artifact FROM artifact_hash h WHERE h.digest = {row}.{digest} AND h.algorithm = {row}.{algorithm}))"
    )


def _postgresql_edge(table: str) -> str:
    return (
        f"INSERT INTO {table} ({_COLUMNS})"
        f" SELECT n.job, (SELECT p.id FROM path p WHERE p.path = n.path), {_postgresql_artifact('n')}, n.size, n.mtime_ns,"
        " n.ctime_ns, n.dev, n.ino, n.mode, n.stat_size, n.missing_reason, n.tracked"
        " FROM unnest(%s::bigint[], %s::bytea[], %s::text[], %s::bytea[], %s::bigint[], %s::bigint[], %s::bigint[],"
        " %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::boolean[])"
        " AS n (job, path, algorithm, digest, size, mtime_ns, ctime_ns, dev, ino, mode, stat_size, missing_reason, tracked)"
        " ON CONFLICT DO NOTHING"
    )


POSTGRESQL = {
    "path": "INSERT INTO path (path) SELECT unnest(%s::bytea[]) ON CONFLICT DO NOTHING",
    "artifact": (
        "INSERT INTO artifact (algorithm, digest, size) SELECT n.algorithm, n.digest, n.size"
        " FROM unnest(%s::text[], %s::bytea[], %s::bigint[]) AS n (algorithm, digest, size) WHERE NOT EXISTS"
        " (SELECT 1 FROM artifact_hash h WHERE h.digest = n.digest AND h.algorithm = n.algorithm) ON CONFLICT DO NOTHING"
    ),
    "hash": (
        f"INSERT INTO artifact_hash (artifact, algorithm, digest) SELECT {_postgresql_artifact('n', 'by', 'known')},"
        " n.algorithm, n.digest FROM unnest(%s::text[], %s::bytea[], %s::text[], %s::bytea[])"
        " AS n (by, known, algorithm, digest) WHERE NOT EXISTS"
        " (SELECT 1 FROM artifact a WHERE a.digest = n.digest AND a.algorithm = n.algorithm) ON CONFLICT DO NOTHING"
    ),
    "input": _postgresql_edge("job_input"),
    "output": _postgresql_edge("job_output"),
}
