"""What a label is put on: a step, an artifact or a session, by the reference that a person types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from roar.api.errors import NotFound, Refused
from roar.api.records import Job, LabelSubject, Session
from roar.api.storage import Storage
from roar.lineage.references import Found, FoundArtifact, FoundComposite, FoundJob
from roar.lineage.sessions import named_session


class Subject(NamedTuple):
    """A thing that can have labels, and what it is known by."""

    kind: LabelSubject
    id: int
    job: Job | None = None
    session: Session | None = None
    hashes: Mapping[str, str] = {}
    """Of an artifact."""
    path: bytes | None = None
    """Of an artifact: as it was asked for, or where a job last met it."""


class Labelled(NamedTuple):
    """A thing and its labels."""

    subject: Subject
    labels: Mapping[str, str]


def find_subject(storage: Storage, text: str, resolve: Callable[[str], Found]) -> Subject:
    """What a reference names: ``session``, ``session:3``, or what `resolve` finds.

    Raises:
        NotFound: nothing has this name.
        Ambiguous: it fits more than one thing.
        Refused: it can't have labels.
    """
    session = named_session(storage, text)
    if session is not None:
        return Subject("session", session.id, session=session)
    found = resolve(text)
    if isinstance(found, FoundJob):
        return Subject("job", found.job.id, job=found.job)
    if isinstance(found, FoundArtifact):
        return _artifacts(storage, [found.artifact.id])[0]
    if isinstance(found, FoundComposite):
        raise Refused(
            "A composite artifact has no labels of its own.", f"Label the step that has it: {_ref(storage, found.job)}"
        )
    edges = [edge for edge in found.edges if edge.job_id == found.edges[0].job_id]
    newest = next((edge for edge in edges if edge.direction == "output"), edges[0])
    if newest.artifact_id is None:
        raise Refused(
            "What was last recorded at this path has no digest, so that a label would not stay with its content.",
            f"Label the step: {_ref(storage, storage.jobs_by_id([newest.job_id])[0])}",
        )
    return Subject("artifact", newest.artifact_id, hashes=newest.hashes, path=found.path)


def _ref(storage: Storage, job: Job) -> str:
    return job.ref if job.session == storage.active_session().id else job.uid[:12]


def labelled(storage: Storage, wanted: Mapping[str, str | None]) -> list[Labelled]:
    """Everything that has all of these labels now: sessions, then steps, then artifacts, oldest first.

    Args:
        storage: where to look.
        wanted: key → value, None for any; without any, everything that has a label.
    """
    alike = [storage.labelled(key, value) for key, value in wanted.items()] or [storage.labelled()]
    found: list[Labelled] = []
    for kind in ("session", "job", "artifact"):
        ids = set.intersection(*(set(having.get(kind, ())) for having in alike))
        labels = storage.labels(kind, ids)
        found += [Labelled(subject, labels[subject.id]) for subject in _subjects(storage, kind, labels)]
    return found


def _subjects(storage: Storage, kind: LabelSubject, ids: Iterable[int]) -> list[Subject]:
    if kind == "session":
        wanted = set(ids)
        return [Subject(kind, one.id, session=one) for one in storage.sessions()[::-1] if one.id in wanted]
    if kind == "job":
        return [Subject(kind, job.id, job=job) for job in storage.jobs_by_id(ids)]
    return _artifacts(storage, list(ids))


def _artifacts(storage: Storage, ids: list[int]) -> list[Subject]:
    """Artifacts with the path at which a job last met each."""
    newest = {edge.artifact_id: edge for edge in reversed(storage.edges_of(ids))}
    if len(ids) == 1 and ids[0] not in newest:
        raise NotFound("The artifact is recorded and no job refers to it.", "Check the database: roar fsck")
    return [
        Subject("artifact", number, hashes=newest[number].hashes, path=newest[number].path)
        for number in ids
        if number in newest
    ]
