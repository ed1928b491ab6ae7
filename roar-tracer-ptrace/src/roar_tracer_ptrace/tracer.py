"""The tracer as roar knows it: starts the tracer's process, and reads what it writes."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from roar.api import process
from roar.api.errors import PreflightFailed
from roar.api.events import Event
from roar.api.tracer import Capability, Coverage, Preflight, Traced, Tracer
from roar_tracer_ptrace import powers, preflight, tree
from roar_tracer_ptrace.journal import NotAJournal, Reader, Writer
from roar_tracer_ptrace.ways import WAYS, Way, failure, has_listeners

_GRACE_S = 0.2
"""How long the last `events` waits for processes that outlive the command by a moment, such as a shell's ``>(tee log)``."""
_LONGEST_S = 1.0
"""So long it is waited for the tracer's process to end when it watches nobody who lives."""


class PtraceTracer(Tracer):
    """Sees every system call that has to do with files, whatever program makes it.

    Attributes:
        ways: to stop calls, the best one first; the first that works here is gone.
        accelerated: with the loop in C, if it was built.
    """

    name: ClassVar[str] = "ptrace"
    rank: ClassVar[int] = 100
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.STATIC_BINARIES,
            Capability.GO_BINARIES,
            Capability.FOREIGN_ARCHITECTURES,
            Capability.RAW_SYSCALLS,
            Capability.ANY_LOADER,
            Capability.SANDBOXED,
            Capability.NAMESPACES,
            Capability.NO_PRIVILEGE,
            Capability.SURVIVES_KILL,
            *((Capability.SETUID,) if powers.keeps_set_id() else ()),
            *((Capability.DEBUGGED,) if has_listeners() else ()),
        }
    )
    ways: ClassVar[tuple[Way, ...]] = WAYS
    accelerated: ClassVar[bool] = True

    @classmethod
    def preflight(cls, deep: bool = False) -> Preflight:
        """The kernel has what is needed; with `deep`, a trial run is seen."""
        return preflight.check(cls.ways, cls.accelerated, deep)

    @classmethod
    def way(cls) -> str:
        """By what the kernel would hand calls over in a run."""
        return preflight.used_way(cls.ways)

    @classmethod
    def enable(cls, confirm: Callable[[str], bool]) -> Preflight:
        """Builds the loop in C if there is a compiler; the tracer works without it."""
        preflight.build_loop()
        return preflight.check(cls.ways, cls.accelerated, deep=True)

    def start(self, launch: process.Launch, journal: Path) -> Traced:
        """Starts the command; see `Tracer.start`."""
        from roar_tracer_ptrace.supervisor import supervise

        try:
            Writer(journal).close()  # here, where it can still be told that this is impossible
        except OSError as error:
            why = f"the run directory can't be written: {error.strerror}"
            fix = f"Free some space, or check its permissions and limits: df -h {journal}; ulimit -f"
            raise PreflightFailed(self.name, why, fix) from error
        try:
            child = process.spawn_under(
                launch,
                lambda supervision: supervise(supervision, journal, self.ways, self.accelerated),
            )
        except process.SupervisorLost as lost:
            why = failure(journal) or str(lost)
            raise PreflightFailed(self.name, why, f"See why: roar tracer check {self.name}") from lost
        return _Run(journal, child)

    @classmethod
    def recover(cls, journal: Path) -> Traced | None:
        """Reads the journal of a run whose roar was killed."""
        try:
            return _Run(journal)
        except (OSError, NotAJournal):
            return None


class _Run(Traced):
    """A run: going on, ended, or (without a child) recovered."""

    def __init__(self, journal: Path, child: process.Child | None = None) -> None:
        self.pid = child.pid if child else 0
        self._child = child
        self._pidfd = -1
        if child is not None:
            with contextlib.suppress(OSError):  # it has ended already, or there may be no more descriptors
                self._pidfd = os.pidfd_open(child.pid)
        self._reader = Reader(journal)
        self._over = child is None
        self._observed = 0
        self._is_lost = False
        self._is_left = False
        self._survivors: tuple[int, ...] = ()

    def wait(self) -> process.Exit:
        """Waits for the command.  When the tracer's process is killed the command ends with it: it could open no file any more."""
        if self._child is None:
            raise ValueError("a recovered run has nobody to wait for")
        try:
            ended = process.wait(self._child)
        except process.SupervisorLost:
            self._is_lost = True
            if self._pidfd >= 0:
                tree.kill(self._child.pid, self._pidfd)
            ended = process.Exit(128 + signal.SIGKILL, signal.SIGKILL)
        self._over = True
        return ended

    def events(self) -> Iterator[Event]:
        """The events since the last call."""
        final = self._over
        if final and self._child is not None:
            self._survivors = self._wait_for_the_rest(self._child)
        for event in self._reader.events(final):
            self._observed += 1
            yield event

    def _wait_for_the_rest(self, child: process.Child) -> tuple[int, ...]:
        """Waits a little for processes that outlive the command; those that do so for longer.

        The tracer's process ends with the last one that it watches, and then all is written.  Before Linux 6.12 it may stay for
        a dead one that nobody has waited for; what that did is written when the tracer has been quiet for a moment.  On a busy
        machine it may get to none of this for seconds: as long as it has something to do, and no processor to do it, nothing
        can be said.
        """
        poll = select.poll()
        poll.register(child.reports, 0)  # hang-ups are always told
        until = time.monotonic() + _LONGEST_S
        pause_s = _GRACE_S
        begun_s = tree.work(child.supervisor).had_s
        while not poll.poll(pause_s * 1000):
            work = tree.work(child.supervisor)
            if work.is_due and work.had_s - begun_s < _GRACE_S:
                continue
            alive = tree.survivors(child)
            if alive or time.monotonic() > until:
                self._is_left = True
                return tuple(alive)
            pause_s = _GRACE_S / 2
        return ()

    def finish(self) -> Coverage:
        """How much was seen."""
        dropped = self._reader.dropped
        self._reader.close()
        if self._pidfd >= 0:
            os.close(self._pidfd)
        if self._child is not None:
            os.close(self._child.reports)
            if self._is_left and not self._survivors:
                os.kill(self._child.supervisor, signal.SIGKILL)  # it watches nobody who lives
            if not self._survivors:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(self._child.supervisor, 0)
        notes = ("The tracer's process was killed, and the command with it.",) if self._is_lost else ()
        return Coverage(self._observed, dropped, survivors=self._survivors, notes=notes)
