"""The processes of a run, found from outside."""

from __future__ import annotations

import contextlib
import os
import signal

from roar.api.process import Child


def _processes() -> dict[int, tuple[int, bytes]]:
    """Of every process: its parent and its state (proc(5))."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                state, parent = file.read().rpartition(b") ")[2].split()[:2]
                found[int(name)] = int(parent), state
    return found


def _below(root: int, processes: dict[int, tuple[int, bytes]]) -> set[int]:
    """A process and its descendants, as far as their parents live."""
    found = {root}
    while more := {pid for pid, (parent, _) in processes.items() if parent in found} - found:
        found |= more
    return found


def kill(root: int) -> None:
    """Kills a process and its descendants."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(root, signal.SIGSTOP)  # it starts nothing any more
    for pid in _below(root, _processes()):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def survivors(child: Child) -> list[int]:
    """Processes of a run whose command has ended: those that are traced by its tracer, or still under its filter.

    Those that have lost their parents belong to an ancestor of roar's by now: no other run's processes do while it lives.
    """
    processes = _processes()
    alive = {pid: _watch(pid) for pid, (_, state) in processes.items() if state != b"Z"}
    traced = sorted(pid for pid, (tracer, _) in alive.items() if tracer == child.supervisor)
    if traced:
        return traced
    own = _watch(os.getpid())[1]
    homes = {child.supervisor}
    pid = os.getpid()
    while pid in processes:
        pid = processes[pid][0]
        homes.add(pid)
    filtered = {pid for pid, (_, filters) in alive.items() if filters > own}

    def home(pid: int) -> int:
        while pid in filtered:
            pid = processes[pid][0]
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
