"""Debuggers and sandboxes inside a run: they work as without roar, or the verdict says that they did not."""

from __future__ import annotations

import os

import pytest
from fidelity.lines import Lines, as_bare_or_told, cases
from fidelity.tracers import Tracer

DEBUGGERS = {
    "strace": "@ strace -f -o log cat README; echo $?; grep -c 'openat.*README' log; rm log",
    "strace of a shell": "@ strace -f -e trace=execve,exit_group -o log sh -c 'cat README; (exit 4); exit 3'; echo $?;"
    " grep -c exit_group log; rm log",
    "gdb": "@ gdb -q -nx -batch -ex run -ex bt --args crash core 2>&1 | grep -o -e SIGSEGV -e 'in main'",
    "gdb with a breakpoint": "@ gdb -q -nx -batch -ex 'break main' -ex run -ex 'print argc' -ex continue --args cat README 2>&1"
    " | grep -o -e two -e 'exited normally'",
    "gdb of a running process": "@ sh -c 'sleep 50 & gdb -q -nx -batch -p $! -ex detach 2>&1 | grep -o detached; kill $!;"
    " wait $!; echo $?'",
    "single steps": "@ debugger steps",
    "system calls": "@ debugger calls",
    "attaching": "@ debugger attach",
    "seizing": "@ debugger seize",
    "a filter with a debugger": "@ debugger filter",
    "a program that wants to be alone": "@ debugger alone",
}
SANDBOXES = {
    "strict": "@ sandbox strict; echo $?",
    "errors": "@ sandbox errno; echo $?",
    "errors, for another program": "@ sandbox closed; echo $?",
    "kill": "ulimit -c 0; @ sandbox kill; echo $?",
    "kill a thread": "ulimit -c 0; @ sandbox 'kill a thread'; echo $?",
    "a trap": "@ sandbox trap; echo $?",
    "many that allow": "@ sandbox allow; echo $?",
    "a listener of its own": "@ sandbox listener; echo $?",
    "for a debugger that isn't there": "@ sandbox trace; echo $?",
    "landlock": "@ sandbox landlock; echo $?",
    "no dumps": "@ sandbox undumpable; echo $?",
    "no descriptor left for the loader": "@ sh -c 'ulimit -n 20; limits program'; echo $?",
    "no new privileges": "@ setpriv --no-new-privs cat README; echo $?",
    "a user space of its own": "@ unshare -Ur sh -c 'id -u; cat README; echo x > made; exit 3'; echo $?",
    "spaces of all kinds": "@ unshare -Urmpf --mount-proc sh -c 'echo $$; cat README; mount -t tmpfs none folder; echo x > folder/y;"
    " cat folder/y; exit 3'; echo $?",
}


@pytest.mark.requirement("RUN-2", "TRC-8")
@cases(DEBUGGERS)
def test_a_debugger_inside_works_or_the_verdict_says_so(lines: Lines, tracer: Tracer, line: str) -> None:
    as_bare_or_told(lines, tracer, line)


@pytest.mark.requirement("RUN-2", "TRC-8")
@cases(SANDBOXES)
def test_a_sandbox_inside_works_or_the_verdict_says_so(lines: Lines, tracer: Tracer, line: str) -> None:
    as_bare_or_told(lines, tracer, line)


OUTSIDE = {
    "strace": "strace -f -o log @ cat README; echo $?; grep -q 'openat.*README' log; echo $?; rm log",
    "a filter": "setpriv --no-new-privs @ cat README; echo $?",
    "a process space": "unshare -Urpf --mount-proc @ sh -c 'echo $$ > pid; cat README; exit 3'; echo $?; rm pid",
}


@pytest.mark.requirement("RUN-2")
@cases(OUTSIDE if os.geteuid() == 0 else {"strace": OUTSIDE["strace"], "a filter": OUTSIDE["a filter"]})
def test_roar_itself_works_inside(lines: Lines, tracer: Tracer, line: str) -> None:
    as_bare_or_told(lines, tracer, line)
