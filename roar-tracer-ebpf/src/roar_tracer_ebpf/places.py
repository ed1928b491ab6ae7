"""What the runner knows of mounts: which files the kernel knows by other numbers than stat(2) tells, and where a file of another
mount namespace is in this one.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from roar.api.events import FileStat

_OWN_NUMBERS = frozenset({b"btrfs", b"overlay", b"bcachefs"})
"""File systems whose files have other device (and inode) numbers for stat(2) than their superblock and inodes have."""
_ESCAPED = re.compile(rb"\\([0-7]{3})")


class _Mount(NamedTuple):
    device: int
    root: bytes
    point: bytes
    kind: bytes


class Places:
    """Looks at /proc/self/mountinfo when it is first asked."""

    def __init__(self) -> None:
        self._mounts: list[_Mount] | None = None
        self._odd: frozenset[int] | None = None

    def as_stat_tells(self, path: bytes, stat: FileStat) -> FileStat | None:
        """The state of a file by the numbers that stat(2) gives.

        Args:
            path: the file.
            stat: its state as the kernel has it inside.

        Returns:
            None when that can't be found out any more: the file was changed or is gone.
        """
        if self._odd is None:
            self._odd = frozenset(mount.device for mount in self._known() if mount.kind in _OWN_NUMBERS)
        if stat.dev not in self._odd:
            return stat
        try:
            now = os.lstat(path)
        except (OSError, ValueError):
            return None
        if (now.st_size, now.st_mtime_ns) != (stat.size, stat.mtime_ns):
            return None
        return stat._replace(dev=now.st_dev, ino=now.st_ino)

    def here(self, path: bytes, within: bytes, stat: FileStat) -> bytes | None:
        """Where a file of another mount namespace is in this one.

        Args:
            path: as it is called there; often it is the same here.
            within: its path within its file system.
            stat: its state.

        Returns:
            None when there is no such file here.
        """
        if _is(path, stat):
            return path
        for again in (False, True):
            if again:
                self._mounts = None
            for mount in self._known():
                if mount.device != stat.dev or not (within + b"/").startswith(mount.root.rstrip(b"/") + b"/"):
                    continue
                candidate = mount.point.rstrip(b"/") + b"/" + within[len(mount.root.rstrip(b"/")) :].lstrip(b"/")
                if _is(candidate, stat):
                    return candidate
        return None

    def _known(self) -> list[_Mount]:
        if self._mounts is None:
            self._mounts = []
            try:
                with open("/proc/self/mountinfo", "rb") as file:
                    lines = file.readlines()
            except OSError:
                lines = []
            for line in lines:
                fields, _, rest = line.partition(b" - ")
                words = fields.split()
                major, _, minor = words[2].partition(b":")
                root, point = (_ESCAPED.sub(lambda found: bytes((int(found[1], 8),)), word) for word in words[3:5])
                self._mounts.append(_Mount(os.makedev(int(major), int(minor)), root, point, rest.split(b" ", 1)[0]))
        return self._mounts


def _is(path: bytes, stat: FileStat) -> bool:
    try:
        now = os.lstat(path)
    except (OSError, ValueError):
        return False
    return (now.st_dev, now.st_ino) == (stat.dev, stat.ino)
