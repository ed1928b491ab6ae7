"""The graph of a session, of several, or of some jobs: the jobs as steps, each with the steps that made what it read."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from roar.api.records import Composite, Job, Session, StoredEdge
from roar.api.storage import JobQuery, Link, Storage


class Step(NamedTuple):
    """A job in the graph."""

    job: Job
    inputs: list[StoredEdge]
    outputs: list[StoredEdge]
    composites: list[Composite]
    parents: tuple[int, ...]
    """Ids of the jobs that made what it read, oldest first."""
    superseded_by: int | None
    """The newest job that ran the same command again, None for the newest itself."""


NEWEST = 5000
"""Of a longer history so many jobs are drawn unless all are asked for."""


class Graph(NamedTuple):
    """Steps by job id, oldest first.  A step's parents are always older than it."""

    session: Session
    """The one that was asked for; of the graph of several, or of some jobs, the active one."""
    steps: dict[int, Step]
    writers: dict[bytes, list[tuple[int, int | None]]]
    """Path → (job id, artifact id) of every job that wrote it, oldest first."""
    origins: dict[tuple[int, bytes], int]
    """(job id, input path) → id of the job that made what was read there; absent for root inputs."""
    sessions: tuple[Session, ...] = ()
    """All that have steps here, oldest first."""
    left_out: int = 0
    """Older jobs that are not in the graph."""
    partly: frozenset[int] = frozenset()
    """Ids of the jobs of whose files only the first were looked at."""

    @property
    def current(self) -> list[Step]:
        """The steps that no later run of the same command superseded."""
        return [step for step in self.steps.values() if step.superseded_by is None]

    def newest(self, job_id: int) -> int:
        """The job itself, or the newest run of the same command."""
        return self.steps[job_id].superseded_by or job_id

    def current_parents(self, step: Step) -> list[int]:
        """Parents, each replaced by the newest run of its command; without any that is younger than the step."""
        newest = {self.newest(parent) for parent in step.parents}
        return sorted(parent for parent in newest if parent < step.job.id) + sorted(
            parent for parent in newest if parent > step.job.id and not self.leads_to(step.job.id, parent)
        )

    def leads_to(self, ancestor: int, descendant: int) -> bool:
        """Whether one job's outputs went, directly or through others, into another."""
        todo, seen = [descendant], {descendant}
        while todo:
            for parent in self.steps[todo.pop()].parents:
                if parent == ancestor:
                    return True
                if parent > ancestor and parent not in seen:
                    seen.add(parent)
                    todo.append(parent)
        return False


def graph_of(storage: Storage, session: Session, limit: int | None = None) -> Graph:
    """The graph of a session, of what was recorded: the disk is not looked at.

    Args:
        storage: where.
        session: whose jobs.
        limit: only so many of the newest jobs; None for all.
    """
    jobs = storage.jobs(JobQuery(session=session.id, limit=limit))
    return _graph(storage, jobs[::-1], session, (session,))._replace(left_out=max(session.jobs - len(jobs), 0))


def graph_of_all(storage: Storage, limit: int | None = None) -> Graph:
    """The graph of all sessions; see `graph_of`."""
    jobs = storage.jobs(JobQuery(limit=limit))
    sessions = storage.sessions()[::-1]
    total = sum(session.jobs for session in sessions)
    graph = _graph(storage, jobs[::-1], storage.active_session(), tuple(sessions))
    return graph._replace(left_out=max(total - len(jobs), 0))


def graph_of_jobs(storage: Storage, jobs: Iterable[Job], links: Iterable[Link] = (), limit: int | None = None) -> Graph:
    """The graph of some jobs, of any sessions.

    Args:
        storage: where.
        jobs: of the graph.
        links: between them, as far as they are known already.
        limit: of a job with more inputs or outputs only so many are looked at; None for all.
    """
    sessions = storage.sessions()[::-1]
    active = next(session for session in sessions if session.active)
    ordered = sorted(jobs, key=lambda job: job.id)
    return _graph(storage, ordered, active, tuple(sessions), links, limit)


def _graph(
    storage: Storage,
    ordered: Sequence[Job],
    session: Session,
    sessions: tuple[Session, ...],
    links: Iterable[Link] = (),
    limit: int | None = None,
) -> Graph:
    jobs = {job.id: job for job in ordered}
    composites = storage.composites(list(jobs))
    edges: dict[int, tuple[list[StoredEdge], list[StoredEdge]]] = {job_id: ([], []) for job_id in jobs}
    large = {job.id for job in ordered if limit is not None and max(job.inputs, job.outputs) > limit}
    found = [
        *storage.edges([job_id for job_id in jobs if job_id not in large]),
        *storage.edges(list(large), None, limit),
    ]
    for edge in found:
        edges[edge.job_id][edge.direction == "output"].append(edge)
    known: dict[int, set[int]] = {}
    for link in links:
        if link.maker in jobs and link.reader in jobs and link.maker < link.reader:
            known.setdefault(link.reader, set()).add(link.maker)
    writers = _writers(edges)
    makers = _makers(edges)
    superseded = _superseded(jobs.values())
    origins: dict[tuple[int, bytes], int] = {}
    steps: dict[int, Step] = {}
    for job_id, job in jobs.items():
        inputs, outputs = edges[job_id]
        for edge in inputs:
            origin = _origin(edge, writers, makers)
            if origin is not None:
                origins[job_id, edge.path] = origin
        made = {origins[job_id, edge.path] for edge in inputs if (job_id, edge.path) in origins} | known.get(
            job_id, set()
        )
        parents = tuple(sorted(made))
        steps[job_id] = Step(job, inputs, outputs, composites.get(job_id, []), parents, superseded.get(job_id))
    present = {job.session for job in ordered}
    present_sessions = tuple(one for one in sessions if one.id in present)
    return Graph(session, steps, writers, origins, present_sessions, partly=frozenset(large))


def _writers(edges: dict[int, tuple[list[StoredEdge], list[StoredEdge]]]) -> dict[bytes, list[tuple[int, int | None]]]:
    writers: dict[bytes, list[tuple[int, int | None]]] = {}
    for job_id, (_, outputs) in edges.items():
        for edge in outputs:
            writers.setdefault(edge.path, []).append((job_id, edge.artifact_id))
    return writers


def _makers(edges: dict[int, tuple[list[StoredEdge], list[StoredEdge]]]) -> dict[int, list[int]]:
    """Artifact → the jobs that wrote it, oldest first; empty files are left out, as they are alike by chance."""
    makers: dict[int, list[int]] = {}
    for job_id, (_, outputs) in edges.items():
        for edge in outputs:
            if edge.artifact_id is not None and edge.size:
                makers.setdefault(edge.artifact_id, []).append(job_id)
    return makers


def _origin(
    edge: StoredEdge, writers: dict[bytes, list[tuple[int, int | None]]], makers: dict[int, list[int]]
) -> int | None:
    """The job that made what an input edge read, by the rule of `Storage.makers`."""
    before = [writer for writer in writers.get(edge.path, ()) if writer[0] < edge.job_id]
    if before and (edge.artifact_id is None or before[-1][1] in (edge.artifact_id, None)):
        return before[-1][0]
    if edge.artifact_id is None or edge.tracked:  # the commit is where it comes from
        return None
    elsewhere = makers.get(edge.artifact_id, [])
    position = bisect_left(elsewhere, edge.job_id)
    return elsewhere[position - 1] if position else None


def _superseded(jobs: Iterable[Job]) -> dict[int, int]:
    newest: dict[tuple[object, ...], int] = {}
    listed = [(job.id, _command(job)) for job in jobs]
    for job_id, command in listed:
        newest[command] = job_id
    return {job_id: newest[command] for job_id, command in listed if newest[command] != job_id}


def _command(job: Job) -> tuple[object, ...]:
    if job.git is None or job.git.recorded_root is None:
        return (job.session, job.kind, job.cwd, job.command)
    from roar.reproduce.mapping import words_now

    return (job.session, job.kind, job.cwd, words_now(job))


def last_write(graph: Graph, path: bytes) -> tuple[int, int | None] | None:
    """(job id, artifact id) of the newest job that wrote the path."""
    written = graph.writers.get(path)
    return written[-1] if written else None


def artifacts(steps: Iterable[Step]) -> Iterator[tuple[Step, StoredEdge]]:
    """Every edge of the steps, inputs before outputs."""
    for step in steps:
        for edge in (*step.inputs, *step.outputs):
            yield step, edge
