"""What `roar fsck` looks for in a database: it names what is wrong and repairs nothing."""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from roar.api.errors import StorageUnusable
from roar.api.records import Problem
from roar.store.encoding import Damaged, from_text, unpack
from roar.store.environments import environment_of

if TYPE_CHECKING:
    from roar.store.engine import Engine

_EDGES = (("job_input", "inputs"), ("job_output", "outputs"))


def problems(engine: Engine) -> Iterator[Problem]:
    """All that is wrong, the database's own findings first; see `Storage.integrity`."""
    try:
        for check in (_database, _dangling, _counts, _steps, _sessions, _labels, _digests, _contents):
            with engine.guard():
                yield from check(engine)
    except StorageUnusable as error:  # what can't be read can't be checked further
        yield Problem("database", error.message, error.fix)


def _database(engine: Engine) -> Iterator[Problem]:
    yield from engine.check()


def _dangling(engine: Engine) -> Iterator[Problem]:
    for table, name in _EDGES:
        for job, uid, count in engine.rows(
            f"SELECT e.job, j.uid, count(*) FROM {table} e LEFT JOIN job j ON j.id = e.job"
            " LEFT JOIN path p ON p.id = e.path LEFT JOIN artifact a ON a.id = e.artifact"
            " WHERE j.id IS NULL OR p.id IS NULL OR (e.artifact IS NOT NULL AND a.id IS NULL)"
            " GROUP BY e.job, j.uid ORDER BY e.job"
        ):
            yield Problem(_job(uid or f"number {job}"), f"{count} of its {name} point to nothing")


def _counts(engine: Engine) -> Iterator[Problem]:
    for uid, observed, recorded, filtered, dropped in engine.rows(
        "SELECT uid, observed, recorded, filtered, dropped FROM job"
        " WHERE observed <> recorded + filtered + dropped ORDER BY id"
    ):
        yield Problem(
            _job(uid),
            f"the counts don't add up: {observed} observed, {recorded} recorded + {filtered} filtered + {dropped} dropped",
        )
    for table, name in _EDGES:
        for uid, count, found in engine.rows(
            f"SELECT j.uid, j.{name}, coalesce(e.found, 0) FROM job j"
            f" LEFT JOIN (SELECT job, count(*) AS found FROM {table} GROUP BY job) e ON e.job = j.id"
            f" WHERE j.{name} <> coalesce(e.found, 0) ORDER BY j.id"
        ):
            yield Problem(_job(uid), f"{count} {name} were recorded, {found} are there")


def _steps(engine: Engine) -> Iterator[Problem]:
    for session, kind, step, count in engine.rows(
        "SELECT session, kind, step, count(*) FROM job GROUP BY session, kind, step"
        " HAVING count(*) > 1 ORDER BY session, kind, step"
    ):
        yield Problem(f"session {session}", f"{count} jobs are {kind} step {step}")


def _sessions(engine: Engine) -> Iterator[Problem]:
    [(active,)] = engine.rows("SELECT count(*) FROM session WHERE active")
    if active != 1:
        yield Problem("sessions", f"{active} sessions are active, not one", "Begin a new one: roar reset")


def _labels(engine: Engine) -> Iterator[Problem]:
    subjects = " + ".join(f"CASE WHEN {name} IS NULL THEN 0 ELSE 1 END" for name in ("job", "session", "artifact"))
    for number, key in engine.rows(f"SELECT id, key FROM label WHERE {subjects} <> 1 ORDER BY id"):
        yield Problem(f"label {number}", f"'{from_text(key)}' is not on one thing")


def _digests(engine: Engine) -> Iterator[Problem]:
    for table, number in (("artifact", "id"), ("artifact_hash", "artifact")):
        for (algorithm,) in engine.rows(f"SELECT DISTINCT algorithm FROM {table} ORDER BY algorithm"):
            length = _length(algorithm)
            if length is None:
                continue
            for artifact, digest in engine.rows(
                f"SELECT {number}, digest FROM {table} WHERE algorithm = ? AND length(digest) <> ? ORDER BY {number}",
                (algorithm, length),
            ):
                yield Problem(
                    f"artifact {artifact}",
                    f"its {algorithm} digest {digest.hex()} has {len(digest)} bytes, not {length}",
                )


def _contents(engine: Engine) -> Iterator[Problem]:
    for digest, content in engine.rows("SELECT digest, content FROM environment ORDER BY id"):
        try:
            environment_of(engine, content)
        except Damaged as error:
            yield Problem(f"environment {digest.hex()}", f"it can't be read: {error}")
    for table, column in (("patch", "content"), ("filtered_count", "files")):
        for (content,) in engine.stream(f"SELECT {column} FROM {table}"):
            try:
                unpack(content)
            except Damaged as error:
                yield Problem(table.replace("_", " "), f"its content can't be read: {error}")


def _length(algorithm: str) -> int | None:
    """The length of an algorithm's digests in bytes, None when this Python doesn't know it."""
    if algorithm == "blake3":
        return 32
    try:
        return hashlib.new(algorithm, usedforsecurity=False).digest_size or None
    except ValueError:
        return None


def _job(uid: str) -> str:
    return f"job {uid}"
