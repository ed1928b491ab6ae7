"""How finely the kernel stamps files: what an unchanged mtime or ctime proves."""

from __future__ import annotations

_COARSE_NS = 20_000_000
"""Two jiffies at 100 Hz.  Before Linux 6.13 a file's times are those of the last tick, so that two changes within one tick
leave the same times.  From 6.13 on (multigrain timestamps, Documentation/filesystems/multigrain-ts.rst) a change after
somebody looked always shows."""


def coarse_ns(release: str) -> int:
    """How recent a change must be for another one to go unnoticed, in nanoseconds; 0 when none can.

    Args:
        release: the kernel's, as uname(2) gives it: ``6.18.3-amd64``.
    """
    numbers = release.split("-")[0].split(".")
    try:
        version = int(numbers[0]), int(numbers[1])
    except (IndexError, ValueError):
        return _COARSE_NS
    return 0 if version >= (6, 13) else _COARSE_NS
