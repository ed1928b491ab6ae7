"""The overhead of tracing: each workload bare, under the shim alone, and under the whole `roar run`, in turns."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.timing import Execution, Series, Variant, in_turns, plain
from bench.workloads import DISTINCT_FILES, WORKLOADS, Place, write_files
from roar_tracer_preload.arena import Arena
from roar_tracer_preload.tracer import arm

BARE, SHIM, WHOLE = "bare", "shim", "roar run"


class Row(NamedTuple):
    """The measurements of one workload."""

    name: str
    series: Mapping[str, Series]
    dropped: int
    """Events that the arena had no room for: more than none makes the row worthless."""


class ShimAlone:
    """The command with the shim before libc and an arena to write to, without roar's start, hashing and record."""

    def __init__(self, command: Sequence[str], place: Place) -> None:
        self._command = command
        self._place = place
        self.dropped = 0
        """Events for which an arena had no room."""

    @contextmanager
    def enter(self) -> Iterator[Execution]:
        """A new arena for each execution."""
        with tempfile.TemporaryDirectory(prefix="arena-", dir=self._place.root.parent) as folder:
            given = {os.fsencode(key): os.fsencode(word) for key, word in self._place.env.items()}
            armed = arm(Path(folder), given)
            yield self._command, {os.fsdecode(key): os.fsdecode(word) for key, word in armed.environment.items()}
            arena = Arena(armed.arena)
            self.dropped += arena.dropped
            arena.close()


def measure(name: str, place: Place, runs: int, variants: Sequence[str] = (SHIM, WHOLE)) -> Row:
    """Measures one workload.

    Args:
        name: of `WORKLOADS`.
        place: the repository.
        runs: how often each variant is executed.
        variants: beside the bare command.

    Raises:
        CommandFailed: the workload failed under one of them.
    """
    command = WORKLOADS[name].command
    if name == "distinct":
        write_files(place.root / "many", "m", DISTINCT_FILES, lambda i: b"%d\n" % i)
    shim = ShimAlone(command, place)
    known = {
        SHIM: Variant(SHIM, shim.enter),
        WHOLE: plain(WHOLE, [place.roar, "run", "--quiet", "--tracer", "preload", *command], place.env),
    }
    ways = [plain(BARE, command, place.env), *(known[one] for one in variants)]
    series = in_turns(ways, runs, place.root, place.clear)
    return Row(name, series, shim.dropped)
