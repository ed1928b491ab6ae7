"""How much each tracer may cost: the highest ratios to the bare command, of CPU and of wall time alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Targets(NamedTuple):
    """Of one tracer.  What isn't named has none."""

    workloads: Mapping[str, float]
    """By name of the workload, for the tracer alone."""
    mean: float
    """Of the geometric mean."""
    run_ms: float
    """``roar run true``, on the machine of `bench.startup.PYTHON_MS`."""
    filters: bool = False
    """It works by a seccomp filter: what an empty one costs is shown beside where that is most of it."""


_LIBC_ALONE = {
    **dict.fromkeys(("opens", "reads", "writes", "getpid", "spawn", "tree", "bash", "imports", "make"), 1.2),
    **{"files": 1.3, "creates": 1.15, "distinct": 1.5},
}
NAME_NO_FILE = ("reads", "writes", "getpid")
"""Workloads of calls that a filter lets pass: the kernel's own affair."""
_NO_PATH = dict.fromkeys(NAME_NO_FILE, 1.05)
_BY_NOTIFICATION = {**_NO_PATH, "opens": 4.5, "spawn": 1.6, "tree": 1.6, "files": 3.0}
_BY_EACH_CALL = dict.fromkeys((*_LIBC_ALONE,), 1.7)

TARGETS: dict[str, Targets] = {
    "preload": Targets(_LIBC_ALONE, 1.07, 120),
    "ptrace": Targets(_BY_NOTIFICATION, 1.5, 130, filters=True),
    "ebpf": Targets(_BY_EACH_CALL, 1.18, 200),
    "ptrace-python": Targets({**_BY_NOTIFICATION, "opens": 7.0}, 1.5, 130, filters=True),
}
"""By name of the tracer; ``ptrace-python`` is ptrace without its library.  Those of ebpf are of its slower tier."""
