"""How two things differ, as JSON of schema ``roar/diff/1``."""

from __future__ import annotations

from collections.abc import Sequence
from os import fsdecode
from typing import Any

from roar.api.records import Job, StoredEdge
from roar.lineage.diff import Change, Files, StepDiff
from roar.lineage.diff_causes import Cause
from roar.lineage.diff_sides import Diff, Side
from roar.render.text import iso_time

SCHEMA = "roar/diff/1"


def diff_json(diff: Diff) -> dict[str, Any]:
    """The whole."""
    made = diff.reproduction
    return {
        "schema": SCHEMA,
        "kind": diff.kind,
        "a": _side(diff.a),
        "b": _side(diff.b),
        "same": diff.is_same,
        "same_content": diff.same_content,
        "hint": diff.hint,
        "reproduction": None if made is None else {"by": made.by, "at": iso_time(made.on_ns), "uid": made.job},
        "causes": [_cause(cause) for cause in diff.causes],
        "steps": [_step(step) for step in diff.steps],
        "only_a": [_job(job) for job in diff.only_a],
        "only_b": [_job(job) for job in diff.only_b],
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "session": None if side.session is None else side.session.id,
        "step": None if side.job is None else _job(side.job),
        "hashes": dict(side.hashes) if side.kind == "artifact" else None,
        "size": side.size,
        "path": None if side.path is None else fsdecode(side.path),
        "recorded": side.is_recorded,
    }


def _job(job: Job) -> dict[str, Any]:
    return {"ref": job.ref, "uid": job.uid, "session": job.session, "name": job.name, "command": list(job.command)}


def _cause(cause: Cause) -> dict[str, Any]:
    is_input = cause.kind == "input"
    return {
        "kind": cause.kind,
        "name": cause.name,
        "section": cause.section or None,
        "a": _content(cause.a) if is_input else cause.a,
        "b": _content(cause.b) if is_input else cause.b,
        "step_a": _job(cause.job_a),
        "step_b": _job(cause.job_b),
    }


def _step(step: StepDiff) -> dict[str, Any]:
    return {
        "a": _job(step.a),
        "b": _job(step.b),
        "same": step.is_same,
        "command": _changes(step.command),
        "commit": _changes(step.commit),
        "parameters": _changes(step.parameters),
        "environment": [
            {"section": section, **change}
            for section, listed in step.environment.items()
            for change in _changes(listed)
        ],
        "inputs": _files(step.inputs),
        "outputs": _files(step.outputs),
        "result": _changes(step.result),
    }


def _changes(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [{"name": change.name, "a": change.a, "b": change.b} for change in changes]


def _files(files: Files) -> dict[str, Any]:
    return {
        "same": files.same,
        "changes": [
            {"path": fsdecode(change.path), "how": change.how, "a": _content(change.a), "b": _content(change.b)}
            for change in files.changes
        ],
    }


def _content(edge: StoredEdge | None) -> dict[str, Any] | None:
    if edge is None:
        return None
    return {"path": fsdecode(edge.path), "size": edge.size, "hashes": dict(edge.hashes), "reason": edge.missing_reason}
