"""What a process that isn't traced pays: before a run begins, while it goes on, and right after it."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench.timing import CommandFailed, Cost, Series, once
from bench.workloads import LOAD, Place

CALLS: dict[str, tuple[str, ...]] = {
    "getpid": (LOAD, "getpids", "3000000", "."),
    "opens": (LOAD, "opens", "100000", "read"),
}
"""The cheapest call, and one that every tracer wants to see of its own processes."""
DURING_TARGET: dict[str, float] = {"getpid": 1.8, "opens": 1.2}
AFTER_TARGET = 1.03
"""The highest ratios to what it took before.  Nothing is to stay; the rest is noise."""
_BEGUN_S = 300
_WAITING = "touch out/begun; until [ -e out/over ]; do sleep 0.1; done"


class Beside(NamedTuple):
    """The times of one loop of calls in a process beside a run."""

    name: str
    before: Series
    during: Series
    after: Series


def measure(place: Place, runs: int, tracer: str) -> tuple[list[Beside], int]:
    """Measures the loops beside `runs` runs that do nothing but wait, and what those need.

    Returns:
        The times by loop, and the bytes of memory that roar and the tracer's process had, the larger one's.

    Raises:
        CommandFailed: a run didn't begin, or a loop failed.
    """
    loops = {name: partial(once, command, place.root, place.env) for name, command in CALLS.items()}
    found: dict[str, tuple[list[Cost], list[Cost], list[Cost]]] = {name: ([], [], []) for name in loops}
    memory_bytes = 0
    for _ in range(runs):
        place.clear()
        for name, loop in loops.items():
            found[name][0].append(loop())
        with _run(place, tracer) as pid:
            for name, loop in loops.items():
                found[name][1].append(loop())
            memory_bytes = max(memory_bytes, *map(_memory, (pid, *_children(pid))))
        for name, loop in loops.items():
            found[name][2].append(loop())
    return [Beside(name, *(Series(tuple(costs)) for costs in three)) for name, three in found.items()], memory_bytes


@contextlib.contextmanager
def _run(place: Place, tracer: str) -> Iterator[int]:
    """A run that goes on as long as the block; roar's process."""
    out = place.root / "out"
    words = place.run(tracer, "sh", "-c", _WAITING)
    quiet = subprocess.DEVNULL
    with subprocess.Popen(words, cwd=place.root, env=place.env, stdin=quiet, stdout=quiet, stderr=quiet) as roar:
        try:
            until = time.monotonic() + _BEGUN_S
            while not (out / "begun").exists():
                if roar.poll() is not None or time.monotonic() > until:
                    raise CommandFailed(f"the run under {tracer} didn't begin")
                time.sleep(0.02)
            yield roar.pid
        finally:
            (out / "over").touch()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _memory(pid: int) -> int:
    """The most memory that a process ever had, in bytes; 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
