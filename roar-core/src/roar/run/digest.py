"""Taking digests: of the bytes that the job read or wrote, or none and a reason (HASH-2, HASH-3, HASH-5).

A digest is valid when the file that was hashed is, before the first and after the last byte, in the state in which it
is meant: for an input, as it was when the job consumed it; for an output, as it was when the command had ended.
"""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Callable, Mapping
from typing import NamedTuple

from roar.api.events import FileStat
from roar.api.filters import Direction
from roar.api.hashers import Hasher

BLOCK = 1 << 20
"""Bytes read at a time; a file of fewer is small."""
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY

CHANGED = "it changed after the job read it"
CHANGED_OUTPUT = "it changed after the command ended"
WHILE_HASHING = "it changed while it was hashed"
GONE = "it was gone before its content was known"
INTERRUPTED = "hashing was interrupted"
TOO_LARGE = "larger than --no-hash-inputs-over"
OFF = "hashing is off (--no-hash)"
SPARSE = "it is sparse and too large: almost all of it is a hole"
_SPARSE_BYTES = 16 << 30
"""From this size on, a file with nearly no data isn't hashed: a terabyte of nothing would take minutes."""
_SPARSE_SHARE = 64


class Task(NamedTuple):
    """A file to be hashed."""

    path: bytes
    expected: FileStat | None
    """The state in which its content is the one that is meant; None: unknown, so that no digest can be right."""
    algorithms: tuple[str, ...]
    direction: Direction = "input"
    renamed: bool = False
    """The job gave the file another name, which changed its ctime and nothing else."""


class Digested(NamedTuple):
    """A file's digests, or why there are none."""

    algorithms: tuple[str, ...]
    values: tuple[str, ...]
    """One for each algorithm; empty when there are none."""
    stat: FileStat | None
    reason: str | None

    @property
    def hashes(self) -> dict[str, str]:
        """Algorithm → digest."""
        if len(self.values) == 1:
            return {self.algorithms[0]: self.values[0]}  # a display makes a smaller dict than a call
        return dict(zip(self.algorithms, self.values, strict=False))


def no_digest(reason: str) -> Digested:
    """That there is none, and why."""
    return Digested((), (), None, reason)


class Taker:
    """Takes digests of files, one after another; every thread and process has its own.

    Args:
        hashers: algorithm → hasher.
        stopped: asked within large files: whether to give up.
    """

    def __init__(self, hashers: Mapping[str, type[Hasher]], stopped: Callable[[], bool]) -> None:
        self._new = {name: hasher.new for name, hasher in hashers.items()}
        self._stopped = stopped
        self._buffer = bytearray(BLOCK)
        self.bytes_done = 0

    def take(self, task: Task) -> Digested:
        """The digests of a file, or the reason why there are none."""
        meant = task.expected
        if meant is None:
            return no_digest(CHANGED)
        try:
            fd = _open(task.path)
        except OSError as error:
            return no_digest(_why(error))
        try:
            # ctime only goes forward: a small file that is in its state after it was read was in it all the time
            if meant.size >= BLOCK or task.renamed:
                before = os.fstat(fd)
                if not _is_state(before, meant, task.renamed):
                    return no_digest(CHANGED)
                if meant.size >= _SPARSE_BYTES and before.st_blocks * 512 < meant.size // _SPARSE_SHARE:
                    return no_digest(SPARSE)
            if meant.size >= BLOCK:
                values, length = self._stream(fd, meant.size, task.algorithms)
            else:
                content = os.read(fd, meant.size + 1)
                if len(content) < meant.size:
                    content += _rest(fd)
                values = tuple([self._digest_of(name, content) for name in task.algorithms])
                length = len(content)
            after = os.fstat(fd)
        except InterruptedError:
            return no_digest(INTERRUPTED)
        except OSError as error:
            return no_digest(_why(error))
        finally:
            os.close(fd)
        self.bytes_done += length
        if length != meant.size or not _is_state(after, meant, task.renamed):
            return no_digest(CHANGED if meant.size < BLOCK else WHILE_HASHING)
        # one object for both where nothing changed: a hundred thousand of them count
        same = after.st_ctime_ns == meant.ctime_ns and after.st_mode == meant.mode
        stat = meant if same else meant._replace(ctime_ns=after.st_ctime_ns, mode=after.st_mode)
        return Digested(task.algorithms, values, stat, None)

    def _digest_of(self, algorithm: str, content: bytes) -> str:
        digest = self._new[algorithm]()
        digest.update(content)
        return digest.hexdigest()

    def _stream(self, fd: int, size: int, algorithms: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
        digests = [self._new[name]() for name in algorithms]
        view = memoryview(self._buffer)
        length = 0
        while length <= size and (count := os.readv(fd, [self._buffer])):  # it may grow as fast as it is read
            for digest in digests:
                digest.update(view[:count])
            length += count
            if self._stopped():
                raise InterruptedError
        return tuple(digest.hexdigest() for digest in digests), length


def _is_state(s: os.stat_result, meant: FileStat, renamed: bool) -> bool:
    """Whether a file is a regular one that nobody touched since another look.

    mtime alone won't do: whoever edits a file can set it back.  ctime can't be set, but a new name changes it as well.
    """
    return (
        s.st_mtime_ns == meant.mtime_ns
        and (s.st_ctime_ns == meant.ctime_ns or renamed)
        and s.st_size == meant.size
        and s.st_ino == meant.ino
        and s.st_dev == meant.dev
        and modes.S_ISREG(s.st_mode)
    )


def _open(path: bytes) -> int:
    try:
        return os.open(path, _OPEN | os.O_NOATIME)  # looking must not show; only the owner may ask for that
    except PermissionError:
        return os.open(path, _OPEN)


def _rest(fd: int) -> bytes:
    parts = []
    while part := os.read(fd, BLOCK):
        parts.append(part)
    return b"".join(parts)


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return GONE
    return f"it can't be read: {error.strerror}"
