"""The arena: the file that the shim writes events into.  Its format is shim/format.h.

It is read, never mapped: a page that the disk had no room for would be a SIGBUS in the reader.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from enum import IntEnum

MAGIC = 0x3352414F52455250  # "PREROAR3"
BASE = 1 << 20
SEGMENT = 1 << 20
MAX_SEGMENTS = 1024
RECORD_MAGIC = 0x5AFE

_HEAD = struct.Struct("<7Q")
_REPLACED_AT, _NEVER = _HEAD.size + 8, bytes(8)
_RECORD = struct.Struct("<HHBBBBIIQQQQQQIHH")
_START = struct.Struct("<HH")
_STATE_AT = 5  # of a record


class RecordKind(IntEnum):
    """``enum kind`` of format.h."""

    PAD = 1
    START = 2
    FORK = 3
    READ = 4
    WRITE = 5
    RENAME = 6
    LINK = 7
    SYMLINK = 8
    UNLINK = 9
    TRUNCATE = 10
    EXEC = 11
    SPAWN = 12
    MAP = 13
    BLIND = 14
    SPAWN_OPEN = 15
    TIMES = 16
    LED = 17


HOLE, PENDING, OK, FAILED, SUPERSEDED = range(5)
"""``enum state`` of format.h."""

EXISTED, NEW, STAT, CANONICAL, OBJECT = 1, 2, 4, 8, 16
"""``enum bits`` of format.h."""

Record = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int]
"""magic, words, kind, state, bits, reason, pid, flags, time, dev, ino, size, mtime, ctime, mode, length1, length2."""

Decoded = tuple[Record, bytes, bytes]
"""A record and its two texts."""


class NotAnArena(ValueError):
    """The file isn't an arena of this version."""


def create(path: str, limit: int = MAX_SEGMENTS * SEGMENT) -> None:
    """Makes an empty arena: sparse at its full length, its head and first segment reserved on the disk.

    No traced process ever extends it, so that ``ulimit -f`` in one doesn't raise SIGXFSZ.

    Args:
        path: of a file that doesn't exist.
        limit: bytes of records that fit.

    Raises:
        OSError: no room (ENOSPC), or more than this process may write (EFBIG).
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(fd, BASE + limit)
        os.posix_fallocate(fd, 0, BASE + min(limit, SEGMENT))
        os.pwrite(fd, _HEAD.pack(MAGIC, BASE, SEGMENT, limit, 0, 0, 0), 0)
    finally:
        os.close(fd)


class Arena:
    """An arena being read while others write to it.

    Args:
        path: the file.

    Raises:
        OSError: it can't be opened.
        NotAnArena: it isn't one.
    """

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._at = 0
        self._ahead: Arena | None = None
        self.torn = 0
        """Records that a kill left unwritten: known when everything has been read with `final`."""
        try:
            self._head()
        except NotAnArena:
            self.close()
            raise

    def close(self) -> None:
        """Lets go of the file."""
        if self._ahead is not None:
            self._ahead.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def replaced(self) -> bool:
        """Whether a name was given another file, or a symbolic link went."""
        return os.pread(self._fd, 8, _REPLACED_AT) != _NEVER

    def names_moved(self) -> bool:
        """Whether any path may mean another file than at the beginning."""
        return self._head()[6] != 0

    def new_links(self, final: bool) -> Iterator[Decoded]:
        """What tells of symbolic links that went since the last call, or are about to; ahead of `records`."""
        if self._ahead is None:
            self._ahead = Arena(f"/proc/self/fd/{self._fd}")
        for _ in range(2):  # the first stops at a record that is settled at this very moment
            for decoded in self._ahead.records(final, lambda *_: True):
                if decoded[0][2] == RecordKind.LED:
                    yield decoded

    def is_drained(self) -> bool:
        """Whether everything that was begun has been given."""
        head = self._head()
        return self._at >= min(head[4], head[3], MAX_SEGMENTS * SEGMENT)

    @property
    def dropped(self) -> int:
        """Events for which there was no room."""
        return self._head()[5]

    def _head(self) -> tuple[int, ...]:
        data = os.pread(self._fd, _HEAD.size, 0)
        if len(data) < _HEAD.size:
            raise NotAnArena("the arena is cut short")
        head = _HEAD.unpack(data)
        if head[:3] != (MAGIC, BASE, SEGMENT):
            raise NotAnArena("the arena is of another version")
        return head

    def records(self, final: bool, settled: Callable[[Record, bytes, int], bool]) -> Iterator[Decoded]:
        """The records since the last call, in the order of their allocation.

        Args:
            final: nobody writes any more: what is unfinished is given as it is, what was never written is counted as torn.
                Otherwise the answer ends before the first record that is still being written.
            settled: asked about a record that is PENDING, (record, the rest of its segment, offset of what follows it):
                whether it may be given as it is.
        """
        head = self._head()
        end = min(head[4], head[3], MAX_SEGMENTS * SEGMENT)
        while self._at < end:
            base = self._at
            stop = min(end, (base // SEGMENT + 1) * SEGMENT)
            yield from self._segment(os.pread(self._fd, stop - base, BASE + base), base, final, settled)
            if self._at < stop:
                if not final:
                    return
                self._at = stop

    def _segment(
        self, data: bytes, base: int, final: bool, settled: Callable[[Record, bytes, int], bool]
    ) -> Iterator[Decoded]:
        at, end, hole = 0, len(data), False
        unpack, size, start = _RECORD.unpack_from, _RECORD.size, _START.unpack_from
        while at + 8 <= end:
            magic, words = start(data, at)
            after = at + words * 8
            if magic != RECORD_MAGIC or not words or after > end:
                if not final:
                    return
                if not hole:  # a kill between allocating and writing: the next record begins where its magic is
                    self.torn += 1
                    hole = True
                at += 8
                continue
            hole = False
            if data[at + 4] != RecordKind.PAD:
                if after - at < size:
                    self.torn += 1
                    at = after
                    continue
                record = unpack(data, at)
                state, first, second = record[3], record[15], record[16]
                text = at + size
                if state == HOLE:
                    if not final:
                        return
                    self.torn += 1
                elif not RecordKind.PAD < record[2] <= RecordKind.LED or text + first + second + 2 > after:
                    self.torn += 1
                elif state == PENDING and not final:
                    # who wrote it may have told the outcome, and ended, since these bytes were read: then they are read anew
                    if not settled(record, data, after) or self._state_now(base + at) != PENDING:
                        return
                    self._at = base + after
                    yield record, data[text : text + first], data[text + first + 1 : text + first + 1 + second]
                elif state in (PENDING, OK):
                    self._at = base + after
                    yield record, data[text : text + first], data[text + first + 1 : text + first + 1 + second]
            at = after
            self._at = base + at

    def _state_now(self, at: int) -> int:
        state = os.pread(self._fd, 1, BASE + at + _STATE_AT)
        return state[0] if state else HOLE


def starts_in(data: bytes, at: int) -> Iterator[int]:
    """Pids of the START records among the records of `data` from offset `at` on."""
    end = len(data)
    while at + _RECORD.size <= end:
        magic, words = _START.unpack_from(data, at)
        if magic != RECORD_MAGIC or not words:
            return
        if data[at + 4] == RecordKind.START:
            yield _RECORD.unpack_from(data, at)[6]
        at += words * 8
