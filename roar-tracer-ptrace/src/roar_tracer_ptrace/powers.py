"""What this process, or another, may do: capabilities(7) and yama's setting.  Imports nothing heavy: preflights call it."""

from __future__ import annotations

import os

FOWNER, SYS_PTRACE, SYS_ADMIN = 3, 19, 21
"""CAP_…."""
_SCOPE = "/proc/sys/kernel/yama/ptrace_scope"


def capabilities(task: int | str = "self") -> int:
    """The effective capabilities of a process as a bit mask; 0 when it is gone."""
    try:
        with open(f"/proc/{task}/status", "rb") as file:
            for line in file:
                if line.startswith(b"CapEff:"):
                    return int(line[7:], 16)
    except OSError:
        pass
    return 0


def has(capability: int, task: int | str = "self") -> bool:
    """Whether a process has it."""
    return bool(capabilities(task) >> capability & 1)


def keeps_set_id() -> bool:
    """Whether set-id programs keep their privileges.

    A filter may be installed without no_new_privs (seccomp(2)), and a traced process may gain what its tracer has (ptrace(2)).
    """
    powers = capabilities()
    return bool(powers >> SYS_ADMIN & 1 and powers >> SYS_PTRACE & 1)


def ptrace_scope() -> int | None:
    """``kernel.yama.ptrace_scope``; None where the kernel has no yama."""
    try:
        with open(_SCOPE, "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def must_be_ancestor() -> bool:
    """Whether only the memory of descendants may be read (yama(8), scope 1)."""
    return bool(ptrace_scope()) and not has(SYS_PTRACE) and os.geteuid() != 0
