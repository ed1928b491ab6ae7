"""The tracer: has the probe armed, starts the command so that the probe knows it, and reads what comes."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from roar.api import process
from roar.api.errors import PreflightFailed
from roar.api.events import Blind, Event
from roar.api.tracer import BlindSpot, Capability, Coverage, Preflight, Traced, Tracer
from roar_tracer_ebpf import preflight, privileges
from roar_tracer_ebpf.decode import Decoder, to_realtime_ns
from roar_tracer_ebpf.drainer import Drainer, Refused
from roar_tracer_ebpf.journal import NAME, Journal, NotAJournal
from roar_tracer_ebpf.layout import ADVICE_ENROL

_GRACE_S, _PAUSE_S = 0.2, 0.01
"""How long the last `events` waits for processes that outlive the command by a moment, such as a shell's ``>(tee log)``."""
_KILLED = "roar was killed: what the command did from then on was not seen (fix: run it again)"
_DRAINER_KILLED = "The tracer's process was killed: what the command did from then on was not seen (fix: run it again)."
_NOT_ENROLLED = "the tracer did not see the command begin (fix: roar tracer check ebpf)"


class EbpfTracer(Tracer):
    """Sees what every program does, from inside the kernel."""

    name: ClassVar[str] = "ebpf"
    rank: ClassVar[int] = 300
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.STATIC_BINARIES,
            Capability.GO_BINARIES,
            Capability.FOREIGN_ARCHITECTURES,
            Capability.IO_URING,
            Capability.RAW_SYSCALLS,
            Capability.ANY_LOADER,
            Capability.SANDBOXED,
            Capability.NAMESPACES,
            Capability.DEBUGGED,
            *((Capability.SETUID,) if privileges.suffice() else ()),
        }
    )
    tier: ClassVar[str] = "auto"
    """``fentry``, ``base``, or whichever the kernel takes."""
    variant: ClassVar[str] = "auto"
    """``fast``, ``compat``, or whichever the kernel takes."""

    @classmethod
    def preflight(cls, deep: bool = False) -> Preflight:
        """The kernel has what is needed and roar may use it; with `deep`, the probe is armed and has to see a file."""
        return preflight.check(deep, cls.tier, cls.variant)

    @classmethod
    def enable(cls, confirm: Callable[[str], bool]) -> Preflight:
        """Installs the helper that has the capabilities, unless roar has them."""
        from roar_tracer_ebpf.enable import enable

        enable(confirm)
        return cls.preflight(deep=True)

    @classmethod
    def disable(cls) -> None:
        """Removes the helper."""
        from roar_tracer_ebpf.enable import disable

        disable()

    def start(self, launch: process.Launch, journal: Path) -> Traced:
        """Starts the command; see `Tracer.start`."""
        try:
            drainer = Drainer.start(journal / NAME, self.tier, self.variant)
        except Refused as refused:
            raise preflight.failure(refused) from refused
        except OSError as error:
            why = f"the run directory can't be written: {error.strerror}"
            fix = f"Free some space, or check its permissions and limits: df -h {journal}; ulimit -f"
            raise PreflightFailed(self.name, why, fix) from error
        try:
            first, second = drainer.cookie
            child = process.spawn(launch, enter=lambda: _enrol(first, second))
        except BaseException:  # whatever it is, it goes on; only nothing half done is left
            drainer.close()
            raise
        return _Run(journal, drainer, child)

    @classmethod
    def recover(cls, journal: Path) -> Traced | None:
        """Reads the journal of a run whose roar was killed."""
        try:
            return _Run(journal)
        except (OSError, NotAJournal):
            return None


def _enrol(first: int, second: int) -> None:
    """In the command's process: the probe knows by the two numbers that this is the one.  To the kernel it is a call that fails."""
    with contextlib.suppress(OSError):
        os.posix_fadvise(-1, first, second, ADVICE_ENROL)


class _Run(Traced):
    """A run: going on, ended, or (without a child) recovered."""

    def __init__(self, journal: Path, drainer: Drainer | None = None, child: process.Child | None = None) -> None:
        self.pid = child.pid if child else 0
        self._child = child
        self._drainer = drainer
        self._journal = Journal(journal)
        if child is None:
            self._journal.wait_for_writer()
        counters = self._journal.counters()
        ignored = drainer.pid if drainer is not None else 0
        self._decoder = Decoder(to_realtime_ns(), counters.tier, counters.sees_io_uring, ignored)
        self._over = child is None
        self._observed = 0

    def wait(self) -> process.Exit:
        """Waits for the command."""
        if self._child is None:
            raise ValueError("a recovered run has nobody to wait for")
        ended = process.wait(self._child)
        self._over = True
        return ended

    def events(self) -> Iterator[Event]:
        """The events since the last call."""
        yield from self._read()
        if self._over and self._drainer is not None:
            until = time.monotonic() + _GRACE_S
            self._drainer.sync()
            yield from self._read()
            while self._decoder.alive and time.monotonic() < until and self._drainer.sync():
                time.sleep(_PAUSE_S)
                yield from self._read()

    def _read(self) -> Iterator[Event]:
        for event in self._decoder.events(self._journal.records()):
            self._observed += 1
            yield event

    def finish(self) -> Coverage:
        """How much was seen."""
        notes = []
        if self._drainer is not None and not self._drainer.close():
            notes.append(_DRAINER_KILLED)
        counters = self._journal.counters()
        self._journal.close()
        alive = tuple(sorted(self._decoder.alive))
        if self._child is None and (alive or not self._decoder.enrolled):
            notes, alive = [f"{_KILLED[0].upper()}{_KILLED[1:]}."], ()
        elif not self._decoder.enrolled and not notes:
            notes.append(f"{_NOT_ENROLLED[0].upper()}{_NOT_ENROLLED[1:]}.")
        if counters.enrol_failed:
            notes.append(f"{counters.enrol_failed} processes were not seen: there were too many at a time.")
        blind = (BlindSpot(Blind.SETUID),) if counters.suppressed else ()
        return Coverage(self._observed, counters.lost, blind, alive, tuple(notes))
