"""Timing a command: wall and CPU of its whole tree, and series of commands that take turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple


class CommandFailed(Exception):
    """A measured command ended with another status than 0: its time would mean nothing."""


class Cost(NamedTuple):
    """What one execution took."""

    wall_s: float
    cpu_s: float
    """User and system time of the command and of all descendants that were waited for."""
    max_rss_bytes: int
    """Of the largest process of the tree."""
    ended_ns: int
    """Monotonic clock when it was gone."""
    output: str


class Series(NamedTuple):
    """The executions of one command."""

    costs: tuple[Cost, ...]

    def least(self, what: str) -> float:
        """The minimum of ``wall_s`` or ``cpu_s``: what the work takes when nothing else disturbs."""
        return min(float(getattr(cost, what)) for cost in self.costs)

    def median(self, what: str) -> float:
        """The median of ``wall_s`` or ``cpu_s``: what it usually takes on this machine."""
        return statistics.median(float(getattr(cost, what)) for cost in self.costs)


Execution = tuple[Sequence[str], Mapping[str, str]]
"""A command and its environment."""


class Variant(NamedTuple):
    """One way to execute a piece of work."""

    name: str
    enter: Callable[[], AbstractContextManager[Execution]]
    """Entered anew for each execution, so that each finds fresh files, and left after it."""


def plain(name: str, command: Sequence[str], env: Mapping[str, str]) -> Variant:
    """A variant that needs nothing prepared."""
    return Variant(name, lambda: nullcontext((command, env)))


def once(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Cost:
    """Executes a command and measures it.  Raises `CommandFailed`."""
    started = time.monotonic_ns()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        output = process.stdout.read() if process.stdout is not None else ""
        _, status, usage = os.wait4(process.pid, 0)
        ended = time.monotonic_ns()
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise CommandFailed(f"exit {process.returncode}: {' '.join(command)}")
    return Cost((ended - started) / 1e9, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, ended, output)


def in_turns(variants: Sequence[Variant], runs: int, cwd: Path, between: Callable[[], None]) -> dict[str, Series]:
    """Executes the variants in turns, each `runs` times, so that a busy moment of the machine hits all alike.

    Args:
        variants: the ways; another one begins each round.
        runs: rounds.
        cwd: where they run.
        between: called before each execution, to clear what the last one made.
    """
    costs: dict[str, list[Cost]] = {variant.name: [] for variant in variants}
    for number in range(runs):
        for position in range(len(variants)):
            variant = variants[(number + position) % len(variants)]
            between()
            with variant.enter() as (command, env):
                costs[variant.name].append(once(command, cwd, env))
    return {name: Series(tuple(found)) for name, found in costs.items()}
