"""Both databases for the tests of the storage."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from store.postgres import Server, running

from roar.api import Storage
from roar.store import roar_storages

_numbers = itertools.count()

Open = Callable[..., Storage]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server."""
    with running() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store that is empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'roar.db'}"
    server: Server = request.getfixturevalue("server")
    return server.new_schema(f"test_{next(_numbers)}")


@pytest.fixture
def open_store(url: str) -> Iterator[Open]:
    """Opens the store, any number of times, and closes what was opened."""
    opened: list[Storage] = []

    def open_(read_only: bool = False, at: str = url) -> Storage:
        opened.append(roar_storages()[at.partition(":")[0]].open(at, read_only))
        return opened[-1]

    yield open_
    for storage in opened:
        storage.close()


@pytest.fixture
def store(open_store: Open) -> Storage:
    """The store, open for writing."""
    return open_store()
