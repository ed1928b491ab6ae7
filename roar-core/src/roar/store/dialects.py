"""How peewee writes statements for each database; the one place where peewee is imported.

These databases are never connected: the statements of peewee's schema manager are collected, and run by the engine.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def _without_drivers() -> Iterator[None]:
    """Keeps peewee from importing every database driver there is: psycopg alone takes 80 ms, and the engine has its own."""
    hidden = [name for name in ("psycopg2", "psycopg2cffi", "psycopg", "pymysql", "MySQLdb") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: not to be imported
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _without_drivers():
    import peewee

__all__ = ["Dialect", "PostgresqlDialect", "SqliteDialect", "peewee"]


class SqliteDialect(peewee.SqliteDatabase):
    """Statements for SQLite."""

    def __init__(self) -> None:
        super().__init__(None)
        self.collected: list[str] = []

    def execute_sql(self, sql: str, params: Any = None) -> None:
        """Collects a statement."""
        self.collected.append(sql)


class PostgresqlDialect(peewee.PostgresqlDatabase):
    """Statements for PostgreSQL, which has no tables without row ids."""

    def __init__(self) -> None:
        super().__init__(None)
        self.collected: list[str] = []

    def execute_sql(self, sql: str, params: Any = None) -> None:
        """Collects a statement."""
        self.collected.append(sql.removesuffix(" WITHOUT ROWID"))


Dialect = SqliteDialect | PostgresqlDialect
