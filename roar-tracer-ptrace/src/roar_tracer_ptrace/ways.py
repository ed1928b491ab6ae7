"""The ways in which the calls of a process can be stopped."""

from __future__ import annotations

import contextlib
import os
import re
from enum import StrEnum
from pathlib import Path

MACHINES = ("x86_64", "aarch64")
"""Of which the system calls are known: the keys of `calls.INTERFACES`, which a start of roar need not import."""
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


def has_listeners() -> bool:
    """Whether this kernel is new enough for `Way.LISTENER`; a run tries it."""
    major, minor = (int(re.match(r"\d*", part)[0] or 0) for part in os.uname().release.split(".")[:2])  # type: ignore[index]
    return (major, minor) >= (6, 6)


class Unable(Exception):
    """A way can't be gone here; the message says why.

    Attributes:
        is_masked: somebody else's seccomp listener is the reason.
    """

    def __init__(self, why: str, is_masked: bool = False) -> None:
        super().__init__(why)
        self.is_masked = is_masked


def note_failure(journal: Path, why: str) -> None:
    """Tells roar why no way could be gone."""
    (journal / _FAILURE).write_text(why)


def failure(journal: Path) -> str:
    """Why no way could be gone; empty when one could."""
    with contextlib.suppress(OSError):
        return (journal / _FAILURE).read_text()
    return ""
