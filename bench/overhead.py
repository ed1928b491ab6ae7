"""The overhead of tracing: each workload bare, under each tracer alone, and under the whole `roar run`, in turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from bench.driver import EMPTY_FILTER
from bench.targets import NAME_NO_FILE, TARGETS
from bench.timing import Series, Way, in_turns, once
from bench.workloads import DISTINCT_FILES, WORKLOADS, Place, write_files

ALONE, WHOLE = "alone", "roar run"
WAYS = (ALONE, WHOLE)
FLOOR = ("seccomp", EMPTY_FILTER)
"""Shown as if it were a tracer."""


class Row(NamedTuple):
    """The measurements of one workload."""

    name: str
    bare: Series
    traced: Mapping[tuple[str, str], Series]
    """By tracer and way."""


def measure(name: str, place: Place, runs: int, tracers: Sequence[str], ways: Sequence[str] = WAYS) -> Row:
    """Measures one workload.

    Args:
        name: of `WORKLOADS`.
        place: the repository.
        runs: how often it is executed in each way.
        tracers: by name.
        ways: `ALONE` is the command under `Tracer.start`, `WHOLE` the command under `roar run`.

    Raises:
        CommandFailed: the workload failed in one of them.
    """
    command = WORKLOADS[name].command
    if name == "distinct":
        write_files(place.root / "many", "m", DISTINCT_FILES, lambda i: b"%d\n" % i)
    bare = "bare"
    executions: dict[str, Way] = {bare: partial(once, command, place.root, place.env)}
    keys: dict[tuple[str, str], str] = {}
    for tracer in tracers:
        known: dict[str, Way] = {
            ALONE: partial(once, command, place.root, place.env, tracer),
            WHOLE: partial(once, place.run(tracer, *command), place.root, place.env),
        }
        for way in ways:
            keys[tracer, way] = f"{tracer} {way}"
            executions[f"{tracer} {way}"] = known[way]
    if name in NAME_NO_FILE and any(TARGETS[one].filters for one in tracers if one in TARGETS):
        keys[FLOOR] = EMPTY_FILTER
        executions[EMPTY_FILTER] = partial(once, command, place.root, place.env, EMPTY_FILTER)
    series = in_turns(executions, runs, place.clear)
    return Row(name, series[bare], {key: series[label] for key, label in keys.items()})
