"""Files by their contents: digests as they were recorded, and copies that are checked before and after."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping

from roar.api.hashers import Hasher
from roar.lineage.states import digest_of

Hashers = Callable[[], Mapping[str, type[Hasher]]]


class Contents:
    """Takes and compares digests.

    Args:
        hashers: algorithm → its class, as plugins have it.
    """

    def __init__(self, hashers: Hashers) -> None:
        self._hashers = hashers

    def algorithm(self, hashes: Mapping[str, str]) -> str | None:
        """The first of the algorithms that can be computed here."""
        known = self._hashers()
        return next((name for name in hashes if name in known and known[name].available()), None)

    def algorithms(self) -> list[str]:
        """Those that can be computed here."""
        return [name for name, hasher in self._hashers().items() if hasher.available()]

    def digest(self, path: bytes, algorithm: str) -> str | None:
        """The digest of a regular file; None when there is none, or it can't be read."""
        try:
            return digest_of(path, self._hashers()[algorithm])
        except OSError:
            return None

    def has(self, path: bytes, hashes: Mapping[str, str]) -> bool:
        """Whether a file has a recorded content; False also when that can't be known."""
        algorithm = self.algorithm(hashes)
        return algorithm is not None and self.digest(path, algorithm) == hashes[algorithm]

    def fetch(self, sources: Iterable[bytes], place: bytes, hashes: Mapping[str, str]) -> bool:
        """Copies a file by its content: from the first source that has it, and the copy has it, too.

        Args:
            sources: where it may be.
            place: where it is wanted; what is there is replaced.
            hashes: as recorded, not empty.

        Returns:
            Whether it is there now.
        """
        for source in sources:
            if self.has(source, hashes):
                copy_file(source, place)
                if self.has(place, hashes):
                    return True
                with contextlib.suppress(OSError):
                    os.unlink(place)  # the source changed meanwhile
        return False


def copy_file(source: bytes, place: bytes) -> None:
    """Copies content, permissions and times; where the file system can, without copying the bytes.  Whole or not at all."""
    os.makedirs(os.path.dirname(place), exist_ok=True)
    part = place + b".roar-part"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(part)
    if not _share(source, part):
        shutil.copyfile(source, part)
    shutil.copystat(source, part)
    os.chmod(part, os.stat(part).st_mode | 0o200)  # steps may change what they read
    os.replace(part, place)


_FICLONE = 0x40049409  # ioctl_ficlone(2)


def _share(source: bytes, target: bytes) -> bool:
    """Makes a file of the same extents, where the file system shares them (btrfs, XFS)."""
    import fcntl

    with open(source, "rb") as original, open(target, "wb") as clone:
        try:
            fcntl.ioctl(clone.fileno(), _FICLONE, original.fileno())
        except OSError:
            return False
    return True
