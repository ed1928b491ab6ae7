"""Both databases for the tests of the storage."""

from __future__ import annotations

import itertools
import time
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
def left_alone(url: str, request: pytest.FixtureRequest) -> Callable[[], None]:
    """Waits until the store serves nobody: what a process that was killed had begun is over, one way or the other.

    A server goes on with a statement whose client is gone, and may be still at it when the next one asks.
    """
    if url.startswith("sqlite"):
        return lambda: None
    server: Server = request.getfixturevalue("server")
    before = server.clients()

    def wait() -> None:
        until = time.monotonic() + 300
        while server.clients() - before:
            assert time.monotonic() < until, "the server still has a client after 300 s"
            time.sleep(0.01)

    return wait


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
