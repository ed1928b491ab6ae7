"""Which outputs of a step can be removed from the disk without a loss: those that it alone made and that nobody changed since."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from roar.api.records import Job, StoredEdge
from roar.api.storage import Storage
from roar.lineage.states import Disk, State, file_stat

_WHY: dict[State, str] = {
    "changed": "changed since",
    "unknown": "not known to be unchanged",
}


class Output(NamedTuple):
    """An output of the step that is on disk."""

    path: bytes
    kept: str | None
    """Why it must stay; None: it can be removed."""


def outputs_on_disk(
    storage: Storage, job: Job, disk: Disk, root: bytes, committed: Callable[[list[bytes]], set[bytes]]
) -> list[Output]:
    """The outputs of a job that are there still, by path.  Inputs of the job, and what others made too, must stay.

    Args:
        storage: where the job is recorded.
        job: the last of its session.
        disk: how the files compare with the record.
        root: of the workspace; files elsewhere stay.
        committed: those of the paths that are in git by now.
    """
    edges: dict[str, dict[bytes, StoredEdge]] = {"input": {}, "output": {}}
    for edge in storage.edges([job.id]):
        edges[edge.direction][edge.path] = edge
    outputs = edges["output"]
    others = {
        (edge.path, edge.artifact_id)
        for edge in storage.edges_of({edge.artifact_id for edge in outputs.values() if edge.artifact_id is not None})
        if edge.job_id != job.id
    }
    there = {path: disk.state(path, edge.hashes, edge.size, edge.stat) for path, edge in outputs.items()}
    there = {path: state for path, state in there.items() if state != "missing"}
    in_git = committed([path for path, state in there.items() if state == "present"])
    return [
        Output(path, _reason(outputs[path], state, root, edges["input"], others, in_git))
        for path, state in sorted(there.items())
    ]


def _reason(
    edge: StoredEdge,
    state: State,
    root: bytes,
    inputs: Iterable[bytes],
    others: set[tuple[bytes, int | None]],
    in_git: set[bytes],
) -> str | None:
    if edge.path in inputs:
        return "an input, too"
    if state in _WHY:
        return _WHY[state]
    if not edge.path.startswith(root.rstrip(b"/") + b"/"):
        return "not in the workspace"
    if edge.tracked or edge.path in in_git:
        return "committed in git"
    if (edge.path, edge.artifact_id) in others:
        return "another step's, too"
    return None


def remove(output: Output, disk: Disk) -> str | None:
    """Removes an output, if it still is the file that was looked at.  Why it could not be, None when it is gone."""
    seen = disk.stat(output.path)
    try:
        if isinstance(seen, int) or not seen.identical(file_stat(os.lstat(output.path))):
            return _WHY["changed"]
        os.unlink(output.path)
    except OSError as error:
        return error.strerror or "it can't be removed"
    return None
