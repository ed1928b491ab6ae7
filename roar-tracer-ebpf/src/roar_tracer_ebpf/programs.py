"""What the kernel reads by itself when a process executes a file: the script, its interpreters, the loader."""

from __future__ import annotations

import os
import stat as modes
import struct
from collections.abc import Iterator

from roar.api.events import FileStat

_HEAD = 4096
_INTERPRETED = 3  # PT_INTERP, elf(5)
_DEPTH = 6  # scripts may be interpreted by scripts, four times (execve(2)); then there is the loader
_BY_DESCRIPTOR = b"/dev/fd/"


class Programs:
    """Finds them, a moment after the exec."""

    def __init__(self) -> None:
        self._helpers: dict[tuple[bytes, int, int, int], bytes] = {}

    def beside(self, program: bytes, script: bytes, directory: bytes, root: bytes) -> Iterator[bytes]:
        """The files beside the program itself, canonical.

        Args:
            program: what runs.
            script: what was executed when it isn't the program; else empty.  A script that is gone by now has been told by its
                interpreter's open.
            directory: the process's working directory.
            root: its root.
        """
        at = program
        if script and not script.startswith(_BY_DESCRIPTOR):
            named = _from(script, directory, root)
            if os.path.isfile(named):
                at = named
        met: set[bytes] = set()
        while at not in met and len(met) < _DEPTH:
            met.add(at)
            if at != program:
                yield at
            helper = self._helper_of(at)
            at = _from(helper, directory, root) if helper else program

    def _helper_of(self, path: bytes) -> bytes:
        try:
            s = os.stat(path)
            if not modes.S_ISREG(s.st_mode):
                return b""  # another file by now; to open a pipe would be to wait
            key = path, s.st_ino, s.st_mtime_ns, s.st_size
            known = self._helpers.get(key)
            if known is None:
                with open(path, "rb", buffering=0) as file:
                    known = self._helpers[key] = _helper_in(file.fileno())
            return known
        except (OSError, ValueError):
            return b""


def state_before(path: bytes, time_ns: int) -> FileStat | None:
    """The state in which a file was at a moment that has passed; None when it has been changed since, or is gone.

    Args:
        path: the file.
        time_ns: nanoseconds since the epoch.
    """
    try:
        s = os.lstat(path)
    except (OSError, ValueError):
        return None
    if max(s.st_mtime_ns, s.st_ctime_ns) > time_ns or not modes.S_ISREG(s.st_mode):
        return None
    return FileStat(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_mode)


def _from(name: bytes, directory: bytes, root: bytes) -> bytes:
    base = root if name.startswith(b"/") else directory
    return os.path.realpath(base.rstrip(b"/") + b"/" + name.lstrip(b"/"))


def _helper_in(fd: int) -> bytes:
    """A script's interpreter or a dynamic program's loader, as it stands in the file; empty for a static program."""
    head = os.pread(fd, _HEAD, 0)
    if head[:2] == b"#!":
        words = head[2:].split(b"\n", 1)[0].split(None, 1)
        return words[0].partition(b"\0")[0] if words else b""
    if head[:4] != b"\x7fELF":
        return b""
    wide = head[4:5] == b"\2"
    word, where, size_at, count_at, in_file, length_at = ("Q", 32, 54, 56, 8, 32) if wide else ("I", 28, 42, 44, 4, 16)
    try:
        (at,), (size,), (count,) = (
            struct.unpack_from(form, head, place) for form, place in ((word, where), ("H", size_at), ("H", count_at))
        )
        table = os.pread(fd, size * count, at)  # which a program that was patched may have at its end
        for entry in range(0, size * count, size or 1):
            if struct.unpack_from("I", table, entry)[0] == _INTERPRETED:
                (offset,) = struct.unpack_from(word, table, entry + in_file)
                (length,) = struct.unpack_from(word, table, entry + length_at)
                return os.pread(fd, min(length, _HEAD), offset).partition(b"\0")[0]
    except (struct.error, OverflowError):
        pass
    return b""
