"""Waiting for what processes do; which of them is meant, although their numbers are used again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Waits, as long as a machine that is busy with other things may take."""
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, f"not in 300 s: {what}"
        time.sleep(0.01)


def is_alive(pid: int, started: int) -> bool:
    """Whether the process is there that had the number when it was started, in clock ticks since boot."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] not in "ZX" and int(fields[19]) == started
