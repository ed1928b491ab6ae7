"""The cache of entry points on disk: what was found in each directory of the import path, as of its modification time.

One small text file a Python installation, in ``$XDG_CACHE_HOME/roar`` or ``~/.cache/roar``.  Nothing depends on it: when
it is missing, unreadable, damaged or of another user, it is as if it were empty; when it can't be written, it isn't.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
import zlib
from collections.abc import Sequence
from typing import NamedTuple

_HEADER = "roar entry points 1"
_MOST_BYTES = 1_000_000
_MOST_DIRECTORIES = 64
_ROW = 5
"""Fields of an entry point: distribution, version, group, name, value."""


class Watched(NamedTuple):
    """A file whose change makes a listing stale although the directory's time stays."""

    path: str
    mtime_ns: int
    """0: there is none."""

    @classmethod
    def of(cls, path: str) -> Watched:
        """The file as it is now."""
        try:
            return cls(path, os.stat(path).st_mtime_ns)
        except OSError:
            return cls(path, 0)


class _Listing(NamedTuple):
    state: tuple[int, int]
    rows: list[tuple[str, ...]]
    watched: list[Watched]


class ListingCache:
    """Listings by directory.

    Args:
        path: the file; None for a cache that keeps nothing.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._listings: dict[str, _Listing] = {}
        self._changed = False
        if path is not None:
            self._listings = _decode(_read(path))

    @classmethod
    def of_user(cls) -> ListingCache:
        """The cache of this user and this Python."""
        directory = user_cache()
        if directory is None:
            return cls(None)
        key = zlib.crc32(f"{sys.prefix}\n{sys.version}".encode("utf-8", "surrogateescape"))
        return cls(os.path.join(directory, f"plugins-{key:08x}.txt"))

    def get(self, directory: str, state: tuple[int, int]) -> list[tuple[str, ...]] | None:
        """What was found in a directory whose (mtime_ns, inode) is still `state`; None when that isn't known."""
        listing = self._listings.get(directory)
        if listing is None or listing.state != state:
            return None
        if any(Watched.of(file.path) != file for file in listing.watched):
            return None
        return listing.rows

    def put(
        self, directory: str, state: tuple[int, int], rows: Sequence[tuple[str, ...]], watched: Sequence[Watched]
    ) -> None:
        """Keeps what was found; `save` writes it."""
        self._listings.pop(directory, None)
        self._listings[directory] = _Listing(state, list(rows), list(watched))
        self._changed = True

    def save(self) -> None:
        """Writes the cache if it changed: whole and in one step, so that roars at work at once can't damage it."""
        if self._path is None or not self._changed:
            return
        self._changed = False
        kept = dict(list(self._listings.items())[-_MOST_DIRECTORIES:])
        temporary = f"{self._path}.{os.getpid()}.{time.time_ns()}"
        with contextlib.suppress(OSError):  # read-only, full or not ours: the next start looks again
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_encode(kept))
                os.replace(temporary, self._path)
            except OSError:
                os.unlink(temporary)


def user_cache() -> str | None:
    """Roar's directory in the user's cache (XDG Base Directory Specification); None where the user has no home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # "All paths must be absolute … should consider the path invalid and ignore it"
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "roar") if os.path.isabs(base) else None


def _read(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_size > _MOST_BYTES:
                return ""
            return file.read(_MOST_BYTES).decode("utf-8", "surrogateescape")
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return ""


def _encode(listings: dict[str, _Listing]) -> bytes:
    lines = [_HEADER]
    for directory, listing in listings.items():
        block = [("dir", directory, *map(str, listing.state))]
        block += [("watch", file.path, str(file.mtime_ns)) for file in listing.watched]
        block += [("entry", *row) for row in listing.rows]
        if not any("\t" in field or len(field.splitlines()) > 1 for line in block for field in line):
            lines += ["\t".join(line) for line in block]
    body = "\n".join(lines).encode("utf-8", "surrogateescape")
    return body + b"\nend\t%d" % zlib.crc32(body)


def _decode(text: str) -> dict[str, _Listing]:
    body, _, end = text.rpartition("\n")
    if not body.startswith(_HEADER) or end != f"end\t{zlib.crc32(body.encode('utf-8', 'surrogateescape'))}":
        return {}
    listings: dict[str, _Listing] = {}
    listing = _Listing((0, 0), [], [])
    for line in body.split("\n")[1:]:
        kind, *fields = line.split("\t")
        if kind == "dir" and len(fields) == 3:
            listing = listings[fields[0]] = _Listing((int(fields[1]), int(fields[2])), [], [])
        elif kind == "watch" and len(fields) == 2:
            listing.watched.append(Watched(fields[0], int(fields[1])))
        elif kind == "entry" and len(fields) == _ROW:
            listing.rows.append(tuple(fields))
    return listings
