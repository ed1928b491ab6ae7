"""Calls that change a file's length, times or content without opening it."""

from __future__ import annotations

import os
import stat as modes

from roar.api.events import Kind
from roar_tracer_ptrace.calls import AT_FDCWD, AT_SYMLINK_NOFOLLOW, MAP_SHARED, PROT_WRITE, Op
from roar_tracer_ptrace.observe.acts import Acts, Args
from roar_tracer_ptrace.observe.ledger import Ledger
from roar_tracer_ptrace.observe.outcomes import Times, Truncation
from roar_tracer_ptrace.observe.sight import Sight


class Content:
    """Handles them.

    Args:
        sight: looks at processes and files.
        ledger: takes events.
    """

    def __init__(self, sight: Sight, ledger: Ledger) -> None:
        self._sight = sight
        self._ledger = ledger
        self.acts: Acts = {
            Op.TRUNCATE: lambda task, a, _: self._truncate(task, a[0], a[1]),
            Op.TRUNCATE64: lambda task, a, _: self._truncate(task, a[0], a[1] | a[2]),
            Op.FTRUNCATE: lambda task, a, _: self._ftruncate(task, a[0], a[1]),
            Op.FTRUNCATE64: lambda task, a, _: self._ftruncate(task, a[0], a[1] | a[2]),
            Op.UTIME: lambda task, a, _: self._times(task, AT_FDCWD, a[0], 0),
            Op.FUTIMESAT: lambda task, a, _: self._times(task, a[0], a[1], 0),
            Op.UTIMENSAT: lambda task, a, _: self._times(task, a[0], a[1], a[3]),
            Op.MMAP: self._mmap,
        }

    def _truncate(self, task: int, address: int, length: int) -> None:
        found = self._sight.find(task, self._sight.name(task, AT_FDCWD, address))
        if found is not None and modes.S_ISREG(found.stat.mode) and self._sight.may(task, found.path, os.W_OK):
            pending = Truncation(found.path, found.stat, b"", 0, opens=False)
            self._ledger.wait_for(task, pending, Kind.TRUNCATE, found.path, flags=int(length > 0), stat=found.stat)

    def _ftruncate(self, task: int, descriptor: int, length: int) -> None:
        """To nothing, which makes all that comes the program's own; other lengths are seen by what is there in the end."""
        found = None if length else self._sight.of_descriptor(task, descriptor)
        if found is not None and found.path and modes.S_ISREG(found.stat.mode):
            pending = Truncation(found.path, found.stat, b"", 0, opens=False)
            self._ledger.wait_for(task, pending, Kind.TRUNCATE, found.path, stat=found.stat)

    def _times(self, task: int, at: int, address: int, flags: int) -> None:
        if address:
            found = self._sight.find(task, self._sight.name(task, at, address), not flags & AT_SYMLINK_NOFOLLOW)
        else:  # futimens(3)
            found = self._sight.of_descriptor(task, at)
        if found is not None and found.path and modes.S_ISREG(found.stat.mode):
            self._ledger.wait_for(task, Times(found.path, found.stat), Kind.TIMES, found.path, stat=found.stat)

    def _mmap(self, task: int, args: Args, _: bytes | None) -> None:
        if not (args[2] & PROT_WRITE and args[3] & MAP_SHARED):
            return
        found = self._sight.of_descriptor(task, args[4])
        if found is not None and found.path and found.stat.dev and modes.S_ISREG(found.stat.mode):
            self._ledger.writer.add(Kind.MAP, task, found.path, stat=found.stat)
