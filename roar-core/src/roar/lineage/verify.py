"""Which files a reference names, and whether they are on disk as they were recorded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from roar.api.records import Job, Session, StoredEdge
from roar.api.storage import JobQuery, Storage
from roar.lineage.references import Found, FoundComposite, FoundJob, FoundPath
from roar.lineage.states import Disk, State
from roar.lineage.views import composite_members

_LOOKED_UP = 100
"""Of so many files that differ it is looked up who wrote them since."""


class Verified(NamedTuple):
    """A file and how it stands to its record."""

    edge: StoredEdge
    job: Job
    state: State
    since: Job | None
    """Who wrote the path after `job`."""


def target_files(storage: Storage, found: Found) -> list[StoredEdge]:
    """The files of a step, of a composite, at a path, or wherever a content was last."""
    if isinstance(found, FoundJob):
        return newest_by_path(storage.edges([found.job.id]))
    if isinstance(found, FoundComposite):
        return composite_members(found.composite, storage.edges([found.job.id], found.composite.direction))
    if isinstance(found, FoundPath):
        return [found.newest]
    edges = storage.edges_of([found.artifact.id])
    still = [edge for edge in newest_by_path(reversed(edges)) if _is_newest(storage, edge)]
    return still or edges[:1]


def session_files(storage: Storage, session: Session) -> list[StoredEdge]:
    """Every file of a session as the last job that touched it read or left it, by path."""
    jobs = [job.id for job in storage.jobs(JobQuery(session=session.id))]
    return newest_by_path(storage.edges(jobs))


def newest_by_path(edges: Iterable[StoredEdge]) -> list[StoredEdge]:
    """The last edge at each path, by path; of those of one job what it wrote.

    Args:
        edges: the oldest job first, of each its inputs first.
    """
    newest = {edge.path: edge for edge in edges}
    return [newest[path] for path in sorted(newest)]


def _is_newest(storage: Storage, edge: StoredEdge) -> bool:
    return FoundPath(edge.path, storage.edges_at(edge.path, 1)).newest.artifact_id == edge.artifact_id


def verified(storage: Storage, edges: Sequence[StoredEdge], disk: Disk) -> list[Verified]:
    """Compares files with the disk.

    Args:
        storage: where they are recorded.
        edges: the files.
        disk: a thorough one; what stat says of them is not trusted.
    """
    jobs = {job.id: job for job in storage.jobs_by_id({edge.job_id for edge in edges})}
    states = [disk.state(edge.path, edge.hashes, edge.size, None) for edge in edges]
    writers: dict[bytes, int] = {}
    for edge, state in zip(edges, states, strict=True):
        if state != "present" and len(writers) < _LOOKED_UP:
            writers |= {
                other.path: other.job_id
                for other in storage.edges_at(edge.path, 1)
                if other.direction == "output" and other.job_id > edge.job_id
            }
    since = {job.id: job for job in storage.jobs_by_id(writers.values())}
    return [
        Verified(edge, jobs[edge.job_id], state, since.get(writers.get(edge.path, 0)))
        for edge, state in zip(edges, states, strict=True)
    ]
