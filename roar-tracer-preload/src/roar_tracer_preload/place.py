"""Where the files of a run are: the library's copy and the arena, in a directory that LD_PRELOAD can name."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from roar.api.errors import PreflightFailed

LIBRARY, ARENA = "roar-preload.so", "arena"
_NOTE = "elsewhere"
_PREFIX = "roar-preload-"
_UNUSABLE = frozenset(" :$\n")
"""LD_PRELOAD is split at spaces and colons and can't quote; ld.so expands ``$``; /proc/PID/maps escapes newlines."""
_LONGEST = 3900
"""The shim builds the arena's path on a 4096-byte buffer."""


def is_usable(directory: str) -> bool:
    """Whether programs can be told to load a library from this directory."""
    if _UNUSABLE.intersection(directory) or len(os.fsencode(directory)) > _LONGEST or not directory.startswith("/"):
        return False
    try:
        return not os.statvfs(directory).f_flag & os.ST_NOEXEC and os.access(directory, os.W_OK | os.X_OK)
    except OSError:
        return False


def candidates() -> list[str]:
    """Directories to fall back to, best first."""
    return [d for d in (os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp", "/dev/shm", "/var/tmp") if d]  # noqa: S108


def choose(journal: Path) -> Path:
    """The directory for a run's files: the journal, or a new one elsewhere, which is noted in the journal first.

    Raises:
        PreflightFailed: no directory will do.
    """
    own = os.path.realpath(journal)
    if is_usable(own):
        return Path(own)
    for base in candidates():
        base = os.path.realpath(base)
        if not is_usable(base):
            continue
        elsewhere = Path(base, _PREFIX + os.urandom(8).hex())
        (journal / _NOTE).write_bytes(os.fsencode(elsewhere))  # before it is made: a kill leaves nothing behind unknown
        elsewhere.mkdir(mode=0o700)
        return elsewhere
    raise PreflightFailed(
        "preload",
        f"no directory to run from: {own} can't be used (a space, colon or $ in its name, or mounted noexec)",
        "set XDG_RUNTIME_DIR to a directory of yours that programs may be run from",
    )


def find(journal: Path) -> Path:
    """Where `choose` put the files of this journal."""
    try:
        noted = Path(os.fsdecode((journal / _NOTE).read_bytes()))
    except OSError:
        return journal
    return noted if noted.is_absolute() and noted.name.startswith(_PREFIX) else journal


def leave(journal: Path) -> None:
    """Removes what `choose` made outside the journal; never anything that isn't a directory of this user's."""
    place = find(journal)
    if place == journal:
        return
    with contextlib.suppress(OSError):
        status = place.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
            import shutil

            shutil.rmtree(place, ignore_errors=True)
