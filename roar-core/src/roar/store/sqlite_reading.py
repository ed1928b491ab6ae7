"""Opening a SQLite database only to read it, also where nothing can be written."""

from __future__ import annotations

import os
import sqlite3

from roar.api.errors import StorageUnusable
from roar.store.migrations import bring_up_to_date
from roar.store.sqlite import SqliteEngine

_NOT_WRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


def open_for_reading(path: str, wait_s: float) -> SqliteEngine | None:
    """A connection that only reads; None when there is nothing to read yet.

    A database in WAL mode is read with the help of a shared-memory file beside it.  Where that can't be made (a read-only
    file system or directory), nobody writes either, and the file is read as it stands.  What a killed run left in the WAL
    there can only be read from a copy of both.

    Raises:
        StorageUnusable: see `Storage.open`.
    """
    try:
        return _opened(path, "mode=rw", wait_s)
    except StorageUnusable as error:
        cause = error.__cause__
        if not isinstance(cause, sqlite3.Error) or cause.sqlite_errorcode & 0xFF not in _NOT_WRITABLE:
            raise
        if not os.access(path, os.R_OK):
            raise
    log = f"{path}-wal"
    if not os.path.exists(log) or not os.path.getsize(log):
        return _opened(path, "mode=ro&immutable=1", wait_s)
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="roar-") as directory:
        copy = os.path.join(directory, "roar.db")
        shutil.copyfile(path, copy)
        shutil.copyfile(log, f"{copy}-wal")
        return _opened(copy, "mode=rw", wait_s)  # its files stay readable when their names are gone


def _opened(path: str, mode: str, wait_s: float) -> SqliteEngine | None:
    engine = SqliteEngine(path, mode, True, wait_s)
    try:
        with engine.guard():
            if engine.version() == 0:
                engine.close()
                return None
            bring_up_to_date(engine)
            engine.rows("PRAGMA query_only = ON")
    except BaseException:  # whatever it is, it goes on; only nothing half done is left
        engine.close()
        raise
    return engine
