"""What there is to know of one job, one artifact or one session: gathered from the storage and the disk, ready to be printed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from roar.api.errors import NotFound
from roar.api.filters import Direction
from roar.api.records import Composite, Job, Session, StoredEdge
from roar.api.storage import JobQuery, Storage
from roar.lineage.references import EDGES, FoundArtifact, FoundComposite, FoundPath
from roar.lineage.states import Disk, State

_MEMBERS = 2000
"""So many files of a composite, and uses of some hundred of them, are looked at for who made and who used it."""
EDGES_SHOWN = 1000
"""How many edges of a direction a list of jobs carries for each job; `show` of one job carries all."""


class EdgeView(NamedTuple):
    """An edge, and whether what it recorded is still on disk (None: nobody looked)."""

    edge: StoredEdge
    state: State | None


class JobView(NamedTuple):
    """A job with its edges."""

    job: Job
    inputs: list[EdgeView]
    outputs: list[EdgeView]
    composites: list[Composite]
    environment: Mapping[str, Any] | None = None
    """None: not asked for."""
    filtered: list[tuple[str, bytes, Direction]] | None = None
    """None: not asked for."""


class ArtifactView(NamedTuple):
    """One content: where it is and was, which jobs made it and used it."""

    hashes: Mapping[str, str]
    """Empty when the content is not known; then `missing_reason` says why."""
    size: int | None
    path: bytes | None
    """The path that was asked for, else where it was last seen."""
    paths: list[tuple[bytes, State]]
    """Every path at which it was recorded."""
    produced_by: list[tuple[Job, bytes]]
    """Jobs and the path at which each wrote it: those at `path` first, each group newest first."""
    used_by: list[tuple[Job, bytes]]
    earlier: list[tuple[StoredEdge, Job]]
    """Other contents that were recorded at `path`, newest first, one each."""
    missing_reason: str | None = None
    tracked: bool = False
    is_all: bool = True
    """Whether no further jobs or paths were left out."""
    labels: Mapping[str, str] = {}

    @property
    def state(self) -> State:
        """Of the content at `path`."""
        return next((state for path, state in self.paths if path == self.path), "unknown")


class CompositeView(NamedTuple):
    """A composite artifact and the members that its newest job saw."""

    composite: Composite
    job: Job
    members: list[EdgeView]
    produced_by: list[Job]
    """Of what was read, those that made its parts."""
    used_by: list[Job]
    """Newest first."""

    @property
    def state(self) -> State:
        """Of the whole: changed when a part is changed or gone, missing when all of it is gone."""
        states = {member.state for member in self.members}
        if states == {"missing"}:
            return "missing"
        if states & {"missing", "changed"}:
            return "changed"
        return "present" if states == {"present"} else "unknown"


class SessionView(NamedTuple):
    """A session and its jobs, oldest first."""

    session: Session
    jobs: list[JobView]


def job_view(storage: Storage, job: Job, disk: Disk, with_filtered: bool = False) -> JobView:
    """All of one job, its edges compared with the disk."""
    edges = [EdgeView(edge, _state(disk, edge)) for edge in storage.edges([job.id])]
    return JobView(
        job,
        [view for view in edges if view.edge.direction == "input"],
        [view for view in edges if view.edge.direction == "output"],
        storage.composites([job.id]).get(job.id, []),
        storage.environment(job.id),
        storage.filtered(job.id) if with_filtered else None,
    )


def job_views(storage: Storage, jobs: Sequence[Job]) -> Iterator[JobView]:
    """Jobs for a list: at most `EDGES_SHOWN` edges of a direction, not compared with the disk.  In the order given."""
    composites = storage.composites([job.id for job in jobs])
    small = [job.id for job in jobs if job.inputs <= EDGES_SHOWN and job.outputs <= EDGES_SHOWN]
    by_job: dict[int, list[StoredEdge]] = {job_id: [] for job_id in small}
    for edge in storage.edges(small):
        by_job[edge.job_id].append(edge)
    for job in jobs:
        found = by_job.get(job.id)
        if found is None:
            inputs: Iterable[StoredEdge] = storage.edges([job.id], "input", EDGES_SHOWN)
            outputs: Iterable[StoredEdge] = storage.edges([job.id], "output", EDGES_SHOWN)
        else:
            inputs = (edge for edge in found if edge.direction == "input")
            outputs = (edge for edge in found if edge.direction == "output")
        yield JobView(
            job,
            [EdgeView(edge, None) for edge in inputs],
            [EdgeView(edge, None) for edge in outputs],
            composites.get(job.id, []),
        )


def session_view(storage: Storage, session: Session) -> SessionView:
    """A session with its jobs, oldest first."""
    jobs = storage.jobs(JobQuery(session=session.id))
    return SessionView(session, list(job_views(storage, jobs[::-1])))


def path_view(storage: Storage, found: FoundPath, disk: Disk, limit: int | None = EDGES) -> ArtifactView:
    """The newest content at a path, with the earlier ones: of each who wrote it there last, else who read it."""
    newest = found.newest
    earlier: dict[int | None, StoredEdge] = {}
    for edge in found.edges:
        if edge.artifact_id != newest.artifact_id:
            known = earlier.setdefault(edge.artifact_id, edge)
            if known.direction == "input" and edge.direction == "output":
                earlier[edge.artifact_id] = edge
    if newest.artifact_id is None:
        same = [edge for edge in found.edges if edge.artifact_id is None]
    else:
        same = storage.edges_of([newest.artifact_id], limit=limit)
    is_all = _is_all(found.edges, limit) and _is_all(same, limit)
    return _artifact(storage, newest, found.path, same, list(earlier.values()), disk)._replace(is_all=is_all)


def artifact_view(storage: Storage, found: FoundArtifact, disk: Disk, limit: int | None = EDGES) -> ArtifactView:
    """A content, wherever it was."""
    edges = storage.edges_of([found.artifact.id], limit=limit)
    if not edges:
        raise NotFound("The artifact is recorded and no job refers to it.", "Check the database: roar fsck")
    newest = next((edge for edge in edges if edge.direction == "output"), edges[0])
    view = _artifact(storage, newest, newest.path, edges, [], disk)
    return view._replace(is_all=_is_all(edges, limit))


def _is_all(edges: Sequence[StoredEdge], limit: int | None) -> bool:
    """Whether these are all that there are, when at most `limit` of each direction were asked for."""
    outputs = sum(edge.direction == "output" for edge in edges)
    return limit is None or max(outputs, len(edges) - outputs) < limit


def composite_view(storage: Storage, found: FoundComposite, disk: Disk) -> CompositeView:
    """A composite with all its members."""
    edges = list(storage.edges([found.job.id], found.composite.direction))
    members = composite_members(found.composite, edges)
    paths = {edge.path for edge in members}
    read = storage.edges_of(_contents(members), "input", _MEMBERS)
    readers = {edge.job_id for edge in read if edge.path in paths}
    readers |= {found.job.id} if found.composite.direction == "input" else set()
    return CompositeView(
        found.composite,
        found.job,
        [EdgeView(edge, _state(disk, edge)) for edge in members],
        storage.jobs_by_id(composite_makers(storage, found, members)),
        storage.jobs_by_id(readers)[::-1],
    )


def composite_makers(storage: Storage, found: FoundComposite, members: Sequence[StoredEdge]) -> tuple[int, ...]:
    """Ids of the jobs that made a composite: the one that wrote it; of what was read, those that wrote its parts there before."""
    if found.composite.direction == "output":
        return (found.job.id,)
    wanted = {(edge.path, edge.artifact_id) for edge in members}
    newest: dict[bytes, int] = {}
    for edge in storage.edges_of(_contents(members), "output", _MEMBERS):
        if edge.job_id < found.job.id and (edge.path, edge.artifact_id) in wanted:
            newest.setdefault(edge.path, edge.job_id)
    return tuple(sorted(set(newest.values())))


def _contents(members: Sequence[StoredEdge]) -> list[int]:
    """Of a composite of very many files the first ones stand for all."""
    return [edge.artifact_id for edge in members[:_MEMBERS] if edge.artifact_id is not None]


def composite_members(composite: Composite, edges: Iterable[StoredEdge]) -> list[StoredEdge]:
    """Those of a job's edges that the composite stands for: below its directory, or with its stem."""
    alike = [edge for edge in edges if edge.path.startswith(composite.path) and edge.direction == composite.direction]
    below = [edge for edge in alike if edge.path.startswith(composite.path + b"/")]
    return below if below else alike


def _artifact(
    storage: Storage, newest: StoredEdge, path: bytes, same: list[StoredEdge], earlier: list[StoredEdge], disk: Disk
) -> ArtifactView:
    if not newest.size:  # empty files are alike by chance
        same = [edge for edge in same if edge.path == path]
    same = sorted(same, key=lambda edge: edge.path != path)  # stable: the newest job stays first
    jobs = {job.id: job for job in storage.jobs_by_id({edge.job_id for edge in (*same, *earlier)})}
    at: dict[bytes, State] = {}
    for edge in same:
        if at.get(edge.path, "changed") in ("changed", "unknown"):  # another edge's stat may show that it is unchanged
            at[edge.path] = _state(disk, edge)
    return ArtifactView(
        newest.hashes,
        newest.size,
        path,
        list(at.items()),
        [(jobs[edge.job_id], edge.path) for edge in same if edge.direction == "output" and edge.job_id in jobs],
        [(jobs[edge.job_id], edge.path) for edge in same if edge.direction == "input" and edge.job_id in jobs],
        [(edge, jobs[edge.job_id]) for edge in earlier if edge.job_id in jobs],
        newest.missing_reason,
        newest.tracked,
        labels={}
        if newest.artifact_id is None
        else storage.labels("artifact", [newest.artifact_id]).get(newest.artifact_id, {}),
    )


def _state(disk: Disk, edge: StoredEdge) -> State:
    return disk.state(edge.path, edge.hashes, edge.size, edge.stat)
