"""Calls that give, move and take away names."""

from __future__ import annotations

import stat as modes

from roar.api.events import Kind
from roar_tracer_ptrace.calls import AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_FOLLOW, INT, Op
from roar_tracer_ptrace.observe.acts import Acts
from roar_tracer_ptrace.observe.ledger import Ledger
from roar_tracer_ptrace.observe.outcomes import Creation, Link, Removal, Rename
from roar_tracer_ptrace.observe.sight import Sight

_RENAME_NOREPLACE, _RENAME_EXCHANGE = 1, 2


class Renaming:
    """Handles them.

    Args:
        sight: looks at processes and files.
        ledger: takes events.
    """

    def __init__(self, sight: Sight, ledger: Ledger) -> None:
        self._sight = sight
        self._ledger = ledger
        self.acts: Acts = {
            Op.RENAME: lambda task, a, _: self._rename(task, AT_FDCWD, a[0], AT_FDCWD, a[1], 0),
            Op.RENAMEAT: lambda task, a, _: self._rename(task, a[0], a[1], a[2], a[3], 0),
            Op.RENAMEAT2: lambda task, a, _: self._rename(task, a[0], a[1], a[2], a[3], a[4] & INT),
            Op.LINK: lambda task, a, _: self._link(task, AT_FDCWD, a[0], AT_FDCWD, a[1], 0),
            Op.LINKAT: lambda task, a, _: self._link(task, *a[:5]),
            Op.SYMLINK: lambda task, a, _: self._symlink(task, a[0], AT_FDCWD, a[1]),
            Op.SYMLINKAT: lambda task, a, _: self._symlink(task, *a[:3]),
            Op.UNLINK: lambda task, a, _: self._unlink(task, AT_FDCWD, a[0]),
            Op.UNLINKAT: lambda task, a, _: self._unlink(task, a[0], a[1]),
        }

    def _rename(self, task: int, old_at: int, old: int, new_at: int, new: int, flags: int) -> None:
        source = self._sight.find(task, self._sight.name(task, old_at, old), False)
        target_name = self._sight.name(task, new_at, new)
        target = self._sight.names.path(target_name)
        if source is None or not source.path or not target:
            return
        there = self._sight.look(task, target, False)
        if flags & (_RENAME_NOREPLACE if there is not None else _RENAME_EXCHANGE):
            return
        touched = (source.stat, there.stat) if there is not None else (source.stat,)
        if len({(stat.dev, stat.ino) for stat in touched}) < len(touched):
            return  # two names of one file: nothing happens (rename(2))
        moves = not all(modes.S_ISREG(stat.mode) for stat in touched)
        pending = Rename(source.path, target, source.stat, moves)
        self._ledger.wait_for(task, pending, Kind.RENAME, source.path, target, flags=flags, stat=source.stat)

    def _link(self, task: int, old_at: int, old: int, new_at: int, new: int, flags: int) -> None:
        name = self._sight.name(task, old_at, old)
        empty = flags & AT_EMPTY_PATH and not self._sight.memory.string(task, old)
        source = self._sight.find(task, name, bool(flags & AT_SYMLINK_FOLLOW or empty))
        target = self._sight.names.path(self._sight.name(task, new_at, new))
        if source is None or not target or not modes.S_ISREG(source.stat.mode):
            return
        if self._sight.look(task, target, False) is None:
            self._ledger.wait_for(
                task, Link(source.path, target, source.stat), Kind.LINK, source.path, target, stat=source.stat
            )

    def _symlink(self, task: int, text: int, at: int, new: int) -> None:
        path = self._sight.names.path(self._sight.name(task, at, new))
        if not path or self._sight.look(task, path, False) is not None:
            return
        self._ledger.wait_for(
            task, Creation(path, moves=True), Kind.SYMLINK, self._sight.memory.string(task, text), path
        )

    def _unlink(self, task: int, at: int, address: int) -> None:
        found = self._sight.find(task, self._sight.name(task, at, address), False)
        if found is None or not found.path or modes.S_ISDIR(found.stat.mode):
            return
        pending = Removal(found.path, found.stat, moves=modes.S_ISLNK(found.stat.mode))
        self._ledger.wait_for(task, pending, Kind.UNLINK, found.path, stat=found.stat)
