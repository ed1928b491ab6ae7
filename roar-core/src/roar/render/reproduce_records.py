"""Reproductions as JSON: schema ``roar/reproduce/1``."""

from __future__ import annotations

from os import fsdecode
from typing import Any

from roar.render.records import capture_json
from roar.reproduce.mapping import Mapping
from roar.reproduce.plan import Step
from roar.reproduce.reproduction import Prepared
from roar.reproduce.results import Compared, Result, StepResult

SCHEMA = "roar/reproduce/1"


def reproduce_json(prepared: Prepared, result: Result | None) -> dict[str, Any]:
    """The plan, and what came of it unless it is a dry run."""
    plan = prepared.plan
    refs = {step.job.id: step.job.ref for step in plan.steps}
    places = Mapping(plan.places)
    results = {step.uid: step for step in result.steps} if result is not None else {}
    said = dict.fromkeys(decision.said for decisions in prepared.decisions.values() for decision in decisions)
    return {
        "schema": SCHEMA,
        "target": prepared.target.text,
        "target_ref": prepared.target.job.ref,
        "directory": fsdecode(plan.directory),
        "dry_run": result is None,
        "identical": None if result is None else result.identical,
        "environments": list(said),
        "steps": [_step(step, places, refs, results.get(step.job.uid)) for step in plan.steps],
    }


def _step(step: Step, places: Mapping, refs: dict[int, str], result: StepResult | None) -> dict[str, Any]:
    compared = {one.path: one for one in result.outputs} if result is not None else {}
    return {
        "ref": step.job.ref,
        "uid": step.job.uid,
        "command": list(step.job.command),
        "runs_as": list(places.words(step.command, step.job.cwd, step.cwd)),
        "directory": fsdecode(step.cwd),
        "capture": capture_json(step.job),
        "commit": step.code.commit,
        "dirty": step.job.git is not None and step.job.git.dirty,
        "after": [refs[job_id] for job_id in sorted(step.needs) if job_id in refs],
        "obstacle": step.obstacle,
        "inputs": [
            {"path": fsdecode(one.path), "origin": one.origin, "hashes": dict(one.hashes)} for one in step.inputs
        ],
        "outputs": [
            {
                "path": fsdecode(output.path),
                "wanted": output.wanted,
                "hashes": dict(output.hashes),
                **_compared(compared.get(output.path)),
            }
            for output in step.outputs
        ],
        "result": None if result is None else _result(result),
    }


def _compared(one: Compared | None) -> dict[str, Any]:
    if one is None:
        return {"outcome": None, "produced": None, "hint": None}
    produced = {one.algorithm: one.produced} if one.algorithm is not None and one.produced is not None else None
    return {"outcome": one.outcome, "produced": produced, "hint": one.hint}


def _result(result: StepResult) -> dict[str, Any]:
    return {
        "outcome": result.outcome,
        "reason": result.reason,
        "exit_code": result.exit_code,
        "duration_s": result.seconds,
        "stderr": list(result.stderr),
        "environment": list(result.differences),
        "notes": list(result.notes),
    }
