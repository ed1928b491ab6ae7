"""Which job made what another read: the questions behind `Storage.makers`, `users` and `roots`, in ready statements.

Each row that is looked at costs a few searches of an index and no more, however large the history is.
"""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from roar.api.records import StoredEdge
from roar.api.storage import Link
from roar.store.encoding import from_text, marks, to_unsigned
from roar.store.engine import CHUNK, chunks
from roar.store.files import hashes_of, stat_of

if TYPE_CHECKING:
    from roar.store.engine import Engine

_ROWS = 2_000
_Paths = dict[tuple[int, int | None], set[bytes]]
"""Reader and maker → the paths."""

# The job that wrote a path before another, and after it: the neighbouring entries in the index by path and job.  PostgreSQL
# may take the index by job instead and go through all of it, unless it is asked by both columns at once; SQLite then takes
# only the first of them.
_BEFORE = "WHERE o.path = i.path AND o.job < i.job ORDER BY o.job DESC LIMIT 1"
AFTER = "WHERE w.path = o.path AND w.job > o.job ORDER BY w.job LIMIT 1"
_FOR_POSTGRESQL = {
    _BEFORE: "WHERE (o.path, o.job) < (i.path, i.job) ORDER BY o.path DESC, o.job DESC LIMIT 1",
    _BEFORE.replace("i.", "f."): "WHERE (o.path, o.job) < (f.path, f.job) ORDER BY o.path DESC, o.job DESC LIMIT 1",
    AFTER: "WHERE (w.path, w.job) > (o.path, o.job) ORDER BY w.path, w.job LIMIT 1",
}

# The maker of an input `i` (job, path, artifact, size, tracked).  See `Storage.makers` for the rule.  Jobs that ran at the
# same time are recorded within a thousand of one another.
MAKER = f"""coalesce(
 (SELECT CASE WHEN o.path = i.path AND (o.artifact = i.artifact OR o.artifact IS NULL OR i.artifact IS NULL) THEN o.job END
   FROM job_output o {_BEFORE}),
 (SELECT o.job FROM job_output o JOIN job m ON m.id = o.job JOIN job r ON r.id = i.job
   WHERE o.path = i.path AND o.job > i.job AND o.job <= i.job + 1000 AND o.artifact = i.artifact
   AND m.started_ns < r.ended_ns ORDER BY o.job LIMIT 1),
 CASE WHEN i.size <> 0 AND NOT i.tracked THEN
  (SELECT o.job FROM job_output o WHERE o.artifact = i.artifact AND o.job < i.job ORDER BY o.job DESC LIMIT 1) END)"""

_MAKERS = f"SELECT i.job, {MAKER}, p.path FROM job_input i JOIN path p ON p.id = i.path WHERE i.job IN ({{jobs}})"

# Readers at the same path up to the job that wrote it next, which is the first rule from its other end; and readers of the
# content elsewhere, later on, or at the same time: of each of these the maker is looked up.
_USERS = f"""SELECT * FROM (SELECT 1, i.job, o.job AS maker, p.path, true FROM job_output o JOIN job_input i ON i.path = o.path
 AND i.job > o.job AND i.job <= coalesce((SELECT CASE WHEN w.path = o.path THEN w.job END FROM job_output w {AFTER}), 9223372036854775807)
 AND (i.artifact = o.artifact OR o.artifact IS NULL OR i.artifact IS NULL)
 JOIN path p ON p.id = o.path WHERE o.job IN ({{jobs}}){{limit}}) at_path
UNION ALL SELECT 2, f.job, f.maker, p.path, {MAKER.replace("i.", "f.")} = f.maker FROM (
 SELECT o.job AS maker, i.job, i.path, i.artifact, i.size, i.tracked FROM job_output o JOIN job_input i
  ON i.artifact = o.artifact AND i.job > o.job - 1000 AND i.job <> o.job WHERE o.job IN ({{jobs}}){{limit}}) f
 JOIN path p ON p.id = f.path"""

_ROOTS = f"""SELECT i.job, p.path, i.artifact, a.algorithm, a.digest, i.missing_reason, i.tracked, i.size, i.mtime_ns, i.ctime_ns,
 i.dev, i.ino, i.mode, i.stat_size FROM job_input i JOIN path p ON p.id = i.path LEFT JOIN artifact a ON a.id = i.artifact
 WHERE i.job IN ({{jobs}}) AND {MAKER} IS NULL ORDER BY p.path, i.job"""


def asked(engine: Engine, question: str) -> str:
    """A statement as the engine's database takes the right indexes for it."""
    if engine.database == "postgresql":
        for plain, own in _FOR_POSTGRESQL.items():
            question = question.replace(plain, own)
    return question


def makers(engine: Engine, jobs: Sequence[int]) -> list[Link]:
    """See `Storage.makers`."""
    found: _Paths = {}
    for chunk in chunks(sorted(set(jobs))):
        for reader, maker, path in engine.rows(asked(engine, _MAKERS).format(jobs=marks(chunk)), chunk):
            found.setdefault((reader, maker), set()).add(path)
    return _links(engine, found)


def users(engine: Engine, jobs: Sequence[int], limit: int | None) -> tuple[list[Link], bool]:
    """See `Storage.users`."""
    found: _Paths = {}
    is_all = True
    bound = "" if limit is None else f" LIMIT {int(limit)}"
    for chunk in chunks(sorted(set(jobs)), CHUNK // 2):  # each of them twice
        looked_at = {1: 0, 2: 0}
        rows = engine.rows(asked(engine, _USERS).format(jobs=marks(chunk), limit=bound), [*chunk, *chunk])
        for part, reader, maker, path, is_maker in rows:
            looked_at[part] += 1
            if is_maker:
                found.setdefault((reader, maker), set()).add(path)
        is_all = is_all and (limit is None or max(looked_at.values()) < limit)
    return _links(engine, found), is_all


def _links(engine: Engine, found: _Paths) -> list[Link]:
    ordered = sorted(found, key=lambda ends: (ends[0], ends[1] or 0))
    return [link_of(engine, *ends, found[ends]) for ends in ordered]


def link_of(engine: Engine, reader: int, maker: int | None, paths: Collection[bytes]) -> Link:
    """The link that files make, of which there is at least one; their paths as they are kept."""
    return Link(reader, maker, len(paths), engine.names.give(min(paths)))


def roots(engine: Engine, jobs: Sequence[int]) -> Iterator[StoredEdge]:
    """See `Storage.roots`."""
    wanted = sorted(set(jobs))
    give = engine.names.give
    rows = (
        row for chunk in chunks(wanted) for row in engine.stream(asked(engine, _ROOTS).format(jobs=marks(chunk)), chunk)
    )
    ordered = rows if len(wanted) <= CHUNK else iter(sorted(rows, key=lambda row: (row[1], row[0])))
    for part in chunks(ordered, _ROWS):
        hashes = hashes_of(engine, [(row[2], row[3], row[4]) for row in part if row[2] is not None])
        for job, path, artifact, _, _, reason, tracked, size, *state in part:
            yield StoredEdge(
                job, "input", give(path), artifact, {} if artifact is None else hashes[artifact],
                None if size is None else to_unsigned(size), stat_of(size, *state),
                None if reason is None else from_text(reason), bool(tracked),
            )  # fmt: skip
