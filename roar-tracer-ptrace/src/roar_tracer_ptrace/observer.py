"""Calls to events: what a system call that is about to happen will do to which file, and, afterwards, whether it did.

The same for both ways of stopping calls.  `enter` is told of a call before it happens, while its thread is held; `leave` of its
result, where that can be seen; else `settle` finds it out when the thread comes with its next call.
"""

from __future__ import annotations

import os
import resource
import stat as modes
import time
from collections.abc import Callable, Iterable

from roar.api.events import Blind, Kind
from roar_tracer_ptrace import journal, known, programs
from roar_tracer_ptrace.calls import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_SYMLINK_FOLLOW,
    AT_SYMLINK_NOFOLLOW,
    INTERFACES,
    MAP_SHARED,
    O_CHANGES,
    O_TMPFILE,
    PROT_WRITE,
    ROAR_ITSELF,
    Op,
    is_of_interest,
)
from roar_tracer_ptrace.kernel import Memory
from roar_tracer_ptrace.known import Known
from roar_tracer_ptrace.names import Found, Identities, Names
from roar_tracer_ptrace.outcomes import (
    Creation,
    Execution,
    Link,
    Pending,
    Removal,
    Rename,
    Times,
    Truncation,
    Wandering,
)

_RENAME_NOREPLACE, _RENAME_EXCHANGE = 1, 2
_NO_FILES = (b"/proc/", b"/sys/")
_SPECIAL = (b"/dev/", *_NO_FILES)
_RACE_S, _LOOK_AGAIN_S = 0.005, 0.00005
"""So long is waited for a call that was let go and has not happened yet when another one touches the same file."""
_RUNNING_S = 1.0
"""A thread that runs that long after it was let go is past its call."""
_MOST_AWAITED = 32
_WATCHED = frozenset(number for interface in INTERFACES.get(os.uname().machine, ()) for number in interface.numbers)

Args = tuple[int, ...]


class Observer:
    """Watches the calls of a tree of processes.

    Args:
        writer: where events go.
        keeps_privileges: set-id programs get theirs.
        listens: calls come by a listener, so that nobody else in the tree can have one.

    Attributes:
        known: the names of which nothing new is to be told.
        awaited: thread → its call whose outcome isn't known.
        careful: nothing may be concluded from names alone any more.
    """

    def __init__(self, writer: journal.Writer, keeps_privileges: bool, listens: bool) -> None:
        self._writer = writer
        self._keeps_privileges = keeps_privileges
        self._listens = listens
        self._memory = Memory()
        self._names = Names()
        self._identities = Identities()
        self._told: set[tuple[str, bytes]] = set()
        self._lowest_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self.known = Known()
        self.awaited: dict[int, Pending] = {}
        self.careful = False
        self.on_wander: Callable[[], None] = lambda: None
        """Called before and after somebody's working directory changes."""
        self._act: dict[Op, Callable[[int, Args, bytes | None], None]] = {
            Op.OPEN: lambda task, a, name: self._open(task, name or self._name(task, AT_FDCWD, a[0]), a[1]),
            Op.OPENAT: lambda task, a, name: self._open(task, name or self._name(task, a[0], a[1]), a[2]),
            Op.CREAT: lambda task, a, name: self._open(
                task, name or self._name(task, AT_FDCWD, a[0]), os.O_CREAT | os.O_WRONLY | os.O_TRUNC
            ),
            Op.OPENAT2: self._openat2,
            Op.OPEN_BY_HANDLE: self._open_by_handle,
            Op.MKNOD: lambda task, a, _: self._mknod(task, self._name(task, AT_FDCWD, a[0]), a[1]),
            Op.MKNODAT: lambda task, a, _: self._mknod(task, self._name(task, a[0], a[1]), a[2]),
            Op.RENAME: lambda task, a, _: self._rename(task, AT_FDCWD, a[0], AT_FDCWD, a[1], 0),
            Op.RENAMEAT: lambda task, a, _: self._rename(task, a[0], a[1], a[2], a[3], 0),
            Op.RENAMEAT2: lambda task, a, _: self._rename(task, *a[:5]),
            Op.LINK: lambda task, a, _: self._link(task, AT_FDCWD, a[0], AT_FDCWD, a[1], 0),
            Op.LINKAT: lambda task, a, _: self._link(task, *a[:5]),
            Op.SYMLINK: lambda task, a, _: self._symlink(task, a[0], AT_FDCWD, a[1]),
            Op.SYMLINKAT: lambda task, a, _: self._symlink(task, *a[:3]),
            Op.UNLINK: lambda task, a, _: self._unlink(task, AT_FDCWD, a[0]),
            Op.UNLINKAT: lambda task, a, _: self._unlink(task, a[0], a[1]),
            Op.TRUNCATE: lambda task, a, _: self._truncate(task, a[0], a[1]),
            Op.TRUNCATE64: lambda task, a, _: self._truncate(task, a[0], a[1] | a[2]),
            Op.FTRUNCATE: lambda task, a, _: self._ftruncate(task, a[0], a[1]),
            Op.UTIME: lambda task, a, _: self._times(task, AT_FDCWD, a[0], 0),
            Op.UTIMENSAT: lambda task, a, _: self._times(task, a[0], a[1], a[3]),
            Op.EXECVE: lambda task, a, name: self._exec(task, name or self._name(task, AT_FDCWD, a[0])),
            Op.EXECVEAT: self._execveat,
            Op.MMAP: self._mmap,
            Op.CHDIR: lambda task, a, _: self._chdir(task),
            Op.IO_URING: lambda task, a, _: self.blind(Blind.IO_URING, task),
            Op.IDENTITY: lambda task, a, _: self._be_careful(identities=True),
            Op.ROOT: lambda task, a, _: self._be_careful(roots=True),
            Op.CLONE: lambda task, a, _: self._be_careful(identities=True, roots=True),
            Op.UNSHARE: lambda task, a, _: self._be_careful(identities=True, roots=True),
            Op.STRICT: lambda task, a, _: self.blind(journal.STRICT, task),
            Op.SECCOMP: self._seccomp,
            Op.PTRACE: lambda task, a, _: None if self._listens else self.blind(Blind.NESTED_TRACE, task),
            Op.LIMIT: lambda task, a, _: self._lower_limit(),
            Op.PRLIMIT: lambda task, a, _: self._lower_limit(),
        }

    # ---- the calls as they come

    def enter(self, task: int, op: Op, args: Args, name: bytes | None = None) -> bool:
        """A call is about to happen.

        Args:
            task: the thread that makes it, and is held.
            op: what it does.
            args: its six arguments, unsigned.
            name: where the caller has read it already, the name of the file as `Names.name` has it.

        Returns:
            Whether its outcome is awaited.
        """
        if task in self.awaited:
            self.settle(task)
        if len(self.awaited) >= _MOST_AWAITED:
            self.sweep()
        try:
            if is_of_interest(op, args):
                self._act[op](task, args, name)
        except OSError as error:  # of reading the program's memory
            if error.errno not in (
                2,
                3,
                14,
                36,
            ):  # ENOENT, ESRCH: it is gone; EFAULT, ENAMETOOLONG: the call fails, too
                self.blind(Blind.PATH, task)
        return task in self.awaited

    def leave(self, task: int, failed: bool) -> None:
        """The awaited call of a thread has returned."""
        pending = self.awaited.pop(task, None)
        if pending is not None:
            if isinstance(pending, Times) and not failed:
                pending.look()
            self._conclude(pending, not failed)

    def settle(self, task: int) -> None:
        """The thread has come back with another call, or is gone: looks what became of the last one."""
        pending = self.awaited.pop(task)
        self._conclude(pending, pending.look())

    def sweep(self, final: bool = False) -> None:
        """Settles what has visibly happened, and the calls of threads that do something else by now.

        Args:
            final: nobody is left.
        """
        for task, pending in list(self.awaited.items()):
            if pending.look():
                del self.awaited[task]
                self._conclude(pending, True)
            elif final or not _is_calling(task, pending):
                del self.awaited[task]
                self._conclude(pending, pending.look())
        self._writer.flush()

    def _conclude(self, pending: Pending, succeeded: bool) -> None:
        if pending.number < 0:
            self.on_wander()
            return
        self._writer.outcome(pending.number, not succeeded, pending.value)
        if not succeeded:
            return
        self._unlearn(pending)
        if pending.bits and not self.careful:
            self.known.add(pending.name, pending.paths[0], pending.bits)

    def _await(
        self, task: int, pending: Pending, kind: Kind, path: bytes, path2: bytes = b"", **fields: object
    ) -> None:
        """Writes an event whose outcome is to come."""
        self._settle_others(pending)
        self._unlearn(pending)
        pending.number = self._writer.add(kind, task, path, path2, pending=True, **fields)  # type: ignore[arg-type]
        self.awaited[task] = pending

    def _unlearn(self, pending: Pending) -> None:
        """What is known of names that a call gives to other files; before it, and again when it has happened."""
        if pending.moves:
            self._forget()
        elif pending.breaks:
            for path in pending.paths:
                self.known.drop(path)

    def _settle_others(self, newcomer: Pending) -> None:
        """Other threads' calls on the same files are settled first: what they left is still to be seen."""
        for task, pending in list(self.awaited.items()):
            if newcomer.moves or pending.moves or not set(newcomer.paths).isdisjoint(pending.paths):
                until = time.monotonic() + _RACE_S
                while not pending.look() and _is_calling(task, pending) and time.monotonic() < until:
                    time.sleep(_LOOK_AGAIN_S)
                del self.awaited[task]
                self._conclude(pending, pending.look())

    def blind(self, reason: str, task: int, path: bytes = b"") -> None:
        """Notes something that can't be seen, once for each program."""
        if not path:
            try:
                path = os.readlink(b"/proc/%d/exe" % task)
            except OSError:
                path = b""
        if (reason, path) not in self._told:
            self._told.add((reason, path))
            self._writer.add(Kind.BLIND, task, path, reason=reason)

    def _be_careful(self, identities: bool = False, roots: bool = False) -> None:
        self._identities.differ |= identities and self._keeps_privileges
        self._names.careful |= roots
        if not self.careful and (self._identities.differ or self._names.careful):
            self.careful = True
        self._forget()

    def _forget(self) -> None:
        self.known.clear()
        self._names.forget()

    def _seccomp(self, task: int, args: Args, _: bytes | None) -> None:
        """Somebody wants a listener: there can be one, and where there was none it takes the calls that ptrace would stop."""
        if not self._listens:
            self.blind(Blind.SECCOMP, task)
        elif args[3] != ROAR_ITSELF:
            self.blind(journal.LISTENER, task)

    # ---- names

    def _chdir(self, task: int) -> None:
        self.on_wander()
        self.awaited[task] = Wandering()

    def _name(self, task: int, directory: int, address: int) -> bytes:
        return self._names.name(task, directory & 0xFFFFFFFF, self._memory.string(task, address))

    def _find(self, task: int, name: bytes, follow: bool = True) -> Found | None:
        found = self._names.find(name, follow)
        if found is not None and not found.is_certain:
            self.blind(Blind.NAMESPACE, task, found.path)
        return found

    def _may(self, task: int, path: bytes, mode: int) -> bool:
        return self._identities.may(task, path, mode)

    def _may_change(self, task: int, path: bytes) -> bool:
        """Whether names may be made or removed in the directory of a path."""
        return self._may(task, os.path.dirname(path) or b"/", os.W_OK | os.X_OK)

    # ---- opening

    def _open(self, task: int, name: bytes, flags: int) -> None:
        if flags & O_TMPFILE:
            return  # it has no name; LINKAT may give it one
        if not self.careful:
            wanted = known.bits_of(flags)
            if self.known.bits.get(name, 0) & wanted == wanted and not flags & os.O_EXCL:
                return
        exclusive = flags & os.O_CREAT and flags & os.O_EXCL
        found = self._find(task, name, not (exclusive or flags & os.O_NOFOLLOW))
        if found is None:
            if flags & os.O_CREAT:
                self._create(task, name, flags)
        elif not exclusive:
            self._open_found(task, name, found, flags)

    def _open_found(self, task: int, name: bytes, found: Found, flags: int) -> None:
        path, stat, _ = found
        if not modes.S_ISREG(stat.mode) or path.startswith(_NO_FILES):
            if path.startswith(_SPECIAL) and not self.careful:
                self.known.add(self._remembered(name), path, known.ALL)
            return
        access = flags & os.O_ACCMODE
        wanted = (os.R_OK, os.W_OK, os.R_OK | os.W_OK, os.R_OK | os.W_OK)[access]
        if flags & os.O_TRUNC:
            wanted |= os.W_OK
        if not path or not self._may(task, path, wanted) or self._has_no_descriptor(task):
            return
        if flags & os.O_TRUNC:
            before = Truncation(path, stat, self._remembered(name), known.READ | known.ADD | known.REPLACE)
            self._await(task, before, Kind.WRITE, path, flags=flags, existed=True, stat=stat)
            return
        if access == os.O_RDONLY:
            self._writer.add(Kind.OPEN, task, path, flags=flags, stat=stat)
            bits = known.READ
        else:
            self._writer.add(Kind.WRITE, task, path, flags=flags, existed=True, stat=stat)
            bits = known.ADD if access == os.O_WRONLY else known.READ | known.ADD
        if not self.careful:
            self.known.add(self._remembered(name), path, bits)

    @staticmethod
    def _remembered(name: bytes) -> bytes:
        """The name, if it means the same file to every process."""
        return b"" if name.startswith(b"/proc/") else name

    def _create(self, task: int, name: bytes, flags: int) -> None:
        path = self._names.target(name)
        if not path or not self._may_change(task, path) or self._has_no_descriptor(task):
            return
        bits = known.READ | known.ADD | known.REPLACE
        self._await(task, Creation(path, name=name, bits=bits), Kind.WRITE, path, flags=flags, existed=False)

    def _has_no_descriptor(self, task: int) -> bool:
        """Whether an open would fail for RLIMIT_NOFILE."""
        try:
            in_use = os.stat(f"/proc/{task}/fd").st_size  # their number, since Linux 6.2
            if in_use < self._lowest_limit:
                return False
            limit = _limit_of(task)
            return limit <= in_use and not set(range(limit)) - {int(fd) for fd in os.listdir(f"/proc/{task}/fd")}
        except OSError:
            return False

    def _lower_limit(self) -> None:
        self._lowest_limit = 0

    def _openat2(self, task: int, args: Args, _: bytes | None) -> None:
        flags, _mode, resolve = (
            int.from_bytes(self._memory.block(task, args[2], 24)[at : at + 8], "little") for at in (0, 8, 16)
        )
        if flags & os.O_PATH or (flags & os.O_DIRECTORY and not flags & O_CHANGES):
            return
        if not resolve:
            self._open(task, self._name(task, args[0], args[1]), flags)
            return
        path, directory = self._memory.string(task, args[1]), args[0] & 0xFFFFFFFF
        follow = not flags & os.O_NOFOLLOW
        found = self._names.find_within(task, directory, path, resolve, follow)
        if found is not None:
            if not (flags & os.O_CREAT and flags & os.O_EXCL):
                self._open_found(task, b"", found, flags)
        elif flags & os.O_CREAT:
            folder, _, last = path.rpartition(b"/")
            inside = self._names.find_within(task, directory, folder or b".", resolve, True)
            if inside is not None and not self._names.find(inside.path + b"/" + last, False):
                self._create(task, inside.path + b"/" + last, flags)

    def _open_by_handle(self, task: int, args: Args, _: bytes | None) -> None:
        head = self._memory.block(task, args[1], 8)
        handle = head + self._memory.block(task, args[1] + 8, int.from_bytes(head[:4], "little"))
        found = self._names.by_handle(task, args[0] & 0xFFFFFFFF, handle)
        if found is not None and not args[2] & os.O_PATH:
            self._open_found(task, b"", found, args[2])

    def _mknod(self, task: int, name: bytes, mode: int) -> None:
        path = self._names.path(name)
        if modes.S_IFMT(mode) in (0, modes.S_IFREG) and path and self._find(task, name, False) is None:
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
            self._await(task, Creation(path), Kind.WRITE, path, flags=flags, existed=False)

    # ---- names that change

    def _rename(self, task: int, old_at: int, old: int, new_at: int, new: int, flags: int) -> None:
        source = self._find(task, self._name(task, old_at, old), False)
        target_name = self._name(task, new_at, new)
        target = self._names.path(target_name)
        if source is None or not source.path or not target:
            return
        there = self._names.find(target, False)
        if flags & (_RENAME_NOREPLACE if there is not None else _RENAME_EXCHANGE):
            return
        exchange = bool(flags & _RENAME_EXCHANGE)
        touched = (source.stat, there.stat) if there is not None else (source.stat,)
        moves = not all(modes.S_ISREG(stat.mode) for stat in touched)
        pending = Rename(source.path, target, source.stat, exchange, moves)
        self._await(task, pending, Kind.RENAME, source.path, target, flags=flags, stat=source.stat)

    def _link(self, task: int, old_at: int, old: int, new_at: int, new: int, flags: int) -> None:
        name = self._name(task, old_at, old)
        empty = flags & AT_EMPTY_PATH and not self._memory.string(task, old)
        source = self._find(task, name, bool(flags & AT_SYMLINK_FOLLOW or empty))
        target = self._names.path(self._name(task, new_at, new))
        if source is None or not target or not modes.S_ISREG(source.stat.mode):
            return
        if self._names.find(target, False) is None:
            self._await(task, Link(source.path, target, source.stat), Kind.LINK, source.path, target, stat=source.stat)

    def _symlink(self, task: int, text: int, at: int, new: int) -> None:
        path = self._names.path(self._name(task, at, new))
        if not path or self._names.find(path, False) is not None:
            return
        self._await(task, Creation(path, moves=True), Kind.SYMLINK, self._memory.string(task, text), path)

    def _unlink(self, task: int, at: int, address: int) -> None:
        found = self._find(task, self._name(task, at, address), False)
        if found is None or not found.path or modes.S_ISDIR(found.stat.mode):
            return
        pending = Removal(found.path, found.stat, moves=modes.S_ISLNK(found.stat.mode))
        self._await(task, pending, Kind.UNLINK, found.path, stat=found.stat)

    # ---- content and times

    def _truncate(self, task: int, address: int, length: int) -> None:
        found = self._find(task, self._name(task, AT_FDCWD, address))
        if found is not None and modes.S_ISREG(found.stat.mode) and self._may(task, found.path, os.W_OK):
            pending = Truncation(found.path, found.stat, b"", 0)
            self._await(task, pending, Kind.TRUNCATE, found.path, flags=int(length > 0), stat=found.stat)

    def _ftruncate(self, task: int, descriptor: int, length: int) -> None:
        """To nothing, which makes all that comes the program's own; other lengths are seen by what is there in the end."""
        found = None if length else self._find(task, b"/proc/%d/fd/%d" % (task, descriptor & 0xFFFFFFFF))
        if found is not None and found.path and modes.S_ISREG(found.stat.mode):
            self._await(task, Truncation(found.path, found.stat, b"", 0), Kind.TRUNCATE, found.path, stat=found.stat)

    def _times(self, task: int, at: int, address: int, flags: int) -> None:
        if address:
            found = self._find(task, self._name(task, at, address), not flags & AT_SYMLINK_NOFOLLOW)
        else:  # futimens(3)
            found = self._find(task, b"/proc/%d/fd/%d" % (task, at & 0xFFFFFFFF))
        if found is not None and found.path and modes.S_ISREG(found.stat.mode):
            self._await(task, Times(found.path, found.stat), Kind.TIMES, found.path, stat=found.stat)

    def _mmap(self, task: int, args: Args, _: bytes | None) -> None:
        if not (args[2] & PROT_WRITE and args[3] & MAP_SHARED):
            return
        found = self._find(task, b"/proc/%d/fd/%d" % (task, args[4] & 0xFFFFFFFF))
        if found is not None and found.path and found.stat.dev and modes.S_ISREG(found.stat.mode):
            self._writer.add(Kind.MAP, task, found.path, stat=found.stat)

    # ---- programs

    def _execveat(self, task: int, args: Args, _: bytes | None) -> None:
        path = self._memory.string(task, args[1])
        if path or args[4] & AT_EMPTY_PATH:
            self._exec(task, self._names.name(task, args[0] & 0xFFFFFFFF, path))

    def _exec(self, task: int, name: bytes) -> None:
        if not self.careful and self.known.bits.get(name, 0) & known.RUN:
            return
        found = self._find(task, name)
        if found is None or not found.path or not modes.S_ISREG(found.stat.mode):
            return
        if not self._may(task, found.path, os.X_OK):
            return
        helpers = self._helpers(task, found)
        if not self._keeps_privileges and programs.has_privileges(found.path):
            self.blind(journal.WITHOUT_PRIVILEGES, task, found.path)
        stats = (found.stat, *(helper.stat for helper in helpers))
        bits = known.READ | known.RUN
        pending = Execution(task, found.path, stats, self._remembered(name), bits)
        self._await(task, pending, Kind.EXEC, found.path, stat=found.stat)
        self._add_helpers(task, helpers)

    def _helpers(self, task: int, program: Found) -> list[Found]:
        """Interpreters and the loader, in the order in which the kernel comes to them."""
        found: list[Found] = []
        helper: Found | None = program
        while helper is not None and len(found) < programs.DEPTH:
            name = programs.helper_of(helper.path)
            helper = self._find(task, self._names.name(task, AT_FDCWD, name)) if name else None
            if helper is not None:
                found.append(helper)
        return found

    def _add_helpers(self, task: int, helpers: Iterable[Found]) -> None:
        for helper in helpers:
            if modes.S_ISREG(helper.stat.mode) and not self.known.bits.get(helper.path, 0) & known.READ:
                self._writer.add(Kind.OPEN, task, helper.path, stat=helper.stat)
                if not self.careful:
                    self.known.add(helper.path, helper.path, known.READ)


def _limit_of(task: int) -> int:
    try:
        return resource.prlimit(task, resource.RLIMIT_NOFILE)[0]
    except PermissionError:  # another user's process
        with open(f"/proc/{task}/limits", "rb") as file:
            return next(int(line.split()[3]) for line in file if line.startswith(b"Max open files"))


def _is_calling(task: int, pending: Pending) -> bool:
    """Whether a thread may still be in the system call that it was let go with."""
    try:
        with open(f"/proc/{task}/syscall", "rb") as file:
            number = file.read().split()[0]
    except OSError:  # it is gone, or another user's
        return False
    if number == b"running":
        return time.monotonic() - pending.since < _RUNNING_S
    return int(number) in _WATCHED
