"""Runs that are started and left going, to send signals to or to kill."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from types import TracebackType

from e2e.acting import ROAR, until
from fidelity.lines import BARE, Lines
from fidelity.tracers import Tracer

DEADLINE_S = 60.0


class Started:
    """A run in a session and group of its own, whose number is its own: ``os.killpg(started.pid, …)``."""

    def __init__(
        self, lines: Lines, way: Tracer, command: Sequence[str], stdout: int | None = subprocess.DEVNULL
    ) -> None:
        before = [] if way is BARE else [*ROAR, "run", "-q", "--tracer", way.name]
        self.process = subprocess.Popen(
            [*before, *command],
            cwd=lines.workspace.root,
            env=lines.env(),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            start_new_session=True,
        )
        self.pid = self.process.pid

    def wait(self) -> int:
        """Waits for its end; the exit code."""
        return self.process.wait(DEADLINE_S)

    def told(self, flags: int) -> str:
        """What waitpid(2) says next with the flags."""
        found: list[int] = []

        def look() -> bool:
            pid, status = os.waitpid(self.pid, flags | os.WNOHANG)
            found.append(status)
            return bool(pid)

        until(look, "nothing was told", DEADLINE_S)
        status = found[-1]
        return f"stopped {os.WSTOPSIG(status)}" if os.WIFSTOPPED(status) else "continued"

    def kill(self) -> None:
        """Kills it with its group."""
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()

    def __enter__(self) -> Started:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()


def state(pid: int) -> str:
    """The state of a process as proc(5) has it: R, S, T (also under a debugger), Z …; Z also for one that is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(") ")[2][0].upper()
    except OSError:
        return "Z"
