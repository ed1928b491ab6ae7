"""Records of the ring as events of roar."""

from __future__ import annotations

import errno
import os
import stat as modes
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from roar.api.events import Blind, Event, FileStat, Kind
from roar_tracer_ebpf.layout import ACTION, FENTRY, HEAD, Flag, RecordType
from roar_tracer_ebpf.names import Names, path_of
from roar_tracer_ebpf.places import Places
from roar_tracer_ebpf.programs import Programs, state_before

_NO_FILES = (b"/proc/", b"/sys/")
_READ, _WRITE = 1, 2
_O_TMPFILE = os.O_TMPFILE & ~os.O_DIRECTORY  # the bit alone: the constant contains O_DIRECTORY
_QUERIED = 1 << 31
"""In i_ctime_nsec, from Linux 6.13 on: somebody has looked at the times, and so the next change gives others (fs/inode.c)."""
_TICK_NS = 10_000_000
"""The longest between two ticks (CONFIG_HZ 100); a change that nobody's look came before takes the last tick's time."""
_AT_SYMLINK_NOFOLLOW, _AT_SYMLINK_FOLLOW = 0x100, 0x400
_RENAME_EXCHANGE = 2
_MOST_REMEMBERED = 100_000
_LONGEST = 4095
"""Of a path that anyone could use (PATH_MAX less its NUL); the kernel's walk goes further."""

_CREATED, _PENDING, _EXACT, _UNLINKED = Flag.CREATED, Flag.PENDING, Flag.EXACT, Flag.UNLINKED
_NOT_PLAIN = Flag.CUT | Flag.ELSEWHERE | Flag.PSEUDO
_unpack, _HEAD_SIZE = HEAD.unpack_from, HEAD.size
_make = tuple.__new__  # a NamedTuple's own constructor takes three times as long

_CHANGES = frozenset({RecordType.WROTE, RecordType.MAP, RecordType.TRUNCATE, RecordType.TIMES})
_OPS = {number: name for name, number in ACTION.items()}


class _Names(NamedTuple):
    """A NAMES record."""

    pid: int
    time_ns: int
    op: str
    number: int
    """Flags of the call, its length or mode."""
    name: bytes
    name2: bytes
    stat: FileStat | None
    """Of `name` before, where the kernel told it."""
    unlinked: bool
    exact: bool


class _Before(NamedTuple):
    """A file whose times are about to be set."""

    path: bytes
    stat: FileStat | None


class Decoder:
    """Makes events of records, in their order.

    Args:
        offset_ns: CLOCK_REALTIME less CLOCK_MONOTONIC, in nanoseconds: the kernel's records have the latter.
        tier: `layout.BASE` or `layout.FENTRY`: by which the records were made.
        sees_io_uring: whether the probe sees what goes through it.
    """

    def __init__(self, offset_ns: int, tier: int, sees_io_uring: bool = True) -> None:
        self.offset_ns = offset_ns
        """The argument; whoever knows better changes it."""
        self._is_fentry = tier == FENTRY
        self._sees_io_uring = sees_io_uring
        self._keeps_fine_times = _release() >= (6, 13)
        self._names = Names()
        self._places = Places()
        self._programs = Programs()
        self._pending: dict[int, tuple[int, _Names | _Before]] = {}
        self._touched: dict[tuple[int, int], FileStat] = {}  # files that were opened for change, as they were then
        self._written: set[tuple[int, int]] = set()
        self._unnamed: set[tuple[int, int]] = set()  # files that were made without a name
        self.alive: set[int] = set()
        """Processes of the run that have not ended, by the numbers that the kernel's first namespace gives them."""
        self.command = 0
        """Of these, the one that was seen to begin as the command; 0: none was."""

    def events(self, records: Iterable[tuple[bytes, int]]) -> Iterator[Event]:
        """The events of some records, each given as (bytes, offset)."""
        plain = RecordType.OPEN
        for block, at in records:
            head = _unpack(block, at)
            if head[0] == plain and not head[1] & _NOT_PLAIN:
                yield from self._open(head, path_of(block[at + _HEAD_SIZE : at + _HEAD_SIZE + head[17]]))
            else:
                yield from self._event(head, block[at + _HEAD_SIZE : at + _HEAD_SIZE + sum(head[15:21])])

    def _event(self, head: tuple[int, ...], data: bytes) -> Iterable[Event]:
        kind, flags, pid = head[:3]
        if kind in (RecordType.ENROL, RecordType.FORK, RecordType.EXIT):
            self._live(kind, pid, head[14])
            return ()
        if kind == RecordType.EXEC:
            return self._exec(head, data)
        if kind == RecordType.NAMES:
            return self._named(head, data)
        if kind == RecordType.OUTCOME:
            return self._outcome(head)
        if kind == RecordType.RING:
            return () if self._sees_io_uring and not head[14] else [self._blind(head, Blind.IO_URING)]
        if flags & Flag.PSEUDO:
            return ()
        path = path_of(data[: head[17]])
        if flags & Flag.CUT or len(path) > _LONGEST:
            return [self._blind(head, Blind.PATH, path[:_LONGEST])]
        if flags & Flag.ELSEWHERE:
            here = self._places.here(path, path_of(data[head[17] :]), self._plain_stat(head))
            if here is None:
                return [self._blind(head, Blind.NAMESPACE, path)]
            path = here
        if kind == RecordType.OPEN:
            return self._open(head, path)
        return self._changed(head, path) if kind in _CHANGES else ()

    def _live(self, kind: int, pid: int, number: int) -> None:
        if kind == RecordType.EXIT:
            self.alive.discard(pid)
        elif kind == RecordType.FORK:
            self.alive.add(number & 0xFFFFFFFF)
        else:
            self.alive.add(pid)
            self.command = pid

    # ---- states

    def _plain_stat(self, head: tuple[int, ...]) -> FileStat:
        dev = head[10]
        return _make(
            FileStat,
            (
                os.makedev(dev >> 20, dev & 0xFFFFF), head[4], head[5], head[6] * 1_000_000_000 + head[8],
                head[7] * 1_000_000_000 + (head[9] & ~_QUERIED), head[11],
            ),
        )  # fmt: skip

    def _stat(self, head: tuple[int, ...], path: bytes) -> FileStat | None:
        return self._places.as_stat_tells(path, self._plain_stat(head))

    def _may_change_unnoticed(self, head: tuple[int, ...], stat: FileStat) -> bool:
        """Whether a change right after this would leave the very same times.

        Where the kernel keeps fine times for those who look (from 6.13 on), the probe's look doesn't count as one.
        """
        if not self._keeps_fine_times or head[9] & _QUERIED:
            return False
        return head[3] + self.offset_ns - stat.mtime_ns < _TICK_NS

    def _blind(self, head: tuple[int, ...], reason: str, path: bytes = b"") -> Event:
        return Event(Kind.BLIND, head[2], head[3] + self.offset_ns, path, reason=reason)

    # ---- open files

    def _open(self, head: tuple[int, ...], path: bytes) -> Iterable[Event]:
        if path.startswith(_NO_FILES):
            return ()
        if len(path) > _LONGEST:
            return [self._blind(head, Blind.PATH, path[:_LONGEST])]
        flags, access, pid, at_ns = head[12] & ~3 | head[13] - 1, head[13], head[2], head[3] + self.offset_ns
        created, replaced = head[1] & _CREATED, flags & os.O_TRUNC
        stat = self._stat(head, path)
        if head[1] & _UNLINKED:
            identity = (stat.dev, stat.ino) if stat is not None else (0, 0)
            if flags & _O_TMPFILE:
                if len(self._unnamed) < _MOST_REMEMBERED:
                    self._unnamed.add(identity)
            elif access & _READ and identity not in self._unnamed:
                return [Event(Kind.OPEN, pid, at_ns, path, flags=flags, existed=False, stat=stat, resolved=True)]
            return ()
        if not access & _WRITE and not created and not replaced:
            if stat is not None and self._may_change_unnoticed(head, stat):
                stat = None
            return [_make(Event, (Kind.OPEN, pid, at_ns, path, b"", flags, None, stat, True, True, False, 0, ""))]
        wrote = False
        if created or replaced:
            stat = None
        elif stat is not None:
            self._touch(stat)
            # in the base tier writes are told
            wrote = self._is_fentry and self._may_change_unnoticed(head, stat)
        return [_make(Event, (Kind.WRITE, pid, at_ns, path, b"", flags, not created, stat, True, True, wrote, 0, ""))]

    def _touch(self, stat: FileStat) -> None:
        if len(self._touched) > _MOST_REMEMBERED:
            self._forget_touched()
        self._touched.setdefault((stat.dev, stat.ino), stat)

    def _forget_touched(self) -> None:
        """Both at a time: a file that isn't known to have been written must not be known to have been open before."""
        self._touched.clear()
        self._written.clear()

    def _changed(self, head: tuple[int, ...], path: bytes) -> Iterable[Event]:
        kind, pid, at_ns = head[0], head[2], head[3] + self.offset_ns
        if head[1] & _UNLINKED or path.startswith(_NO_FILES):
            return ()
        if head[1] & _PENDING:  # TIMES, before they are set
            self._pend(head, _Before(path, self._stat(head, path)))
            return ()
        stat = self._stat(head, path)
        if kind == RecordType.MAP:
            return [Event(Kind.MAP, pid, at_ns, path, stat=stat, resolved=True)]
        to_length = kind == RecordType.WROTE and self._is_fentry
        if kind == RecordType.TRUNCATE or (to_length and _has_nothing(path, head[5], at_ns)):
            return [Event(Kind.TRUNCATE, pid, at_ns, path, stat=stat, resolved=True)]
        if kind == RecordType.WROTE:
            if stat is not None:
                if len(self._written) > _MOST_REMEMBERED:
                    self._forget_touched()
                self._written.add((stat.dev, stat.ino))
            return [self._wrote(pid, at_ns, path, stat)]
        return self._times_set(pid, at_ns, path, stat)

    def _wrote(self, pid: int, at_ns: int, path: bytes, after: FileStat | None) -> Event:
        """The content changed, and its state before isn't known here; the fold knows it if the job opened the file by this name."""
        before = after and after._replace(size=-1, mtime_ns=0, ctime_ns=0)
        return Event(
            Kind.WRITE, pid, at_ns, path, flags=os.O_WRONLY, existed=True, stat=before, resolved=True, wrote=True
        )

    def _times_set(self, pid: int, at_ns: int, path: bytes, after: FileStat | None) -> Iterable[Event]:
        """Of a file that the job has open for change: what it was before is what it was then, unless it was written since."""
        identity = (after.dev, after.ino) if after is not None else (0, 0)
        before = self._touched.get(identity)
        if before is None or after is None:
            return ()
        self._touched[identity] = before._replace(mtime_ns=after.mtime_ns)
        if identity in self._written or before.size != after.size:
            before = before._replace(size=-1)
        return [Event(Kind.TIMES, pid, at_ns, path, flags=after.mtime_ns, stat=before, resolved=True)]

    # ---- programs

    def _exec(self, head: tuple[int, ...], data: bytes) -> Iterator[Event]:
        pid, at_ns, flags = head[2], head[3] + self.offset_ns, head[1]
        script = data[: head[15]].partition(b"\0")[0] if flags & Flag.SCRIPT else b""
        ends = [head[15]]
        for length in head[17:20]:
            ends.append(ends[-1] + length)
        program, directory, root = (path_of(data[start:end]) for start, end in pairwise(ends))
        self._names.forget()
        if not head[17] or flags & (Flag.PSEUDO | _UNLINKED):
            return
        if flags & Flag.CUT:
            yield self._blind(head, Blind.PATH, program)
            return
        stat = self._stat(head, program)
        if flags & Flag.ELSEWHERE:
            here = self._places.here(program, program, self._plain_stat(head))
            if here is None:
                yield self._blind(head, Blind.NAMESPACE, program)
                return
            program = here
        for helper in self._programs.beside(program, script, directory, root):
            yield Event(Kind.OPEN, pid, at_ns, helper, stat=state_before(helper, at_ns), resolved=True)
        yield Event(Kind.EXEC, pid, at_ns, program, stat=stat, resolved=True)

    # ---- names

    def _named(self, head: tuple[int, ...], data: bytes) -> Iterable[Event]:
        flags, op = head[1], _OPS.get(head[13])
        if op is None:
            return ()
        if flags & Flag.CUT:
            return [self._blind(head, Blind.PATH)]
        exact = bool(flags & _EXACT)
        found = []
        at = 0
        for string, walk in zip(head[15:17], head[17:19], strict=True):
            text, base = data[at : at + string].partition(b"\0")[0], data[at + string : at + string + walk]
            at += string + walk
            if exact:
                found.append(path_of(base) if walk else b"")
            else:
                found.append(self._canonical(op, head[5], text, path_of(base)) if string else b"")
        stat = self._stat(head, found[0]) if exact and head[4] else None
        number = head[12] if exact else head[5]
        told = _Names(
            pid=head[2],
            time_ns=head[3] + self.offset_ns,
            op=op,
            number=number,
            name=found[0],
            name2=found[1],
            stat=stat,
            unlinked=bool(flags & _UNLINKED),
            exact=exact,
        )
        if flags & _PENDING:
            self._pend(head, told)
            return ()
        return () if flags & Flag.DOUBTFUL and _is_pretended(told) else self._done(told)

    def _canonical(self, op: str, number: int, text: bytes, base: bytes) -> bytes:
        if not text:  # AT_EMPTY_PATH
            return base
        follows = op in ("TRUNCATE", "TRUNCATE64", "UTIME", "FUTIMESAT") or (
            op == "UTIMENSAT" and not number & _AT_SYMLINK_NOFOLLOW
        )
        if op == "LINKAT" and number & _AT_SYMLINK_FOLLOW and text.startswith(b"/proc/"):
            return text
        follows |= op == "LINKAT" and bool(number & _AT_SYMLINK_FOLLOW)
        return self._names.file(base, text) if follows else self._names.entry(base, text)

    def _pend(self, head: tuple[int, ...], what: _Names | _Before) -> None:
        if len(self._pending) > _MOST_REMEMBERED:
            self._pending.clear()
        self._pending[head[14]] = (head[13], what)

    def _outcome(self, head: tuple[int, ...]) -> Iterable[Event]:
        op, what = self._pending.pop(head[14], (0, None))
        result = head[5] & 0xFFFFFFFF
        if what is None or op != head[13] or result:
            return ()
        if isinstance(what, _Names):
            return self._done(what)
        path, before = what
        if before is None:
            return ()
        after_ns = head[6] * 1_000_000_000 + head[8]
        return [Event(Kind.TIMES, head[2], head[3] + self.offset_ns, path, flags=after_ns, stat=before, resolved=True)]

    def _done(self, told: _Names) -> Iterable[Event]:
        """A call with names succeeded."""
        op, pid, at_ns, path = told.op, told.pid, told.time_ns, told.name
        if max(len(path), len(told.name2)) > _LONGEST:
            return [Event(Kind.BLIND, pid, at_ns, path[:_LONGEST], reason=Blind.PATH)]
        if not path or (path.startswith(_NO_FILES) and not told.name2):
            return ()
        if op in ("RENAME", "RENAMEAT", "RENAMEAT2"):
            return self._renamed(told)
        if op in ("LINK", "LINKAT"):
            return self._linked(told)
        if op in ("UNLINK", "UNLINKAT"):
            return [Event(Kind.UNLINK, pid, at_ns, path, stat=told.stat, resolved=True)]
        if op in ("SYMLINK", "SYMLINKAT"):
            self._names.forget()
            return [Event(Kind.SYMLINK, pid, at_ns, path2=path, resolved=True)]
        if op in ("MKNOD", "MKNODAT"):
            if modes.S_IFMT(told.number & 0xFFFF) not in (0, modes.S_IFREG):
                return ()
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
            return [Event(Kind.WRITE, pid, at_ns, path, flags=flags, existed=False, resolved=True)]
        if op in ("TRUNCATE", "TRUNCATE64"):
            if not told.number or _has_nothing(path, told.number, at_ns):
                return [Event(Kind.TRUNCATE, pid, at_ns, path, resolved=True)]
            return [self._wrote(pid, at_ns, path, _look(path))]
        return self._times_set(pid, at_ns, path, _look(path))

    def _renamed(self, told: _Names) -> Iterable[Event]:
        old, new = told.name, told.name2
        if old == new or not new:
            return ()
        stat = told.stat
        if not told.exact:
            stat = _look(new)
            if stat is not None:
                there = _look(old)
                if there is not None and (there.dev, there.ino) == (stat.dev, stat.ino):
                    return ()  # two names of one file: rename(2) does nothing
                stat = _as_it_was(stat, told.time_ns)
        if stat is None or not modes.S_ISREG(stat.mode) or told.number & _RENAME_EXCHANGE:
            self._names.forget()
        return [
            Event(
                Kind.RENAME, told.pid, told.time_ns, old, new, flags=told.number & 0xFFFFFFFF, stat=stat, resolved=True
            )
        ]

    def _linked(self, told: _Names) -> Iterable[Event]:
        old, stat = b"" if told.unlinked else told.name, told.stat
        if not told.exact:
            stat = _look(told.name2)
            if stat is not None:
                if old.startswith(b"/proc/") and (stat.dev, stat.ino) in self._unnamed:
                    old = b""  # else it is the core that may know the file by its inode
                stat = _as_it_was(stat, told.time_ns)
        return [Event(Kind.LINK, told.pid, told.time_ns, old, told.name2, stat=stat, resolved=True)]


def _is_pretended(told: _Names) -> bool:
    """Whether nothing is there of what a call did."""
    if told.op.startswith("UNLINK"):
        return os.path.lexists(told.name)
    if told.op.startswith("RENAME"):
        return os.path.lexists(told.name) and not os.path.lexists(told.name2)
    made = told.name2 if told.op.startswith("LINK") else told.name
    return not os.path.lexists(made)


def _as_it_was(stat: FileStat, at_ns: int) -> FileStat | None:
    """What a look after a call says of the file at the moment of the call; None if it may be another or changed since.

    The call itself set ctime, by a clock that is up to a tick behind; it left mtime, which a change since would have set.
    """
    is_late = stat.ctime_ns > at_ns or (modes.S_ISREG(stat.mode) and stat.mtime_ns > at_ns - _TICK_NS)
    return None if is_late else stat


def _look(path: bytes) -> FileStat | None:
    try:
        s = os.lstat(path)
    except (OSError, ValueError):
        return None
    return FileStat(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_mode)


def _has_nothing(path: bytes, length: int, at_ns: int) -> bool:
    """Whether a file that was given its length consists of holes: then it was empty, or nothing is left of what was in it.

    Not sure is no: where it has been changed since, or its file system doesn't know of holes and calls everything data.
    """
    try:
        if not modes.S_ISREG(os.lstat(path).st_mode):
            return False
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return False
    try:
        now = os.fstat(fd)
        if now.st_size == length and now.st_ctime_ns <= at_ns:
            os.lseek(fd, 0, os.SEEK_DATA)
        return False
    except OSError as error:
        return error.errno == errno.ENXIO  # there is none
    finally:
        os.close(fd)


def _release() -> tuple[int, ...]:
    numbers = os.uname().release.split("-")[0].split(".")[:2]
    return tuple(int(number) if number.isdigit() else 0 for number in numbers)
