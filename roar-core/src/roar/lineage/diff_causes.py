"""Why the outputs of two jobs differ: the walk from what differs to where it began.

From the two jobs it follows the inputs that differ to the jobs that made them, pair by pair, to the inputs that no job made.
Whatever else differs in a pair on the way may be a cause as well.  The likeliest come first: root inputs and packages, the
earliest step first; then files that only one side read and packages that only one side had, commands and parameters,
variables and the system, commits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from os import fsdecode
from typing import Any, Literal, NamedTuple

from roar.api.records import Job, StoredEdge
from roar.api.storage import Storage
from roar.lineage import diff
from roar.lineage.diff import PACKAGES, Change, FileChange, Files, StepDiff

Kind = Literal["input", "package", "command", "parameter", "environment", "commit"]

_PAIRS = 200
"""So many pairs of jobs are compared."""
_FOLLOWED = 50
"""So many inputs of a pair are followed."""
_SEARCHED = 100
"""So many edges at a path are looked at for the one that made an input."""


class Cause(NamedTuple):
    """Something that may be why."""

    kind: Kind
    name: str
    """Of the package, parameter, variable or field; of an input its path, with surrogate escapes."""
    section: str
    """Of the environment; else empty."""
    a: Any
    """What A had: a value, or of an input its edge; None: nothing."""
    b: Any
    job_a: Job
    job_b: Job


def causes(storage: Storage, step: StepDiff) -> list[Cause]:
    """What may be why the outputs of two jobs differ, the likeliest first; nothing when no recorded thing differs."""
    a, b = step.a, step.b
    found: list[tuple[int, int, int, Cause]] = []
    todo = deque([(a, b)])
    seen = {(a.id, b.id)}
    while todo and len(seen) <= _PAIRS:
        one, other = todo.popleft()
        inputs = step.inputs if (one, other) == (a, b) else diff.file_changes(storage, one, other, "input")
        roots = _roots(storage, one, other, inputs)
        for rank, cause in _of_pair(storage, one, other, roots):
            found.append((rank, min(one.id, other.id), len(found), cause))
        for pair in _makers(storage, [change for change in inputs.changes if change not in roots]):
            if (pair[0].id, pair[1].id) not in seen:
                seen.add((pair[0].id, pair[1].id))
                todo.append(pair)
    ordered = [cause for *_, cause in sorted(found, key=lambda item: item[:3])]
    # What differs in many pairs, as a package does, is one cause: that of the first of them.
    return list(
        {
            (cause.kind, cause.section, cause.name, _key(cause.a), _key(cause.b)): cause for cause in ordered[::-1]
        }.values()
    )[::-1]


def _key(value: Any) -> str:
    return repr(dict(value.hashes)) if isinstance(value, StoredEdge) else repr(value)


def _of_pair(storage: Storage, a: Job, b: Job, roots: list[FileChange]) -> list[tuple[int, Cause]]:
    """What differs in a pair that it has not from another job, each with its rank."""
    found: list[tuple[int, Cause]] = []

    def add(rank: int, kind: Kind, change: Change, section: str = "") -> None:
        found.append((rank, Cause(kind, change.name, section, change.a, change.b, a, b)))

    for change in roots:
        rank = 0 if change.how in ("changed", "unknown") else 1
        add(rank, "input", Change(fsdecode(change.path), change.a, change.b))
    environments = [] if a.id == b.id else [storage.environment(a.id), storage.environment(b.id)]
    used = any(map(_uses_packages, environments))
    for name, listed in diff.environment_changes(*environments).items() if environments else ():
        kind: Kind = "package" if name in PACKAGES else "environment"
        both = all(environment.get(name) for environment in environments)
        for one in listed:
            is_other = one.a is not None and one.b is not None
            add(3 if kind != "package" or not used or not both else 0 if is_other else 1, kind, one, name)
    for one in diff.command_changes(a, b):
        add(2, "command", one)
    for one in diff.changes(diff.flat(a.parameters), diff.flat(b.parameters)):
        add(2, "parameter", one)
    for one in diff.commit_changes(storage, a, b):
        if one.name != "branch":
            add(4, "commit", one)
    return found


def _uses_packages(environment: Mapping[str, Any]) -> bool:
    """Whether the job imported anything that is installed; it may have where nothing is recorded of that."""
    interpreters = environment.get("python") or []
    imported = [one.get("imported", True) for one in interpreters if isinstance(one, Mapping)]
    return any(imported) or not imported


def _roots(storage: Storage, a: Job, b: Job, inputs: Files) -> list[FileChange]:
    """The differing inputs that no job made, on at least one side."""
    if not inputs.changes:
        return []
    known = {(edge.job_id, edge.path) for edge in storage.roots([a.id, b.id])}

    def is_root(edge: StoredEdge | None) -> bool:
        return edge is None or (edge.job_id, edge.path) in known

    # What only one side has is a root when no job made it; of a pair, one that no job made is enough.
    return [
        change
        for change in inputs.changes
        if change.how != "moved"
        and (
            (is_root(change.a) and is_root(change.b))
            if change.a is None or change.b is None
            else (is_root(change.a) or is_root(change.b))
        )
    ]


def _makers(storage: Storage, changes: list[FileChange]) -> list[tuple[Job, Job]]:
    """The jobs that made both sides of inputs that differ."""
    ids: dict[tuple[int, int], None] = {}
    for change in changes[:_FOLLOWED]:
        if change.a is not None and change.b is not None and change.how != "moved":
            maker_a, maker_b = maker(storage, change.a), maker(storage, change.b)
            if maker_a is not None and maker_b is not None and maker_a != maker_b:
                ids[maker_a, maker_b] = None
    jobs = {job.id: job for job in storage.jobs_by_id({number for pair in ids for number in pair})}
    return [(jobs[one], jobs[other]) for one, other in ids if one in jobs and other in jobs]


def maker(storage: Storage, edge: StoredEdge) -> int | None:
    """The id of the job that made what an input is: at its path if it was made there, else the last to make this content."""
    before = [
        one for one in storage.edges_at(edge.path, _SEARCHED) if one.direction == "output" and one.job_id < edge.job_id
    ]
    for one in before:
        if diff.same_content(one, edge) is not False:
            return one.job_id
    if edge.artifact_id is None or not edge.size:
        return None
    elsewhere = storage.edges_of([edge.artifact_id], "output", _SEARCHED)
    return next((one.job_id for one in elsewhere if one.job_id < edge.job_id), None)
