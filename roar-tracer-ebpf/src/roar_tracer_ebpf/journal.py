"""The journal of a run: what `roar-ebpf trace` copies from the kernel's ring into the run's directory, and how it is read.

It begins with the counters, which are written anew every now and then and at the end; then come the ring's records as they are.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

NAME = "events"
_RUNNER = "runner"
_MAGIC = b"ROAREBPF"
_COUNTERS = struct.Struct("<8s10Q")
_HEADER = struct.Struct("<II")
_OFFSET = struct.Struct("<q")
_DISCARDED = 1 << 30
"""A bit of a record's header (include/uapi/linux/bpf.h); one that is still being written never comes here."""
_SHORTEST, _LONGEST = 96, 16384
"""Records, in bytes: HEAD.size and LONGEST_RECORD of `layout`, which takes a while to import."""
_AT_ONCE = 1 << 20
_ANSWERS_AT, _ANSWERS = 40, 1 << 24
_ANSWER_S, _PAUSE_S = 10, 0.002
"""A writer that doesn't answer for that long is stopped (by SIGSTOP); it looks every 100 ms (``drain.c``)."""


class NotAJournal(Exception):
    """The file is not, or not yet, a journal of this tracer's."""


class Counters(NamedTuple):
    """What was counted in the kernel and while copying."""

    emitted: int
    drops: int
    """Records for which the ring had no room."""
    drop_bytes: int
    truncated: int
    suppressed: int
    """Withheld, as they are of processes of another user."""
    enrol_failed: int
    """Processes for which there was no room."""
    lost_by_disk: int
    misses: int
    """Programs that did not run, as one of them was running on that processor."""
    how: int
    spare: int

    @property
    def tier(self) -> int:
        """`layout.BASE` or `layout.FENTRY`."""
        return self.how & 0xFF

    @property
    def is_finished(self) -> bool:
        """The writer ended as it should, when its roar let go of it or was killed."""
        return bool(self.how >> 32 & 1)

    @property
    def answers(self) -> int:
        """How often the writer has copied all that was seen because somebody waited for it, less all multiples of 2^24."""
        return self.how >> _ANSWERS_AT

    @property
    def sees_io_uring(self) -> bool:
        """No program that is for io_uring was refused."""
        return not self.how >> 16 & 1

    @property
    def lost(self) -> int:
        """Records that were made and found no room."""
        return self.drops + self.lost_by_disk


class Journal:
    """Reads one, which may be growing.

    Args:
        directory: the run's.

    Attributes:
        is_damaged: there is something in it that the probe never writes; what is behind it can't be read.

    Raises:
        OSError: there is none.
        NotAJournal: it is something else.
    """

    def __init__(self, directory: Path) -> None:
        self._fd = os.open(directory / NAME, os.O_RDONLY | os.O_CLOEXEC)
        self._at = _COUNTERS.size
        self.is_damaged = False
        try:
            self.counters()
        except NotAJournal:
            os.close(self._fd)
            raise

    def counters(self) -> Counters:
        """As they were last written."""
        head = os.pread(self._fd, _COUNTERS.size, 0)
        if len(head) < _COUNTERS.size:
            raise NotAJournal
        magic, *numbers = _COUNTERS.unpack(head)
        if magic != _MAGIC:
            raise NotAJournal
        return Counters(*numbers)

    def records(self) -> Iterator[tuple[bytes, int]]:
        """The records since the last call: where each is, as (bytes, offset)."""
        unpack, header = _HEADER.unpack_from, _HEADER.size
        while not self.is_damaged and (block := os.pread(self._fd, _AT_ONCE, self._at)):
            at, end = 0, len(block)
            while at + header <= end:
                length = unpack(block, at)[0] & ~_DISCARDED
                if not _SHORTEST <= length <= _LONGEST:
                    self.is_damaged = True
                    break
                after = at + header + (length + 7 & -8)
                if after > end:
                    break
                if not block[at + 3] & _DISCARDED >> 24:
                    yield block, at + header
                at = after
            if not at:  # nothing but the beginning of a record: it is read again when there is more
                return
            self._at += at

    def wait_for_writer(self) -> None:
        """Waits until nobody writes any more: the writer holds a lock on the journal while it lives, and ends after its roar."""
        fcntl.flock(self._fd, fcntl.LOCK_SH)

    def wait_for_now(self) -> None:
        """Waits until what has been seen by now is in it; not for a writer that is gone or doesn't answer."""
        try:
            self._lock_first_byte(fcntl.F_RDLCK)  # by which the writer knows
        except OSError:
            return  # a file system that has no such locks
        until, before = time.monotonic() + _ANSWER_S, self.counters().answers
        # twice: the first answer may be to somebody who has asked before, and be on its way already
        while (
            (self.counters().answers - before) % _ANSWERS < 2 and not self._has_no_writer() and time.monotonic() < until
        ):
            time.sleep(_PAUSE_S)
        self._lock_first_byte(fcntl.F_UNLCK)

    def _lock_first_byte(self, kind: int) -> None:
        """A lock of the open file: one of the process would be lost when it closes another descriptor of the file (fcntl(2))."""
        fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, struct.pack("hhqqi", kind, os.SEEK_SET, 0, 1, 0))

    def _has_no_writer(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self._fd)


def mark_as_mine(directory: Path, offset_ns: int) -> int:
    """Says that a roar lives that will read this run's journal to its end, and by which clock it is written.

    Args:
        directory: the run's.
        offset_ns: CLOCK_REALTIME less CLOCK_MONOTONIC, in nanoseconds.

    Returns:
        A descriptor; while it is open, it is so.

    Raises:
        OSError: the directory can't be written.
    """
    fd = os.open(directory / _RUNNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.pwrite(fd, _OFFSET.pack(offset_ns), 0)
    except OSError:
        os.close(fd)
        raise
    return fd


def noted_offset_ns(directory: Path) -> int | None:
    """What `mark_as_mine` was told; None where nothing is noted."""
    try:
        (offset_ns,) = _OFFSET.unpack((directory / _RUNNER).read_bytes())
    except (OSError, struct.error):
        return None
    return int(offset_ns)


def is_somebodys(directory: Path) -> bool:
    """Whether a roar lives that will read this run's journal."""
    try:
        with open(directory / _RUNNER, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False
