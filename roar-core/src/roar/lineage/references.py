"""What a reference means: ``@3``, ``@B1``, a job's uid, a path, a digest, or the beginning of one."""

from __future__ import annotations

import os
import string
from typing import NamedTuple

from roar.api.errors import Ambiguous, NotFound
from roar.api.records import Artifact, Composite, Job, JobKind, StoredEdge
from roar.api.storage import JobQuery, Storage

MIN_PREFIX = 4
"""Fewer digits than this are not taken for the beginning of a uid or digest."""

_HEX = frozenset(string.hexdigits)
EDGES = 200
"""How many edges of a direction at one path or of one content are looked at: a file that all jobs read has a million."""


class FoundJob(NamedTuple):
    """The reference names a job."""

    job: Job


class FoundArtifact(NamedTuple):
    """The reference names a content by its digest."""

    artifact: Artifact


class FoundPath(NamedTuple):
    """The reference names a path; `edges` are at it, newest job first, at least one, and at most `EDGES` of a direction."""

    path: bytes
    edges: list[StoredEdge]

    @property
    def newest(self) -> StoredEdge:
        """What the newest job there wrote, or else read."""
        first = self.edges[0]
        at_newest = (edge for edge in self.edges if edge.job_id == first.job_id)
        return next((edge for edge in at_newest if edge.direction == "output"), first)


class FoundComposite(NamedTuple):
    """The reference names a composite artifact by its path or digest; `job` is the newest that wrote it, else that read it."""

    composite: Composite
    job: Job


Found = FoundJob | FoundArtifact | FoundPath | FoundComposite


class UnknownPath(NotFound):
    """No job touched this path, and nothing else has this name.  The page's message; the CLI adds the reasons."""

    def __init__(self, text: str, path: bytes) -> None:
        super().__init__(f"No artifact found for path: {_one_line(text)}")
        self.path = path


def resolve(storage: Storage, text: str, cwd: bytes, limit: int | None = EDGES) -> Found:
    """Finds what the user means.

    A path that was recorded wins over a digest that begins with the same letters; ``./name`` is always a path and
    ``blake3:3f2a`` always a digest.

    Args:
        storage: where to look.
        text: what was typed; bytes that are not UTF-8 as surrogate escapes.
        cwd: the directory that relative paths start from, absolute.
        limit: how many edges of a direction a `FoundPath` has at most; None for all.

    Raises:
        NotFound: nothing has this name; `UnknownPath` when it may be a path.
        Ambiguous: it fits more than one thing.
    """
    if text.startswith("@"):
        return FoundJob(step(storage, text))
    algorithm, colon, digits = text.partition(":")
    if colon and algorithm.isalnum() and len(digits) >= MIN_PREFIX and _HEX.issuperset(digits):
        return _one(text, [], storage.artifacts_by_digest(digits.lower(), algorithm), []) or _no_digest(text)
    candidates = path_candidates(text, cwd)
    for path in candidates:
        edges = storage.edges_at(path, limit)
        if edges:
            return FoundPath(path, edges)
    for path in candidates:
        at_path = storage.composites_like(path)
        if at_path:
            # who read it may have read a part of it
            number, composite = next((pair for pair in at_path if pair[1].direction == "output"), at_path[0])
            return FoundComposite(composite, storage.jobs_by_id([number])[0])
    if len(text) >= MIN_PREFIX and _HEX.issuperset(text):
        prefix = text.lower()
        like = storage.composites_like(digest=prefix)
        jobs = {job.id: job for job in storage.jobs_by_id({number for number, _ in like})}
        alike = [(composite, jobs[number]) for number, composite in like]
        found = _one(text, storage.jobs_by_uid(prefix), storage.artifacts_by_digest(prefix), alike)
        if found is not None:
            return found
    raise UnknownPath(text, candidates[0])


def step(storage: Storage, text: str) -> Job:
    """The job of ``@3`` or ``@B1`` in the active session.  Raises `NotFound`."""
    kind: JobKind = "build" if text[1:2] in ("B", "b") else "run"
    digits = text[2:] if kind == "build" else text[1:]
    if not (digits.isascii() and digits.isdecimal()):
        raise NotFound(
            f"'{_one_line(text)}' is not a step.",
            "Steps are @1, @2, … and build steps @B1, @B2, …; for the list: roar log",
        )
    job = storage.job_at(int(digits), kind) if len(digits) < 10 else None
    if job is not None:
        return job
    newest = storage.jobs(JobQuery(session=storage.active_session().id, kind=kind, limit=1))
    what = "build step" if kind == "build" else "step"
    if newest:
        raise NotFound(
            f"No {what} {text} in the active session; the last one is {newest[0].ref}.", "For the list: roar log"
        )
    first = "roar build" if kind == "build" else "roar run"
    raise NotFound(f"No {what} {text}: the active session has none yet.", f"Record one: {first} COMMAND")


def path_candidates(text: str, cwd: bytes) -> list[bytes]:
    """The canonical paths that the text can stand for, likeliest first: as the kernel would resolve it, and as it is spelt."""
    joined = os.path.join(cwd, os.fsencode(text.replace("\0", "")))
    spelt = os.path.normpath(joined)
    if spelt.startswith(b"//"):
        spelt = spelt[1:]
    parent = os.path.join(os.path.realpath(os.path.dirname(spelt)), os.path.basename(spelt))
    found = [os.path.realpath(joined), parent, spelt]
    return list(dict.fromkeys(found))


def _one_line(text: str) -> str:
    """A name in a message: the lines of a message are roar's own."""
    return text.replace("\n", "\\n")


def _one(
    text: str, jobs: list[Job], artifacts: list[Artifact], composites: list[tuple[Composite, Job]]
) -> Found | None:
    """The only candidate, None when there is none.  Raises `Ambiguous`."""
    oldest_first = sorted(composites[::-1], key=lambda pair: pair[0].direction)  # stable: those who wrote it come last
    unique = {composite.digest: (composite, job) for composite, job in oldest_first}
    count = len(jobs) + len(artifacts) + len(unique)
    if count > 1:
        lines = [f"  job {job.uid[:12]}  {job.ref}" for job in jobs]
        lines += [f"  {name} {digest}" for artifact in artifacts for name, digest in _matching(artifact, text)]
        lines += [f"  {composite.algorithm} {digest}  {composite.kind}" for digest, (composite, _) in unique.items()]
        raise Ambiguous(
            f"'{text}' is ambiguous: {count} things begin so.", "\n".join([*lines, "Type more of its digits."])
        )
    if jobs:
        return FoundJob(jobs[0])
    if artifacts:
        return FoundArtifact(artifacts[0])
    return next((FoundComposite(*pair) for pair in unique.values()), None)


def _matching(artifact: Artifact, text: str) -> list[tuple[str, str]]:
    prefix = text.rpartition(":")[2].lower()
    hits = [(name, digest) for name, digest in artifact.hashes.items() if digest.startswith(prefix)]
    return hits[:1]


def _no_digest(text: str) -> Found:
    raise NotFound(f"No artifact has a digest that begins with {text}.", "For the list: roar dag --show-artifacts")
