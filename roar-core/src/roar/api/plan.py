"""What is about to run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from roar.api.records import GitState, JobKind


class Plan(NamedTuple):
    """A run that was decided on and has not started.  Written to the run directory with its secrets redacted."""

    uid: str
    kind: JobKind
    command: tuple[bytes, ...]
    """The words as they will be executed; not redacted, so they must not be stored."""
    redacted: tuple[str, ...]
    """The words as they are recorded."""
    cwd: bytes
    root: bytes
    name: str | None
    labels: Mapping[str, str]
    parameters: Mapping[str, Any]
    tracer: str
    git: GitState | None
    changed: tuple[bytes, ...]
    """Paths relative to the repository's root that git knows and whose content was not the commit's."""
    started_ns: int
    run_dir: Path
    inherited: tuple[bytes, ...] = ()
    """Files that the command inherits open for writing."""
