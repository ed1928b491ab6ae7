"""Timing a command: wall and CPU of its whole tree, and series of commands that take turns."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.driver import EMPTY_FILTER

DRIVER = Path(__file__).with_name("driver.py")


class CommandFailed(Exception):
    """A measured command ended with another status than 0: its time would mean nothing."""


class Cost(NamedTuple):
    """What one execution took."""

    wall_s: float
    cpu_s: float
    """User and system time of the command, of all its descendants, and of the tracer."""
    max_rss_bytes: int
    """Of the largest process of the tree."""
    ended_ns: int
    """Monotonic clock when it was gone."""
    output: str
    unseen: str = ""
    """What the tracer missed, in its words."""


class Series(NamedTuple):
    """The executions of one command."""

    costs: tuple[Cost, ...]

    def least(self, what: str) -> float:
        """The minimum of ``wall_s`` or ``cpu_s``: what the work takes when nothing else disturbs."""
        return min(float(getattr(cost, what)) for cost in self.costs)

    def median(self, what: str) -> float:
        """The median of ``wall_s`` or ``cpu_s``: what it usually takes on this machine."""
        return statistics.median(float(getattr(cost, what)) for cost in self.costs)

    @property
    def unseen(self) -> str:
        """What was missed in any of them; empty when nothing was."""
        return next((cost.unseen for cost in self.costs if cost.unseen), "")


def once(command: Sequence[str], cwd: Path, env: Mapping[str, str], tracer: str = "") -> Cost:
    """Executes a command and measures it.

    Args:
        command: its words.
        cwd: where.
        env: all of its environment.
        tracer: name of the tracer that it runs under, without roar around it, or `EMPTY_FILTER`; empty for none.

    Raises:
        CommandFailed: it didn't end with 0, or couldn't be measured.
    """
    # without a tracer the driver needs nothing that is installed
    python = [sys.executable] if tracer not in ("", EMPTY_FILTER) else [sys.executable, "-S", "-E"]
    with tempfile.TemporaryDirectory(prefix="cost-", dir=cwd.parent) as folder:
        result = Path(folder, "result")
        done = subprocess.run(
            [*python, DRIVER, result, tracer, *command],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if not result.exists():
            said = done.stderr.strip().rpartition("\n")[2]
            raise CommandFailed(f"not measured: {' '.join(command)}{f' under {tracer}' * bool(tracer)}: {said}")
        measured = json.loads(result.read_text())
    if code := measured.pop("code"):
        raise CommandFailed(f"exit {code}: {' '.join(command)}{f' under {tracer}' * bool(tracer)}")
    return Cost(**measured, output=done.stdout)


Way = Callable[[], Cost]
"""One way to execute a piece of work, and what it took."""


def in_turns(ways: Mapping[str, Way], runs: int, between: Callable[[], None]) -> dict[str, Series]:
    """Executes the ways in turns, each `runs` times, so that a busy moment of the machine hits all alike.

    Args:
        ways: by name; another one begins each round.
        runs: rounds.
        between: called before each execution, to clear what the last one made.
    """
    names = list(ways)
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    for number in range(runs):
        for position in range(len(names)):
            name = names[(number + position) % len(names)]
            between()
            costs[name].append(ways[name]())
    return {name: Series(tuple(found)) for name, found in costs.items()}
