"""The ways in which the calls of a process can be stopped."""

from __future__ import annotations

import contextlib
from enum import StrEnum
from pathlib import Path

_FAILURE = "failure"


class Way(StrEnum):
    """How calls are stopped."""

    LISTENER = "seccomp user notification"
    """With synchronous wake-up, Linux 6.6; nothing is ptraced."""
    FILTER = "ptrace stops by a seccomp filter"
    EVERY_CALL = "ptrace stops at every system call"
    """Where a listener that roar itself runs under takes the calls first."""


WAYS = (Way.LISTENER, Way.FILTER, Way.EVERY_CALL)
"""The quickest first."""


class Unable(Exception):
    """A way can't be gone here; the message says why."""


def note_failure(journal: Path, why: str) -> None:
    """Tells roar why no way could be gone."""
    (journal / _FAILURE).write_text(why)


def failure(journal: Path) -> str:
    """Why no way could be gone; empty when one could."""
    with contextlib.suppress(OSError):
        return (journal / _FAILURE).read_text()
    return ""
