"""Processes of a run that are still alive: those that have its arena mapped, or its library in their environment."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Iterable

_EXITING = 4
"""PF_EXITING, of the flags in proc(5)'s stat: it has ended, be it that nobody has waited for it."""


def of(arena: str, pids: set[int] | None) -> list[int]:
    """Those that belong to the run.

    Args:
        arena: the arena's path, canonical.
        pids: where to look; None: everywhere.
    """
    there = {int(name) for name in os.listdir("/proc") if name.isdigit()} - {os.getpid()}
    marks = os.fsencode(arena), os.fsencode(os.path.dirname(arena) + "/")
    if pids is None:
        return sorted(pid for pid in there if _belongs(pid, *marks))
    return sorted(pid for pid in there & pids if _belongs(pid, *marks) or _is_becoming(pid))


def _belongs(pid: int, arena: bytes, directory: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/maps", "rb") as file:
            if arena in file.read():
                return True
        with open(f"/proc/{pid}/environ", "rb") as file:  # of a static program, which maps nothing of ours
            return b"LD_PRELOAD=" + directory in file.read()
    except OSError:  # gone, or another user's
        return False


def _is_becoming(pid: int) -> bool:
    """Whether a process of the run is just in execve(2), where it has neither; or has begun a program without an environment."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            if file.read(1):
                return False
        with open(f"/proc/{pid}/stat", "rb") as file:
            return not int(file.read().rpartition(b") ")[2].split()[6]) & _EXITING
    except OSError:
        return False


def work(pid: int) -> tuple[bytes, int]:
    """A process's state and how long it has had a processor, as proc(5) has them, the latter in ticks; of one that is gone: X."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b") ")[2].split()
    except OSError:
        return b"X", 0
    return fields[0], int(fields[11]) + int(fields[12])


def wait_for(pids: Iterable[int], seconds: float) -> None:
    """Waits until all of them have ended, at most so long."""
    deadline = time.monotonic() + seconds
    poll = select.poll()
    open_fds: set[int] = set()
    try:
        for pid in pids:
            with contextlib.suppress(OSError):  # it has just ended, or there are too many
                fd = os.pidfd_open(pid)
                open_fds.add(fd)
                poll.register(fd, select.POLLIN)
        waiting = set(open_fds)
        while waiting and (left := deadline - time.monotonic()) > 0:
            for fd, _ in poll.poll(left * 1000):
                poll.unregister(fd)
                waiting.discard(fd)
    finally:
        for fd in open_fds:
            os.close(fd)
