"""The kernel's clock and the files' clock: records have CLOCK_MONOTONIC, states of files CLOCK_REALTIME."""

from __future__ import annotations

import time

_LOOKS = 5


def to_realtime_ns() -> int:
    """CLOCK_REALTIME less CLOCK_MONOTONIC, in nanoseconds, or less than that by what it took to look at both.

    It changes when the machine sleeps, when the clock is set, and with each boot.  Between two looks roar may be put aside for long,
    and what happened would seem to have happened before files were changed.
    """
    looks = []
    for _ in range(_LOOKS):
        before, now, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        looks.append((after - before, now - after))
    return min(looks)[1]
