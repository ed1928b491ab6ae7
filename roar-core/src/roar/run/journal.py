"""The plan of a run as it is kept in its run directory: JSON, secrets redacted, names as surrogate escapes."""

from __future__ import annotations

import os
from binascii import a2b_base64, b2a_base64
from pathlib import Path
from typing import Any

from roar.api.plan import Plan
from roar.api.records import GitState


def encode(plan: Plan) -> dict[str, Any]:
    """What is written before the command starts.  The unredacted words are left out."""
    git = plan.git
    return {
        "uid": plan.uid,
        "pid": os.getpid(),
        "kind": plan.kind,
        "command": plan.redacted,
        "cwd": os.fsdecode(plan.cwd),
        "root": os.fsdecode(plan.root),
        "name": plan.name,
        "labels": dict(plan.labels),
        "parameters": dict(plan.parameters),
        "tracer": plan.tracer,
        "started_ns": plan.started_ns,
        "inherited": [os.fsdecode(path) for path in plan.inherited],
        "changed": [os.fsdecode(path) for path in plan.changed],
        "git": git
        and {
            **git._asdict(),
            "root": os.fsdecode(git.root),
            "cwd": os.fsdecode(git.cwd),
            "patch": b2a_base64(git.patch, newline=False).decode() if git.patch is not None else None,
        },
    }


def decode(kept: dict[str, Any], run_dir: Path) -> Plan:
    """The plan of a run that roar did not live to record.

    Raises:
        KeyError, TypeError, ValueError: it is no plan.
    """
    git = kept["git"]
    words = tuple(str(word) for word in kept["command"])
    return Plan(
        uid=str(kept["uid"]),
        kind=kept["kind"],
        command=tuple(os.fsencode(word) for word in words),
        redacted=words,
        cwd=os.fsencode(kept["cwd"]),
        root=os.fsencode(kept["root"]),
        name=kept["name"],
        labels=kept["labels"],
        parameters=kept["parameters"],
        tracer=kept["tracer"],
        git=GitState(
            **{
                **git,
                "root": os.fsencode(git["root"]),
                "cwd": os.fsencode(git["cwd"]),
                "patch": a2b_base64(git["patch"]) if git["patch"] is not None else None,
            }
        )
        if git
        else None,
        changed=tuple(os.fsencode(name) for name in kept["changed"]),
        started_ns=int(kept["started_ns"]),
        run_dir=run_dir,
        inherited=tuple(os.fsencode(name) for name in kept["inherited"]),
    )
