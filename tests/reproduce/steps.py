"""Recording steps in a workspace and making them again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from conftest import Workspace


def record(workspace: Workspace, *lines: str, verb: str = "run", **options: Any) -> None:
    """Runs each line, as a shell reads it, under roar."""
    for line in lines:
        roar = f"exec {sys.executable} -m roar {verb} --tracer preload -q"
        workspace.sh("sh", "-c", f"{roar} {line}", **options)


def reproduce(
    workspace: Workspace, *words: str, **options: Any
) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    """What `roar reproduce --json` printed, and how it ended."""
    done = workspace.roar("reproduce", "--json", *words, ok=False, **options)
    assert done.stdout, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value, done


def results(value: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Ref → result."""
    return {step["ref"]: step["result"] for step in value["steps"]}


def state(path: Path) -> tuple[int, ...]:
    """What a write changes of a file; without the time of access, which the kernel keeps as it likes."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns
