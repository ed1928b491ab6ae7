"""Jobs, edges and artifacts as the reading commands ask for them, by queries on the models."""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Literal

from roar.api.filters import Direction
from roar.api.records import Artifact, Capture, Composite, GitState, Job, StoredEdge
from roar.store import tables
from roar.store.dialects import peewee
from roar.store.encoding import (
    digest_range,
    from_json,
    from_text,
    marks,
    to_text,
    to_unsigned,
    unpack,
    unpack_files,
)
from roar.store.engine import CHUNK, chunks
from roar.store.environments import environment_of
from roar.store.files import hashes_of, stat_of
from roar.store.labels import of as labels_of

if TYPE_CHECKING:
    from roar.api.storage import JobQuery
    from roar.store.engine import Engine

_RECENT_JOBS = 1000
"""How far back composites are looked for by path and digest: they have no index for these."""
_ROWS = 2_000
"""Edges that are read at a time."""

_T, _C = tables.Job, tables.CommitState
_JOB = (
    _T.id, _T.uid, _T.session, _T.step, _T.kind, _T.command, _T.name, _T.parameters, _T.cwd, _T.started_ns, _T.ended_ns,
    _T.recording_s, _T.cpu_s, _T.max_rss_bytes, _T.exit_code, _T.status, _T.tracer, _T.tracer_version, _T.inputs,
    _T.outputs, _T.verdict, _T.reasons, _T.observed, _T.recorded, _T.filtered, _T.dropped, _T.notes,
    _C.commit, _C.branch, _C.remote, _C.root, _C.cwd, _C.dirty,
)  # fmt: skip
_CAPTURE, _GIT = 20, 27
"""Where in `_JOB` these begin."""


def jobs(engine: Engine, wanted: JobQuery) -> list[Job]:
    """See `Storage.jobs`."""
    query = _jobs().order_by(_T.id.desc())
    if wanted.session is not None:
        query = query.where(_T.session == wanted.session)
    if wanted.kind is not None:
        query = query.where(_T.kind == wanted.kind)
    if wanted.failed:
        query = query.where(_T.status == "failed")
    if wanted.since_ns is not None:
        query = query.where(_T.started_ns >= wanted.since_ns)
    if wanted.path is not None:
        path = tables.Path.select(tables.Path.id).where(tables.Path.path == wanted.path)
        query = query.where(
            reduce(or_, [_T.id.in_(edge.select(edge.job).where(edge.path.in_(path))) for edge in _TABLES.values()])
        )
    for key, value in wanted.labels.items():
        query = query.where(_T.id.in_(_labelled(key, value)))
    if wanted.limit is not None:
        query = query.limit(max(wanted.limit, 0))
    return _complete(engine, engine.query(query))


def job_at(engine: Engine, step: int, kind: str, session: int) -> Job | None:
    """See `Storage.job_at`."""
    query = _jobs().where((_T.session == session) & (_T.kind == kind) & (_T.step == step))
    found = _complete(engine, engine.query(query))
    return found[0] if found else None


def jobs_by_uid(engine: Engine, prefix: str, limit: int = 20) -> list[Job]:
    """See `Storage.jobs_by_uid`."""
    if digest_range(prefix) is None:
        return []
    first, after = prefix.lower(), prefix.lower() + "g"  # which comes after every hexadecimal digit
    found = f'WHERE "t1"."uid" >= ? AND "t1"."uid" < ? ORDER BY "t1"."id" DESC LIMIT {int(limit)}'
    return _complete(engine, engine.rows(f"{_select(engine, 'job')} {found}", (first, after)))


def jobs_by_id(engine: Engine, ids: Iterable[int]) -> list[Job]:
    """See `Storage.jobs_by_id`."""
    wanted = sorted(set(ids))
    if not wanted:
        return []
    rows = [
        row
        for chunk in chunks(wanted)
        for row in engine.rows(
            f'{_select(engine, "job")} WHERE "t1"."id" IN ({marks(chunk)}) ORDER BY "t1"."id"', chunk
        )
    ]
    return _complete(engine, rows)


def edges(
    engine: Engine, ids: Sequence[int], direction: Direction | None, limit: int | None = None
) -> Iterator[StoredEdge]:
    """See `Storage.edges`."""
    if limit is not None:
        for job in sorted(set(ids)):
            for one in _DIRECTIONS if direction is None else (direction,):
                rows = engine.rows(
                    f'{_select(engine, one)} WHERE "t1"."job" = ? ORDER BY "t1"."path" LIMIT {int(limit)}', (job,)
                )
                yield from sorted(_stored(engine, rows), key=lambda edge: edge.path)
        return
    for chunk in chunks(sorted(set(ids)), CHUNK // 2):
        of_these = f'WHERE "t1"."job" IN ({marks(chunk)})'
        parts = [f"{_select(engine, one)} {of_these}" for one in _DIRECTIONS if direction in (None, one)]
        found = engine.stream(f"{' UNION ALL '.join(parts)} ORDER BY 1, 2, 3", chunk * len(parts))
        for part in chunks(found, _ROWS):
            yield from _stored(engine, part)


def edges_at(engine: Engine, path: bytes, limit: int | None = None) -> list[StoredEdge]:
    """See `Storage.edges_at`."""
    known = engine.rows("SELECT id FROM path WHERE path = ?", (path,))
    return sorted(_newest(engine, None, "path", known[0], limit), key=_from_the_newest) if known else []


def edges_of(
    engine: Engine, artifacts: Iterable[int], direction: Direction | None, limit: int | None = None
) -> list[StoredEdge]:
    """See `Storage.edges_of`."""
    found: list[StoredEdge] = []
    for chunk in chunks(sorted(set(artifacts))):
        found += _newest(engine, direction, "artifact", chunk, limit)
    return sorted(found, key=_from_the_newest)


def artifacts_by_digest(engine: Engine, prefix: str, algorithm: str | None, limit: int = 20) -> list[Artifact]:
    """See `Storage.artifacts_by_digest`."""
    digests = digest_range(prefix)
    if digests is None:
        return []
    condition, values = _digest_condition(digests)
    if algorithm is not None:
        condition, values = f"{condition} AND algorithm = ?", [*values, algorithm]
    numbers: set[int] = set()
    for table, column in (("artifact", "id"), ("artifact_hash", "artifact")):
        found = f"SELECT {column} FROM {table} WHERE {condition} ORDER BY digest LIMIT {int(limit)}"
        numbers.update(row[0] for row in engine.rows(found, values))
    wanted = sorted(numbers)[:limit]
    if not wanted:
        return []
    rows = engine.rows(
        f"SELECT id, algorithm, digest, size FROM artifact WHERE id IN ({marks(wanted)}) ORDER BY id", wanted
    )
    hashes = hashes_of(engine, [(number, name, digest) for number, name, digest, _ in rows])
    return [Artifact(number, hashes[number], to_unsigned(size)) for number, _, _, size in rows]


def composites(engine: Engine, ids: Sequence[int]) -> dict[int, list[Composite]]:
    """See `Storage.composites`."""
    found: dict[int, list[Composite]] = {}
    for chunk in chunks(sorted(set(ids))):
        rows = engine.rows(
            "SELECT job, path, kind, digest, algorithm, members, size, is_output FROM composite"
            f" WHERE job IN ({marks(chunk)}) ORDER BY job, number",
            chunk,
        )
        for job, path, kind, digest, algorithm, members, size, is_output in rows:
            found.setdefault(job, []).append(
                Composite(
                    path, from_text(kind), digest.hex(), algorithm, members, to_unsigned(size),
                    "output" if is_output else "input",
                )
            )  # fmt: skip
    return found


def _digest_condition(digests: tuple[bytes, bytes | None]) -> tuple[str, list[Any]]:
    low, high = digests
    return ("digest >= ?", [low]) if high is None else ("digest >= ? AND digest < ?", [low, high])


def composites_like(engine: Engine, path: bytes | None, digest: str) -> list[tuple[int, Composite]]:
    """See `Storage.composites_like`."""
    [(newest,)] = engine.rows("SELECT max(id) FROM job")
    condition, values = "job > ?", [(newest or 0) - _RECENT_JOBS]
    if path is not None:
        condition, values = f"{condition} AND path = ?", [*values, path]
    digests = digest_range(digest)
    if digests is not None:
        further, limits = _digest_condition(digests)
        condition, values = f"{condition} AND {further}", [*values, *limits]
    rows = engine.rows(f"SELECT DISTINCT job FROM composite WHERE {condition}", values)
    found = composites(engine, [job for (job,) in rows])
    return [
        (job, composite)
        for job in sorted(found, reverse=True)
        for composite in found[job]
        if (path is None or composite.path == path) and composite.digest.startswith(digest)
    ]


def filtered(engine: Engine, job: int) -> list[tuple[str, bytes, Direction]]:
    """See `Storage.filtered`."""
    table = tables.FilteredCount
    rows = engine.query(table.select(table.name, table.files).where(table.job == job))
    lists = sorted((from_text(name), unpack_files(blob)) for name, blob in rows)
    return [(name, path, direction) for name, files in lists for path, direction in files]


def environment(engine: Engine, job: int) -> dict[str, Any]:
    """See `Storage.environment`."""
    table = tables.Environment
    rows = engine.query(table.select(table.content).join(_T, on=_T.environment == table.id).where(_T.id == job))
    return environment_of(engine, rows[0][0]) if rows else {}


def patch(engine: Engine, job: int) -> bytes | None:
    """See `Storage.patch`."""
    query = (
        tables.Patch.select(tables.Patch.content)
        .join(_C, on=_C.patch == tables.Patch.id)
        .join(_T, on=_T.commit_state == _C.id)
        .where(_T.id == job)
    )
    rows = engine.query(query)
    return unpack(rows[0][0]) if rows else None


_DIRECTIONS: tuple[Direction, Direction] = ("input", "output")
_TABLES: dict[Direction, Any] = {"input": tables.JobInput, "output": tables.JobOutput}


def _jobs() -> Any:
    return _T.select(*_JOB).join(_C, peewee.JOIN.LEFT_OUTER, on=_T.commit_state == _C.id)


def _labelled(key: str, value: str | None) -> Any:
    """The jobs that have a label now, with a value or (None) any."""
    label, later = tables.Label, tables.Label.alias("later")
    newer = later.select(peewee.SQL("1")).where(
        (later.job == label.job) & (later.key == label.key) & (later.id > label.id)
    )
    wanted = label.value.is_null(False) if value is None else label.value == to_text(value)
    return label.select(label.job).where(
        (label.key == to_text(key)) & label.job.is_null(False) & wanted & ~peewee.fn.EXISTS(newer)
    )


def _complete(engine: Engine, rows: Sequence[tuple[Any, ...]]) -> list[Job]:
    """Jobs from rows, with their labels and the counts of what was filtered."""
    labels = labels_of(engine, "job", [row[0] for row in rows])
    counts: dict[int, dict[str, int]] = {row[0]: {} for row in rows}
    for chunk in chunks(counts):
        counted = f"SELECT job, filter, count FROM filtered_count WHERE job IN ({marks(chunk)}) ORDER BY filter"
        for job, name, number in engine.rows(counted, chunk):
            counts[job][from_text(name)] = number
    return [_job(row, labels.get(row[0], {}), counts[row[0]]) for row in rows]


def _job(row: tuple[Any, ...], labels: dict[str, str], counts: dict[str, int]) -> Job:
    (
        number, uid, session, step, kind, command, name, parameters, cwd, started_ns, ended_ns, recording_s, cpu_s,
        max_rss_bytes, exit_code, status, tracer, tracer_version, inputs, outputs,
    ) = row[:_CAPTURE]  # fmt: skip
    verdict, reasons, observed, recorded, dropped_by_filters, dropped, notes = row[_CAPTURE:_GIT]
    return Job(
        id=number, uid=uid, session=session, step=step, kind=kind, command=tuple(from_json(command)),
        name=None if name is None else from_text(name), labels=labels, parameters=from_json(parameters), cwd=cwd,
        started_ns=started_ns, ended_ns=ended_ns, recording_s=recording_s, cpu_s=cpu_s, max_rss_bytes=max_rss_bytes,
        exit_code=exit_code, status=status, tracer=from_text(tracer), tracer_version=from_text(tracer_version),
        capture=Capture(
            verdict, tuple(from_json(reasons)), observed, recorded, dropped_by_filters, dropped, tuple(from_json(notes))
        ),
        git=_git(*row[_GIT:]), inputs=inputs, outputs=outputs, filtered=counts,
    )  # fmt: skip


def _git(
    commit: str | None, branch: str | None, remote: str | None, root: bytes, cwd: bytes, dirty: bool
) -> GitState | None:
    if commit is None:
        return None
    return GitState(
        from_text(commit),
        None if branch is None else from_text(branch),
        None if remote is None else from_text(remote),
        root,
        cwd,
        bool(dirty),
    )


def _select(engine: Engine, what: Direction | Literal["job"]) -> str:
    """The beginning of a statement that reads jobs or edges, up to its conditions on the table ``t1``.

    A query takes longer to be put together, and hundreds of numbers to be put into it, than a few hundred rows to be read.
    """
    key = type(engine), what
    if key not in _SELECTS:
        _SELECTS[key], values = engine.compiled(_jobs() if what == "job" else _edges(what))
        assert not values  # noqa: S101 - those of the conditions are all
    return _SELECTS[key]


_SELECTS: dict[tuple[type[Engine], str], str] = {}


def _edges(direction: Direction) -> Any:
    edge, content, place = _TABLES[direction], tables.Artifact, tables.Path
    return (
        edge.select(
            edge.job, peewee.SQL(str(int(direction == "output"))).alias("is_output"), place.path.alias("name"),
            edge.artifact, content.algorithm, content.digest, edge.missing_reason, edge.tracked, edge.size,
            edge.mtime_ns, edge.ctime_ns, edge.dev, edge.ino, edge.mode, edge.stat_size,
        )
        .join(place, on=edge.path == place.id)
        .join(content, peewee.JOIN.LEFT_OUTER, on=edge.artifact == content.id, src=edge)
    )  # fmt: skip


def _newest(
    engine: Engine, direction: Direction | None, column: str, numbers: Sequence[int], limit: int | None
) -> list[StoredEdge]:
    """The edges with one of the numbers in a column, in no order; of each direction the newest `limit`."""
    end = "" if limit is None else f' ORDER BY "t1"."job" DESC LIMIT {int(limit)}'
    which = f"= {int(numbers[0])}" if len(numbers) == 1 else f"IN ({marks(numbers)})"
    values = [] if len(numbers) == 1 else numbers
    rows: list[tuple[Any, ...]] = []
    for one in _DIRECTIONS if direction is None else (direction,):
        rows += engine.rows(f'{_select(engine, one)} WHERE "t1"."{column}" {which}{end}', values)
    return _stored(engine, rows)


def _from_the_newest(edge: StoredEdge) -> tuple[int, str, bytes]:
    return -edge.job_id, edge.direction, edge.path


def _stored(engine: Engine, rows: Sequence[tuple[Any, ...]]) -> list[StoredEdge]:
    """Edges from the rows of `_edges`."""
    hashes = hashes_of(engine, [(row[3], row[4], row[5]) for row in rows if row[3] is not None])
    return [
        StoredEdge(
            job, "output" if is_output else "input", path, artifact,
            {} if artifact is None else hashes[artifact], None if size is None else to_unsigned(size),
            stat_of(size, *state), None if reason is None else from_text(reason), bool(tracked),
        )
        for job, is_output, path, artifact, _, _, reason, tracked, size, *state in rows
    ]  # fmt: skip
