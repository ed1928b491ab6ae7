"""The second thread of a run: takes the tracer's events while the command runs, folds them, and has inputs hashed early."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from roar.api.events import Event, FileStat
from roar.api.tracer import Traced
from roar.run.digest import Digester, Task
from roar.run.fold import Fold, Folded
from roar.run.resolve import Resolver, stat_of, tree_of

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.2
_LARGE = 1 << 20
_SYSTEM = (b"/usr/", b"/lib", b"/bin/", b"/sbin/", b"/etc/", b"/proc/", b"/sys/", b"/dev/")
_COARSE_NS = 10_000_000  # a jiffy at 100 Hz, the grain of file times before Linux 6.13


def coarse_ns(release: str) -> int:
    """The grain of file times on a kernel of this release (``6.18.3-amd64``), in nanoseconds; 0 from 6.13 on (multigrain)."""
    numbers = release.split("-")[0].split(".")
    try:
        version = int(numbers[0]), int(numbers[1])
    except (IndexError, ValueError):
        return _COARSE_NS
    return 0 if version >= (6, 13) else _COARSE_NS


class Collector:
    """Folds what a tracer reports.

    Args:
        root: the workspace's root; inputs below it are hashed while the command runs, and large ones anywhere.
        kernel: the kernel's release.
        digester: what hashes; None when hashing is off.
        algorithms: for inputs.
        limit_bytes: inputs over this size aren't hashed; None for no limit.
    """

    def __init__(
        self,
        root: bytes,
        kernel: str,
        digester: Digester | None = None,
        algorithms: tuple[str, ...] = (),
        limit_bytes: int | None = None,
    ) -> None:
        self._root = root + b"/"
        self._fold = Fold(stat_of, tree_of, coarse_ns(kernel))
        self._resolve = Resolver(self._fold.path_of_inode)
        self._digester = digester
        if digester is None:
            self._fold.fresh_inputs = None
        self._algorithms = algorithms
        self._limit = limit_bytes
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self.count = 0
        """Events taken so far."""

    def take(self, events: Iterable[Event]) -> None:
        """Folds events."""
        feed, resolve = self._fold.feed, self._resolve
        count = 0
        for event in events:
            count += 1
            resolved = resolve(event)
            if resolved is not None:
                feed(resolved)
        self.count += count
        for doubt in self._resolve.doubts:
            feed(doubt)
        self._resolve.doubts.clear()
        fresh = self._fold.fresh_inputs
        if fresh is not None and fresh:
            self._fold.fresh_inputs = []
            if self._digester is not None:
                self._digester.submit(Task(p, s, self._algorithms) for p, s in fresh if self._is_worth_it(p, s))

    def _is_worth_it(self, path: bytes, stat: FileStat) -> bool:
        if self._limit is not None and stat.size > self._limit:
            return False
        if path.startswith(self._root):
            return b"/site-packages/" not in path and b"/.git/" not in path
        return stat.size >= _LARGE and not path.startswith(_SYSTEM)

    def start(self, traced: Traced, beside: Callable[[], None]) -> None:
        """Begins to follow a running command.

        Args:
            traced: the command.
            beside: what else can be done meanwhile; called once, first thing, in this thread.
        """

        def follow() -> None:
            try:
                beside()
                pause = _FIRST_PAUSE_S
                while not self._stop.wait(pause):
                    self.take(traced.events())
                    pause = min(pause * 1.5, _LONGEST_PAUSE_S)
            except BaseException as error:  # whatever it is, it is raised again in the main thread, by `finish`
                self._error = error

        self._thread = threading.Thread(target=follow, name="roar-collect", daemon=True)
        self._thread.start()

    def halt(self) -> None:
        """The command has ended; waits for the thread.  Raises what went wrong in it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error
        self._fold.fresh_inputs = None  # from here on everything is hashed after the filters

    def finish(self) -> Folded:
        """The inputs and outputs; the fold's memory is let go."""
        return self._fold.finish()
