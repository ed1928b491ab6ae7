"""Why no artifact is known at a path: which of the three reasons applies (SHOW-2)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from roar.api.filters import Direction
from roar.api.records import Job, StoredEdge
from roar.api.storage import JobQuery, Storage

_RECENT_JOBS = 200
"""How many jobs, newest first, are asked for what was filtered and for other paths."""
_FILES = 10_000
"""How many files of one of them are looked through."""


class Dropped(NamedTuple):
    """A filter dropped the file from a job."""

    filter: str
    job: Job
    direction: Direction


class Elsewhere(NamedTuple):
    """An artifact of that name is recorded at another path."""

    path: bytes
    job: Job


def dropped(storage: Storage, paths: Sequence[bytes]) -> Dropped | None:
    """The newest job that touched one of the paths, and the filter that dropped it."""
    wanted = set(paths)
    for job in storage.jobs(JobQuery(limit=_RECENT_JOBS)):
        if not job.filtered:
            continue
        for name, path, direction in storage.filtered(job.id):
            if path in wanted:
                return Dropped(name, job, direction)
    return None


def elsewhere(storage: Storage, text: str, root: bytes, paths: Sequence[bytes] = (), limit: int = 3) -> list[Elsewhere]:
    """Recorded paths that the user may mean: the same words from the workspace's root, files below that folder, else the same
    file name.

    Args:
        storage: where to look.
        text: what was typed.
        root: the workspace's root.
        paths: the canonical paths that the text can stand for.
        limit: how many to give at most.
    """
    from_root = os.path.normpath(os.path.join(root, os.fsencode(text).lstrip(b"/")))
    at_root = storage.edges_at(from_root, 1)
    if at_root:
        jobs = storage.jobs_by_id([at_root[0].job_id])
        if jobs:
            return [Elsewhere(from_root, jobs[0])]
    name = os.path.basename(os.path.normpath(os.fsencode(text)))
    folders = tuple(path + b"/" for path in paths if path != b"/")
    recent = {job.id: job for job in storage.jobs(JobQuery(limit=_RECENT_JOBS))}
    below: dict[bytes, Job] = {}
    alike: dict[bytes, Job] = {}
    for edge in _files(storage, list(recent.values())):
        is_below = edge.path.startswith(folders)
        if is_below or os.path.basename(edge.path) == name:
            found = below if is_below else alike
            known = found.get(edge.path)
            if known is None or known.id < edge.job_id:
                found[edge.path] = recent[edge.job_id]
    newest_first = sorted((below or alike).items(), key=lambda item: (-item[1].id, item[0]))
    return [Elsewhere(path, job) for path, job in newest_first[:limit]]


def _files(storage: Storage, jobs: Sequence[Job]) -> Iterator[StoredEdge]:
    large = [job.id for job in jobs if max(job.inputs, job.outputs) > _FILES]
    yield from storage.edges([job.id for job in jobs if job.id not in large])
    yield from storage.edges(large, None, _FILES)
