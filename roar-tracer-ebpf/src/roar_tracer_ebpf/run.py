"""A run: the probe is armed, the command started so that the probe knows it, and what comes is read."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from roar.api import process
from roar.api.errors import PreflightFailed
from roar.api.events import Blind, Event
from roar.api.tracer import BlindSpot, Coverage, Traced
from roar_tracer_ebpf import preflight
from roar_tracer_ebpf.clocks import to_realtime_ns
from roar_tracer_ebpf.drainer import Drainer
from roar_tracer_ebpf.journal import NAME, Journal, NotAJournal, is_somebodys, mark_as_mine, noted_offset_ns
from roar_tracer_ebpf.refusal import Refused

_GRACE_S, _PAUSE_S = 0.2, 0.01
"""How long the last `events` waits for processes that outlive the command by a moment, such as a shell's ``>(tee log)``."""
_DRAINER_KILLED = "The tracer's process was killed: what the command did from then on was not seen (fix: run it again)."
_DAMAGED = "The tracer's journal is damaged: what came behind that was not seen (fix: run it again)."
_NOT_COUNTED = "The run directory's disk failed: how much was lost is not known (fix: run it again)."
_NOT_ENROLLED = "The tracer did not see the command begin (fix: roar tracer check ebpf)."


def start(launch: process.Launch, journal: Path, tier: str, variant: str) -> Traced:
    """Starts a command; see `roar.api.tracer.Tracer.start`.

    Args:
        launch: the command.
        journal: the directory of the run.
        tier: ``fentry``, ``base`` or ``auto``.
        variant: ``fast``, ``compat`` or ``auto``.
    """
    mark = -1
    try:
        mark = mark_as_mine(journal, to_realtime_ns())
        drainer = Drainer.start(journal / NAME, tier, variant)
    except (Refused, OSError) as error:
        if mark >= 0:
            os.close(mark)
        if isinstance(error, Refused):
            raise preflight.failure(error) from error
        why = f"the run directory can't be written: {error.strerror}"
        fix = f"Free some space, or check its permissions and limits: df -h {journal}; ulimit -f"
        raise PreflightFailed("ebpf", why, fix) from error
    try:
        from roar_tracer_ebpf import decode  # noqa: F401 - while the probe is being armed

        first, second = drainer.armed()
        child = process.spawn(launch, enter=lambda: _enrol(first, second))
    except BaseException as error:  # whatever it is, it goes on; only nothing half done is left
        drainer.close()
        os.close(mark)
        if isinstance(error, Refused):
            raise preflight.failure(error) from error
        raise
    return _Run(journal, _Running(drainer, child, mark))


def recover(journal: Path) -> Traced | None:
    """Reads what a run has left, or has written until now; None when there is nothing."""
    try:
        return _Run(journal)
    except (OSError, NotAJournal):
        return None


def _enrol(first: int, second: int) -> None:
    """In the command's process: the probe knows by the two numbers that this is the one.  To the kernel it is a call that fails."""
    with contextlib.suppress(OSError):
        os.posix_fadvise(-1, first, second, 0x524F4152)  # layout.ADVICE_ENROL


class _Running(NamedTuple):
    """What a run that this roar started consists of."""

    drainer: Drainer
    child: process.Child
    mark: int
    """The descriptor of `mark_as_mine`."""


class _Run(Traced):
    """A run: going on, ended, or (when it isn't this roar's) recovered."""

    def __init__(self, journal: Path, mine: _Running | None = None) -> None:
        self.pid = mine.child.pid if mine else 0
        self._mine = mine
        self._journal = Journal(journal)
        if mine is None:
            if is_somebodys(journal):
                self._journal.wait_for_now()
            if not is_somebodys(journal):  # or not any more
                self._journal.wait_for_writer()
        from roar_tracer_ebpf.decode import Decoder

        counters = self._journal.counters()
        # of another run the one of its own day: the machine may have been booted since
        offset_ns = noted_offset_ns(journal) if mine is None else None
        offset_ns = to_realtime_ns() if offset_ns is None else offset_ns
        self._decoder = Decoder(offset_ns, counters.tier, counters.sees_io_uring)
        self._over = False
        self._observed = 0

    def wait(self) -> process.Exit:
        """Waits for the command."""
        if self._mine is None:
            raise ValueError("a recovered run has nobody to wait for")
        ended = process.wait(self._mine.child)
        self._over = True
        return ended

    def events(self) -> Iterator[Event]:
        """The events since the last call."""
        yield from self._read()
        if self._over and self._mine is not None:
            is_there = self._mine.drainer.sync()
            yield from self._read()
            until, is_late = time.monotonic() + _GRACE_S, False
            while self._decoder.alive and is_there and not is_late:
                time.sleep(_PAUSE_S)
                is_late = time.monotonic() > until  # before the last look: roar itself may have been put aside
                is_there = self._mine.drainer.sync()
                yield from self._read()

    def _read(self) -> Iterator[Event]:
        if self._mine is not None:  # the machine may have slept, or been set to another time
            self._decoder.offset_ns = to_realtime_ns()
        for event in self._decoder.events(self._journal.records()):
            self._observed += 1
            yield event

    def finish(self) -> Coverage:
        """How much was seen."""
        notes = []
        if self._mine is not None:
            os.close(self._mine.mark)
            if not self._mine.drainer.close():
                notes.append(_DRAINER_KILLED)
            elif not self._mine.drainer.has_counted:
                notes.append(_NOT_COUNTED)
        counters = self._journal.counters()
        if self._journal.is_damaged:
            notes.append(_DAMAGED)
        self._journal.close()
        alive = tuple(sorted(self._decoder.alive))
        if self._mine is None and self._decoder.command in alive:
            alive = ()  # the command's own end wasn't seen: roar was killed before, and tells so, or else
            if not counters.is_finished:
                notes.append(_DRAINER_KILLED)
        elif not self._decoder.command and not notes:
            notes.append(_NOT_ENROLLED)
        if counters.misses:
            notes.append(
                f"{counters.misses} events were lost: the kernel put the probe off in the middle of another "
                "(fix: fewer threads at a time, a kernel with preempt=voluntary, or --tracer ptrace)."
            )
        if counters.enrol_failed:
            notes.append(f"{counters.enrol_failed} processes were not seen: there were too many at a time.")
        blind = (BlindSpot(Blind.SETUID),) if counters.suppressed else ()
        return Coverage(self._observed, counters.lost, blind, alive, tuple(notes))
