"""The second thread of a run: takes the tracer's events while the command runs, folds them, and has inputs hashed early."""

from __future__ import annotations

import stat as modes
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from roar.api.events import Event, FileStat, Kind
from roar.api.tracer import Traced
from roar.run.digest import Digested, Task
from roar.run.digester import Digester
from roar.run.fold import Fold, Folded
from roar.run.resolve import Resolver, stat_of, tree_of

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.2
_LARGE = 1 << 20
_SETTLING_S = 1.0
_MOST_WATCHED = 1000
_MAKING = frozenset({Kind.WRITE, Kind.RENAME, Kind.LINK})
_SYSTEM = (b"/usr/", b"/lib", b"/bin/", b"/sbin/", b"/etc/", b"/proc/", b"/sys/", b"/dev/")


class Collector:
    """Folds what a tracer reports.

    Args:
        root: the workspace's root; large outputs below it are hashed while the command runs, as are large inputs.
        coarse_ns: see `roar.run.filetimes`.
        digester: what hashes; None when hashing is off.
        inputs: algorithms for inputs.
        outputs: algorithms for outputs.
        limit_bytes: inputs over this size aren't hashed; None for no limit.
        known: digests that were taken of files in this very state; asked about large inputs.
    """

    def __init__(
        self,
        root: bytes,
        coarse_ns: int,
        digester: Digester | None = None,
        inputs: tuple[str, ...] = (),
        outputs: tuple[str, ...] = (),
        limit_bytes: int | None = None,
        known: Callable[[Mapping[bytes, FileStat]], Mapping[bytes, Digested]] | None = None,
    ) -> None:
        self._root = root + b"/"
        self._fold = Fold(stat_of, tree_of, coarse_ns)
        self._resolve = Resolver(self._fold.path_of_inode)
        self._digester = digester
        if digester is None:
            self._fold.fresh_inputs = None
        self._inputs = inputs
        self._outputs = outputs
        self._limit = limit_bytes
        self._known = known
        self._written: dict[bytes, FileStat | None] = {}  # files being made, as they were when last looked at
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def take(self, events: Iterable[Event]) -> None:
        """Folds events."""
        feed, resolve = self._fold.feed, self._resolve
        for event in events:
            resolved = resolve(event)
            if resolved is not None:
                feed(resolved)
                if resolved.kind in _MAKING and len(self._written) < _MOST_WATCHED:
                    self._written[resolved.path2 or resolved.path] = None
        for doubt in self._resolve.doubts:
            feed(doubt)
        self._resolve.doubts.clear()
        fresh = self._fold.fresh_inputs
        if fresh is not None and fresh:
            self._fold.fresh_inputs = []
            if self._digester is not None:
                self._hash(self._digester, {path: stat for path, stat in fresh if self._is_worth_it(path, stat)})

    def _hash(self, digester: Digester, files: dict[bytes, FileStat]) -> None:
        if files and self._known is not None:
            for path, digested in self._known(files).items():
                digester.done["input"][path] = digested
                del files[path]
        digester.submit(Task(path, stat, self._inputs) for path, stat in files.items())

    def _hash_settled(self) -> None:
        """Has large outputs hashed that did not change since the last look; if they do later, they are hashed again."""
        for path, before in list(self._written.items()):
            now = stat_of(path)
            if now is None or not modes.S_ISREG(now.mode):
                del self._written[path]
            elif before is None or not before.same_content(now):
                self._written[path] = now
            else:
                del self._written[path]
                if now.size >= _LARGE and path.startswith(self._root) and self._digester is not None:
                    self._digester.submit([Task(path, now, self._outputs, "output")])

    def _is_worth_it(self, path: bytes, stat: FileStat) -> bool:
        """Whether to hash an input already.

        Small ones wait for the command's end: a thread at idle priority that handles many of them holds the interpreter's
        lock half of the time, and when it is put off just then, so is all of roar.
        """
        if stat.size < _LARGE or (self._limit is not None and stat.size > self._limit):
            return False
        if path.startswith(self._root):
            return b"/site-packages/" not in path and b"/.git/" not in path
        return not path.startswith(_SYSTEM)

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
                looked = time.monotonic()
                while not self._stop.wait(pause):
                    self.take(traced.events())
                    pause = min(pause * 1.5, _LONGEST_PAUSE_S)
                    if self._digester is not None and time.monotonic() - looked > _SETTLING_S:
                        self._hash_settled()
                        looked = time.monotonic()
            except BaseException as error:  # whatever it is, it is raised again in the main thread, by `finish`
                self._error = error

        thread = threading.Thread(target=follow, name="roar-collect", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads are allowed (RLIMIT_NPROC): the events are all taken at the end
            beside()
        else:
            self._thread = thread

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
