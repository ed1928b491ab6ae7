"""The connection to a PostgreSQL database.

The tables are in the first schema of the connection's search path; ``postgresql://…/database?options=-csearch_path%3Droar``
chooses another.  Writers take turns by an advisory lock, as they do on SQLite: ids and steps have no gaps and nobody
deadlocks.
"""

# ruff: noqa: D102 - documented by the interface

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from roar.store.encoding import Damaged
from roar.store.engine import Engine
from roar.store.statements import Name, for_postgresql

if TYPE_CHECKING:
    import psycopg

    from roar.api.errors import StorageUnusable
    from roar.api.records import Problem
    from roar.store.dialects import PostgresqlDialect

_LOCK = 0x726F6172
"""The advisory lock of writers: ``roar``."""

_LIST = re.compile(r"IN \((\?(?:,\?)+)\)")
_CONNECT_S = 10
_RETRY_S = 0.1
_RETRIED = ("53300", "57P03")
"""Too many clients; the server is starting (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""


class PostgresqlEngine(Engine):
    """A connection to a PostgreSQL server.

    Args:
        url: as libpq takes it.
        read_only: nothing is to be written.
        wait_s: how long other writers, and a server without a free connection, are waited for.
    """

    database = "postgresql"

    def __init__(self, url: str, read_only: bool, wait_s: float) -> None:
        self.read_only = read_only
        self._wait_s = wait_s
        self._name = _without_credentials(url)
        try:
            import psycopg
        except ImportError as error:
            raise self.unusable(
                f"can't be opened: the PostgreSQL driver is missing ({error})",
                "Run: pip install 'roar-core[postgresql]'",
            ) from error
        self._error = psycopg.Error
        with self.guard():
            self._connection = self._connect(url)
            # to compile a statement, or to start processes for it, takes longer than to run any of ours
            self.rows(
                "SELECT set_config('lock_timeout', ?, false), set_config('jit', 'off', false),"
                " set_config('max_parallel_workers_per_gather', '0', false)",
                (str(int(wait_s * 1000)),),
            )

    def _connect(self, url: str) -> psycopg.Connection[tuple[Any, ...]]:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict

        options: dict[str, Any] = {"connect_timeout": _CONNECT_S, "application_name": "roar", **conninfo_to_dict(url)}
        deadline = time.monotonic() + self._wait_s
        while True:
            try:
                return psycopg.connect(**options, autocommit=True)
            except psycopg.OperationalError as error:
                if error.sqlstate not in _RETRIED and "too many clients" not in str(error):
                    raise
                if time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_S)

    @cached_property
    def dialect(self) -> PostgresqlDialect:
        from roar.store.dialects import PostgresqlDialect

        return PostgresqlDialect()

    def close(self) -> None:
        self._connection.close()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(*_with_arrays(sql, parameters))
        return cursor.fetchall() if cursor.description else []

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        yield from self._connection.execute(*_with_arrays(sql, parameters))

    def bulk(self, name: Name, rows: Sequence[tuple[Any, ...]]) -> int:
        if not rows:
            return 0
        columns = [list(column) for column in zip(*rows, strict=True)]
        return self._connection.execute(for_postgresql(name).encode(), columns).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._connection.transaction():
            self.rows(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield

    @contextmanager
    def guard(self) -> Iterator[None]:
        try:
            yield
        except (self._error, Damaged) as error:
            raise self.unusable(*_explained(error, self._wait_s)) from error

    def unusable(self, why: str, fix: str) -> StorageUnusable:
        from roar.api.errors import StorageUnusable

        return StorageUnusable(f"{self._name} {why}", fix)

    def version(self) -> int:
        # Not to_regclass(), which may answer from a cache that is older than the lock.
        if not self.rows(
            "SELECT 1 FROM pg_tables WHERE tablename = 'schema_version' AND schemaname = current_schema()"
        ):
            return 0
        [(version,)] = self.rows("SELECT max(version) FROM schema_version")
        return version or 0

    def set_version(self, version: int) -> None:
        self.rows("DELETE FROM schema_version")
        self.rows("INSERT INTO schema_version (version) VALUES (?)", (version,))

    def prepare(self) -> None:
        """Nothing: an empty database is ready."""

    def backup(self, version: int) -> None:
        """Nothing: definitions, too, are undone with their transaction, and a server's copies are its administrator's."""

    def check(self) -> Iterator[Problem]:
        """Nothing: the server keeps its references, and has its own tools for its pages."""
        yield from ()


def _with_arrays(sql: str, parameters: Sequence[Any]) -> tuple[bytes, Sequence[Any]]:
    """A statement as the driver takes it: each ``IN (?,?,…)`` takes one array, so that its text is the same for any number.

    To read hundreds of placeholders takes the driver longer than the statement takes to run, and it keeps statements that
    come again ready.
    """
    if "IN (?,?" not in sql:
        return sql.replace("?", "%s").encode(), parameters
    taken: list[Any] = []
    rest = iter(parameters)
    parts = _LIST.split(sql)
    for number, part in enumerate(parts):
        values = list(islice(rest, part.count("?")))
        taken += [values] if number % 2 else values
    text = "".join("= ANY(%s)" if number % 2 else part.replace("?", "%s") for number, part in enumerate(parts))
    return text.encode(), taken


def _without_credentials(url: str) -> str:
    """A URL that may be shown."""
    return re.sub(r"//[^/?]*@", "//", url.partition("?")[0])


def _explained(error: Exception, waited_s: float) -> tuple[str, str]:
    """Why a database can't be used, as the end of a sentence that begins with its URL, and the fix."""
    state = getattr(error, "sqlstate", None) or ""
    message = (str(error).strip() or type(error).__name__).splitlines()[0]
    if isinstance(error, Damaged):
        return f"is damaged: {message}", "Look closer: roar fsck"
    if state == "55P03":
        return (
            f"is locked by another program (waited {waited_s:.0f} s)",
            "Find out which: SELECT * FROM pg_stat_activity\nThen run the command again.",
        )
    if state.startswith("53"):
        return f"can't take the record: {message}", "Make room on the server: its disk, memory or connections."
    if state in ("25006", "42501"):
        return f"can't be written: {message}", "Ask for the right to write there, or choose a database that is yours."
    if not state or state.startswith(("08", "28", "3D", "57")):
        return f"can't be reached: {message}", "Is the server running, and the URL right? roar config get storage.url"
    return f"can't be used: {message}", "Look closer: roar fsck"
