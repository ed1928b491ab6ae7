"""A graph as JSON of schema ``roar/dag/1``."""

from __future__ import annotations

from os import fsdecode
from typing import Any

from roar.lineage.graph import Step
from roar.lineage.staleness import Health, Reason
from roar.lineage.views import EDGES_SHOWN
from roar.render.dag import Picture
from roar.render.records import composite_json, edge_json, job_head_json, session_head_json


def dag_json(picture: Picture) -> dict[str, Any]:
    """The graph."""
    graph = picture.graph
    return {
        "schema": "roar/dag/1",
        "session": session_head_json(graph.session),
        "sessions": [session_head_json(session) for session in graph.sessions],
        "left_out": graph.left_out,
        "jobs": [_job_json(picture, step) for step in picture.steps.values()],
        "artifacts": _artifacts_json(picture),
        "edges": _edges_json(picture),
    }


def _job_json(picture: Picture, step: Step) -> dict[str, Any]:
    health = picture.health.get(step.job.id, Health())
    newest = step.superseded_by
    parents = sorted(picture.parents(step))
    reasons = picture.stale(step, is_absolute=True)
    return job_head_json(step.job) | {
        "parents": [picture.graph.steps[parent].job.ref for parent in parents],
        "parent_uids": [picture.graph.steps[parent].job.uid for parent in parents],
        "superseded_by": None if newest is None else picture.graph.steps[newest].job.ref,
        "stale": bool(reasons),
        "stale_reasons": reasons,
        "stale_causes": [_cause_json(picture, reason) for reason in health.stale],
        "missing_outputs": [fsdecode(path) for path in health.missing],
        "changed_outputs": [fsdecode(path) for path in health.changed],
        "inputs": [edge_json(view) for view in picture.view(step.inputs[:EDGES_SHOWN])],
        "outputs": [edge_json(view) for view in picture.view(step.outputs[:EDGES_SHOWN])],
        "inputs_total": len(step.inputs),
        "outputs_total": len(step.outputs),
        "composites": [composite_json(composite) for composite in step.composites],
    }


def _cause_json(picture: Picture, reason: Reason) -> dict[str, Any]:
    return {
        "cause": reason.cause,
        "path": fsdecode(reason.path) if reason.path else None,
        "by": picture.graph.steps[reason.by].job.uid if reason.by else None,
    }


def _artifacts_json(picture: Picture) -> list[dict[str, Any]]:
    """One entry for each content at each path."""
    found: dict[tuple[bytes, int | None], dict[str, Any]] = {}
    for step in picture.steps.values():
        for view in picture.view([*step.inputs, *step.outputs]):
            key = (view.edge.path, view.edge.artifact_id)
            entry = found.setdefault(key, edge_json(view) | {"produced_by": [], "used_by": []})
            entry["produced_by" if view.edge.direction == "output" else "used_by"].append(step.job.ref)
    return list(found.values())


def _edges_json(picture: Picture) -> list[dict[str, Any]]:
    """One entry for each file that went from one step to another."""
    graph = picture.graph
    edges: list[dict[str, Any]] = []
    for step in picture.steps.values():
        for edge in step.inputs:
            origin = graph.origins.get((step.job.id, edge.path))
            if origin is None:
                continue
            maker = graph.steps[origin if picture.is_expanded else graph.newest(origin)].job
            edges.append(
                {
                    "from": maker.ref,
                    "to": step.job.ref,
                    "from_uid": maker.uid,
                    "to_uid": step.job.uid,
                    "path": fsdecode(edge.path),
                    "hashes": dict(edge.hashes),
                }
            )
    return edges
