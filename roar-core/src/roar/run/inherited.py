"""The descriptors that the command inherits: standard streams and others, open on regular files (NORM-5).

No tracer sees them being opened, so the run looks at them itself: before the start and after the end.  And roar lets go
of its own copies of the rest, so that a reader sees the end of a pipe when the command closes it, not when roar ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat as modes
from collections.abc import Iterator
from typing import NamedTuple

from roar.api.events import Event, FileStat, Kind


class _Held(NamedTuple):
    fd: int
    copy: int
    path: bytes
    flags: int
    offset: int
    stat: FileStat


class Inherited:
    """The inheritable descriptors of this process, looked at before the command is started."""

    def __init__(self) -> None:
        self._held: list[_Held] = []
        self._others: list[int] = []
        for name in os.listdir("/proc/self/fd"):
            fd = int(name)
            try:
                if not os.get_inheritable(fd):
                    continue
                self._look_at(fd)
            except OSError:
                continue  # the directory's own descriptor, closed by now

    def _look_at(self, fd: int) -> None:
        s = os.fstat(fd)
        if not modes.S_ISREG(s.st_mode):
            self._others.append(fd)
            return
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        path = os.readlink(b"/proc/self/fd/%d" % fd)
        if flags & os.O_PATH or not path.startswith(b"/") or not s.st_nlink:
            return
        copy = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
        stat = FileStat(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_mode)
        self._held.append(_Held(fd, copy, path, flags, os.lseek(fd, 0, os.SEEK_CUR), stat))

    def let_go(self) -> None:
        """Closes roar's copies of pipes, sockets and terminals, but for stderr; called once the command runs."""
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for fd in self._others:
            if fd != 2:
                with contextlib.suppress(OSError):
                    os.dup2(null, fd, inheritable=False)
        os.close(null)

    @property
    def written(self) -> tuple[bytes, ...]:
        """The regular files that are open for change."""
        return tuple(held.path for held in self._held if held.flags & os.O_ACCMODE != os.O_RDONLY)

    def streams(self) -> dict[str, dict[str, str]]:
        """How the descriptors that are regular files would be opened again: number → ``path`` and ``mode`` (``r``, ``w``, ``a``, ``r+``).

        A standard input that comes from elsewhere, and may have had something to say, is ``{"mode": "pipe"}``.
        """
        found: dict[str, dict[str, str]] = {}
        for held in self._held:
            found[str(held.fd)] = {"path": os.fsdecode(held.path), "mode": _mode(held.flags)}
        with contextlib.suppress(OSError):
            if 0 in self._others and modes.S_ISFIFO(os.fstat(0).st_mode):
                found["0"] = {"mode": "pipe"}
        return dict(sorted(found.items()))

    def before(self) -> Iterator[Event]:
        """Files open for change, as they were before the command; to be folded first."""
        for held in self._held:
            if held.flags & os.O_ACCMODE != os.O_RDONLY:
                # not "opened read-write, so read": whether it was read, the offset tells
                flags = os.O_WRONLY | held.flags & os.O_APPEND
                yield Event(Kind.WRITE, 0, 0, held.path, flags=flags, existed=True, stat=held.stat, resolved=True)

    def after(self) -> Iterator[Event]:
        """Files whose shared offset the command moved by reading; to be folded last.  Called once: the copies are closed."""
        for held in self._held:
            moved = os.lseek(held.copy, 0, os.SEEK_CUR) != held.offset
            s = os.fstat(held.copy)
            os.close(held.copy)
            mode = held.flags & os.O_ACCMODE
            unchanged = (s.st_size, s.st_mtime_ns) == (held.stat.size, held.stat.mtime_ns)
            if moved and (mode == os.O_RDONLY or (mode == os.O_RDWR and unchanged)):
                yield Event(Kind.OPEN, 0, 0, held.path, existed=True, stat=held.stat, resolved=True)

    def is_stderr_file(self) -> bool:
        """Whether roar's stderr is a regular file, which the command may write as an output."""
        try:
            return modes.S_ISREG(os.fstat(2).st_mode)
        except OSError:
            return False

    def is_stderr(self, path: bytes) -> bool:
        """Whether roar's stderr is this regular file."""
        try:
            s = os.fstat(2)
        except OSError:
            return False
        return any(h.path == path and (h.stat.dev, h.stat.ino) == (s.st_dev, s.st_ino) for h in self._held)


def _mode(flags: int) -> str:
    """How a descriptor with these flags is opened: as `open` has it."""
    access = flags & os.O_ACCMODE
    if access == os.O_RDONLY:
        return "r"
    return "a" if flags & os.O_APPEND else "w" if access == os.O_WRONLY else "r+"
