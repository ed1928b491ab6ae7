"""The built-in storage, a plugin like anyone's: SQLite, or PostgreSQL for a team."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from roar.api.markers import hookimpl

if TYPE_CHECKING:
    from roar.api.storage import Storage

roar_api = 1


@hookimpl
def roar_storages() -> Mapping[str, type[Storage]]:
    """Registers ``sqlite:`` and ``postgresql:`` (also spelled ``postgres:``)."""
    from roar.store.postgresql import PostgresqlStorage
    from roar.store.sqlite import SqliteStorage

    return {"sqlite": SqliteStorage, "postgresql": PostgresqlStorage, "postgres": PostgresqlStorage}
