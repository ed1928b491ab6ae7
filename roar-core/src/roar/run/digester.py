"""Hashing many files: in threads, and in other processes when they are many and small."""

from __future__ import annotations

import threading
import time
from _queue import SimpleQueue
from collections.abc import Callable, Iterable, Mapping, Sequence

from roar.api.filters import Direction
from roar.api.hashers import Hasher
from roar.run.digest import BLOCK, INTERRUPTED, Digested, Taker, Task, no_digest
from roar.run.hashing_process import Helper
from roar.run.priority import step_back, step_forward

_BATCH = 128  # files a task: a queue operation a file would cost more than hashing a small file
_WORTH_A_PROCESS = 4000  # small files, 40 ms of work


class Digester:
    """Hashes files in threads, at idle priority while the command runs and at full speed afterwards.

    Threads share one interpreter, and of a small file most of the work is the interpreter's: many small files are shared
    with other processes.

    Args:
        hashers: algorithm → hasher.
        threads: how many.
    """

    def __init__(self, hashers: Mapping[str, type[Hasher]], threads: int) -> None:
        self._hashers = hashers
        self._threads = threads
        self._queue: SimpleQueue[list[Task] | None] = SimpleQueue()
        self._workers: list[threading.Thread] = []
        self._idle = True
        self._stopped = False
        self._lock = threading.Condition()
        self._pending = 0
        self._takers: list[Taker] = []
        self._helpers: list[Helper] = []
        self.done: dict[Direction, dict[bytes, Digested]] = {"input": {}, "output": {}}
        """Path → outcome, filled by the workers; a file that is input and output has two contents."""

    def submit(self, tasks: Iterable[Task]) -> None:
        """Queues files.  A path that is queued twice is hashed twice; the later outcome stays."""
        batch: list[Task] = []
        size = 0
        for task in tasks:
            batch.append(task)
            size += task.expected.size if task.expected else 0
            if len(batch) == _BATCH or size > 4 * BLOCK:
                self._put(batch)
                batch, size = [], 0
        if batch:
            self._put(batch)

    def share(self, tasks: Sequence[Task]) -> None:
        """Queues files, and gives a part of them to other processes if they are many.  For the main thread, after the command."""
        small = [task for task in tasks if task.expected is None or task.expected.size < BLOCK]
        hands = min(self._threads, len(small) // _WORTH_A_PROCESS)
        if hands < 2:
            self.submit(tasks)
            return
        part = -(-len(small) // hands)
        for i in range(1, hands):
            self._helpers.append(Helper(small[i * part : (i + 1) * part], self._hashers))
        self.submit(task for task in tasks if task.expected is not None and task.expected.size >= BLOCK)
        self._put(small[:part])  # one batch for one thread: two would fight for the interpreter

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
        end = time.monotonic() + timeout_s
        with self._lock:
            if not self._lock.wait_for(lambda: not self._pending, timeout_s):
                return False
        while self._helpers:
            helper = self._helpers[-1]
            if not helper.has_ended():
                if self._stopped:
                    helper.kill()
                elif time.monotonic() >= end:
                    return False
                time.sleep(0.002)
                continue
            self._helpers.pop()
            left = []
            for task, digested in helper.answers():
                if digested is None:
                    left.append(task)
                else:
                    self.done[task.direction][task.path] = digested
            if left:  # it was killed
                self.submit(left)
                return False
        return True

    def stop(self) -> None:
        """Gives up on what is still queued: it gets the reason that hashing was interrupted."""
        self._stopped = True

    def close(self) -> None:
        """Ends the threads."""
        for _ in self._workers:
            self._queue.put(None)

    def progress(self) -> tuple[int, int]:
        """(files done, bytes done)."""
        return sum(map(len, self.done.values())), sum(taker.bytes_done for taker in self._takers)

    def _work(self) -> None:
        if self._idle:
            step_back()
            if not self._idle:  # the command ended just now
                step_forward(threading.current_thread())
        taker = Taker(self._hashers, lambda: self._stopped)
        self._takers.append(taker)
        while (batch := self._queue.get()) is not None:
            for task in batch:
                if self._stopped:
                    self.done[task.direction][task.path] = no_digest(INTERRUPTED)
                else:
                    self.done[task.direction][task.path] = taker.take(task)
            with self._lock:
                self._pending -= 1
                self._lock.notify_all()


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
