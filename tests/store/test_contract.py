"""PostgreSQL passes the contract that anyone's storage must (SQLite does in `tests/contract`)."""

from __future__ import annotations

import itertools

import pytest
from store.postgres import Server

from roar.store.postgresql import PostgresqlStorage
from roar.testing import StorageContract

pytestmark = pytest.mark.requirement("PLUG-4")

_numbers = itertools.count()


class TestPostgresql(StorageContract):
    storage = PostgresqlStorage

    @pytest.fixture
    def url(self, server: Server) -> str:
        return server.new_schema(f"contract_{next(_numbers)}")
