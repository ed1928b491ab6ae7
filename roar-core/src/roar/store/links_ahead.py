"""Links between jobs, many levels in one statement: the questions behind `Storage.makers_ahead` and `users_ahead`.

A question a level is right where a question costs next to nothing, as in SQLite.  A server takes a tenth of a millisecond to
be reached, if it is near, and one to plan the question; a history of fifty jobs has forty levels.

PostgreSQL makes the rows of a recursive query level by level, and only as many as are taken
(https://www.postgresql.org/docs/current/queries-with.html): what is far costs nothing when there are enough near ones.
"""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from roar.api.storage import Link
from roar.store.links import AFTER, MAKER, asked, link_of

if TYPE_CHECKING:
    from roar.store.engine import Engine

# The first rows are the jobs themselves.  UNION drops what was reached before, which ends the recursion where it goes in a
# circle; OFFSET 0 keeps the planner from joining what it is to look up job by job.
_MAKERS = f"""WITH RECURSIVE reached (reader, maker, path) AS (
 SELECT NULL::bigint, job, NULL::bigint FROM unnest(?::bigint[]) jobs (job)
 UNION SELECT found.* FROM (SELECT DISTINCT maker FROM reached WHERE maker IS NOT NULL) near CROSS JOIN LATERAL (
  SELECT i.job, {MAKER}, i.path FROM job_input i WHERE i.job = near.maker OFFSET 0) found
) SELECT r.reader, r.maker, p.path FROM (SELECT * FROM reached LIMIT ?) r JOIN path p ON p.id = r.path"""

# The two parts of `links._USERS`, with the path at which the maker wrote it, so that a row is one file that is looked at.
_USERS = f"""WITH RECURSIVE reached (part, reader, maker, path, written, is_maker) AS (
 SELECT 0, job, NULL::bigint, NULL::bigint, NULL::bigint, true FROM unnest(?::bigint[]) jobs (job)
 UNION SELECT found.* FROM (SELECT DISTINCT reader FROM reached WHERE is_maker) near CROSS JOIN LATERAL (
  SELECT 1, i.job, o.job, i.path, o.path, true FROM job_output o JOIN job_input i ON i.path = o.path AND i.job > o.job
   AND i.job <= coalesce((SELECT CASE WHEN w.path = o.path THEN w.job END FROM job_output w {AFTER}), 9223372036854775807)
   AND (i.artifact = o.artifact OR o.artifact IS NULL OR i.artifact IS NULL) WHERE o.job = near.reader
  UNION ALL SELECT 2, i.job, own.job, i.path, own.path, coalesce({MAKER} = own.job, false) FROM job_output own
   JOIN job_input i ON i.artifact = own.artifact AND i.job > own.job - 1000 AND i.job <> own.job
   WHERE own.job = near.reader OFFSET 0) found
) SELECT r.reader, r.maker, p.path, r.is_maker FROM (SELECT * FROM reached LIMIT ?) r JOIN path p ON p.id = r.path"""


class _Row(NamedTuple):
    """That `far` was found when `near` was looked up."""

    near: int
    far: int | None
    path: bytes


def makers_ahead(engine: Engine, jobs: Sequence[int], files: int) -> dict[int, list[Link]]:
    """See `Storage.makers_ahead`; for PostgreSQL."""
    wanted = sorted(set(jobs))
    rows = engine.rows(asked(engine, _MAKERS), (wanted, files + len(wanted)))
    found = [_Row(reader, maker, path) for reader, maker, path in rows]
    paths = _paths(found)
    return {
        reader: [
            link_of(engine, reader, maker, paths[reader][maker])
            for maker in sorted(paths.get(reader, ()), key=_or_zero)
        ]
        for reader in _whole(wanted, found, len(rows) < files)
    }


def users_ahead(engine: Engine, jobs: Sequence[int], files: int) -> dict[int, tuple[list[Link], int]]:
    """See `Storage.users_ahead`; for PostgreSQL."""
    wanted = sorted(set(jobs))
    rows = engine.rows(asked(engine, _USERS), (wanted, files + len(wanted)))
    found = [_Row(maker, reader, path) for reader, maker, path, is_maker in rows if is_maker]
    paths = _paths(found)
    looked_at: dict[int, int] = {}
    for _, maker, _, _ in rows:
        looked_at[maker] = looked_at.get(maker, 0) + 1
    # what was looked at in vain is reached all the same, as far as the last level goes
    levels = [_Row(maker, reader if is_maker else None, path) for reader, maker, path, is_maker in rows]
    return {
        maker: (
            [
                link_of(engine, reader or 0, maker, paths[maker][reader])
                for reader in sorted(paths.get(maker, ()), key=_or_zero)
            ],
            looked_at.get(maker, 0),
        )
        for maker in _whole(wanted, levels, len(rows) < files)
    }


def _paths(rows: Iterable[_Row]) -> Mapping[int, Mapping[int | None, set[bytes]]]:
    found: dict[int, dict[int | None, set[bytes]]] = {}
    for near, far, path in rows:
        found.setdefault(near, {}).setdefault(far, set()).add(path)
    return found


def _or_zero(job: int | None) -> int:
    return job or 0


def _whole(jobs: Sequence[int], rows: Sequence[_Row], is_all: bool) -> list[int]:
    """The jobs of which every row is there: all that were reached, but those of the level at which the rows were cut off."""
    beyond: dict[int, list[int]] = {}
    for near, far, _ in rows:
        beyond.setdefault(near, [])
        if far is not None:
            beyond[near].append(far)
    levels = [list(jobs)]
    seen = set(jobs)
    while levels[-1]:
        levels.append(sorted({far for near in levels[-1] for far in beyond.get(near, ())} - seen))
        seen.update(levels[-1])
    if not is_all:
        last = max((number for number, level in enumerate(levels) if any(job in beyond for job in level)), default=0)
        levels = levels[:last]
    return [job for level in levels for job in level]
