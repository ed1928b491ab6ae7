"""The SQLite storage passes the contract that anyone's must."""

from __future__ import annotations

import pytest

from roar.store.sqlite import SqliteStorage
from roar.testing import StorageContract

pytestmark = pytest.mark.requirement("PLUG-4")


class TestSqlite(StorageContract):
    storage = SqliteStorage
