"""Where a name leads that a traced process uses: what the tracer calls the file, and its canonical path.

A *name* is what the tracer can use itself: absolute, or below ``/proc/<task>/`` where only the kernel knows what the process
means.  All of this looks at the file system at the moment at which the process is held before its call.
"""

from __future__ import annotations

import contextlib
import os
import stat as modes
from collections.abc import Iterator
from typing import NamedTuple

from roar.api.events import FileStat
from roar_tracer_ptrace import kernel, powers
from roar_tracer_ptrace.calls import AT_FDCWD
from roar_tracer_ptrace.journal import stat_of

_RESOLVE_IN_ROOT = 0x10
_DELETED = b" (deleted)"
_PATH_MAX, _NAME_MAX = 4096, 255
_NO_NAMES = (b"", b".", b"..")
_STREAMS = {b"/dev/stdin": 0, b"/dev/stdout": 1, b"/dev/stderr": 2}


class Found(NamedTuple):
    """A file that is there."""

    path: bytes
    """Canonical; empty for one that has no name, or none any more."""
    stat: FileStat
    is_certain: bool = True
    """False: the process is in another mount namespace, and the path leads elsewhere here."""
    last_path: bytes = b""
    """What was the path of a file that was removed."""


class Names:
    """Looks names up.

    Attributes:
        careful: somebody changed the root or mounts: nothing may be remembered, and each process is asked for its own.
        met_too_long: a file was met whose path is longer than a path may be: it can't be recorded.
    """

    def __init__(self) -> None:
        self.careful = False
        self.met_too_long = False
        self._directories: dict[bytes, bytes] = {}
        self._root = _identity(b"/")
        self._namespace = _link(b"/proc/self/ns/mnt")

    def forget(self) -> None:
        """A directory or symbolic link has moved."""
        self._directories.clear()

    # ---- from what a process says to what the tracer can use

    def name(self, task: int, directory: int, path: bytes) -> bytes:
        """The name of a file.

        Args:
            task: the thread that uses it.
            directory: a descriptor of the process, or AT_FDCWD.
            path: as in its memory.
        """
        if path[:1] == b"/":
            if self.careful and self._is_elsewhere(task):
                return b"/proc/%d/root" % task + path
            return own(task, path)
        base = b"/proc/%d/cwd" % task if directory == AT_FDCWD else b"/proc/%d/fd/%d" % (task, directory)
        if self.careful:
            return base + b"/" + path if path else base
        real = _link(base)
        if not path:
            return base
        if real[:1] != b"/" or real.endswith(_DELETED):
            return base + b"/" + path
        return real + b"/" + path if real != b"/" else b"/" + path

    def _is_elsewhere(self, task: int) -> bool:
        """Whether a process has another root or mount namespace."""
        return _identity(b"/proc/%d/root/" % task) != self._root or _link(b"/proc/%d/ns/mnt" % task) != self._namespace

    # ---- from names to files

    def find(self, name: bytes, follow: bool = True) -> Found | None:
        """The file that a name leads to; None when there is none.

        Args:
            name: of `name`.
            follow: symbolic links at the end, too.
        """
        path = self._in_directory(name)
        if path:
            try:
                status = os.lstat(path)
            except OSError:
                return None
            if not (follow and modes.S_ISLNK(status.st_mode)):
                return Found(path, stat_of(status))
        try:
            return self._opened(self._open(name, follow))
        except OSError:
            return None

    def _open(self, name: bytes, follow: bool) -> int:
        flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
        root, inside = _below_root(name)
        if not root:
            return _open(name, flags)
        directory = os.open(root, os.O_PATH | os.O_CLOEXEC)
        try:  # an absolute symbolic link is the process's, not ours
            return kernel.open_within(directory, inside, _RESOLVE_IN_ROOT, flags)
        finally:
            os.close(directory)

    def _opened(self, fd: int) -> Found:
        """What a descriptor of our own stands for; closes it."""
        try:
            path = _link(b"/proc/self/fd/%d" % fd)
            status = os.fstat(fd)
        finally:
            os.close(fd)
        if not status.st_nlink and path.endswith(_DELETED):
            never_named = b"/#%d" % status.st_ino  # O_TMPFILE
            last = path.removesuffix(_DELETED)
            was = b"" if last.endswith(never_named) or last.startswith(b"/memfd:") else last
            return Found(b"", stat_of(status), last_path=was)
        self.met_too_long |= not path
        certain = not self.careful or _identity(path) == (status.st_dev, status.st_ino)
        return Found(path, stat_of(status), certain)

    def find_within(self, task: int, directory: int, path: bytes, resolve: int, follow: bool) -> Found | None:
        """As openat2(2) finds it with RESOLVE_… bits; None when there is none, or the bits forbid it."""
        base = b"/proc/%d/cwd" % task if directory == AT_FDCWD else b"/proc/%d/fd/%d" % (task, directory)
        try:
            start = os.open(base, os.O_PATH | os.O_CLOEXEC)
            try:
                fd = kernel.open_within(start, path, resolve, 0 if follow else os.O_NOFOLLOW)
            finally:
                os.close(start)
            return self._opened(fd)
        except OSError:
            return None

    def by_handle(self, task: int, mount: int, handle: bytes) -> Found | None:
        """As open_by_handle_at(2) finds it."""
        base = b"/proc/%d/cwd" % task if mount == AT_FDCWD else b"/proc/%d/fd/%d" % (task, mount)
        try:
            start = os.open(base, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                fd = kernel.open_by_handle(start, handle)
            finally:
                os.close(start)
            return self._opened(fd)
        except OSError:
            return None

    def path(self, name: bytes) -> bytes:
        """The canonical path of a name, the last part as it is; empty when its directory isn't there."""
        return self._in_directory(name) or self._through_directory(name)

    def target(self, name: bytes) -> bytes:
        """Where a file would be made that isn't there: a symbolic link that leads to nothing is followed."""
        path = self.path(name)
        for _ in range(40):  # ELOOP, path_resolution(7)
            text = _link(path) if path else b""
            if not text:
                return path
            path = self.path(text if text[:1] == b"/" else os.path.dirname(path) + b"/" + text)
        return b""

    def _in_directory(self, name: bytes) -> bytes:
        """The path by a directory that is remembered; empty when it isn't."""
        cut = name.rfind(b"/")
        real = self._directories.get(name[:cut])
        if real is None:
            if self.careful or name.startswith(b"/proc/"):
                return b""
            real = self._look_up(name[:cut])
            if real is None:
                return b""
        last = name[cut + 1 :]
        self.met_too_long |= len(last) <= _NAME_MAX and len(real) + 1 + len(last) >= _PATH_MAX
        return b"" if last in _NO_NAMES else real + b"/" + last

    def _look_up(self, folder: bytes) -> bytes | None:
        try:
            found = self._opened(self._open(folder or b"/", True))
        except OSError:
            return None
        if not modes.S_ISDIR(found.stat.mode) or not found.path:
            return None
        real = self._directories[folder] = b"" if found.path == b"/" else found.path
        return real

    def _through_directory(self, name: bytes) -> bytes:
        stripped = name.rstrip(b"/") or b"/"
        folder, _, last = stripped.rpartition(b"/")
        try:
            if last in _NO_NAMES:
                return self._opened(self._open(stripped, True)).path
            found = self._opened(self._open(folder or b"/", True))
        except OSError:
            return b""
        return found.path.rstrip(b"/") + b"/" + last if found.path else b""


def own(task: int, path: bytes) -> bytes:
    """An absolute path in which ``/proc/self`` and the like are the process's, not the tracer's."""
    if path[:5] == b"/dev/":
        if path in _STREAMS:
            return b"/proc/%d/fd/%d" % (task, _STREAMS[path])
        if path[:8] == b"/dev/fd/":
            return b"/proc/%d/fd/" % task + path[8:]
    elif path[:6] == b"/proc/":
        for alias in (b"/proc/self/", b"/proc/thread-self/"):
            if path.startswith(alias):
                return b"/proc/%d/" % task + path[len(alias) :]
    return path


def _below_root(name: bytes) -> tuple[bytes, bytes]:
    """(``/proc/<task>/root``, the path in it) of such a name, else two empty ones."""
    if name[:6] == b"/proc/":
        task, _, rest = name[6:].partition(b"/")
        if task.isdigit() and (rest == b"root" or rest[:5] == b"root/"):
            return b"/proc/" + task + b"/root", rest[4:] or b"/"
    return b"", b""


def _open(name: bytes, flags: int) -> int:
    """open(2) of a name that may be longer than one call takes: with the working directory before it, it can be."""
    directory = None
    try:
        while len(name) >= _PATH_MAX:
            cut = name.rfind(b"/", 0, _PATH_MAX - 1)
            if cut <= 0:
                break
            above, directory = directory, os.open(name[:cut], os.O_PATH | os.O_CLOEXEC, dir_fd=directory)
            if above is not None:
                os.close(above)
            name = name[cut + 1 :].lstrip(b"/")
        return os.open(name, flags, dir_fd=directory)
    finally:
        if directory is not None:
            os.close(directory)


def _identity(path: bytes) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino


def _link(path: bytes) -> bytes:
    try:
        return os.readlink(path)
    except OSError:
        return b""


class Identities:
    """What processes may do that have taken on another identity.

    Attributes:
        differ: somebody has; until then everybody may do what the tracer may.
    """

    def __init__(self) -> None:
        self.differ = False

    def may(self, task: int, path: bytes, mode: int) -> bool:
        """access(2) by a process.

        Args:
            task: a thread of it.
            path: canonical.
            mode: os.R_OK …
        """
        if not self.differ:
            return os.access(path, mode)
        with _as(task):
            return os.access(path, mode, effective_ids=True)

    def owns(self, task: int, path: bytes) -> bool:
        """Whether a process may do with a file what only its owner may (inode_owner_or_capable of the kernel)."""
        try:
            return os.stat(path).st_uid == os.stat(f"/proc/{task}").st_uid or powers.has(powers.FOWNER, task)
        except OSError:
            return False


_SETGROUPS, _SETFSUID, _SETFSGID = (159, 151, 152) if os.uname().machine == "aarch64" else (116, 122, 123)


@contextlib.contextmanager
def _as(task: int) -> Iterator[None]:
    """Takes on the identity of a task for access to files, as a file server does (setfsuid(2)); needs root to do anything."""
    import ctypes
    import struct

    try:
        with open(f"/proc/{task}/status", "rb") as file:
            fields = dict(line.split(b":", 1) for line in file if b":" in line)
        user, group = int(fields[b"Uid"].split()[3]), int(fields[b"Gid"].split()[3])
        groups = [int(one) for one in fields[b"Groups"].split()]
        held = int(fields[b"CapEff"], 16)
    except (OSError, KeyError, ValueError):
        yield
        return
    if (user, group) == (os.geteuid(), os.getegid()) and held == powers.capabilities():
        yield
        return
    before = os.getgroups()

    def take_groups(numbers: list[int]) -> None:
        packed = ctypes.create_string_buffer(struct.pack(f"={len(numbers)}I", *numbers) or b"\0")
        kernel.syscall(_SETGROUPS, len(numbers), ctypes.addressof(packed), 0, 0, 0, 0)

    take_groups(groups)
    kernel.syscall(_SETFSGID, group, 0, 0, 0, 0, 0)
    kernel.syscall(_SETFSUID, user, 0, 0, 0, 0, 0)  # gives up the capabilities that pass over permissions, too
    try:
        yield
    finally:
        kernel.syscall(_SETFSUID, os.geteuid(), 0, 0, 0, 0, 0)
        kernel.syscall(_SETFSGID, os.getegid(), 0, 0, 0, 0, 0)
        take_groups(before)
