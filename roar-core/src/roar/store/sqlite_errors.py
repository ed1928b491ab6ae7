"""SQLite's failures in words: what is the matter with the file, and what to do about it."""

from __future__ import annotations

import os
import sqlite3

from roar.api.errors import StorageUnusable
from roar.store.encoding import Damaged

_DAMAGED_FIX = (
    "Nothing in it was changed. Look closer: roar fsck\n"
    "Begin anew, keeping it: mv {path} {path}.damaged\n"
    "What can be saved: sqlite3 {path}.damaged .recover | sqlite3 {path}"
)


def explained(error: sqlite3.Error | Damaged, path: str, waited_s: float) -> tuple[str, str]:
    """Why the database at `path` can't be used, as the end of a sentence that begins with its path, and the fix."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = sqlite3.SQLITE_CORRUPT if code is None else code & 0xFF
    directory = os.path.dirname(path)
    if os.path.isdir(path):
        return "can't be opened: it is a directory", f"Move it away: mv {path} {path}.old"
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return (
            f"is locked by another program (waited {waited_s:.0f} s)",
            f"Find out which: fuser -v {path}",
        )
    if primary == sqlite3.SQLITE_NOTADB:
        return "is not a database (damaged, or written by another program)", _DAMAGED_FIX.format(path=path)
    if primary == sqlite3.SQLITE_FULL or _is_full(directory, primary):
        return "can't be written: the disk is full", f"Make room on it: df -h {directory}"
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return "can't be written: " + _obstacle(path, "it is read-only"), f"Look: ls -ld {directory} {path}"
    if primary == sqlite3.SQLITE_CANTOPEN:
        return "can't be opened: " + _obstacle(path, str(error)), f"Look: ls -ld {directory} {path}"
    if primary == sqlite3.SQLITE_IOERR:
        return f"can't be read or written: {error}", f"Look at the disk: df -h {directory}; dmesg | tail"
    if primary == sqlite3.SQLITE_TOOBIG:
        return f"can't take the record: {error}", "Filter files, or split the command."
    return f"is damaged: {error}", _DAMAGED_FIX.format(path=path)


def not_made(path: str, error: OSError) -> StorageUnusable:
    """The error for a database file that can't be made."""
    directory = os.path.dirname(path)
    return StorageUnusable(f"{path} can't be made: {error.strerror}", f"Look: ls -ld {directory}; df -h {directory}")


def _is_full(directory: str, primary: int) -> bool:
    """Whether an I/O error is that of a full disk, which SQLite tells only for some of its files."""
    if primary not in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        return False
    try:
        return os.statvfs(directory).f_bavail == 0
    except OSError:
        return False


def _obstacle(path: str, otherwise: str) -> str:
    """What keeps this process from a file."""
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        return f"there is no directory {directory}"
    if not os.access(path, os.R_OK):
        return "permission denied"
    if not os.access(path, os.W_OK):
        return "it is read-only"
    if not os.access(directory, os.W_OK):
        return "its directory is read-only"
    return otherwise
