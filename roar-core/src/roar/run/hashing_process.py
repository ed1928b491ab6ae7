"""A second process that takes digests of many small files."""

from __future__ import annotations

import marshal
import os
import signal
from collections.abc import Iterator, Mapping, Sequence

from roar.api.hashers import Hasher
from roar.run.digest import Digested, Taker, Task


class Helper:
    """A fork of roar that hashes files and leaves the answers in memory that both can read.

    Forked from the main thread.  The child uses nothing that another thread may have held at that moment: it opens, reads,
    hashes, writes its answers and ends.

    Args:
        tasks: small files.
        hashers: algorithm → hasher.
    """

    def __init__(self, tasks: Sequence[Task], hashers: Mapping[str, type[Hasher]]) -> None:
        self._tasks = tasks
        self._memory = os.memfd_create("roar-digests")
        self._pid = os.fork()
        if not self._pid:
            _answer(tasks, hashers, self._memory)

    def has_ended(self) -> bool:
        """Whether the answers are there."""
        if self._pid and os.waitpid(self._pid, os.WNOHANG)[0]:
            self._pid = 0
        return not self._pid

    def kill(self) -> None:
        """Ends it; what it had not answered is left over."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)

    def answers(self) -> Iterator[tuple[Task, Digested | None]]:
        """What became of each file; None where the process was killed before.  Called once, when it has ended."""
        with open(self._memory, "rb") as file:
            file.seek(0)
            try:
                answers = marshal.load(file)  # noqa: S302 - written by a fork of this process
            except (EOFError, ValueError, TypeError):
                answers = []
        for i, task in enumerate(self._tasks):
            if i >= len(answers):
                yield task, None
                continue
            values, reason, ctime_ns, mode = answers[i]
            meant = task.expected
            if meant is None or not values:
                yield task, Digested((), (), None, reason)
            else:
                same = ctime_ns == meant.ctime_ns and mode == meant.mode
                stat = meant if same else meant._replace(ctime_ns=ctime_ns, mode=mode)
                yield task, Digested(task.algorithms, values, stat, None)


def _answer(tasks: Sequence[Task], hashers: Mapping[str, type[Hasher]], memory: int) -> None:
    """In the child: hashes, answers and ends."""
    try:
        taker = Taker(hashers, lambda: False)
        answers = []
        for task in tasks:
            _, values, stat, reason = taker.take(task)
            answers.append((values, reason, stat.ctime_ns if stat else 0, stat.mode if stat else 0))
        with open(memory, "wb", closefd=False) as file:
            marshal.dump(answers, file)
    finally:
        os._exit(0)
