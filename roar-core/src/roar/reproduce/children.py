"""The processes that a reproduction starts: none goes on, and none is begun, once it is to stop."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """The reproduction was told to stop; raised in its threads, and nobody is told."""


class NotNoted(Exception):
    """What was to be done in a new process before its program failed, so the program was not begun."""


class Children:
    """The processes that are running, each the first of a session of its own.

    Threads may start them at once.  No lock is held for longer than a moment, so that a stop never waits for a process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self._stopping = False

    def go_on(self) -> None:
        """Raises `Stopped` once there was a stop."""
        if self._stopping:
            raise Stopped

    def stop(self) -> None:
        """Ends all that is running, and whatever is started from now on."""
        with self._lock:
            self._stopping = True
            for pid in self._running:
                end_session(pid)

    def run(self, words: Sequence[str], before: Callable[[], None], **options: Any) -> int:
        """Starts a process and waits for it.

        Args:
            words: the program and its arguments.
            before: called in the new process before its program; it must take no lock, as threads may have been in the middle
                of anything, and import nothing.
            options: of `subprocess.Popen`.

        Returns:
            The exit code, or minus the number of the signal that ended it.

        Raises:
            OSError: the program can't be executed.
            NotNoted: `before` failed.
            Stopped: there was a stop.
        """
        self.go_on()
        try:
            process = subprocess.Popen(words, preexec_fn=before, start_new_session=True, **options)
        except subprocess.SubprocessError as error:
            raise NotNoted from error
        with self._lock:
            self._running.add(process.pid)
            if self._stopping:  # it was asked for while the process was being started
                end_session(process.pid)
        try:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        except BaseException:  # an interrupt, if it is the main thread that waits: the process doesn't go on without us
            end_session(process.pid)
            raise
        finally:
            with self._lock:  # before its number can be another's
                self._running.discard(process.pid)
            status = process.wait()
        self.go_on()
        return status


def end_session(leader: int) -> None:
    """Ends the first process of a session and what it started, unless that began a session of its own."""
    with contextlib.suppress(OSError):
        os.killpg(leader, signal.SIGKILL)
    ended: set[int] = set()
    while others := _session(leader) - ended:  # a process that was being forked comes up the next time
        for pid in others:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        ended |= others


def _session(leader: int) -> set[int]:
    """The processes of a session (proc(5): three fields after the state)."""
    found = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, IndexError), open(f"/proc/{name}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
            if int(fields[3]) == leader:
                found.add(int(name))
    return found


@contextlib.contextmanager
def signals_as_exceptions() -> Iterator[None]:
    """Makes signals that would end roar raise instead: KeyboardInterrupt, or SystemExit with 128 + the signal's number.

    Only the first one does, so that an impatient second one keeps nothing of what it sets off from being done; the third ends
    roar as it is.  Signals that are ignored stay so; in another thread than the main one nothing is changed.
    """
    came: list[int] = []

    def raise_once(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if len(came) == 1:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)
        if len(came) > 2:
            os._exit(128 + number)

    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in _ENDING}
        before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, raise_once)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
