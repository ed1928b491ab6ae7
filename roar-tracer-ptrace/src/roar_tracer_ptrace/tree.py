"""The processes of a run, found from outside."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import NamedTuple

from roar.api.process import Child


class _Process(NamedTuple):
    parent: int
    is_zombie: bool
    started: int
    """In ticks since the machine was."""


def _processes() -> dict[int, _Process]:
    """Every process (proc(5))."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b") ")[2].split()
                found[int(name)] = _Process(int(fields[1]), fields[0] == b"Z", int(fields[19]))
    return found


class Work(NamedTuple):
    """What a process has done, and whether it has something to do."""

    had_s: float
    """How long it has had a processor."""
    is_due: bool
    """It runs, would if it had one, or waits for a disk."""


def work(pid: int) -> Work:
    """A process's; one that is gone has nothing to do."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b") ")[2].split()
    except OSError:
        return Work(0.0, False)
    return Work((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), fields[0] in (b"R", b"D"))


def _below(root: int, processes: dict[int, _Process]) -> set[int]:
    """A process and its descendants, as far as their parents live."""
    found = {root}
    while more := {pid for pid, process in processes.items() if process.parent in found} - found:
        found |= more
    return found


def kill(root: int, pidfd: int) -> None:
    """Kills a process and its descendants.

    Args:
        root: its pid, which is another's by now if it has ended and somebody has waited for it.
        pidfd: of it, by which that can be told.
    """
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGSTOP)  # it starts nothing any more
    except ProcessLookupError:
        return  # its children are nobody's by now
    except PermissionError:
        pass
    for pid in _below(root, _processes()):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def survivors(child: Child) -> list[int]:
    """Processes of a run whose command has ended: those that are traced by its tracer, or still under its filter.

    Those that have lost their parents belong to an ancestor of roar's by now.  So does what other runs left there; what is
    older than this run is none of its own.
    """
    processes = _processes()
    alive = {pid: _watch(pid) for pid, process in processes.items() if not process.is_zombie}
    traced = sorted(pid for pid, (tracer, _) in alive.items() if tracer == child.supervisor)
    if traced:
        return traced
    own = _watch(os.getpid())[1]
    began = processes[child.supervisor].started if child.supervisor in processes else 0
    homes = {child.supervisor}
    pid = os.getpid()
    while pid in processes:
        pid = processes[pid].parent
        homes.add(pid)
    filtered = {pid for pid, (_, filters) in alive.items() if filters > own and processes[pid].started >= began}

    def home(pid: int) -> int:
        while pid in filtered:
            pid = processes[pid].parent
        return pid

    return sorted(pid for pid in filtered if home(pid) in homes)


def _watch(pid: int) -> tuple[int, int]:
    """Who traces a process, and how many seccomp filters it is under (Linux 5.10)."""
    tracer = filters = 0
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", "rb") as file:
        for line in file:
            if line.startswith(b"TracerPid:"):
                tracer = int(line[10:])
            elif line.startswith(b"Seccomp_filters:"):
                filters = int(line[16:])
    return tracer, filters
