"""The storage in a SQLite file.

The file is in WAL mode: readers never wait, writers wait for each other.  A commit is on the disk when it returns
(``synchronous=FULL``), as the run's own directory is removed right after; that costs nothing, since closing the last
connection would wait for the same disk.
"""

# ruff: noqa: D102 - documented by the interface

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from roar.store.encoding import Damaged
from roar.store.engine import Engine
from roar.store.migrations import bring_up_to_date
from roar.store.statements import Name, for_sqlite
from roar.store.storage import DatabaseStorage

if TYPE_CHECKING:
    from roar.api.errors import StorageUnusable
    from roar.api.records import Problem
    from roar.store.dialects import SqliteDialect

APPLICATION_ID = 0x726F6172
"""``roar``: how a database file says whose it is (https://www.sqlite.org/fileformat.html#application_id)."""

_PLAIN = frozenset(b"/-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_RETRY_S = 0.02
_STRETCH_MS = 100
_ROWS = 50
"""Rows in one bulk statement: more is not faster, and 999 parameters are the least that SQLite may allow."""


class SqliteStorage(DatabaseStorage):
    """``sqlite:///abs/path/roar.db``; the rest of the URL is the path as it is, without escapes."""

    scheme = "sqlite"
    wait_s: ClassVar[float] = 20.0
    """How long a writer waits for the others: 64 runs that end together are recorded one after the other."""
    read_wait_s: ClassVar[float] = 10.0
    """How long a reader waits, which happens only while a program holds the whole database."""

    @classmethod
    def open(cls, url: str, read_only: bool = False) -> SqliteStorage:
        """See `Storage.open`.  A file that is missing or empty is a new database."""
        path = _path(url)
        if read_only:
            return cls(_reading(path, cls.read_wait_s))
        try:
            make_file(path)
        except OSError as error:
            from roar.store.sqlite_errors import not_made

            raise not_made(path, error) from error
        engine = SqliteEngine(path, "mode=rw", False, cls.wait_s)
        try:
            with engine.guard():
                bring_up_to_date(engine)
        except BaseException:  # whatever it is, it goes on; only nothing half done is left
            engine.close()
            raise
        return cls(engine)

    @classmethod
    def empty(cls) -> SqliteStorage:
        """A storage in which nothing was recorded, nor will be."""
        return cls(_nothing())


def _path(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    path = "/" + rest.lstrip("/")
    if scheme != "sqlite" or not separator or path == "/":
        from roar.api.errors import StorageUnusable

        raise StorageUnusable(
            f"'{url}' does not name a SQLite database",
            "Write it so: roar config set storage.url sqlite:////absolute/path/roar.db",
        )
    return path


def _reading(path: str, wait_s: float) -> SqliteEngine:
    """A connection that only reads, for whatever there is."""
    if os.path.exists(path) and os.path.getsize(path):
        from roar.store.sqlite_reading import open_for_reading

        engine = open_for_reading(path, wait_s)
        if engine is not None:
            return engine
    return _nothing()


def _nothing() -> SqliteEngine:
    """What is read where nothing was ever recorded."""
    engine = SqliteEngine(":memory:", "", True, 0)
    bring_up_to_date(engine)
    return engine


def _is_to_go() -> bool:
    """Whether the user wants roar to end: a run holds such signals back while it records."""
    return not signal.sigpending().isdisjoint((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))


class SqliteEngine(Engine):
    """A connection to a SQLite database.

    Args:
        path: the file; ``:memory:`` for the empty store of a workspace in which nothing was recorded.
        mode: of the URI: ``rw``, ``immutable`` …
        read_only: nothing is ever written.
        wait_s: how long another program's lock is waited for.
    """

    database = "sqlite"

    def __init__(self, path: str, mode: str, read_only: bool, wait_s: float) -> None:
        self.path = path
        self.read_only = read_only
        self._wait_s = wait_s
        address = path if path == ":memory:" else f"file:{_quoted(path)}?{mode}"
        with self.guard():
            self._connection = sqlite3.connect(
                address, uri=True, timeout=wait_s, isolation_level=None, check_same_thread=False
            )
            for pragma in ("foreign_keys=ON", "synchronous=FULL", "cache_size=-16000"):
                self._connection.execute(f"PRAGMA {pragma}")

    @cached_property
    def dialect(self) -> SqliteDialect:
        from roar.store.dialects import SqliteDialect

        return SqliteDialect()

    def close(self) -> None:
        self._connection.close()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, parameters).fetchall()

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        yield from self._connection.execute(sql, parameters)

    def bulk(self, name: Name, rows: Sequence[tuple[Any, ...]]) -> int:
        if not rows:
            return 0
        whole = len(rows) // _ROWS * _ROWS
        groups = (_flat(rows[start : start + _ROWS]) for start in range(0, whole, _ROWS))
        written = self._connection.executemany(for_sqlite(name, _ROWS), groups).rowcount if whole else 0
        if whole < len(rows):
            rest = rows[whole:]
            written += self._connection.execute(for_sqlite(name, len(rest)), _flat(rest)).rowcount
        return written

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._patiently("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:  # whatever it is, it goes on; only nothing half done is left
            if self._connection.in_transaction:  # a full disk ends it already
                self._connection.execute("ROLLBACK")
            raise

    def _patiently(self, sql: str) -> None:
        """Runs a statement that needs a lock, also where SQLite itself doesn't wait (https://www.sqlite.org/c3ref/busy_handler.html)."""
        deadline = time.monotonic() + self._wait_s
        self._connection.execute(f"PRAGMA busy_timeout = {_STRETCH_MS}")  # in between, the user may want to go
        try:
            while True:
                try:
                    self._connection.execute(sql)
                    return
                except sqlite3.OperationalError as error:
                    busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                    if not busy or time.monotonic() > deadline or _is_to_go():
                        raise
                    time.sleep(_RETRY_S)
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {int(self._wait_s * 1000)}")

    @contextmanager
    def guard(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, Damaged) as error:
            from roar.store.sqlite_errors import explained

            raise self.unusable(*explained(error, self.path, self._wait_s)) from error

    def unusable(self, why: str, fix: str) -> StorageUnusable:
        from roar.api.errors import StorageUnusable

        return StorageUnusable(f"{self.path} {why}", fix)

    def version(self) -> int:
        # In this order: whoever makes the tables commits them together with the marks that are looked for next.
        tables = {name for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            return 0
        [(application,)] = self.rows("PRAGMA application_id")
        # What `sqlite3 .recover` saved of a damaged database has lost the mark.
        if application not in (APPLICATION_ID, 0) or not {"schema_version", "job", "path"} <= tables:
            raise self.unusable(
                "is the database of another program", "Move it away, or choose another: roar config set storage.url URL"
            )
        [(version,)] = self.rows("PRAGMA user_version")
        [(table,)] = self.rows("SELECT max(version) FROM schema_version")
        return int(max(version, table or 0))

    def set_version(self, version: int) -> None:
        self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version = {version}")
        self._connection.execute("DELETE FROM schema_version")
        self._connection.execute("INSERT INTO schema_version (version) VALUES (?)", (version,))

    def prepare(self) -> None:
        self._patiently("PRAGMA journal_mode = WAL")

    def backup(self, version: int) -> None:
        target = f"{self.path}.v{version}.bak"
        unfinished = f"{target}.part"
        make_file(unfinished)
        # A second connection reads what is committed, while this one keeps others from writing.
        with sqlite3.connect(self.path) as source, sqlite3.connect(unfinished) as copy:
            source.backup(copy)
        source.close()
        copy.close()
        os.replace(unfinished, target)

    def check(self) -> Iterator[Problem]:
        from roar.api.records import Problem

        for (finding,) in self.rows("PRAGMA integrity_check(100)"):
            if finding != "ok":
                yield Problem("database", finding, "Keep a copy, then: sqlite3 COPY .recover")
        for table, row, parent, _ in self.rows("PRAGMA foreign_key_check"):
            if not table.startswith("job_"):  # edges are told by job
                yield Problem(f"{table} {row}", f"it refers to a {parent} that isn't there")


def make_file(path: str) -> None:
    """Makes an empty file that only its owner may read, whatever the umask; one that exists is left as it is."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _flat(rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    return [value for row in rows for value in row]


def _quoted(path: str) -> str:
    """A path in a URI.  `urllib.parse.quote` would do, and takes 5 ms to import."""
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in os.fsencode(path))
