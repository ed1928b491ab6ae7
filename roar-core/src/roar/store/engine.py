"""What the storage asks of a database: rows, transactions, bulk statements, and its errors as `StorageUnusable`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from roar.api.errors import StorageUnusable
    from roar.api.records import Problem
    from roar.store.dialects import Dialect
    from roar.store.names import Names
    from roar.store.statements import Name

CHUNK = 500
"""Values in one ``IN (…)``: SQLite takes 999 parameters everywhere, 32 766 only since 3.32."""


class Engine(ABC):
    """One connection to one database.

    Statements are written with ``?`` as placeholder.  Methods raise the driver's errors; `guard` translates them.
    """

    database: ClassVar[Literal["sqlite", "postgresql"]]
    read_only: bool

    @property
    @abstractmethod
    def dialect(self) -> Dialect:
        """How peewee writes the tables for this engine."""

    @cached_property
    def names(self) -> Names:
        """How paths are kept."""
        from roar.store.names import Names

        return Names(self)

    @abstractmethod
    def close(self) -> None:
        """Lets go of the connection."""

    @abstractmethod
    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs a statement, and gives all that it answers."""

    @abstractmethod
    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Runs a statement, and gives what it answers piece by piece."""

    @abstractmethod
    def bulk(self, name: Name, rows: Sequence[tuple[Any, ...]]) -> int:
        """Runs a bulk statement with these rows, and tells how many rows were written."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """A transaction that is the only writer from its beginning; waits for the others' ends."""

    @abstractmethod
    def guard(self) -> AbstractContextManager[None]:
        """Translates the driver's errors to `StorageUnusable`."""

    @abstractmethod
    def version(self) -> int:
        """The version of the schema, 0 when there is none.  Raises `StorageUnusable` for a database of another program."""

    @abstractmethod
    def set_version(self, version: int) -> None:
        """Writes the version of the schema; within a transaction."""

    @abstractmethod
    def prepare(self) -> None:
        """Readies an empty database for its tables; outside any transaction."""

    @abstractmethod
    def backup(self, version: int) -> None:
        """Keeps a copy of the database before it is migrated from `version`; within a transaction."""

    @abstractmethod
    def check(self) -> Iterator[Problem]:
        """What the database itself finds wrong with its pages, indexes and references."""

    @abstractmethod
    def unusable(self, why: str, fix: str) -> StorageUnusable:
        """The error that names this database: ``<database> <why>``."""


def chunks(values: Iterable[Any], size: int = CHUNK) -> Iterator[list[Any]]:
    """The values in lists of at most `size`."""
    chunk: list[Any] = []
    for value in values:
        chunk.append(value)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
