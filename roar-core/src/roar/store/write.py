"""Recording a job: one transaction, linear in its files, none of which is held twice."""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from roar.api.errors import NotFound
from roar.api.filters import Direction
from roar.api.records import Edge, GitState, JobRecord, Recorded
from roar.store import sessions
from roar.store.encoding import fits, key_of, pack, pack_files, to_json, to_signed, to_text
from roar.store.environments import insert_environment
from roar.store.unify import unify

if TYPE_CHECKING:
    from roar.store.engine import Engine

_EDGES = 5_000
"""Edges written at a time."""

_JOB = (
    "uid", "session", "kind", "step", "command", "name", "parameters", "cwd", "started_ns", "ended_ns", "recording_s",
    "cpu_s", "max_rss_bytes", "exit_code", "status", "tracer", "tracer_version", "verdict", "reasons", "notes",
    "observed", "recorded", "filtered", "dropped", "inputs", "outputs", "commit_state", "environment",
)  # fmt: skip
_UNCOUNTED = 0


def record(engine: Engine, job: JobRecord, session: int | None) -> Recorded:
    """Records a job as the next step of its kind; see `Storage.record`.

    Raises:
        NotFound: there is no such session.
    """
    keep = engine.names.keep
    filtered = [
        (to_text(name), len(files), pack_files((keep(path), direction) for path, direction in files))
        for name, files in job.filtered.items()
        if files
    ]
    with engine.transaction():
        done = engine.rows("SELECT step, session FROM job WHERE uid = ?", (job.uid,))
        if done:
            return Recorded(job.uid, *done[0])
        session = _session(engine, session)
        [(step,)] = engine.rows(
            "SELECT coalesce(max(step), 0) + 1 FROM job WHERE session = ? AND kind = ?", (session, job.kind)
        )
        values = (
            job.uid, session, job.kind, step, to_json(job.command), None if job.name is None else to_text(job.name),
            to_json(job.parameters), keep(job.cwd), job.started_ns, job.ended_ns, job.recording_s, job.cpu_s,
            job.max_rss_bytes, job.exit_code, job.status, to_text(job.tracer), to_text(job.tracer_version),
            job.capture.verdict, to_json(job.capture.reasons), to_json(job.capture.notes), job.capture.observed,
            job.capture.recorded, job.capture.filtered, job.capture.dropped, _UNCOUNTED, _UNCOUNTED,
            _commit_state(engine, job.git), insert_environment(engine, job.environment),
        )  # fmt: skip
        number = _insert(engine, "job", _JOB, values)
        inputs = _edges(engine, number, "input", job.inputs)
        outputs = _edges(engine, number, "output", job.outputs)
        engine.rows("UPDATE job SET inputs = ?, outputs = ? WHERE id = ?", (inputs, outputs, number))
        _details(engine, number, job)
        for name, count, files in filtered:
            engine.rows(
                "INSERT INTO filtered_count (job, filter, count, files) VALUES (?, ?, ?, ?)",
                (number, name, count, files),
            )
    return Recorded(job.uid, step, session)


def _session(engine: Engine, session: int | None) -> int:
    if session is None:
        active = sessions.active_id(engine)
        return sessions.begin(engine, None).id if active is None else active
    if not engine.rows("SELECT 1 FROM session WHERE id = ?", (session,)):
        raise NotFound(f"There is no session {session}.", "List them: roar session list")
    return session


def _insert(engine: Engine, table: str, columns: Sequence[str], values: Sequence[Any]) -> int:
    """Adds a row and gives its id: the next one, as nobody else is writing.  (SQLite has RETURNING only since 3.35.)"""
    [(number,)] = engine.rows(f"SELECT coalesce(max(id), 0) + 1 FROM {table}")
    names = ", ".join(f'"{column}"' for column in columns)
    engine.rows(
        f"INSERT INTO {table} (id, {names}) VALUES (?{', ?' * len(columns)})",
        (number, *values),
    )
    return int(number)


def _content(engine: Engine, table: str, content: bytes) -> int:
    """The id of a deduplicated content, which is packed only when it is new."""
    digest = key_of(content)
    known = engine.rows(f"SELECT id FROM {table} WHERE digest = ?", (digest,))
    return int(known[0][0]) if known else _insert(engine, table, ("digest", "content"), (digest, pack(content)))


def _commit_state(engine: Engine, git: GitState | None) -> int | None:
    if git is None:
        return None
    patch = None if git.patch is None else _content(engine, "patch", git.patch)
    texts = [None if text is None else to_text(text) for text in (git.commit, git.branch, git.remote)]
    root, then = engine.names.keep(git.root), git.root if git.recorded_root is None else git.recorded_root
    digest = key_of(to_json([*texts, git.dirty, patch]).encode(), root, git.cwd, then)
    known = engine.rows("SELECT id FROM commit_state WHERE digest = ?", (digest,))
    if known:
        return int(known[0][0])
    columns = ("digest", "commit", "branch", "remote", "root", "cwd", "dirty", "patch", "recorded_root")
    return _insert(engine, "commit_state", columns, (digest, *texts, root, git.cwd, git.dirty, patch, then))


def _edges(engine: Engine, job: int, direction: Direction, edges: Sequence[Edge]) -> int:
    """Writes edges and the paths and artifacts that they need, and tells how many were written."""
    written = 0
    keep = engine.names.keep
    texts: dict[str | None, str | None] = {None: None}  # reasons are few and repeat
    for start in range(0, len(edges), _EDGES):
        chunk = edges[start : start + _EDGES]
        rows = [_row(job, edge, keep(edge.path), texts) for edge in chunk]
        engine.bulk("path", [(row[1],) for row in rows])
        further = [edge.hashes for edge in chunk if len(edge.hashes) > 1]
        if further:
            unify(engine, further)
        known = [(row[2], row[3], row[4] or 0) for row in rows if row[3] is not None]
        engine.bulk("artifact", known)
        engine.bulk("hash", [row for hashes in further for row in _hashes(hashes)])
        written += engine.bulk(direction, rows)
    return written


def _row(job: int, edge: Edge, path: bytes, texts: dict[str | None, str | None]) -> tuple[Any, ...]:
    """An edge, at a path as it is kept, as the statements ``input`` and ``output`` take it."""
    _, hashes, size, stat, reason, tracked = edge
    algorithm, digest = None, None
    for algorithm, hexadecimal in hashes.items():  # noqa: B007 - the first one, in half the time
        digest = bytes.fromhex(hexadecimal)
        break
    if reason not in texts and reason is not None:
        texts[reason] = to_text(reason)
    kept_size = None if size is None else to_signed(size)
    if stat is None:
        return job, path, algorithm, digest, kept_size, None, None, None, None, None, None, texts[reason], tracked
    dev, ino, stat_size, mtime_ns, ctime_ns, mode = stat
    if not (fits(mtime_ns) and fits(ctime_ns)):
        return _row(job, edge._replace(stat=None), path, texts)
    return (
        job, path, algorithm, digest, kept_size, mtime_ns, ctime_ns, to_signed(dev), to_signed(ino), mode,
        None if stat_size == size else to_signed(stat_size), texts[reason], tracked,
    )  # fmt: skip


def _hashes(hashes: Mapping[str, str]) -> list[tuple[str, bytes, str, bytes]]:
    """The further digests of a content as the statement ``hash`` takes them."""
    (by, known), *further = ((algorithm, bytes.fromhex(digest)) for algorithm, digest in hashes.items())
    return [(by, known, algorithm, digest) for algorithm, digest in further]


def _details(engine: Engine, number: int, job: JobRecord) -> None:
    for key, value in job.labels.items():
        columns = ("job", "key", "value", "set_ns")
        _insert(engine, "label", columns, (number, to_text(key), to_text(value), job.started_ns))
    for place, group in enumerate(job.composites):
        engine.rows(
            "INSERT INTO composite (job, number, path, kind, digest, algorithm, members, size, is_output)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number, place, engine.names.keep(group.path), to_text(group.kind), bytes.fromhex(group.digest), group.algorithm,
                group.members, to_signed(group.size), group.direction == "output",
            ),
        )  # fmt: skip
