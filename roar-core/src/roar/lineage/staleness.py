"""Which steps of a session are stale: what they read is not what is there now."""

from __future__ import annotations

from typing import Literal, NamedTuple

from roar.api.records import StoredEdge
from roar.lineage.code import is_code
from roar.lineage.graph import Graph, Step, last_write
from roar.lineage.states import Disk, State

Cause = Literal["changed", "code", "rewritten", "upstream"]


class Reason(NamedTuple):
    """Why a step is stale."""

    cause: Cause
    """``changed``: the input at `path` differs on disk; ``code``: so does the program or script there; ``rewritten``: step `by`
    ran again, or later, and wrote another content there; ``upstream``: step `by`, whose output it read, is stale itself."""
    path: bytes = b""
    by: int = 0
    """A job id."""


class Health(NamedTuple):
    """How a step stands to what is on disk now."""

    stale: tuple[Reason, ...] = ()
    missing: tuple[bytes, ...] = ()
    """Outputs that are gone and that no later step wrote."""
    changed: tuple[bytes, ...] = ()
    """Outputs whose content was changed since by no recorded step."""


def examine(graph: Graph, disk: Disk) -> dict[int, Health]:
    """The health of every current step (one that was not run again), by job id, oldest first.

    A step is not stale because of a file that it, or a step that built on it, has modified in place.
    """
    found: dict[int, Health] = {}
    for step in graph.current:
        reasons = [reason for edge in step.inputs if (reason := _input_reason(graph, step, edge, disk))]
        reasons += [
            Reason("upstream", by=parent)
            for parent in graph.current_parents(step)
            if parent in found and found[parent].stale
        ]
        states = {edge.path: _output_state(graph, edge, disk) for edge in step.outputs}
        found[step.job.id] = Health(
            tuple(reasons),
            tuple(path for path, state in states.items() if state == "missing"),
            tuple(path for path, state in states.items() if state == "changed"),
        )
    return found


def _input_reason(graph: Graph, step: Step, edge: StoredEdge, disk: Disk) -> Reason | None:
    job_id = step.job.id
    last = last_write(graph, edge.path)
    if last is not None and last[0] > job_id:
        writer, artifact = last
        same = artifact is not None and artifact == edge.artifact_id
        unknown = artifact is None or edge.artifact_id is None
        if same or unknown or graph.leads_to(job_id, writer):
            return None
        return Reason("rewritten", edge.path, writer)
    if last is not None and last[0] == job_id:
        return None  # modified in place by the step itself
    if disk.state(edge.path, edge.hashes, edge.size, edge.stat) == "changed":
        return Reason("code" if is_code(edge) else "changed", edge.path)
    return None


def _output_state(graph: Graph, edge: StoredEdge, disk: Disk) -> State:
    last = last_write(graph, edge.path)
    if last is not None and last[0] != edge.job_id:
        return "unknown"  # another step's by now
    return disk.state(edge.path, edge.hashes, edge.size, edge.stat)
