"""What roar adds to short commands: its start, an empty run, each further process of the tree."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from bench.targets import TARGETS
from bench.timing import Series, Way, in_turns, once
from bench.workloads import Place

PYTHON_MS = 17
"""What ``python -c pass`` takes on the machine that the targets were set for: they are scaled to this one."""
VERSION_MS, PROCESS_MS = 60, 10
"""The targets there; `bench.targets` has those of the tracers."""
PYTHONS = 20
"""Python processes in the tree whose cost is told apart from that of the run."""


class Figure(NamedTuple):
    """A duration and the highest that it should be."""

    what: str
    least_ms: float
    median_ms: float
    target_ms: float | None = None


def measure(place: Place, runs: int, tracers: Sequence[str]) -> list[Figure]:
    """The start-up figures, all commands in turns.

    Args:
        place: the repository.
        runs: how often each command is executed; at least 20 are, as they are short.
        tracers: by name.
    """
    empty = ["sh", "-c", f"{sys.executable} -c pass\n" * PYTHONS]
    commands = {
        "python": [sys.executable, "-c", "pass"],
        "version": [place.roar, "--version"],
        "true": ["true"],
        "pythons": empty,
    }
    for tracer in tracers:
        commands[f"run {tracer}"] = place.run(tracer, "true")
        commands[f"run pythons {tracer}"] = place.run(tracer, *empty)
    ways: dict[str, Way] = {name: partial(once, words, place.root, place.env) for name, words in commands.items()}
    ways |= {f"alone {tracer}": partial(once, ["true"], place.root, place.env, tracer) for tracer in tracers}
    series = in_turns(ways, max(runs, 20), place.clear)
    least = {name: one.least("wall_s") * 1e3 for name, one in series.items()}
    median = {name: one.median("wall_s") * 1e3 for name, one in series.items()}
    slower = least["python"] / PYTHON_MS
    found = [
        _figure("python -c pass", series["python"]),
        _figure("roar --version", series["version"], VERSION_MS * slower),
        _figure("true", series["true"]),
    ]
    for tracer in tracers:
        target_ms = TARGETS[tracer].run_ms * slower if tracer in TARGETS else None
        found += [
            _figure(f"true, {tracer} alone", series[f"alone {tracer}"]),
            _figure(f"roar run --tracer {tracer} true", series[f"run {tracer}"], target_ms),
            Figure(
                f"one more Python process, {tracer}", _each(least, tracer), _each(median, tracer), PROCESS_MS * slower
            ),
        ]
    return found


def _figure(what: str, series: Series, target_ms: float | None = None) -> Figure:
    return Figure(what, series.least("wall_s") * 1e3, series.median("wall_s") * 1e3, target_ms)


def _each(ms: dict[str, float], tracer: str) -> float:
    """What a process costs more in a run than outside, the run's own cost taken off."""
    return (ms[f"run pythons {tracer}"] - ms["pythons"] - (ms[f"run {tracer}"] - ms["true"])) / PYTHONS
