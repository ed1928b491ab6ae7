"""The programs and libraries of a run that aren't the system's: which of them the shim can't see all of."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from roar.api.events import Event, FileStat
from roar_tracer_preload.place import LIBRARY
from roar_tracer_preload.rawcalls import calls_kernel

_SYSTEM = (b"/usr/", b"/lib", b"/bin/", b"/sbin/", b"/opt/", b"/nix/", b"/snap/", b"/etc/")
"""The distribution's own programs use libc; and libc itself is here."""
_SHIM = b"/" + LIBRARY.encode()
"""Of a run within this one: it calls the kernel itself, and nothing of the command's."""
_MOST_REMEMBERED = 4096

_Identity = tuple[int, int, int, int]


class ObjectScan:
    """Looks at each object once; what was found is remembered between runs, since reading a large library takes as long as
    starting it.

    Args:
        memory: the file that remembers; None: nothing does.
    """

    def __init__(self, memory: Path | None = None) -> None:
        self._memory = memory
        self._known: dict[bytes, tuple[_Identity, bool]] | None = None
        self._learnt = False
        self._waiting: dict[bytes, FileStat | None] = {}
        self._done: set[bytes] = set()
        self.found: dict[bytes, None] = {}
        """Objects that call the kernel themselves."""

    def add(self, event: Event) -> None:
        """An object was run or mapped."""
        path = event.path
        if not path.startswith(b"/") or path.startswith(_SYSTEM) or path in self._done or path.endswith(_SHIM):
            return
        self._done.add(path)
        if not event.reason:  # else it is reported as blind already
            self._waiting[path] = event.stat

    def look(self) -> None:
        """Reads what was added since the last call."""
        while self._waiting:
            path, stat = self._waiting.popitem()
            if self._calls_kernel(path, stat):
                self.found[path] = None

    def _calls_kernel(self, path: bytes, stat: FileStat | None) -> bool:
        if self._known is None:
            self._known = self._load()
        try:
            s = os.stat(path)
        except OSError:
            return False
        identity = s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns
        if stat is not None and (stat.dev, stat.ino) != identity[:2]:
            return False  # another file by now: the one that was run can't be looked at
        known = self._known.get(path)
        if known is not None and known[0] == identity:
            return known[1]
        answer = calls_kernel(path)
        self._known[path] = identity, answer
        self._learnt = True
        return answer

    def _load(self) -> dict[bytes, tuple[_Identity, bool]]:
        known: dict[bytes, tuple[_Identity, bool]] = {}
        try:
            lines = self._memory.read_bytes().split(b"\0") if self._memory else []
            for line in lines:
                *numbers, path = line.split(b" ", 5)
                dev, ino, size, mtime, answer = map(int, numbers)
                known[path] = (dev, ino, size, mtime), bool(answer)
        except (OSError, ValueError):
            pass  # nothing remembered, or not by us: looked at again
        return known

    def remember(self) -> None:
        """Writes down what was learnt."""
        if self._memory is None or not self._learnt or not self._known:
            return
        items = list(self._known.items())[-_MOST_REMEMBERED:]
        text = b"\0".join(b"%d %d %d %d %d %s" % (*identity, answer, path) for path, (identity, answer) in items)
        partial = self._memory.with_name(f"{self._memory.name}.{os.getpid()}")
        with contextlib.suppress(OSError):  # a cache: without it the objects are read again
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(text)
            os.replace(partial, self._memory)


def memory_file() -> Path | None:
    """The user's file; None without a home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not base.startswith("/"):
        home = os.path.expanduser("~")
        if not home.startswith("/"):
            return None
        base = os.path.join(home, ".cache")
    return Path(base, "roar", "preload-objects-2")  # the number: of what is looked for
