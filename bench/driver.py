"""Executes one command, bare or under a tracer, and says what it took: ``driver.py RESULT TRACER COMMAND [ARG]...``.

A process of its own, and a small one: it adopts what outlives the command, a tracer's process for instance, waits for it and
counts it, and what is measured begins with the maximum of memory that its parent has (getrusage(2)).  Under a tracer the
clock starts when roar would call `Tracer.start`: the interpreter's start and the imports are roar's own.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

_PR_SET_CHILD_SUBREAPER = 36
"""Descendants that lose their parent become this process's children (prctl(2))."""
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, _PR_SET_NO_NEW_PRIVS = 22, 2, 38
_ALLOW_ALL = struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000)
"""A program of one instruction, "return SECCOMP_RET_ALLOW" (linux/filter.h, linux/seccomp.h)."""
EMPTY_FILTER = "empty filter"
"""Instead of a tracer: the command under a seccomp filter that does nothing, the least that a filter costs."""


class Measured(NamedTuple):
    """What one execution took; JSON of this is the result."""

    code: int
    wall_s: float
    """Until the command had ended, and a tracer had given back what it held."""
    cpu_s: float
    """User and system time of the command, of all that it left behind, and of the tracer."""
    max_rss_bytes: int
    """Of the largest process."""
    ended_ns: int
    """Monotonic clock when the command had ended."""
    unseen: str = ""
    """What the tracer says that it missed; any makes the measurement worthless."""


def _used(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def _children(before: float) -> tuple[float, int]:
    """CPU time since `before` and memory of all descendants, when the last of them is gone."""
    try:
        while True:
            os.wait()
    except ChildProcessError:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime - before, usage.ru_maxrss * 1024


def _filter_nothing() -> None:
    """Puts this process under a filter that allows everything.  Raises OSError."""
    code = ctypes.create_string_buffer(_ALLOW_ALL, len(_ALLOW_ALL))
    program = ctypes.create_string_buffer(struct.pack("@HP", 1, ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    unprivileged = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if unprivileged or libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "no seccomp filter can be had here")


def _bare(command: list[str], filtered: bool) -> Measured:
    before = _used(resource.RUSAGE_CHILDREN)
    started = time.monotonic_ns()
    if filtered:
        _filter_nothing()  # of this process: the command inherits it
    defaults = (signal.SIGPIPE, signal.SIGXFSZ)  # Python ignores these
    pid = os.posix_spawnp(command[0], command, os.environ, setsigdef=defaults)
    status = os.waitpid(pid, 0)[1]
    ended = time.monotonic_ns()
    return Measured(os.waitstatus_to_exitcode(status), (ended - started) / 1e9, *_children(before), ended)


def _traced(name: str, command: list[str], journal: Path) -> Measured:
    from roar.api.events import Kind
    from roar.api.process import Launch
    from roar.plugins import Plugins

    tracer = Plugins().tracers()[name]
    executable = os.fsencode(shutil.which(command[0]) or command[0])
    launch = Launch(tuple(map(os.fsencode, command)), executable, dict(os.environb), os.getcwdb())
    children, own = _used(resource.RUSAGE_CHILDREN), _used(resource.RUSAGE_SELF)
    started = time.monotonic_ns()
    traced = tracer().start(launch, journal)
    exit = traced.wait()
    ended = time.monotonic_ns()
    own = _used(resource.RUSAGE_SELF) - own

    events = list(traced.events())  # the reader's work is a part of `roar run`, not of this

    finishing, used = time.monotonic_ns(), _used(resource.RUSAGE_SELF)
    coverage = traced.finish()
    wall_s = (ended - started + time.monotonic_ns() - finishing) / 1e9
    own += _used(resource.RUSAGE_SELF) - used
    reasons = [spot.reason for spot in coverage.blind] + list(coverage.notes)
    reasons += [event.reason or event.kind.name for event in events if event.reason or event.kind == Kind.BLIND]
    reasons += [f"{coverage.dropped} events were dropped"] * bool(coverage.dropped) + ["everything"] * (not events)
    cpu_s, max_rss_bytes = _children(children)
    return Measured(exit.code, wall_s, cpu_s + own, max_rss_bytes, ended, "; ".join(dict.fromkeys(reasons)))


def main(result: str, tracer: str, *command: str) -> int:
    """Measures; the exit code says whether it could."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if tracer and tracer != EMPTY_FILTER:
        with tempfile.TemporaryDirectory(prefix="journal-", dir=os.path.dirname(result)) as journal:
            measured = _traced(tracer, list(command), Path(journal))
    else:
        measured = _bare(list(command), filtered=tracer == EMPTY_FILTER)
    Path(result).write_text(json.dumps(measured._asdict()))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
