"""Taking digests: of the bytes that the job read or wrote, or none and a reason (HASH-2, HASH-3, HASH-5).

A digest is valid when the file that was hashed is, before the first and after the last byte, in the state in which it
is meant: for an input, as it was when the job consumed it; for an output, as it was when the command had ended.
"""

from __future__ import annotations

import ctypes
import os
import stat as modes
import threading
from _queue import SimpleQueue
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from roar.api.events import FileStat
from roar.api.hashers import Hasher

_BLOCK = 1 << 20
_BATCH = 128  # files a task: a queue operation a file would cost more than hashing a small file
_IOPRIO_WHO_PROCESS, _IOPRIO_IDLE = 1, 3 << 13  # ioprio_set(2)
_SYS_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY

CHANGED = "it changed after the job read it"
CHANGED_OUTPUT = "it changed after the command ended"
WHILE_HASHING = "it changed while it was hashed"
GONE = "it was gone before its content was known"
INTERRUPTED = "hashing was interrupted"
TOO_LARGE = "larger than --no-hash-inputs-over"
OFF = "hashing is off (--no-hash)"


class Task(NamedTuple):
    """A file to be hashed."""

    path: bytes
    expected: FileStat | None
    """The state in which its content is the one that is meant; None: unknown, so that no digest can be right."""
    algorithms: tuple[str, ...]


class Digested(NamedTuple):
    """A file's digests, or why there are none."""

    hashes: Mapping[str, str]
    stat: FileStat | None
    reason: str | None


class Digester:
    """Hashes files in threads, at idle priority while the command runs and at full speed afterwards.

    Args:
        hashers: algorithm → hasher.
        threads: how many.
    """

    def __init__(self, hashers: Mapping[str, type[Hasher]], threads: int) -> None:
        self._new = {name: hasher.new for name, hasher in hashers.items()}
        self._threads = threads
        self._queue: SimpleQueue[list[Task] | None] = SimpleQueue()
        self._workers: list[threading.Thread] = []
        self._idle = True
        self._stopped = False
        self._lock = threading.Condition()
        self._pending = 0
        self._bytes_done = 0
        self.done: dict[bytes, Digested] = {}
        """Path → outcome, filled by the workers."""

    def submit(self, tasks: Iterable[Task]) -> None:
        """Queues files.  A path that is queued twice is hashed twice; the later outcome stays."""
        batch: list[Task] = []
        size = 0
        for task in tasks:
            batch.append(task)
            size += task.expected.size if task.expected else 0
            if len(batch) == _BATCH or size > 4 * _BLOCK:
                self._put(batch)
                batch, size = [], 0
        if batch:
            self._put(batch)

    def _put(self, batch: list[Task]) -> None:
        with self._lock:
            self._pending += 1
        self._queue.put(batch)
        if len(self._workers) < min(self._threads, self._pending):
            worker = threading.Thread(target=self._work, name="roar-hash", daemon=True)
            self._workers.append(worker)
            worker.start()

    def hurry(self) -> None:
        """The command has ended: go on at normal priority."""
        self._idle = False

    def wait(self, timeout_s: float) -> bool:
        """Waits until everything queued is done; False after `timeout_s`."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._pending, timeout_s)

    def stop(self) -> None:
        """Gives up on what is still queued: it gets the reason that hashing was interrupted."""
        self._stopped = True

    def close(self) -> None:
        """Ends the threads."""
        for _ in self._workers:
            self._queue.put(None)

    def progress(self) -> tuple[int, int]:
        """(files done, bytes done)."""
        return len(self.done), self._bytes_done

    def _work(self) -> None:
        lowered = False
        if self._idle:
            lowered = _lower_priority()
        buffer = bytearray(_BLOCK)
        while (batch := self._queue.get()) is not None:
            for task in batch:
                if lowered and not self._idle:
                    lowered = not _raise_priority()
                if self._stopped:
                    self.done[task.path] = Digested({}, None, INTERRUPTED)
                else:
                    self.done[task.path] = self._digest(task, buffer)
            with self._lock:
                self._pending -= 1
                self._lock.notify_all()

    def _digest(self, task: Task, buffer: bytearray) -> Digested:
        if task.expected is None:
            return Digested({}, None, CHANGED)
        try:
            fd = _open(task.path)
        except OSError as error:
            return Digested({}, None, _why(error))
        try:
            s = os.fstat(fd)
            if not modes.S_ISREG(s.st_mode):
                return Digested({}, None, CHANGED)
            before = FileStat(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_mode)
            if not before.same_content(task.expected):
                return Digested({}, None, CHANGED)
            if before.size < _BLOCK:
                content = os.read(fd, before.size + 1)
                if len(content) < before.size:
                    content += _rest(fd)
                hashes = {}
                for name in task.algorithms:
                    digest = self._new[name]()
                    digest.update(content)
                    hashes[name] = digest.hexdigest()
                length = len(content)
            else:
                hashes, length = self._stream(fd, task.algorithms, buffer)
            s = os.fstat(fd)
            after = FileStat(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_mode)
        except InterruptedError:
            return Digested({}, None, INTERRUPTED)
        except OSError as error:
            return Digested({}, None, _why(error))
        finally:
            os.close(fd)
        self._bytes_done += length
        if length != before.size or not before.same_content(after):
            return Digested({}, None, WHILE_HASHING)
        return Digested(hashes, after, None)

    def _stream(self, fd: int, algorithms: tuple[str, ...], buffer: bytearray) -> tuple[dict[str, str], int]:
        digests = {name: self._new[name]() for name in algorithms}
        view = memoryview(buffer)
        length = 0
        while count := os.readv(fd, [buffer]):
            for digest in digests.values():
                digest.update(view[:count])
            length += count
            if self._stopped:
                raise InterruptedError
        return {name: digest.hexdigest() for name, digest in digests.items()}, length


def _open(path: bytes) -> int:
    try:
        return os.open(path, _OPEN | os.O_NOATIME)  # looking must not show; only the owner may ask for that
    except PermissionError:
        return os.open(path, _OPEN)


def _rest(fd: int) -> bytes:
    parts = []
    while part := os.read(fd, _BLOCK):
        parts.append(part)
    return b"".join(parts)


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return GONE
    return f"it can't be read: {error.strerror}"


def _lower_priority() -> bool:
    """Puts this thread behind everything else that wants the processor or the disk."""
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        number = _SYS_IOPRIO_SET.get(os.uname().machine)
        if number is not None:
            ctypes.CDLL(None).syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_IDLE)
    except OSError:
        return False
    return True


def _raise_priority() -> bool:
    try:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        number = _SYS_IOPRIO_SET.get(os.uname().machine)
        if number is not None:
            ctypes.CDLL(None).syscall(number, _IOPRIO_WHO_PROCESS, 0, 0)
    except OSError:
        return False
    return True


def wait_for_all(digester: Digester, interrupted: Callable[[], bool], report: Callable[[], None]) -> None:
    """Waits until everything is hashed, or the user interrupts.

    Args:
        digester: what hashes.
        interrupted: whether the user wants to go; asked every tenth of a second.
        report: called every tenth of a second, to show progress.
    """
    while not digester.wait(0.1):
        if interrupted():
            digester.stop()
        report()
