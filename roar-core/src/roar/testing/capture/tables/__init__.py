"""The cases, a module a subject."""

from __future__ import annotations

from roar.testing.capture.case import Case
from roar.testing.capture.tables import (
    archives,
    blind,
    building,
    calls,
    inherited,
    languages,
    python,
    redirections,
    shell,
    tools,
)

CASES: tuple[Case, ...] = (
    *shell.CASES,
    *redirections.CASES,
    *inherited.CASES,
    *calls.CASES,
    *tools.CASES,
    *archives.CASES,
    *building.CASES,
    *languages.CASES,
    *python.CASES,
    *blind.CASES,
)
"""All that this machine can run."""
