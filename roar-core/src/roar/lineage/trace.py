"""What led to a job, and what came from it: the links between jobs, followed from the nearest on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from roar.api.records import Composite, Job, StoredEdge
from roar.api.storage import Link, Storage
from roar.lineage.references import Found, FoundArtifact, FoundComposite, FoundJob, FoundPath
from roar.lineage.views import composite_makers, composite_members

NEAREST = 50
"""So many jobs are followed each way unless all are asked for: a hub has a million of them."""

_FILES_A_JOB = 50
"""Of what a level of jobs wrote, so many uses for each job that is still wanted are looked at."""

_AHEAD_A_JOB, _ALL_AHEAD = 4, 2000
"""How many files are looked at together with what is asked for: for each job that is still wanted, and when all are."""


class Trace(NamedTuple):
    """The jobs on one side of something."""

    depth: dict[int, int]
    """Job id → how many jobs away it is, from 1; the nearest first."""
    links: list[Link]
    """Between these jobs; upwards also those to what no job made."""
    is_all: bool
    """Whether there are no further ones, but for those beyond the depth that was asked for."""


class Lineage(NamedTuple):
    """What led to something and what came from it."""

    target: Target
    up: Trace | None
    """None: not asked for."""
    down: Trace | None
    jobs: dict[int, Job]
    """All that the traces name."""


class Target(NamedTuple):
    """What a lineage is of: a job, or a content."""

    job: Job | None
    edge: StoredEdge | None
    """A content at a path."""
    composite: Composite | None
    makers: tuple[int, ...]
    """The job itself, or the one that made the content; none for what no job made."""
    readers: tuple[int, ...]
    """The jobs that read the content, oldest first; of a job none, as what it made is looked up."""
    has_more_readers: bool = False


def upstream(storage: Storage, jobs: Iterable[int], depth: int | None = None, limit: int | None = NEAREST) -> Trace:
    """The jobs and all that led to them.

    Args:
        storage: where.
        jobs: ids; they are at depth 1.
        depth: how far up; None for all the way.
        limit: how many jobs at most; None for no limit.
    """
    ahead: dict[int, list[Link]] = {}

    def ask(frontier: Sequence[int], wanted: int | None) -> tuple[list[Link], bool]:
        if not ahead.keys() >= set(frontier):
            ahead.update(storage.makers_ahead(frontier, _ahead(wanted)))
        if not ahead.keys() >= set(frontier):
            return storage.makers(frontier), True
        return [link for reader in sorted(frontier) for link in ahead[reader]], True

    return _follow(ask, lambda link: link.maker, jobs, depth, limit)


def downstream(storage: Storage, jobs: Iterable[int], depth: int | None = None, limit: int | None = NEAREST) -> Trace:
    """The jobs and all that came from them; see `upstream`."""
    ahead: dict[int, tuple[list[Link], int]] = {}

    def ask(frontier: Sequence[int], wanted: int | None) -> tuple[list[Link], bool]:
        files = None if wanted is None else (wanted + 1) * _FILES_A_JOB
        if not ahead.keys() >= set(frontier):
            ahead.update(storage.users_ahead(frontier, _ahead(wanted)))
        known = [ahead[maker] for maker in frontier if maker in ahead]
        if len(known) < len(frontier) or (files is not None and sum(looked_at for _, looked_at in known) >= files):
            return storage.users(frontier, files)
        return sorted((link for links, _ in known for link in links), key=lambda link: (link.reader, link.maker)), True

    return _follow(ask, lambda link: link.reader, jobs, depth, limit)


def _ahead(wanted: int | None) -> int:
    """How many files are worth looking at before it is known whether they matter, when so many jobs are wanted."""
    return _ALL_AHEAD if wanted is None else (wanted + 1) * _AHEAD_A_JOB


def _follow(
    ask: Callable[[Sequence[int], int | None], tuple[list[Link], bool]],
    far: Callable[[Link], int | None],
    jobs: Iterable[int],
    depth: int | None,
    limit: int | None,
) -> Trace:
    wanted = list(dict.fromkeys(jobs))
    frontier = wanted if limit is None else wanted[:limit]
    found = dict.fromkeys(frontier, 1)
    links: list[Link] = []
    is_all = len(frontier) == len(wanted)
    level = 1
    while frontier:
        left = None if limit is None else limit - len(found)
        asked, complete = ask(frontier, left)
        beyond = depth is not None and level >= depth
        is_all = is_all and (complete or beyond)
        level += 1
        frontier = []
        for link in asked:
            end = far(link)
            if end is None or end in found:
                links.append(link)
            elif beyond:
                continue
            elif left is None or len(frontier) < left:
                found[end] = level
                frontier.append(end)
                links.append(link)
            else:
                is_all = False
        frontier.sort()
    return Trace(found, links, is_all)


def target_of(storage: Storage, found: Found, limit: int | None = NEAREST) -> Target:
    """What the lineage of a reference is of.

    Args:
        storage: where.
        found: what the reference means.
        limit: how many readers at most are looked up; None for all.
    """
    more = None if limit is None else limit + 1
    if isinstance(found, FoundJob):
        return Target(found.job, None, None, (found.job.id,), ())
    if isinstance(found, FoundComposite):
        edges = composite_members(found.composite, storage.edges([found.job.id], found.composite.direction))
        makers = composite_makers(storage, found, edges)
        known = [edge.artifact_id for edge in edges if edge.artifact_id is not None]
        is_output = found.composite.direction == "output"
        uses = storage.edges_of(known, "input", more) if is_output else []
        readers = {edge.job_id for edge in uses} if is_output else {found.job.id}
        return Target(None, None, found.composite, makers, *_first(readers, limit))
    if isinstance(found, FoundArtifact):
        written = storage.edges_of([found.artifact.id], "output", 1)
        read = storage.edges_of([found.artifact.id], "input", more)
        newest = (written or read)[0]
        if not newest.size:  # empty files are alike by chance
            written = [edge for edge in written if edge.path == newest.path]
            read = [edge for edge in read if edge.path == newest.path]
        return Target(None, newest, None, _maker(written), *_first({edge.job_id for edge in read}, limit))
    return _target_at(storage, found, limit)


def _target_at(storage: Storage, found: FoundPath, limit: int | None) -> Target:
    """The newest content at a path."""
    newest = found.newest
    here = [edge for edge in found.edges if edge.artifact_id == newest.artifact_id]
    written = [edge for edge in here if edge.direction == "output"]
    read = [edge for edge in here if edge.direction == "input"]
    if newest.artifact_id is not None and newest.size:
        more = None if limit is None else limit + 1
        same = storage.edges_of([newest.artifact_id], limit=more)
        copies = {edge.path for edge in same if edge.direction == "output"} - {found.path}
        if not written and not newest.tracked:
            written = [edge for edge in same if edge.direction == "output"]
        # who read the copy that a job made came from that job
        read = [edge for edge in same if edge.direction == "input" and edge.path not in copies]
    return Target(None, newest, None, _maker(written), *_first({edge.job_id for edge in read}, limit))


def _maker(written: Sequence[StoredEdge]) -> tuple[int, ...]:
    return (written[0].job_id,) if written else ()


def _first(readers: set[int], limit: int | None) -> tuple[tuple[int, ...], bool]:
    ordered = tuple(sorted(readers))
    return (ordered, False) if limit is None or len(ordered) <= limit else (ordered[-limit:], True)


def lineage_of(
    storage: Storage,
    target: Target,
    up: bool = True,
    down: bool = True,
    depth: int | None = None,
    limit: int | None = NEAREST,
) -> Lineage:
    """What led to a target (`up`) and what came from it (`down`); see `upstream`."""
    above = upstream(storage, target.makers, depth, limit) if up else None
    below: Trace | None = None
    if down and target.job is not None:
        below = _from_job(storage, target.job, depth, limit)
    elif down:
        below = downstream(storage, target.readers, depth, limit)
        below = below._replace(is_all=below.is_all and not target.has_more_readers)
    ids = {job for trace in (above, below) if trace is not None for job in trace.depth} | set(target.makers)
    return Lineage(target, above, below, {job.id: job for job in storage.jobs_by_id(ids)})


def _from_job(storage: Storage, job: Job, depth: int | None, limit: int | None) -> Trace:
    """What came from a job, without the job itself."""
    below = downstream(storage, [job.id], None if depth is None else depth + 1, None if limit is None else limit + 1)
    return below._replace(depth={number: far - 1 for number, far in below.depth.items() if number != job.id})


class Root(NamedTuple):
    """A file that no job made."""

    edge: StoredEdge
    """As the first of its readers read it."""
    read_by: tuple[int, ...]
    """Ids of the jobs of the lineage that read this content there."""


def root_inputs(storage: Storage, target: Target) -> list[Root]:
    """The files that led to a target and that no job made, by path; the target itself when that is one."""
    if not target.makers:
        return [Root(target.edge, target.readers)] if target.edge is not None else []
    trace = upstream(storage, target.makers, limit=None)
    readers: dict[tuple[bytes, int | None], list[int]] = {}
    first: dict[tuple[bytes, int | None], StoredEdge] = {}
    for edge in storage.roots(list(trace.depth)):
        key = edge.path, edge.artifact_id
        first.setdefault(key, edge)
        readers.setdefault(key, []).append(edge.job_id)
    return [Root(edge, tuple(readers[key])) for key, edge in first.items()]
