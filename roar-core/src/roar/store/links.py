"""Which job made what another read: the questions behind `Storage.makers`, `users` and `roots`, in ready statements.

Each row that is looked at costs a few searches of an index and no more, however large the history is.
"""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from roar.api.records import StoredEdge
from roar.api.storage import Link
from roar.store.encoding import from_text, marks, to_unsigned
from roar.store.engine import CHUNK, chunks
from roar.store.files import hashes_of, stat_of

if TYPE_CHECKING:
    from roar.store.engine import Engine

_ROWS = 2_000

# The maker of an input `i` (job, path, artifact, size, tracked).  See `Storage.makers` for the rule.  Jobs that ran at the
# same time are recorded within a thousand of one another.
_MAKER = """coalesce(
 (SELECT CASE WHEN o.artifact = i.artifact OR o.artifact IS NULL OR i.artifact IS NULL THEN o.job END
   FROM job_output o WHERE o.path = i.path AND o.job < i.job ORDER BY o.job DESC LIMIT 1),
 (SELECT o.job FROM job_output o JOIN job m ON m.id = o.job JOIN job r ON r.id = i.job
   WHERE o.path = i.path AND o.job > i.job AND o.job <= i.job + 1000 AND o.artifact = i.artifact
   AND m.started_ns < r.ended_ns ORDER BY o.job LIMIT 1),
 CASE WHEN i.size <> 0 AND NOT i.tracked THEN
  (SELECT o.job FROM job_output o WHERE o.artifact = i.artifact AND o.job < i.job ORDER BY o.job DESC LIMIT 1) END)"""

_MAKERS = f"""SELECT reader, maker, count(*), min(path) FROM (
 SELECT i.job AS reader, i.path AS path, {_MAKER} AS maker FROM job_input i WHERE i.job IN ({{jobs}})) found
 GROUP BY reader, maker"""

# Readers at the same path up to the job that wrote it next: the first rule, from its other end.
_AT_PATH = """SELECT i.job, o.job, i.path, true FROM job_output o JOIN job_input i ON i.path = o.path
 AND i.job > o.job AND i.job <= coalesce((SELECT w.job FROM job_output w WHERE w.path = o.path AND w.job > o.job
  ORDER BY w.job LIMIT 1), i.job)
 AND (i.artifact = o.artifact OR o.artifact IS NULL OR i.artifact IS NULL) WHERE o.job IN ({jobs}){limit}"""
# Readers of the content elsewhere, later on, or at the same time: of each its maker is looked up.
_BY_CONTENT = f"""SELECT f.job, f.maker, f.path, {_MAKER.replace("i.", "f.")} = f.maker FROM (
 SELECT o.job AS maker, i.job, i.path, i.artifact, i.size, i.tracked FROM job_output o JOIN job_input i
  ON i.artifact = o.artifact AND i.job > o.job - 1000 AND i.job <> o.job WHERE o.job IN ({{jobs}}){{limit}}) f"""

_ROOTS = f"""SELECT i.job, p.path, i.artifact, a.algorithm, a.digest, i.missing_reason, i.tracked, i.size, i.mtime_ns, i.ctime_ns,
 i.dev, i.ino, i.mode, i.stat_size FROM job_input i JOIN path p ON p.id = i.path LEFT JOIN artifact a ON a.id = i.artifact
 WHERE i.job IN ({{jobs}}) AND {_MAKER} IS NULL ORDER BY p.path, i.job"""


def makers(engine: Engine, jobs: Sequence[int]) -> list[Link]:
    """See `Storage.makers`."""
    rows = [row for chunk in chunks(sorted(set(jobs))) for row in engine.rows(_MAKERS.format(jobs=marks(chunk)), chunk)]
    rows.sort(key=lambda row: (row[0], row[1] or 0))
    return _links(engine, rows)


def users(engine: Engine, jobs: Sequence[int], limit: int | None) -> tuple[list[Link], bool]:
    """See `Storage.users`."""
    found: dict[tuple[int, int], set[int]] = {}
    is_all = True
    bound = "" if limit is None else f" LIMIT {int(limit)}"
    for chunk in chunks(sorted(set(jobs))):
        for question in (_AT_PATH, _BY_CONTENT):
            rows = engine.rows(question.format(jobs=marks(chunk), limit=bound), chunk)
            is_all = is_all and (limit is None or len(rows) < limit)
            for reader, maker, path, is_maker in rows:
                if is_maker:
                    found.setdefault((reader, maker), set()).add(path)
    return _links(engine, [(*ends, len(paths), min(paths)) for ends, paths in sorted(found.items())]), is_all


def _links(engine: Engine, rows: Sequence[tuple[int, int | None, int, int]]) -> list[Link]:
    """Links from reader, maker, number of files and the first one's number."""
    names = {
        number: name
        for chunk in chunks({row[3] for row in rows})
        for number, name in engine.rows(f"SELECT id, path FROM path WHERE id IN ({marks(chunk)})", chunk)
    }
    return [Link(reader, maker, files, names[path]) for reader, maker, files, path in rows]


def roots(engine: Engine, jobs: Sequence[int]) -> Iterator[StoredEdge]:
    """See `Storage.roots`."""
    wanted = sorted(set(jobs))
    rows = (row for chunk in chunks(wanted) for row in engine.stream(_ROOTS.format(jobs=marks(chunk)), chunk))
    ordered = rows if len(wanted) <= CHUNK else iter(sorted(rows, key=lambda row: (row[1], row[0])))
    for part in chunks(ordered, _ROWS):
        hashes = hashes_of(engine, [(row[2], row[3], row[4]) for row in part if row[2] is not None])
        for job, path, artifact, _, _, reason, tracked, size, *state in part:
            yield StoredEdge(
                job, "input", path, artifact, {} if artifact is None else hashes[artifact],
                None if size is None else to_unsigned(size), stat_of(size, *state),
                None if reason is None else from_text(reason), bool(tracked),
            )  # fmt: skip
