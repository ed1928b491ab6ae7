"""The processes of a test, by a variable that they inherit: whoever their parents, groups and sessions are."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

DEADLINE_S = 300.0
NAME = "ROAR_TEST_MARK"


class Process(NamedTuple):
    """One of them."""

    pid: int
    parent: int
    session: int
    state: str
    command: bytes

    @property
    def is_tracer(self) -> bool:
        """Whether it is the tracer's own: a fork of roar that leads a session."""
        return self.session == self.pid and b"roar" in self.command


def of(mark: str) -> list[Process]:
    """All that live, zombies not counted."""
    wanted = f"{NAME}={mark}".encode()
    found = []
    for name in os.listdir("/proc"):
        try:
            folder = Path("/proc", str(int(name)))
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                fields = (folder / "stat").read_text().rpartition(") ")[2].split()
                command = (folder / "cmdline").read_bytes()
                found.append(Process(int(name), int(fields[1]), int(fields[3]), fields[0], command))
        except (OSError, ValueError):
            continue
    return [process for process in found if process.state != "Z"]


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Until it holds; fails after a while."""
    until = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.005)


def wait_for_end(mark: str, again: Callable[[], object] = lambda: None) -> None:
    """Until none is left; whoever is left is killed, and the test fails.

    Args:
        mark: of the processes.
        again: is done before each look.
    """

    def nobody_is_left() -> bool:
        again()
        return not of(mark)

    try:
        wait_for(nobody_is_left, "processes are left")
    except AssertionError:
        left = of(mark)
        for process in left:
            os.kill(process.pid, signal.SIGKILL)
        raise AssertionError(f"left: {left}") from None


def tracer_of(mark: str, runner: int) -> Process:
    """The tracer's process of a roar."""
    wait_for(lambda: [p for p in of(mark) if p.is_tracer and p.parent == runner], "there is no tracer's process")
    return next(process for process in of(mark) if process.is_tracer and process.parent == runner)
