"""What is to be made again: the outputs that a reference means, and the job that made them."""

from __future__ import annotations

import os
import string
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from roar.api.errors import NotFound, RoarError
from roar.api.records import Composite, Job, StoredEdge
from roar.api.storage import JobQuery
from roar.lineage.references import MIN_PREFIX, Found, FoundArtifact, FoundComposite, FoundJob, FoundPath
from roar.lineage.views import composite_members

if TYPE_CHECKING:
    from roar.api.storage import Storage
    from roar.context import Context

_SHOWN = 5
_DIGITS = frozenset(string.hexdigits)


class Target(NamedTuple):
    """A job, and those of its outputs that are wanted."""

    text: str
    """What was typed."""
    job: Job
    paths: frozenset[bytes]


def target_of(storage: Storage, text: str, found: Found) -> Target:
    """The job and the outputs that a reference means.

    Args:
        storage: the record.
        text: what was typed.
        found: what it means.

    Raises:
        NotFound: no step made it.
    """
    if isinstance(found, FoundJob):
        outputs = storage.edges([found.job.id], "output")
        return Target(text, found.job, frozenset(edge.path for edge in outputs))
    if isinstance(found, FoundComposite):
        members = composite_members(found.composite, storage.edges([found.job.id], found.composite.direction))
        if found.composite.direction == "input":
            return _together(storage, text, found.composite, members)
        return Target(text, found.job, frozenset(edge.path for edge in members))
    return _made(storage, text, found)


def target_of_folder(storage: Storage, text: str, path: bytes) -> Target | None:
    """The step that wrote all that was recorded in a folder; None when nothing was.

    Args:
        storage: the record.
        text: what was typed.
        path: the folder, absolute.

    Raises:
        RoarError: it was several steps.
    """
    folder = os.path.normpath(path).rstrip(b"/") + b"/"
    jobs = {job.id: job for job in storage.jobs(JobQuery(path=folder))}
    newest: dict[bytes, int] = {}
    for edge in storage.edges(sorted(jobs), "output"):
        if edge.path.startswith(folder):
            newest[edge.path] = max(newest.get(edge.path, 0), edge.job_id)
    makers = sorted(set(newest.values()))
    if len(makers) > 1:
        refs = [jobs[job_id].ref for job_id in makers]
        shown = ", ".join(refs[:_SHOWN]) + (f" and {len(refs) - _SHOWN} more" if len(refs) > _SHOWN else "")
        raise RoarError(f"{text} has the outputs of several steps: {shown}.", f"Choose one: roar reproduce {refs[-1]}")
    return Target(text, jobs[makers[0]], frozenset(newest)) if makers else None


def _together(storage: Storage, text: str, composite: Composite, members: Sequence[StoredEdge]) -> Target:
    """The newest job that made all of these files, as they were read, and what it made with them that nobody read."""
    wanted = {(edge.path, edge.artifact_id) for edge in members}
    written = storage.edges_of({edge.artifact_id for edge in members if edge.artifact_id is not None}, "output")
    made: dict[int, set[tuple[bytes, int | None]]] = {}
    for edge in written:
        made.setdefault(edge.job_id, set()).add((edge.path, edge.artifact_id))
    maker = max((job_id for job_id, files in made.items() if wanted <= files), default=None)
    if maker is None:
        raise NotFound(
            f"No single step made {text} as it was read.",
            f"Reproduce its files one by one; they are in: roar show {text}",
        )
    (job,) = storage.jobs_by_id([maker])
    whole = composite_members(composite._replace(direction="output"), storage.edges([maker], "output"))
    return Target(text, job, frozenset(edge.path for edge in whole))


def _made(storage: Storage, text: str, found: FoundPath | FoundArtifact) -> Target:
    """The newest job that wrote the content, at the path that was asked for if it can be."""
    if isinstance(found, FoundArtifact):
        written = storage.edges_of([found.artifact.id], "output")
    else:
        newest = found.edges[0]
        at_newest = [edge for edge in found.edges if edge.job_id == newest.job_id]
        newest = next((edge for edge in at_newest if edge.direction == "output"), newest)
        if newest.artifact_id is None:
            written = [edge for edge in found.edges if edge.direction == "output"]
        else:
            written = storage.edges_of([newest.artifact_id], "output")
            written.sort(key=lambda edge: edge.path != found.path)
    if not written:
        raise _not_made(text)
    edge = written[0]
    (job,) = storage.jobs_by_id([edge.job_id])
    return Target(text, job, frozenset({edge.path}))


def _not_made(text: str) -> NotFound:
    return NotFound(f"No recorded step made {text}: it is an input.", f"See where it was used: roar show {text}")


def is_digest(text: str) -> bool:
    """Whether a reference can only be meant as the beginning of a digest: then its lineage may be elsewhere."""
    algorithm, colon, digits = text.rpartition(":")
    return len(digits) >= MIN_PREFIX and _DIGITS.issuperset(digits) and (not colon or algorithm.isalnum())


def not_local(context: Context, text: str) -> RoarError:
    """Why an artifact whose lineage is not in the workspace's record can't be reproduced."""
    if not context.config.get("glaas.url"):
        return RoarError(
            f"GLaaS server not configured: {text} is not in the local record, and there is nobody to ask for its lineage.",
            "Run: roar config set glaas.url https://glaas.ai\nThen repeat the command. What is local: roar log",
        )
    return RoarError(
        f"{text} is not in the local record, and no installed plugin fetches lineage from {context.config.get('glaas.url')}.",
        "Install the one for GLaaS: pip install roar-glaas\nWhat is installed: roar plugins",
    )
