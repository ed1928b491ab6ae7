"""The journal: events on disk as they are seen, written by the tracer's process and read by roar's, while it runs or after a kill.

A page of header, then records.  A record is `_HEAD`, the bytes of two paths, and nothing else.  A call that was let go has no
outcome yet: its record is PENDING, and a later record of kind `OUTCOME` says what came of the n-th pending one.  The reader
holds back what follows a pending record, so that events come in order; what a kill left pending it gives as unconfirmed.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from roar.api.events import Blind, Event, FileStat, Kind

NAME = "events"
_MAGIC = b"roarptr1"
_PAGE = 4096
_COUNTS = struct.Struct("=8sqq")
"""Magic, events written, events dropped."""
_HEAD = struct.Struct("=IBBBxiqqQQqqqIHH")
"""Length of all, kind, bits, reason, pid, flags, time, device, inode, size, mtime, ctime, mode, lengths of the paths."""
_STAT, _EXISTED, _NEW, _PENDING, _FAILED = 1, 2, 4, 8, 16
OUTCOME = 255
LOST = -1
"""The number of a pending event that could not be written."""
_CHUNK = 1 << 20
_KINDS = {int(kind): kind for kind in Kind}

WITHOUT_PRIVILEGES = (
    "a setuid program or one with file capabilities ran without its privileges, as the kernel demands of a traced one"
    " (fix: run roar as root, or use a tracer that leaves it alone: roar tracer use preload)"
)
_OTHER_TRACER = " (fix: use a tracer that needs no filter: roar tracer use preload)"
LISTENER = "a program was refused a seccomp listener of its own (EBUSY), as the tracer has one" + _OTHER_TRACER
STRICT = "a program was refused seccomp's strict mode (EINVAL), as the tracer has a filter" + _OTHER_TRACER
TRACES = (
    "a program put itself under a filter that asks a tracer (SECCOMP_RET_TRACE): roar's own comes first" + _OTHER_TRACER
)
FAILED = "the tracer failed at a call of a program (fix: report it, with the program)"
LANDLOCK = (
    "a program confined itself by Landlock: files that it was refused may be listed as read"
    " (fix: roar tracer use preload)"
)
REASONS = (
    "", WITHOUT_PRIVILEGES, LISTENER, STRICT, TRACES, LANDLOCK, FAILED, Blind.PATH, Blind.FOREIGN, Blind.IO_URING, Blind.NAMESPACE,
    Blind.NESTED_TRACE, Blind.SECCOMP,
)  # fmt: skip
"""By their numbers in records."""
_NUMBER_OF = {reason: number for number, reason in enumerate(REASONS)}
_NOTHING = FileStat(0, 0, 0, 0, 0, 0)

_make = tuple.__new__  # a NamedTuple's own constructor takes three times as long


def stat_of(status: os.stat_result) -> FileStat:
    """A stat result as roar keeps it."""
    return FileStat(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_mode
    )


class NotAJournal(Exception):
    """The file isn't one, or of another version."""


class Writer:
    """Appends to a journal.  It never fails: what can't be written is counted.

    Args:
        directory: where the journal is made, if it isn't there.

    Raises:
        OSError: the header can't be written.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / NAME
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            is_new = not os.fstat(self.fd).st_size
            if is_new and os.write(self.fd, _COUNTS.pack(_MAGIC, 0, 0).ljust(_PAGE, b"\0")) < _PAGE:
                raise OSError(28, os.strerror(28), str(path))
        except BaseException:  # whatever it is, it goes on; only nothing half done is left
            os.close(self.fd)
            raise
        self._header: mmap.mmap | None = None
        self._written = 0
        self._dropped = 0
        self._pending = 0
        self._outcomes = b""  # wait for the next event: losing them in a kill loses no event
        self._outcome_count = 0

    def close(self) -> None:
        """Lets go of the file; what was written stays."""
        if self._header is not None:
            self._header.close()
        os.close(self.fd)

    def add(
        self,
        kind: Kind,
        pid: int,
        path: bytes = b"",
        path2: bytes = b"",
        *,
        flags: int = 0,
        existed: bool | None = None,
        stat: FileStat | None = None,
        reason: str = "",
        pending: bool = False,
    ) -> int:
        """Writes an event; see `roar.api.events.Event`.

        Args:
            kind: as all the rest, of the event.
            pid: …
            path: canonical; of SYMLINK the text.
            path2: canonical.
            flags: …
            existed: …
            stat: …
            reason: one of `REASONS`.
            pending: its outcome will be told by `outcome`.

        Returns:
            The number to tell the outcome by; `LOST`, or of no meaning when it isn't pending.
        """
        bits = (_STAT if stat is not None else 0) | (_PENDING if pending else 0)
        if existed is not None:
            bits |= _EXISTED if existed else _NEW
        status = _NOTHING if stat is None else stat
        record = _HEAD.pack(
            _HEAD.size + len(path) + len(path2), kind, bits, _NUMBER_OF[reason], pid, flags, time.time_ns(),
            status.dev, status.ino, status.size, status.mtime_ns, status.ctime_ns, status.mode, len(path), len(path2),
        )  # fmt: skip
        if not self._append(self._outcomes + record + path + path2):
            return LOST
        self._pending += pending
        return self._pending - 1

    def outcome(self, number: int, failed: bool, value: int = 0) -> None:
        """Tells what came of a pending event.

        Args:
            number: that `add` answered with; nothing is told of one that was lost.
            failed: nothing happened.
            value: of TIMES: the modification time, ns.
        """
        if number != LOST:
            self._outcomes += _HEAD.pack(
                _HEAD.size, OUTCOME, _FAILED if failed else 0, 0, 0, number, value, 0, 0, 0, 0, 0, 0, 0, 0
            )

    @property
    def has_outcomes(self) -> bool:
        """Whether `flush` has something to do."""
        return bool(self._outcomes)

    def flush(self) -> None:
        """Writes outcomes that waited for the next event."""
        if self._outcomes:
            self._append(self._outcomes, events=0)

    def _append(self, data: bytes, events: int = 1) -> bool:
        """Writes all or nothing; whether it did."""
        try:
            done = os.write(self.fd, data)
        except OSError:  # the disk is full, or RLIMIT_FSIZE reached
            done = 0
        is_whole = done == len(data)
        if is_whole:
            self._outcomes = b""
            self._written += events
        else:
            if done:
                os.ftruncate(self.fd, os.fstat(self.fd).st_size - done)
            self._dropped += events
        # not pack_into: it fills with zeros first, and a reader, or a kill, in that moment would find no journal
        if self._header is None:  # by the process that writes: it holds a descriptor, of which there may be few
            self._header = mmap.mmap(self.fd, _PAGE)
        self._header[: _COUNTS.size] = _COUNTS.pack(_MAGIC, self._written, self._dropped)
        return is_whole


class Reader:
    """Reads a journal, also while it grows.

    Args:
        directory: where the journal is.

    Raises:
        OSError: there is none.
        NotAJournal: it is none.
    """

    def __init__(self, directory: Path) -> None:
        self._fd = os.open(directory / NAME, os.O_RDONLY | os.O_CLOEXEC)
        if os.pread(self._fd, len(_MAGIC), 0) != _MAGIC:
            os.close(self._fd)
            raise NotAJournal(str(directory / NAME))
        self._offset = _PAGE
        self._read = 0
        self._waiting: deque[tuple[Event, int]] = deque()  # an event and the number of its outcome, -1 for none
        self._outcomes: dict[int, tuple[bool, int]] = {}
        self._pending = 0

    @property
    def dropped(self) -> int:
        """How many events could not be written, or, after the last `events`, not be read."""
        header = os.pread(self._fd, _COUNTS.size, 0)
        if len(header) < _COUNTS.size:
            return 0
        _, written, dropped = _COUNTS.unpack(header)
        return int(dropped + max(0, written - self._read))

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self._fd)

    def events(self, final: bool) -> Iterator[Event]:
        """The events since the last call whose outcome is known.

        Args:
            final: also those whose outcome nobody will tell; they are not `confirmed`.
        """
        while taken := self._take(os.pread(self._fd, _CHUNK, self._offset)):
            self._offset += taken
            yield from self._known()
        while final and self._waiting:
            event, number = self._waiting.popleft()
            known = self._outcomes.pop(number, None)
            if known is None and number >= 0:
                yield event._replace(confirmed=False)
            elif known is None or not known[0]:
                yield _with_value(event, known)

    def _known(self) -> Iterator[Event]:
        waiting, outcomes = self._waiting, self._outcomes
        while waiting:
            event, number = waiting[0]
            if number >= 0:
                known = outcomes.pop(number, None)
                if known is None:
                    return
                waiting.popleft()
                if not known[0]:
                    yield _with_value(event, known)
            else:
                waiting.popleft()
                yield event

    def _take(self, data: bytes) -> int:
        """Takes the whole records that `data` begins with; their length.

        Half a record may yet be taken back by the writer (`Writer._append`); behind what is none there is nothing to find.
        """
        at, end, size = 0, len(data), _HEAD.size
        while end - at >= size:
            record = _HEAD.unpack_from(data, at)
            length, kind, bits, reason, pid, flags, time_ns, dev, ino, st_size, mtime, ctime, mode, one, two = record
            if end - at < length or length != size + one + two:
                break
            if kind == OUTCOME:
                self._outcomes[flags] = bool(bits & _FAILED), time_ns
            elif kind not in _KINDS or reason >= len(REASONS):
                break
            else:
                middle = at + size + one
                stat = _make(FileStat, (dev, ino, st_size, mtime, ctime, mode)) if bits & _STAT else None
                existed = True if bits & _EXISTED else False if bits & _NEW else None
                event = _make(
                    Event,
                    (
                        _KINDS[kind], pid, time_ns, data[at + size : middle], data[middle : middle + two], flags, existed,
                        stat, True, True, False, 0, REASONS[reason],
                    ),
                )  # fmt: skip
                number = -1
                if bits & _PENDING:
                    number = self._pending
                    self._pending += 1
                self._waiting.append((event, number))
                self._read += 1
            at += length
        return at


def _with_value(event: Event, known: tuple[bool, int] | None) -> Event:
    return event if known is None or event.kind != Kind.TIMES else event._replace(flags=known[1])
