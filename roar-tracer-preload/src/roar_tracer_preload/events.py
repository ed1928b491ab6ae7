"""Records of the arena as events of roar."""

from __future__ import annotations

import os

from roar.api.events import Blind, Event, FileStat, Kind
from roar_tracer_preload.arena import CANONICAL, EXISTED, NEW, PENDING, STAT, Decoded, RecordKind

SANITIZER = "AddressSanitizer, which lets no library be loaded before it"
"""This tracer's own code: the shim stays out of such a program, which would end at once."""
APART = "dlmopen, by which the loader gives a library a libc of its own"
"""This tracer's own code: what the library does isn't seen."""
REASONS = (
    "", Blind.STATIC, Blind.GO, Blind.FOREIGN, Blind.LOADER, Blind.SETUID, Blind.IO_URING, Blind.DEEPBIND,
    Blind.NAMESPACE, Blind.UNREACHABLE, Blind.SECCOMP, Blind.E2BIG, Blind.PATH, SANITIZER,
    APART,
)  # fmt: skip
"""``enum blind`` of format.h."""

_KINDS = {
    RecordKind.START: Kind.START,
    RecordKind.FORK: Kind.FORK,
    RecordKind.READ: Kind.OPEN,
    RecordKind.WRITE: Kind.WRITE,
    RecordKind.RENAME: Kind.RENAME,
    RecordKind.LINK: Kind.LINK,
    RecordKind.SYMLINK: Kind.SYMLINK,
    RecordKind.UNLINK: Kind.UNLINK,
    RecordKind.TRUNCATE: Kind.TRUNCATE,
    RecordKind.EXEC: Kind.EXEC,
    RecordKind.SPAWN: Kind.EXEC,
    RecordKind.MAP: Kind.MAP,
    RecordKind.BLIND: Kind.BLIND,
    RecordKind.SPAWN_OPEN: Kind.WRITE,
    RecordKind.TIMES: Kind.TIMES,
}
_KIND_OF = tuple(_KINDS.get(RecordKind(n)) if n else None for n in range(len(RecordKind) + 1))

_make = tuple.__new__  # a NamedTuple's own constructor takes three times as long


def event_of(decoded: Decoded) -> Event:
    """The event that a record tells of; for EXEC and SPAWN `pid` is that of the process that runs the program."""
    record, path, path2 = decoded
    _, _, kind, state, bits, reason, pid, flags, time_ns, dev, ino, size, mtime, ctime, mode, _, _ = record
    stat = _make(FileStat, (dev, ino, size, mtime, ctime, mode)) if bits & STAT else None
    existed = True if bits & EXISTED else False if bits & NEW else None
    confirmed = state != PENDING
    child = 0
    if kind == RecordKind.FORK:
        child, flags = flags, 0
    elif kind == RecordKind.SPAWN:
        pid, flags = flags or pid, 0
    elif kind == RecordKind.START:
        flags, existed = 0, None
    elif kind == RecordKind.TIMES:
        flags, time_ns = time_ns, 0
    if kind == RecordKind.EXEC or kind == RecordKind.SPAWN:
        existed, confirmed = None, True  # an exec that succeeded never returns to say so
    return _make(
        Event,
        (
            _KIND_OF[kind], pid, time_ns, path, path2, flags, existed, stat, confirmed,
            bool(bits & CANONICAL), False, child, reason_of(reason),
        ),
    )  # fmt: skip


def reason_of(code: int) -> str:
    """The text of an ``enum blind``."""
    return REASONS[code] if code < len(REASONS) else f"reason {code}"


def stat_of(status: os.stat_result) -> FileStat:
    """A stat result as roar keeps it."""
    return FileStat(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_mode
    )
