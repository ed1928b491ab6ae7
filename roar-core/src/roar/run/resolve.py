"""Gives events canonical paths: symbolic links resolved as they are now, and where that would be wrong, said so.

Tracers name files as the process did, or as the kernel knew them (`Event.resolved`).  What comes out has canonical paths,
names only regular files, and has a module's source in place of its cached ``.pyc``.
"""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Callable, Iterator

from roar.api.events import Blind, Event, FileStat, Kind

_FOLLOWED = frozenset({Kind.OPEN, Kind.WRITE, Kind.TRUNCATE, Kind.MAP, Kind.EXEC, Kind.START, Kind.TIMES})
_NAMED = frozenset({Kind.RENAME, Kind.LINK, Kind.UNLINK, Kind.SYMLINK})
_NO_NAMES = frozenset((b"", b".", b".."))
_NO_FILES = (b"/proc/", b"/sys/", b"/dev/")
_SHARED_MEMORY = b"/dev/shm/"
_PYC_TIMESTAMP_HEADER = 16  # PEP 552: magic, flags, source mtime, source size


def stat_of(path: bytes) -> FileStat | None:
    """The file at a path now, not following a symbolic link; None when there is none or it can't be looked at."""
    try:
        s = os.lstat(path)
    except (OSError, ValueError):
        return None
    return FileStat(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_mode)


def tree_of(directory: bytes) -> Iterator[bytes]:
    """The regular files below a directory; what can't be listed is left out."""
    left = [directory]  # os.walk recurses before Python 3.12, and directories may be deeper than it can
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                found = [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in entries]
        except OSError:
            continue
        for path, is_directory in found:
            if is_directory:
                left.append(path)
            else:
                yield path


class Resolver:
    """Resolves the paths of events, one after the other.

    Args:
        path_of_inode: (dev, ino) → the path under which the fold met that file, None when it didn't.
    """

    def __init__(self, path_of_inode: Callable[[int, int], bytes | None]) -> None:
        self._path_of_inode = path_of_inode
        self._directories: dict[bytes, bytes] = {}
        self._links: set[bytes] = set()  # those that led to them
        self.doubts: list[Event] = []
        """BLIND events of what could not be resolved for sure; the caller empties it."""

    def __call__(self, event: Event) -> Event | None:
        """The event with canonical paths; None when it is about no regular file.  Doubts go to `doubts`."""
        kind = event.kind
        if kind in _FOLLOWED:
            if not event.path:
                return event
            if event.stat is not None and not modes.S_ISREG(event.stat.mode):
                return None
            if not event.resolved:
                path = self._follow(event)
                if path != event.path:
                    event = event._replace(path=path)
            if kind == Kind.OPEN:
                if event.path.endswith(b".pyc"):
                    return self._source_of(event)
                if event.path.startswith(_NO_FILES) and not event.path.startswith(_SHARED_MEMORY):
                    return None
            return event
        return self._with_names(event) if kind in _NAMED else event

    def _with_names(self, event: Event) -> Event:
        # a symbolic link or directory that moved changes what paths through it mean, from here on
        moved = event.kind == Kind.SYMLINK or (event.stat is not None and not modes.S_ISREG(event.stat.mode))
        path, path2 = event.path, event.path2
        if not event.resolved:
            if event.kind != Kind.SYMLINK and path:
                path = self._directory_resolved(path)
            path2 = self._directory_resolved(path2) if path2 else b""
        if moved or path in self._links or path2 in self._links:
            self._directories.clear()
            self._links.clear()
        return event._replace(path=path, path2=path2, resolved=True)

    def _directory_resolved(self, path: bytes) -> bytes:
        """The path with the links in its directory resolved, its last name as it is."""
        cut = path.rfind(b"/")
        folder = path[:cut]
        real = self._directories.get(folder)
        if real is None or path[cut + 1 :] in _NO_NAMES:
            return self._directory_looked_up(path)
        return path if real == folder else real + path[cut:]

    def _directory_looked_up(self, path: bytes) -> bytes:
        stripped = path.rstrip(b"/") or b"/"
        cut = stripped.rfind(b"/")
        if stripped[cut + 1 :] in _NO_NAMES:
            return os.path.realpath(stripped)
        return self._real_directory(stripped[:cut]) + stripped[cut:]

    def _real_directory(self, folder: bytes) -> bytes:
        """The directory with all links resolved; one look at each that is new, so that deep trees cost what is in them."""
        real = self._directories.get(folder)
        names = []
        while real is None and folder:
            folder, _, name = folder.rpartition(b"/")
            names.append(name)
            real = self._directories.get(folder)
        real = real or b""
        while names:
            name = names.pop()
            folder += b"/" + name
            real += b"/" + name
            is_link = _is_link(real)
            if is_link:
                self._links.add(real)
            if is_link or name in _NO_NAMES:
                real = os.path.realpath(real).rstrip(b"/")
            elif real == folder:
                real = folder  # one object for both: a deep tree has long names
            self._directories[folder] = real
        return real

    def _follow(self, event: Event) -> bytes:
        """Where an open of the path led."""
        path = self._directory_resolved(event.path)
        try:
            if not modes.S_ISLNK(os.lstat(path).st_mode):
                return path
        except (OSError, ValueError):
            return path
        target = os.path.realpath(path)
        was = event.stat
        if was is None or event.existed is False:
            return target
        there = stat_of(target)
        if there is not None and (there.dev, there.ino) == (was.dev, was.ino):
            return target
        met = self._path_of_inode(was.dev, was.ino)
        if met is None and event.kind != Kind.TIMES:  # times matter of files that were met
            self.doubts.append(Event(Kind.BLIND, event.pid, event.time_ns, path, reason=Blind.SYMLINK))
        return met or target

    def _source_of(self, event: Event) -> Event:
        """For a cached module its source (NORM-4), with the source's state if that is what the cache was compiled from."""
        folder, name = os.path.split(event.path)
        parent, cache = os.path.split(folder)
        if cache != b"__pycache__":
            return event  # a module without source is itself
        source = os.path.join(parent, name.split(b".", 1)[0] + b".py")
        now = stat_of(source)
        if now is None or not modes.S_ISREG(now.mode):
            return event._replace(path=source, stat=None) if now is None else event
        return event._replace(path=source, stat=now if _compiled_from(event.path, now) else None)


def _is_link(path: bytes) -> bool:
    try:
        return modes.S_ISLNK(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def _compiled_from(cache: bytes, source: FileStat) -> bool:
    """Whether a ``.pyc`` says that it was made from a source of this time and size."""
    try:
        with open(cache, "rb") as file:
            header = file.read(_PYC_TIMESTAMP_HEADER)
    except OSError:
        return False
    if len(header) < _PYC_TIMESTAMP_HEADER:
        return False
    flags, mtime, size = (int.from_bytes(header[i : i + 4], "little") for i in (4, 8, 12))
    if flags:  # compiled by the source's hash, not its time; Python checks it unless told not to
        return flags & 0b10 != 0
    return mtime == source.mtime_ns // 10**9 & 0xFFFFFFFF and size == source.size & 0xFFFFFFFF
