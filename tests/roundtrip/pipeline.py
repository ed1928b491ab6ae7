"""Small pipelines for the round trip: recorded by the real roar, their outputs deleted, made again in an empty clone."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conftest import Workspace

from roar.store.sqlite import SqliteStorage

RECORD = f"{sys.executable} -m roar %s --tracer preload -q"


@dataclass(frozen=True)
class Run:
    """A step; the line is a shell's, so that redirections are roar's own."""

    line: str
    options: str = ""
    cwd: str = "."
    env: Mapping[str, str] = field(default_factory=dict)
    exit_code: int = 0
    verb: str = "run"


@dataclass(frozen=True)
class Hand:
    """What the user does without roar."""

    line: str


@dataclass(frozen=True)
class Pipeline:
    """Files to be committed, files that are data, what is done, and the file that is then wanted again."""

    name: str
    files: Mapping[str, str]
    steps: tuple[Run | Hand | str, ...]
    target: str
    data: Mapping[str, str | bytes] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


def record(workspace: Workspace, pipeline: Pipeline) -> None:
    """Commits the files and runs the steps under roar; everything that isn't committed is ignored by git."""
    tracked = "".join(f"!/{name}\n" for name in pipeline.files)
    folders = {os.path.dirname(name) for name in pipeline.files} - {""}
    opened = "".join(f"!/{part}/\n/{part}/*\n" for folder in sorted(folders) for part in _parts(folder))
    workspace.commit({".gitignore": f"/*\n!/.gitignore\n{opened}{tracked}", **pipeline.files})
    workspace.write(pipeline.data)
    for step in pipeline.steps:
        if isinstance(step, Hand):
            workspace.sh("sh", "-ec", step.line)
            continue
        run = Run(step) if isinstance(step, str) else step
        line = f"exec {RECORD % run.verb} {run.options} {run.line}"
        done = workspace.sh("sh", "-c", line, cwd=workspace.root / run.cwd, env=dict(run.env), ok=False)
        assert done.returncode == run.exit_code, done.stdout + done.stderr


def _parts(folder: str) -> list[str]:
    parts = folder.split("/")
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


def delete_outputs(workspace: Workspace) -> None:
    """Removes all that the recorded steps wrote."""
    storage = SqliteStorage.open(f"sqlite://{workspace.root}/.roar/roar.db", read_only=True)
    try:
        outputs = list(storage.edges([job.id for job in storage.jobs()], "output"))
    finally:
        storage.close()
    assert outputs
    for edge in outputs:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(edge.path)


def reproduce(
    workspace: Workspace, target: str, *options: str
) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    """Makes the target again: what `roar reproduce --json` printed, and how it ended."""
    done = workspace.roar("reproduce", target, "--json", *options, ok=False)
    assert done.stdout, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value, done
