"""What `roar diff` compares: two steps, two artifacts by the steps that made them, or two sessions step by step."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Literal, NamedTuple

from roar.api.errors import UsageError
from roar.api.records import Job, Reproduction, Session, StoredEdge
from roar.api.storage import JobQuery, Storage
from roar.lineage.diff import StepDiff, place, same_digests, step_diff
from roar.lineage.diff_causes import Cause, causes
from roar.lineage.references import Found, FoundArtifact, FoundComposite, FoundJob, FoundPath, UnknownPath
from roar.lineage.sessions import named_session
from roar.lineage.views import composite_makers, composite_members

Kind = Literal["step", "artifact", "session"]
Resolve = Callable[[str], Found]
Digests = Callable[[bytes, Sequence[str]], Mapping[str, str]]


class Side(NamedTuple):
    """One of the two things."""

    kind: Kind
    job: Job | None = None
    """The step, or the one that made the artifact; None: no job made it."""
    session: Session | None = None
    hashes: Mapping[str, str] = {}
    """Of an artifact."""
    size: int | None = None
    path: bytes | None = None
    is_recorded: bool = True
    """Whether a job met it; else it is a file that is only on disk."""


class Diff(NamedTuple):
    """How two things differ."""

    kind: Kind
    a: Side
    b: Side
    same_content: bool | None
    """Of artifacts; None where it is not known, and for what is no artifact."""
    steps: list[StepDiff]
    """The pair of steps; of sessions every pair, oldest first."""
    only_a: list[Job]
    """Steps of session A that have none like them in B."""
    only_b: list[Job]
    causes: list[Cause]
    """What may be why the outputs differ, the likeliest first; empty when they don't, or nothing recorded says why."""
    reproduction: Reproduction | None = None
    """Of artifacts: the reproduction of one that made the other."""
    hint: str | None = None
    """Of artifacts that are on disk: where they begin to differ."""

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        if self.only_a or self.only_b or self.same_content is False:
            return False
        return all(step.is_same for step in self.steps)

    @property
    def outputs_differ(self) -> bool:
        """Whether what came of it differs."""
        if self.kind == "artifact":
            return self.same_content is not True
        return any(step.outputs.changes for step in self.steps)


def compare(storage: Storage, a: str, b: str, resolve: Resolve, digests: Digests) -> Diff:
    """Compares what two references name: sessions, what `resolve` finds, or files that are only on disk.

    Args:
        storage: where jobs are recorded.
        a: the one reference.
        b: the other.
        resolve: what one means that is no session.
        digests: those of a file, by the algorithms that are asked for (all that can be computed, if there are none).

    Raises:
        NotFound, Ambiguous: as `resolve`, or there is no such session.
        UsageError: one is a session and the other is not.
    """
    one, other = find_side(storage, a, resolve), find_side(storage, b, resolve)
    if "session" in (one.kind, other.kind):
        if one.kind != other.kind:
            raise UsageError("a session is compared with a session.", "Example: roar diff session:1 session:2")
        return _sessions(storage, one, other)
    if one.kind == other.kind == "artifact":
        one, other = _with_digests(one, other, digests), _with_digests(other, one, digests)
        alike = same_digests(one.hashes, other.hashes)
        kind: Kind = "artifact"
    else:  # an artifact beside a step stands for the step that made it
        alike, kind = None, "step"
        for side, text in ((one, a), (other, b)):
            if side.job is None:
                raise UsageError(
                    f"no step made '{text}', so that it can't be compared with one.", "See: roar show " + text
                )
    if one.job is None or other.job is None:
        return Diff(kind, one, other, alike, [], [], [], [], _reproduction(storage, one, other))
    step = step_diff(storage, one.job, other.job)
    differ = alike is not True if kind == "artifact" else bool(step.outputs.changes)
    why = causes(storage, step) if differ else []
    return Diff(kind, one, other, alike, [step], [], [], why, _reproduction(storage, one, other))


def find_side(storage: Storage, text: str, resolve: Resolve) -> Side:
    """What a reference names."""
    session = named_session(storage, text)
    if session is not None:
        return Side("session", session=session)
    try:
        found = resolve(text)
    except UnknownPath as error:
        if not os.path.isfile(error.path):
            raise
        return Side("artifact", size=os.path.getsize(error.path), path=error.path, is_recorded=False)
    return Side("step", found.job) if isinstance(found, FoundJob) else _artifact(storage, found)


def _with_digests(side: Side, other: Side, digests: Digests) -> Side:
    return side if side.is_recorded else side._replace(hashes=digests(side.path or b"", list(other.hashes)))


def _reproduction(storage: Storage, a: Side, b: Side) -> Reproduction | None:
    """The newest reproduction of one that made the other."""
    for original, made in ((a, b), (b, a)):
        for one in storage.reproductions(list(original.hashes.items())):
            if one.produced is not None and made.hashes.get(one.algorithm) == one.produced and not made.is_recorded:
                return one
    return None


def _artifact(storage: Storage, found: Found) -> Side:
    if isinstance(found, FoundComposite):
        composite = found.composite
        members = composite_members(composite, storage.edges([found.job.id], composite.direction))
        makers = storage.jobs_by_id(composite_makers(storage, found, members))
        maker = makers[0] if len(makers) == 1 else None
        return Side("artifact", maker, None, {composite.algorithm: composite.digest}, composite.size, composite.path)
    if isinstance(found, FoundArtifact):
        edges = storage.edges_of([found.artifact.id], "output", 1)
        path = edges[0].path if edges else None
        return Side("artifact", _job(storage, edges), None, found.artifact.hashes, found.artifact.size, path)
    assert isinstance(found, FoundPath)  # noqa: S101 - the last of the four
    at_newest = [edge for edge in found.edges if edge.job_id == found.edges[0].job_id]
    newest = next((edge for edge in at_newest if edge.direction == "output"), at_newest[0])
    made = [
        edge
        for edge in found.edges
        if edge.direction == "output" and same_digests(edge.hashes, newest.hashes) is not False
    ]
    if not made and newest.artifact_id is not None and newest.size and not newest.tracked:
        made = storage.edges_of([newest.artifact_id], "output", 1)
    return Side("artifact", _job(storage, made), None, newest.hashes, newest.size, found.path)


def _job(storage: Storage, edges: list[StoredEdge]) -> Job | None:
    return next(iter(storage.jobs_by_id([edges[0].job_id])), None) if edges else None


def _sessions(storage: Storage, one: Side, other: Side) -> Diff:
    assert one.session is not None and other.session is not None  # noqa: S101 - they are sessions
    jobs_a, jobs_b = _newest(storage, one.session), _newest(storage, other.session)
    pairs, only_a, only_b = _paired(storage, jobs_a, jobs_b)
    steps = [step_diff(storage, a, b) for a, b in pairs]
    first = next((step for step in steps if step.outputs.changes), None)
    why = causes(storage, first) if first is not None else []
    return Diff("session", one, other, None, steps, only_a, only_b, why)


def _newest(storage: Storage, session: Session) -> list[Job]:
    """The session's jobs, oldest first; of those with the same command in the same directory only the newest."""
    newest = {_command(job): job for job in storage.jobs(JobQuery(session=session.id))[::-1]}
    return sorted(newest.values())


def _command(job: Job) -> Hashable:
    return job.kind, job.command, place(job, job.cwd)


def _paired(storage: Storage, a: list[Job], b: list[Job]) -> tuple[list[tuple[Job, Job]], list[Job], list[Job]]:
    """Steps that are each other's counterpart: by command, then by name, then by what they wrote; and those without one."""
    outputs: dict[int, set[tuple[str, bytes]]] = {}
    for job in (*a, *b):
        outputs[job.id] = set()
    places = {job.id: job for job in (*a, *b)}
    for edge in storage.edges(list(places), "output"):
        job = places[edge.job_id]
        outputs[edge.job_id].add((job.kind, place(job, edge.path)))
    pairs: list[tuple[Job, Job]] = []
    done: set[int] = set()
    keys: tuple[Callable[[Job], Hashable], ...] = (
        _command,
        lambda job: (job.kind, job.name) if job.name else None,
        lambda job: frozenset(outputs[job.id]) or None,
    )
    for key in keys:
        known = {key(job): job for job in b if job.id not in done and key(job) is not None}
        for job in a:
            other = known.pop(key(job), None) if job.id not in done else None
            if other is not None:
                pairs.append((job, other))
                done |= {job.id, other.id}
    return sorted(pairs), [job for job in a if job.id not in done], [job for job in b if job.id not in done]
