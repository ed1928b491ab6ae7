"""The storage in a PostgreSQL database, which a team or several machines may share.

The engine is imported when such a storage is opened: every run on SQLite would pay for it.
"""

# ruff: noqa: D102 - documented by the interface

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from roar.api.storage import Link
from roar.store.storage import DatabaseStorage


class PostgresqlStorage(DatabaseStorage):
    """``postgresql://[user[:password]@][host][:port]/database[?…]``, as libpq reads it; needs psycopg 3."""

    scheme = "postgresql"
    wait_s: ClassVar[float] = 60.0
    """How long a writer waits for the others."""

    @classmethod
    def open(cls, url: str, read_only: bool = False) -> DatabaseStorage:
        """See `Storage.open`.  To read where nothing was ever recorded gives an empty storage."""
        from roar.store.migrations import bring_up_to_date
        from roar.store.postgresql_engine import PostgresqlEngine

        engine = PostgresqlEngine(url, read_only, cls.wait_s)
        try:
            with engine.guard():
                if read_only and engine.version() == 0:
                    from roar.store.sqlite import SqliteStorage

                    engine.close()
                    return SqliteStorage.empty()
                bring_up_to_date(engine)
                if read_only:
                    engine.rows("SET default_transaction_read_only = on")
        except BaseException:  # whatever it is, it goes on; only nothing half done is left
            engine.close()
            raise
        return cls(engine)

    def makers_ahead(self, jobs: Sequence[int], files: int) -> dict[int, list[Link]]:
        from roar.store.links_ahead import makers_ahead

        with self._engine.guard():
            return makers_ahead(self._engine, jobs, files)

    def users_ahead(self, jobs: Sequence[int], files: int) -> dict[int, tuple[list[Link], int]]:
        from roar.store.links_ahead import users_ahead

        with self._engine.guard():
            return users_ahead(self._engine, jobs, files)
