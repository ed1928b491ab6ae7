"""Taking digests: of the bytes that the job read or wrote, or none and a reason (HASH-2, HASH-3, HASH-5).

A digest is valid when the file that was hashed is, before the first and after the last byte, in the state in which it
is meant: for an input, as it was when the job consumed it; for an output, as it was when the command had ended.
"""

from __future__ import annotations

import os
import stat as modes
import threading
from _queue import SimpleQueue
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from roar.api.events import FileStat
from roar.api.filters import Direction
from roar.api.hashers import Hasher
from roar.run.priority import step_back, step_forward

_BLOCK = 1 << 20
_BATCH = 128  # files a task: a queue operation a file would cost more than hashing a small file
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


def _none(reason: str) -> Digested:
    return Digested((), (), None, reason)


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
        self.done: dict[Direction, dict[bytes, Digested]] = {"input": {}, "output": {}}
        """Path → outcome, filled by the workers; a file that is input and output has two contents."""

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
            try:
                worker.start()
            except RuntimeError:  # no more threads are allowed (RLIMIT_NPROC)
                if not self._workers:
                    self._queue.put(None)
                    self._work()
            else:
                self._workers.append(worker)

    def hurry(self) -> None:
        """The command has ended: go on at normal priority."""
        self._idle = False
        for worker in self._workers:
            step_forward(worker)

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
        return sum(map(len, self.done.values())), self._bytes_done

    def _work(self) -> None:
        if self._idle:
            step_back()
            if not self._idle:  # the command ended just now
                step_forward(threading.current_thread())
        buffer = bytearray(_BLOCK)
        while (batch := self._queue.get()) is not None:
            for task in batch:
                if self._stopped:
                    self.done[task.direction][task.path] = _none(INTERRUPTED)
                else:
                    self.done[task.direction][task.path] = self._digest(task, buffer)
            with self._lock:
                self._pending -= 1
                self._lock.notify_all()

    def _digest(self, task: Task, buffer: bytearray) -> Digested:
        meant = task.expected
        if meant is None:
            return _none(CHANGED)
        try:
            fd = _open(task.path)
        except OSError as error:
            return _none(_why(error))
        try:
            before = os.fstat(fd)
            if not _is_state(before, meant, task.renamed):
                return _none(CHANGED)
            if meant.size >= _SPARSE_BYTES and before.st_blocks * 512 < meant.size // _SPARSE_SHARE:
                return _none(SPARSE)
            if meant.size < _BLOCK:
                content = os.read(fd, meant.size + 1)
                if len(content) < meant.size:
                    content += _rest(fd)
                values = tuple(self._digest_of(name, content) for name in task.algorithms)
                length = len(content)
            else:
                values, length = self._stream(fd, meant.size, task.algorithms, buffer)
            after = os.fstat(fd)
        except InterruptedError:
            return _none(INTERRUPTED)
        except OSError as error:
            return _none(_why(error))
        finally:
            os.close(fd)
        self._bytes_done += length
        if length != meant.size or not _is_state(after, meant, task.renamed):
            return _none(WHILE_HASHING)
        # one object for both where nothing changed: a hundred thousand of them count
        same = after.st_ctime_ns == meant.ctime_ns and after.st_mode == meant.mode
        stat = meant if same else meant._replace(ctime_ns=after.st_ctime_ns, mode=after.st_mode)
        return Digested(task.algorithms, values, stat, None)

    def _digest_of(self, algorithm: str, content: bytes) -> str:
        digest = self._new[algorithm]()
        digest.update(content)
        return digest.hexdigest()

    def _stream(
        self, fd: int, size: int, algorithms: tuple[str, ...], buffer: bytearray
    ) -> tuple[tuple[str, ...], int]:
        digests = [self._new[name]() for name in algorithms]
        view = memoryview(buffer)
        length = 0
        while length <= size and (count := os.readv(fd, [buffer])):  # it may grow as fast as it is read
            for digest in digests:
                digest.update(view[:count])
            length += count
            if self._stopped:
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
    while part := os.read(fd, _BLOCK):
        parts.append(part)
    return b"".join(parts)


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return GONE
    return f"it can't be read: {error.strerror}"


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
