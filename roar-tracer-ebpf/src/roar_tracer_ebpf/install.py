"""Where `roar-ebpf` is: the program of the package, and the installed copy with capabilities that ordinary users need.

What an installed copy may be trusted for, and why, is docs/security-ebpf-helper.md.
"""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path

from roar_tracer_ebpf.build import PROGRAM_NAME, version

DIRECTORY = Path("/usr/local/lib/roar")
"""Root's, as all above it: nobody else can put another program there."""
ATTRIBUTE = "security.capability"
CAP_SYS_RESOURCE, CAP_PERFMON, CAP_BPF = 24, 38, 39
"""Bits of a capability set (linux/capability.h)."""
_REVISION_2, _REVISION_3 = 0x02000000, 0x03000000
_CHARGED_TO_MEMCG = (5, 11)
"""Before that kernel, maps counted as locked memory, and only CAP_SYS_RESOURCE raises that limit."""


def program_places() -> tuple[Path, Path]:
    """Where the program may be: in the package, or, where that isn't writable, among the user's data."""
    data = os.environ.get("XDG_DATA_HOME", "")
    base = Path(data) if data.startswith("/") else Path(os.path.expanduser("~"), ".local", "share")
    return Path(__file__).parent / PROGRAM_NAME, base / "roar" / f"ebpf-{version()}" / PROGRAM_NAME


def find_program() -> Path | None:
    """The built program, which has no capabilities of its own; None when there is none."""
    try:
        return next((path for path in program_places() if os.access(path, os.X_OK)), None)
    except OSError:
        return None  # there isn't even a probe


def helper_path() -> Path:
    """Where the installed copy belongs: one that speaks another protocol, or has another probe in it, has another name.

    Raises:
        OSError: the package is damaged.
    """
    return DIRECTORY / f"{PROGRAM_NAME}-{version()}"


def find_helper() -> Path | None:
    """The installed copy; None when there is none that is safe and of use."""
    try:
        path = helper_path()
    except OSError:
        return None
    return path if fault_of(path) is None else None


def fault_of(path: Path) -> str | None:
    """What is wrong with an installed copy, as the end of a sentence about it; None when it can be used.

    Args:
        path: the copy.
    """
    try:
        facts = os.lstat(path)
        if not stat.S_ISREG(facts.st_mode):
            return "isn't a file"
        if facts.st_uid != 0 or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return "can be changed by others than root"
        if not facts.st_mode & stat.S_IXOTH:
            return "can't be executed by everyone"
        above = _fault_above(path)
        if above:
            return above
        if os.statvfs(path).f_flag & os.ST_NOSUID:
            return "is on a file system mounted nosuid: its capabilities don't count"
        found = os.getxattr(path, ATTRIBUTE)
    except (FileNotFoundError, NotADirectoryError):
        return "doesn't exist"
    except PermissionError:
        return "is where you can't look at it"
    except OSError:
        return "has no capabilities"
    return None if permitted_by(found) == wanted() else "has other capabilities than it should"


def _fault_above(path: Path) -> str | None:
    """Above our own directory a group may write: Debian gives /usr/local to `staff`, which it equals to root."""
    for folder in path.parents:
        facts = os.lstat(folder)
        others = stat.S_IWOTH | (stat.S_IWGRP if folder == path.parent else 0)
        if stat.S_ISLNK(facts.st_mode):
            continue  # a link that root made; what it leads to is looked at below
        if facts.st_uid != 0 or facts.st_mode & others:
            return f"is below {folder}, which others than root can change"
        if not facts.st_mode & stat.S_IXOTH:
            return f"is below {folder}, which others than root can't enter"
    real = Path(os.path.realpath(path))
    return _fault_above(real) if real != path else None


def wanted() -> int:
    """The capabilities that a copy must have on this machine, a bit mask."""
    numbers = [part for part in os.uname().release.split("-")[0].split(".")[:2] if part.isdigit()]
    old = tuple(int(number) for number in numbers) < _CHARGED_TO_MEMCG
    return 1 << CAP_BPF | 1 << CAP_PERFMON | (1 << CAP_SYS_RESOURCE if old else 0)


def attribute(permitted: int) -> bytes:
    """The extended attribute that gives these capabilities, permitted only: the program raises them itself.

    See struct vfs_cap_data of linux/capability.h.
    """
    low, high = permitted & 0xFFFFFFFF, permitted >> 32
    return struct.pack("<5I", _REVISION_2, low, 0, high, 0)


def permitted_by(attribute: bytes) -> int | None:
    """The capabilities that such an attribute permits; None when it gives anything else, too."""
    if len(attribute) < 20:
        return None
    kind, low, inheritable, high, inheritable_high = struct.unpack_from("<5I", attribute)
    if kind not in (_REVISION_2, _REVISION_3) or inheritable or inheritable_high:
        return None
    return int(low | high << 32)
