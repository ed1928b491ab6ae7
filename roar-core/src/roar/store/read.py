"""Jobs, edges and artifacts as the reading commands ask for them.

The statements are text: the models take longer to import than any of these to run.
"""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from roar.api.filters import Direction
from roar.api.records import Artifact, Capture, Composite, GitState, Job, StoredEdge
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

_JOB = """SELECT j.id, j.uid, j.session, j.step, j.kind, j.command, j.name, j.parameters, j.cwd, j.started_ns, j.ended_ns,
 j.recording_s, j.cpu_s, j.max_rss_bytes, j.exit_code, j.status, j.tracer, j.tracer_version, j.inputs, j.outputs,
 j.verdict, j.reasons, j.observed, j.recorded, j.filtered, j.dropped, j.notes,
 c."commit", c.branch, c.remote, c.root, c.cwd, c.dirty, c.recorded_root FROM job j LEFT JOIN commit_state c ON c.id = j.commit_state"""
_CAPTURE, _GIT = 20, 27
"""Where in `_JOB` these begin."""

_DIRECTIONS: tuple[Direction, Direction] = ("input", "output")
_EDGES: dict[Direction, str] = {
    direction: f"""SELECT e.job, {number} AS is_output, p.path AS name, e.artifact, a.algorithm, a.digest, e.missing_reason,
 e.tracked, e.size, e.mtime_ns, e.ctime_ns, e.dev, e.ino, e.mode, e.stat_size
 FROM job_{direction} e JOIN path p ON p.id = e.path LEFT JOIN artifact a ON a.id = e.artifact"""
    for number, direction in enumerate(_DIRECTIONS)
}
_WITH_PATH = " OR ".join(
    f"j.id IN (SELECT e.job FROM job_{one} e WHERE e.path IN (SELECT p.id FROM path p WHERE {{which}}))"
    for one in _DIRECTIONS
)
_LABELLED = """j.id IN (SELECT l.job FROM label l WHERE l.key = ? AND {value} AND NOT EXISTS
 (SELECT 1 FROM label later WHERE later.job = l.job AND later.key = l.key AND later.id > l.id))"""


def jobs(engine: Engine, wanted: JobQuery) -> list[Job]:
    """See `Storage.jobs`."""
    conditions: list[str] = []
    values: list[Any] = []
    for condition, value in (
        ("j.session = ?", wanted.session),
        ("j.kind = ?", wanted.kind),
        ("j.status = ?", "failed" if wanted.failed else None),
        ("j.started_ns >= ?", wanted.since_ns),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if wanted.path is not None:
        if wanted.path.endswith(b"/"):
            ranges = engine.names.below(wanted.path)
            which = " OR ".join(["p.path >= ? AND p.path < ?"] * len(ranges))
            limits = [end for ends in ranges for end in ends]
        else:
            which, limits = "p.path = ?", [engine.names.keep(wanted.path)]
        conditions.append(f"({_WITH_PATH.format(which=which)})")
        values += limits * 2
    for key, text in wanted.labels.items():
        conditions.append(_LABELLED.format(value="l.value IS NOT NULL" if text is None else "l.value = ?"))
        values += [to_text(key)] if text is None else [to_text(key), to_text(text)]
    which = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    end = "" if wanted.limit is None else f" LIMIT {max(int(wanted.limit), 0)}"
    return _complete(engine, engine.rows(f"{_JOB}{which} ORDER BY j.id DESC{end}", values))


def job_at(engine: Engine, step: int, kind: str, session: int) -> Job | None:
    """See `Storage.job_at`."""
    rows = engine.rows(f"{_JOB} WHERE j.session = ? AND j.kind = ? AND j.step = ?", (session, kind, step))
    found = _complete(engine, rows)
    return found[0] if found else None


def jobs_by_uid(engine: Engine, prefix: str, limit: int = 20) -> list[Job]:
    """See `Storage.jobs_by_uid`."""
    if digest_range(prefix) is None:
        return []
    first, after = prefix.lower(), prefix.lower() + "g"  # which comes after every hexadecimal digit
    found = f"{_JOB} WHERE j.uid >= ? AND j.uid < ? ORDER BY j.id DESC LIMIT {int(limit)}"
    return _complete(engine, engine.rows(found, (first, after)))


def jobs_by_id(engine: Engine, ids: Iterable[int]) -> list[Job]:
    """See `Storage.jobs_by_id`."""
    wanted = sorted(set(ids))
    if not wanted:
        return []
    rows = [
        row
        for chunk in chunks(wanted)
        for row in engine.rows(f"{_JOB} WHERE j.id IN ({marks(chunk)}) ORDER BY j.id", chunk)
    ]
    return _complete(engine, rows)


def edges(
    engine: Engine, ids: Sequence[int], direction: Direction | None, limit: int | None = None
) -> Iterator[StoredEdge]:
    """See `Storage.edges`."""
    if limit is not None:
        for job in sorted(set(ids)):
            for one in _DIRECTIONS if direction is None else (direction,):
                rows = engine.rows(f"{_EDGES[one]} WHERE e.job = ? ORDER BY e.path LIMIT {int(limit)}", (job,))
                yield from _stored(engine, sorted(rows, key=lambda row: bytes(row[2])))
        return
    for chunk in chunks(sorted(set(ids)), CHUNK // 2):
        parts = [f"{_EDGES[one]} WHERE e.job IN ({marks(chunk)})" for one in _DIRECTIONS if direction in (None, one)]
        found = engine.stream(f"{' UNION ALL '.join(parts)} ORDER BY 1, 2, 3", chunk * len(parts))
        for part in chunks(found, _ROWS):
            yield from _stored(engine, part)


def edges_at(engine: Engine, path: bytes, limit: int | None = None) -> list[StoredEdge]:
    """See `Storage.edges_at`."""
    known = engine.rows("SELECT id FROM path WHERE path = ?", (engine.names.keep(path),))
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
    give = engine.names.give
    for chunk in chunks(sorted(set(ids))):
        rows = engine.rows(
            "SELECT job, path, kind, digest, algorithm, members, size, is_output FROM composite"
            f" WHERE job IN ({marks(chunk)}) ORDER BY job, number",
            chunk,
        )
        for job, path, kind, digest, algorithm, members, size, is_output in rows:
            found.setdefault(job, []).append(
                Composite(
                    give(path), from_text(kind), digest.hex(), algorithm, members, to_unsigned(size),
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
        condition, values = f"{condition} AND path = ?", [*values, engine.names.keep(path)]
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
    rows = engine.rows("SELECT filter, files FROM filtered_count WHERE job = ?", (job,))
    lists = sorted((from_text(name), unpack_files(blob)) for name, blob in rows)
    give = engine.names.give
    return [(name, give(path), direction) for name, files in lists for path, direction in files]


def environment(engine: Engine, job: int) -> dict[str, Any]:
    """See `Storage.environment`."""
    rows = engine.rows("SELECT e.content FROM environment e JOIN job j ON j.environment = e.id WHERE j.id = ?", (job,))
    return environment_of(engine, rows[0][0]) if rows else {}


def patch(engine: Engine, job: int) -> bytes | None:
    """See `Storage.patch`."""
    rows = engine.rows(
        "SELECT p.content FROM patch p JOIN commit_state c ON c.patch = p.id JOIN job j ON j.commit_state = c.id"
        " WHERE j.id = ?",
        (job,),
    )
    return unpack(rows[0][0]) if rows else None


def _complete(engine: Engine, rows: Sequence[tuple[Any, ...]]) -> list[Job]:
    """Jobs from rows, with their labels and the counts of what was filtered."""
    labels = labels_of(engine, "job", [row[0] for row in rows])
    counts: dict[int, dict[str, int]] = {row[0]: {} for row in rows}
    for chunk in chunks(counts):
        counted = f"SELECT job, filter, count FROM filtered_count WHERE job IN ({marks(chunk)}) ORDER BY filter"
        for job, name, number in engine.rows(counted, chunk):
            counts[job][from_text(name)] = number
    return [_job(engine, row, labels.get(row[0], {}), counts[row[0]]) for row in rows]


def _job(engine: Engine, row: tuple[Any, ...], labels: dict[str, str], counts: dict[str, int]) -> Job:
    (
        number, uid, session, step, kind, command, name, parameters, cwd, started_ns, ended_ns, recording_s, cpu_s,
        max_rss_bytes, exit_code, status, tracer, tracer_version, inputs, outputs,
    ) = row[:_CAPTURE]  # fmt: skip
    verdict, reasons, observed, recorded, dropped_by_filters, dropped, notes = row[_CAPTURE:_GIT]
    return Job(
        id=number, uid=uid, session=session, step=step, kind=kind, command=tuple(from_json(command)),
        name=None if name is None else from_text(name), labels=labels, parameters=from_json(parameters), cwd=engine.names.give(cwd),
        started_ns=started_ns, ended_ns=ended_ns, recording_s=recording_s, cpu_s=cpu_s, max_rss_bytes=max_rss_bytes,
        exit_code=exit_code, status=status, tracer=from_text(tracer), tracer_version=from_text(tracer_version),
        capture=Capture(
            verdict, tuple(from_json(reasons)), observed, recorded, dropped_by_filters, dropped, tuple(from_json(notes))
        ),
        git=_git(engine, *row[_GIT:]), inputs=inputs, outputs=outputs, filtered=counts,
    )  # fmt: skip


def _git(
    engine: Engine,
    commit: str | None,
    branch: str | None,
    remote: str | None,
    kept_root: bytes,
    cwd: bytes,
    dirty: bool,
    recorded_root: bytes | None,
) -> GitState | None:
    if commit is None:
        return None
    root = engine.names.give(kept_root)
    return GitState(
        from_text(commit),
        None if branch is None else from_text(branch),
        None if remote is None else from_text(remote),
        root,
        cwd,
        bool(dirty),
        recorded_root=None if recorded_root == root else recorded_root,
    )


def _newest(
    engine: Engine, direction: Direction | None, column: str, numbers: Sequence[int], limit: int | None
) -> list[StoredEdge]:
    """The edges with one of the numbers in a column, in no order; of each direction the newest `limit`."""
    end = "" if limit is None else f" ORDER BY e.job DESC LIMIT {int(limit)}"
    which = f"= {int(numbers[0])}" if len(numbers) == 1 else f"IN ({marks(numbers)})"
    values = [] if len(numbers) == 1 else numbers
    rows: list[tuple[Any, ...]] = []
    for one in _DIRECTIONS if direction is None else (direction,):
        rows += engine.rows(f"{_EDGES[one]} WHERE e.{column} {which}{end}", values)
    return _stored(engine, rows)


def _from_the_newest(edge: StoredEdge) -> tuple[int, str, bytes]:
    return -edge.job_id, edge.direction, edge.path


def _stored(engine: Engine, rows: Sequence[tuple[Any, ...]]) -> list[StoredEdge]:
    """Edges from the rows of `_EDGES`."""
    hashes = hashes_of(engine, [(row[3], row[4], row[5]) for row in rows if row[3] is not None])
    give = engine.names.give
    return [
        StoredEdge(
            job, "output" if is_output else "input", give(path), artifact,
            {} if artifact is None else hashes[artifact], None if size is None else to_unsigned(size),
            stat_of(size, *state), None if reason is None else from_text(reason), bool(tracked),
        )
        for job, is_output, path, artifact, _, _, reason, tracked, size, *state in rows
    ]  # fmt: skip
