"""Servers that can't be used: one clear line, a fix, no password."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable

import psycopg
import pytest
from store.builders import job_record
from store.postgres import Server

from roar.api import StorageUnusable
from roar.store.postgresql import PostgresqlStorage

pytestmark = pytest.mark.requirement("SAFE-2")

_numbers = itertools.count()


@pytest.fixture
def url(server: Server) -> str:
    return server.new_schema(f"failures_{next(_numbers)}")


def refused(action: Callable[[], object], message: str, fix: str = "") -> None:
    with pytest.raises(StorageUnusable) as failure:
        action()
    error = failure.value
    assert message in error.message and "\n" not in error.message
    assert "secret" not in f"{error.message}{error.fix}"
    assert error.fix and fix in error.fix


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    refused(
        lambda: PostgresqlStorage.open("postgresql://u:secret@h/d"),
        "postgresql://h/d can't be opened: the PostgreSQL driver is missing",
        "pip install 'roar-core[postgresql]'",
    )


@pytest.mark.parametrize("read_only", [False, True])
def test_a_server_that_is_down_is_told(tmp_path_factory: pytest.TempPathFactory, read_only: bool) -> None:
    url = f"postgresql://u:secret@/d?host={tmp_path_factory.getbasetemp()}"
    refused(
        lambda: PostgresqlStorage.open(url, read_only), "postgresql:///d can't be reached: ", "Is the server running"
    )


def test_a_url_that_libpq_does_not_read_is_told() -> None:
    refused(lambda: PostgresqlStorage.open("postgresql://h:port/d?bad=secret"), "can't be reached: ", "storage.url")


def test_a_database_that_is_not_there_is_told(server: Server) -> None:
    refused(lambda: PostgresqlStorage.open(server.url(database="none", password="secret")), "can't be reached: ")


def test_a_schema_that_is_not_there_is_told(server: Server) -> None:
    refused(lambda: PostgresqlStorage.open(server.url("none")), "can't be used: no schema has been selected")


def test_a_schema_of_someone_else_is_told(server: Server, url: str) -> None:
    server.run("DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN")
    theirs = url.replace(f"user={server.user}", "user=guest")
    refused(lambda: PostgresqlStorage.open(theirs), "can't be ")


def test_reading_where_nothing_was_recorded_makes_nothing(url: str) -> None:
    store = PostgresqlStorage.open(url, read_only=True)
    assert store.jobs() == [] and store.active_session().jobs == 0
    store.close()
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()")
        assert tables.fetchone() == (0,)


def test_a_reader_writes_nothing(url: str) -> None:
    PostgresqlStorage.open(url).close()
    store = PostgresqlStorage.open(url, read_only=True)
    refused(lambda: store.record(job_record()), "was opened only to be read")
    with pytest.raises(StorageUnusable, match="can't be written: "), store._engine.guard():
        store._engine.rows("UPDATE session SET name = 'x'")
    store.close()


def test_a_writer_waits_for_a_lock_and_gives_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PostgresqlStorage, "wait_s", 0.2)
    first, second = PostgresqlStorage.open(url), PostgresqlStorage.open(url)
    with first._engine.transaction():
        refused(lambda: second.record(job_record()), "is locked by another program (waited 0 s)", "pg_stat_activity")
    assert second.record(job_record()).step == 1
    first.close()
    second.close()


def test_a_connection_that_is_cut_is_told_and_nothing_is_half_recorded(server: Server, url: str) -> None:
    store = PostgresqlStorage.open(url)
    (process,) = store._engine.rows("SELECT pg_backend_pid()")[0]
    with pytest.raises(StorageUnusable), store._engine.guard(), store._engine.transaction():
        store._engine.rows("UPDATE session SET name = 'half'")
        server.run(f"SELECT pg_terminate_backend({process}, 600000)")
        store._engine.rows("SELECT 1")
    refused(lambda: store.record(job_record()), "can't be reached: ")
    store.close()
    again = PostgresqlStorage.open(url)
    assert again.active_session().name is None
    again.close()


def test_tables_of_another_program_are_left_alone(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE job (id integer)")
        refused(lambda: PostgresqlStorage.open(url), "can't be used: relation")
        assert connection.execute("SELECT count(*) FROM job").fetchone() == (0,)
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()")
        assert tables.fetchone() == (1,)
