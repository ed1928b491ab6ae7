"""The JSON of jobs, edges, artifacts and sessions; docs/json.md and render/schemas describe it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from os import fsdecode
from typing import Any

from roar.api.records import Composite, Job, Session, StoredEdge
from roar.lineage.views import ArtifactView, CompositeView, EdgeView, JobView, SessionView
from roar.render.text import iso_time


def dump(value: Any) -> str:
    """JSON text in ASCII, so that a name that is not UTF-8 arrives as surrogate escapes."""
    return json.dumps(value, indent=2)


def stream(schema: str, key: str, items: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The lines of ``{"schema": schema, key: [items…]}``, an item a line, each made when it is asked for."""
    yield f'{{"schema": {json.dumps(schema)}, {json.dumps(key)}: ['
    before: str | None = None
    for item in items:
        if before is not None:
            yield before + ","
        before = json.dumps(item)
    if before is not None:
        yield before
    yield "]}"


def job_json(view: JobView) -> dict[str, Any]:
    """The ``job`` of schemas ``roar/show/1`` and ``roar/log/1``."""
    job = view.job
    value = job_head_json(job)
    value["inputs"] = [edge_json(edge) for edge in view.inputs]
    value["outputs"] = [edge_json(edge) for edge in view.outputs]
    value["inputs_total"] = job.inputs
    value["outputs_total"] = job.outputs
    value["composites"] = [composite_json(composite) for composite in view.composites]
    if view.environment is not None:
        value["environment"] = dict(view.environment)
    if view.filtered is not None:
        value["filtered"] = [
            {"filter": name, "path": fsdecode(path), "direction": direction} for name, path, direction in view.filtered
        ]
    return value


def job_head_json(job: Job) -> dict[str, Any]:
    """A job without its edges."""
    git = job.git
    return {
        "index": job.step,
        "ref": job.ref,
        "uid": job.uid,
        "kind": job.kind,
        "session": job.session,
        "name": job.name,
        "labels": dict(job.labels),
        "parameters": dict(job.parameters),
        "command": list(job.command),
        "cwd": fsdecode(job.cwd),
        "started_at": iso_time(job.started_ns),
        "ended_at": iso_time(job.ended_ns),
        "duration_s": max(job.ended_ns - job.started_ns, 0) / 1e9,
        "recording_s": job.recording_s,
        "cpu_s": job.cpu_s,
        "max_rss_bytes": job.max_rss_bytes,
        "exit_code": job.exit_code,
        "status": job.status,
        "tracer": job.tracer,
        "tracer_version": job.tracer_version,
        "capture": capture_json(job),
        "git": None
        if git is None
        else {
            "commit": git.commit,
            "branch": git.branch,
            "remote": git.remote,
            "root": fsdecode(git.root),
            "cwd": fsdecode(git.cwd),
            "dirty": git.dirty,
            "recorded_root": None if git.recorded_root is None else fsdecode(git.recorded_root),
        },
        "filters": dict(job.filtered),
    }


def capture_json(job: Job) -> dict[str, Any]:
    """How far the job's record can be trusted."""
    capture = job.capture
    return {
        "verdict": capture.verdict,
        "reasons": list(capture.reasons),
        "observed": capture.observed,
        "recorded": capture.recorded,
        "filtered": capture.filtered,
        "dropped": capture.dropped,
        "notes": list(capture.notes),
    }


def edge_json(view: EdgeView) -> dict[str, Any]:
    """An input or output."""
    edge = view.edge
    value: dict[str, Any] = {
        "path": fsdecode(edge.path),
        "size": edge.size,
        "hashes": dict(edge.hashes),
        "tracked": edge.tracked,
    }
    if not edge.hashes or edge.missing_reason:
        value["reason"] = edge.missing_reason
    if view.state is not None:
        value["state"] = view.state
    return value


def composite_json(composite: Composite) -> dict[str, Any]:
    """A composite artifact."""
    return {
        "path": fsdecode(composite.path),
        "kind": composite.kind,
        "direction": composite.direction,
        "hashes": {composite.algorithm: composite.digest},
        "members": composite.members,
        "size": composite.size,
    }


def session_head_json(session: Session) -> dict[str, Any]:
    """A session without its jobs."""
    return {
        "id": session.id,
        "name": session.name,
        "created_at": iso_time(session.created_ns),
        "active": session.active,
    }


def session_json(view: SessionView) -> dict[str, Any]:
    """A session with its jobs, oldest first."""
    return session_head_json(view.session) | {
        "labels": dict(view.session.labels),
        "jobs": [job_json(job) for job in view.jobs],
    }


def artifact_json(view: ArtifactView) -> dict[str, Any]:
    """The ``artifact`` of schema ``roar/show/1``."""
    value: dict[str, Any] = {
        "path": None if view.path is None else fsdecode(view.path),
        "size": view.size,
        "hashes": dict(view.hashes),
        "tracked": view.tracked,
        "state": view.state,
        "kind": "file",
        "labels": dict(view.labels),
        "paths": [{"path": fsdecode(path), "state": state} for path, state in view.paths],
        "produced_by": [_use_json(job, path) for job, path in view.produced_by],
        "used_by": [_use_json(job, path) for job, path in view.used_by],
        "earlier": [_earlier_json(edge, job) for edge, job in view.earlier],
        "complete": view.is_all,
    }
    if not view.hashes or view.missing_reason:
        value["reason"] = view.missing_reason
    return value


def composite_artifact_json(view: CompositeView) -> dict[str, Any]:
    """The ``artifact`` of schema ``roar/show/1`` when it is a composite one: the same keys, and its members."""
    composite = view.composite
    return {
        "path": fsdecode(composite.path),
        "size": composite.size,
        "hashes": {composite.algorithm: composite.digest},
        "tracked": False,
        "state": view.state,
        "kind": composite.kind,
        "labels": {},
        "paths": [{"path": fsdecode(composite.path), "state": view.state}],
        "produced_by": [_use_json(job, composite.path) for job in view.produced_by],
        "used_by": [_use_json(job, composite.path) for job in view.used_by],
        "earlier": [],
        "complete": True,
        "members": [edge_json(member) for member in view.members],
    }


def step_json(job: Job) -> dict[str, Any]:
    """A job where something else is told: which, when and how it ended."""
    return {
        "index": job.step,
        "ref": job.ref,
        "uid": job.uid,
        "kind": job.kind,
        "session": job.session,
        "command": list(job.command),
        "started_at": iso_time(job.started_ns),
        "status": job.status,
        "capture": capture_json(job),
    }


def _use_json(job: Job, path: bytes) -> dict[str, Any]:
    return {**step_json(job), "path": fsdecode(path)}


def _earlier_json(edge: StoredEdge, job: Job) -> dict[str, Any]:
    return {"hashes": dict(edge.hashes), "size": edge.size, "direction": edge.direction, **_use_json(job, edge.path)}
