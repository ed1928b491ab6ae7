"""Calls that open or make files: which file, and whether it is read, changed, replaced or new."""

from __future__ import annotations

import os
import stat as modes

from roar.api.events import Kind
from roar_tracer_ptrace import journal, kernel
from roar_tracer_ptrace.calls import AT_FDCWD, INT, O_CHANGES, O_TMPFILE, Op
from roar_tracer_ptrace.observe import known
from roar_tracer_ptrace.observe.acts import Acts, Args
from roar_tracer_ptrace.observe.ledger import Ledger
from roar_tracer_ptrace.observe.names import Found
from roar_tracer_ptrace.observe.outcomes import Creation, Opened, Truncation
from roar_tracer_ptrace.observe.sight import Sight

_PAGE = 4096
_NO_FILES = (b"/proc/", b"/sys/")
_SPECIAL = (b"/dev/", *_NO_FILES)


class Opening:
    """Handles them.

    Args:
        sight: looks at processes and files.
        ledger: takes events.
    """

    def __init__(self, sight: Sight, ledger: Ledger) -> None:
        self._sight = sight
        self._ledger = ledger
        self.acts: Acts = {
            Op.OPEN: lambda task, a, name: self._open(task, name or self._sight.name(task, AT_FDCWD, a[0]), a[1]),
            Op.OPENAT: lambda task, a, name: self._open(task, name or self._sight.name(task, a[0], a[1]), a[2]),
            Op.CREAT: lambda task, a, name: self._open(
                task, name or self._sight.name(task, AT_FDCWD, a[0]), os.O_CREAT | os.O_WRONLY | os.O_TRUNC
            ),
            Op.OPENAT2: self._openat2,
            Op.OPEN_BY_HANDLE: self._open_by_handle,
            Op.MKNOD: lambda task, a, _: self._mknod(task, self._sight.name(task, AT_FDCWD, a[0]), a[1]),
            Op.MKNODAT: lambda task, a, _: self._mknod(task, self._sight.name(task, a[0], a[1]), a[2]),
        }

    def _open(self, task: int, name: bytes, flags: int) -> None:
        flags &= INT
        if flags & O_TMPFILE:
            return  # it has no name; LINKAT may give it one
        if not self._ledger.careful:
            wanted, bits = known.bits_of(flags), self._ledger.known.bits.get(name, 0)
            if bits & wanted == wanted and not flags & os.O_EXCL:
                if flags & os.O_CREAT and not bits & known.FIXED:
                    self._ledger.watch(task, self._sight.names.path(name))
                return
        exclusive = flags & os.O_CREAT and flags & os.O_EXCL
        found = self._sight.find(task, name, not (exclusive or flags & os.O_NOFOLLOW))
        if found is None:
            if flags & os.O_CREAT:
                self._create(task, name, flags)
        elif not exclusive:
            self._open_found(task, name, found, flags)

    def _open_found(self, task: int, name: bytes, found: Found, flags: int) -> None:
        path, stat = found.path, found.stat
        if not modes.S_ISREG(stat.mode) or path.startswith(_NO_FILES):
            if path.startswith(_SPECIAL):
                self._ledger.remember(name, path, known.ALL)
            elif modes.S_ISDIR(stat.mode):  # what comes in its place is made, or moved there
                self._ledger.remember(name, path, known.READ)
            return
        access = flags & os.O_ACCMODE
        if not path:
            if found.last_path and access != os.O_WRONLY:
                self._ledger.writer.add(Kind.OPEN, task, found.last_path, flags=flags, existed=False, stat=stat)
            return
        wanted = (os.R_OK, os.W_OK, os.R_OK | os.W_OK, os.R_OK | os.W_OK)[access]
        if flags & os.O_TRUNC:
            wanted |= os.W_OK
        if flags & os.O_DIRECTORY or not self._sight.may(task, path, wanted) or self._sight.has_no_descriptor(task):
            return
        if flags & os.O_NOATIME and not self._sight.may_leave_times(task, path):
            return
        if flags & os.O_TRUNC:
            before = Truncation(path, stat, name, known.READ | known.ADD | known.REPLACE, opens=True)
            self._ledger.wait_for(task, before, Kind.WRITE, path, flags=flags, existed=True, stat=stat)
            return
        if self._sight.is_confined(task):
            self._sight.blind(journal.LANDLOCK, task)
        kind, existed = (Kind.OPEN, None) if access == os.O_RDONLY else (Kind.WRITE, True)
        bits = (known.READ, known.ADD, known.READ | known.ADD, known.READ | known.ADD)[access]
        if self._ledger.sees_results:
            pending = Opened(path, name=name, bits=bits)
            self._ledger.wait_for(task, pending, kind, path, flags=flags, existed=existed, stat=stat)
            return
        self._ledger.writer.add(kind, task, path, flags=flags, existed=existed, stat=stat)
        if flags & os.O_CREAT:
            self._ledger.watch(task, path)
        self._ledger.remember(name, path, bits)

    def _create(self, task: int, name: bytes, flags: int) -> None:
        path = self._sight.names.target(name)
        if not path or not self._sight.may_change(task, path) or self._sight.has_no_descriptor(task):
            return
        bits = known.READ | known.ADD | known.REPLACE
        self._ledger.wait_for(task, Creation(path, name=name, bits=bits), Kind.WRITE, path, flags=flags, existed=False)

    def _openat2(self, task: int, args: Args, _: bytes | None) -> None:
        if args[3] > _PAGE:
            return  # E2BIG
        how = self._sight.memory.block(task, args[2], args[3]) if args[3] else b""
        if not kernel.is_open_how(how):
            return
        flags, resolve = (int.from_bytes(how[at : at + 8], "little") for at in (0, 16))
        if flags & os.O_PATH or (flags & os.O_DIRECTORY and not flags & O_CHANGES):
            return
        if not resolve:
            self._open(task, self._sight.name(task, args[0], args[1]), flags)
            return
        flags &= INT
        path, directory = self._sight.memory.string(task, args[1]), args[0] & 0xFFFFFFFF
        follow = not flags & os.O_NOFOLLOW
        found = self._sight.names.find_within(task, directory, path, resolve, follow)
        if found is not None:
            if not (flags & os.O_CREAT and flags & os.O_EXCL):
                self._open_found(task, b"", found, flags)
        elif flags & os.O_CREAT:
            folder, _, last = path.rpartition(b"/")
            inside = self._sight.names.find_within(task, directory, folder or b".", resolve, True)
            if inside is not None and not self._sight.names.find(inside.path + b"/" + last, False):
                self._create(task, inside.path + b"/" + last, flags)

    def _open_by_handle(self, task: int, args: Args, _: bytes | None) -> None:
        head = self._sight.memory.block(task, args[1], 8)
        handle = head + self._sight.memory.block(task, args[1] + 8, int.from_bytes(head[:4], "little"))
        found = self._sight.names.by_handle(task, args[0] & 0xFFFFFFFF, handle)
        if found is not None and not args[2] & os.O_PATH:
            self._open_found(task, b"", found, args[2] & INT)

    def _mknod(self, task: int, name: bytes, mode: int) -> None:
        path = self._sight.names.path(name)
        if modes.S_IFMT(mode & INT) in (0, modes.S_IFREG) and path and self._sight.find(task, name, False) is None:
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
            self._ledger.wait_for(task, Creation(path), Kind.WRITE, path, flags=flags, existed=False)
