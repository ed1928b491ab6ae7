"""What roar adds to short commands: its start, an empty run, each further process of the tree."""

from __future__ import annotations

import sys
from typing import NamedTuple

from bench.timing import Series, in_turns, plain
from bench.workloads import Place

PYTHON_MS = 17
"""What ``python -c pass`` takes on the machine that the targets were set for: they are scaled to this one."""
VERSION_MS, RUN_MS, PROCESS_MS = 60, 120, 10
"""The targets there."""
PYTHONS = 20
"""Python processes in the tree whose cost is told apart from that of the run."""


class Figure(NamedTuple):
    """A duration and the highest that it should be."""

    what: str
    least_ms: float
    median_ms: float
    target_ms: float | None = None


def measure(place: Place, runs: int) -> list[Figure]:
    """The start-up figures, all commands in turns.

    Args:
        place: the repository.
        runs: how often each command is executed; at least 20 are, as they are short.
    """
    empty = f"{sys.executable} -c pass\n" * PYTHONS
    commands = {
        "python": [sys.executable, "-c", "pass"],
        "version": [place.roar, "--version"],
        "true": ["true"],
        "run": [place.roar, "run", "--quiet", "true"],
        "pythons": ["sh", "-c", empty],
        "run pythons": [place.roar, "run", "--quiet", "sh", "-c", empty],
    }
    variants = [plain(name, command, place.env) for name, command in commands.items()]
    series = in_turns(variants, max(runs, 20), place.root, place.clear)
    least = {name: one.least("wall_s") * 1e3 for name, one in series.items()}
    median = {name: one.median("wall_s") * 1e3 for name, one in series.items()}
    slower = least["python"] / PYTHON_MS
    return [
        _figure("python -c pass", series["python"]),
        _figure("roar --version", series["version"], VERSION_MS * slower),
        _figure("true", series["true"]),
        _figure("roar run true", series["run"], RUN_MS * slower),
        Figure("one more Python process in a run", _each(least), _each(median), PROCESS_MS * slower),
    ]


def _figure(what: str, series: Series, target_ms: float | None = None) -> Figure:
    return Figure(what, series.least("wall_s") * 1e3, series.median("wall_s") * 1e3, target_ms)


def _each(ms: dict[str, float]) -> float:
    """What a process costs more in a run than outside, the run's own cost taken off."""
    return (ms["run pythons"] - ms["pythons"] - (ms["run"] - ms["true"])) / PYTHONS
