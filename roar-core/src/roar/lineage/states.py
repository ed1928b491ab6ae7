"""Whether what was recorded is still on disk: present, missing, changed, or unknown."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Literal

from roar.api.events import FileStat
from roar.api.hashers import Hasher

State = Literal["present", "missing", "changed", "unknown"]

_CHUNK_BYTES = 1 << 20
_FREE_FILES, _FREE_BYTES = 200, 1 << 24
"""The first of a budget: what is said of a few small files must not depend on how busy the machine is."""


class Disk:
    """Looks at files on disk and remembers what it saw, so that each is read at most once.

    A file whose stat is the one at which the digest was taken is not read at all.  Reading stops when the budget is
    spent; what could not be decided by then is unknown.  The first 200 files, up to 16 MB, are read whatever the time.

    Args:
        hashers: algorithm → its class.
        budget_s: how long reading may take beyond that, seconds; None for as long as it takes.
        limit_bytes: files larger than this are not read; None for no limit.
    """

    def __init__(
        self,
        hashers: Callable[[], Mapping[str, type[Hasher]]],
        budget_s: float | None = 2.0,
        limit_bytes: int | None = 1 << 28,
    ) -> None:
        self._hashers = hashers
        self._budget_s = budget_s
        self._limit_bytes = limit_bytes
        self._free_files, self._free_bytes = _FREE_FILES, _FREE_BYTES
        self._stats: dict[bytes, FileStat | int] = {}
        self._digests: dict[tuple[bytes, str], str | None] = {}

    def state(self, path: bytes, hashes: Mapping[str, str], size: int | None, seen: FileStat | None) -> State:
        """How the file compares with what was recorded at this path.

        Args:
            path: absolute.
            hashes: algorithm → recorded digest.
            size: recorded, None when not known.
            seen: the file when its digest was taken.
        """
        now = self.stat(path)
        if isinstance(now, int):
            return "missing" if now in (errno.ENOENT, errno.ENOTDIR) else "unknown"
        if seen is not None and seen.identical(now):
            return "present"
        if not stat.S_ISREG(now.mode):
            return "unknown" if not hashes else "changed"
        if size is not None and size != now.size:
            return "changed"
        return self._compare(path, hashes, now)

    def stat(self, path: bytes) -> FileStat | int:
        """The file as it is now, or an error number, as of ENOENT."""
        known = self._stats.get(path)
        if known is None:
            try:
                known = file_stat(os.stat(path))
            except OSError as error:
                known = error.errno or errno.EIO
            except ValueError:  # a path that no file can have
                known = errno.ENOENT
            self._stats[path] = known
        return known

    def _compare(self, path: bytes, hashes: Mapping[str, str], now: FileStat) -> State:
        for algorithm, recorded in hashes.items():
            hasher = self._hashers().get(algorithm)
            if hasher is None:
                continue
            key = (path, algorithm)
            if key not in self._digests:
                self._digests[key] = self._read(path, hasher, now)
            digest = self._digests[key]
            if digest is None:
                return "unknown"
            return "present" if digest == recorded else "changed"
        return "unknown"

    def _read(self, path: bytes, hasher: type[Hasher], now: FileStat) -> str | None:
        if self._limit_bytes is not None and now.size > self._limit_bytes:
            return None
        begun = monotonic()
        deadline = None if self._budget_s is None or self._is_free(now.size) else begun + self._budget_s
        try:
            digest = digest_of(path, hasher, deadline)
        except OSError:
            digest = None
        if self._budget_s is not None and deadline is not None:
            self._budget_s -= monotonic() - begun
        return digest

    def _is_free(self, size: int) -> bool:
        if not self._free_files or size > self._free_bytes:
            return False
        self._free_files -= 1
        self._free_bytes -= size
        return True


def digest_of(path: bytes, hasher: type[Hasher], deadline: float | None = None) -> str | None:
    """The digest of a regular file, None for anything else, and when the clock passes `deadline` (`time.monotonic`).

    Raises:
        OSError: it can't be read.
    """
    if deadline is not None and monotonic() >= deadline:
        return None
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)  # a FIFO must not hold us up
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        digest = hasher.new()
        while chunk := os.read(descriptor, _CHUNK_BYTES):
            digest.update(chunk)
            if deadline is not None and monotonic() >= deadline:
                return None
        return digest.hexdigest()
    finally:
        os.close(descriptor)


def file_stat(result: os.stat_result) -> FileStat:
    """A `FileStat` of what `os.stat` returned."""
    return FileStat(
        result.st_dev, result.st_ino, result.st_size, result.st_mtime_ns, result.st_ctime_ns, result.st_mode
    )
