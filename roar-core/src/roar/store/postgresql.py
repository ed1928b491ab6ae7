"""The storage in a PostgreSQL database."""

from __future__ import annotations

from roar.store.storage import DatabaseStorage


class PostgresqlStorage(DatabaseStorage):
    """``postgresql://user@host/database``."""

    scheme = "postgresql"
