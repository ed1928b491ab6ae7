"""What roar itself may do: whether it can load BPF programs without a helper."""

from __future__ import annotations

CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF = 21, 38, 39
"""Bits of a capability set (linux/capability.h)."""
_WHOLE = ["0", "0", "4294967295"]


def effective() -> int:
    """The effective capabilities of this process, a bit mask."""
    try:
        with open("/proc/self/status", "rb") as file:
            for line in file:
                if line.startswith(b"CapEff:"):
                    return int(line[7:], 16)
    except OSError:
        pass
    return 0


def suffice() -> bool:
    """Whether they are enough, in the first user namespace: nobody else's count for bpf(2)."""
    held = effective()
    wanted = 1 << CAP_BPF | 1 << CAP_PERFMON
    return bool(held & 1 << CAP_SYS_ADMIN or held & wanted == wanted) and not in_user_namespace()


def in_user_namespace() -> bool:
    """Whether this process is in another user namespace than the machine's first."""
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            return file.read().split() != _WHOLE
    except OSError:
        return False
