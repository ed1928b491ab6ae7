"""From one version of the schema to the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from store.builders import edge, job_record

from roar.api import Storage, StorageUnusable
from roar.store import migrations
from roar.store.engine import Engine

Open = Callable[..., Storage]

pytestmark = pytest.mark.requirement("SAFE-2")


def _add_rating(engine: Engine) -> None:
    engine.rows("ALTER TABLE job ADD COLUMN rating INTEGER")
    engine.rows("UPDATE job SET rating = id * 10")


def _drop_jobs(engine: Engine) -> None:
    engine.rows("DELETE FROM filtered_count")
    engine.rows("ALTER TABLE job RENAME TO work")
    engine.rows("SELECT * FROM what_is_not_there")


@pytest.fixture
def filled(store: Storage) -> None:
    store.record(job_record([edge(b"/w/a")]))
    store.close()


def test_an_older_database_is_brought_up_to_date(
    filled: None, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = migrations.newest()
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, _add_rating))
    for read_only in (True, False, False):
        store = open_store(read_only)
        assert store._engine.rows("SELECT rating FROM job") == [(10,)]
        assert store._engine.version() == newest + 1
        assert [one.path for one in store.edges([1])] == [b"/w/a"]


def test_a_new_database_has_the_newest_version(open_store: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, _add_rating))
    assert open_store()._engine.version() == migrations.newest()


def test_a_migration_that_fails_changes_nothing(
    filled: None, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", (*migrations.STEPS, _add_rating, _drop_jobs))
        with pytest.raises(StorageUnusable):
            open_store()
    store = open_store()
    assert store._engine.version() == migrations.newest()
    assert len(store.jobs()) == 1 and list(store.integrity()) == []


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_database_is_refused_in_one_line(filled: None, open_store: Open, read_only: bool) -> None:
    store = open_store()
    store._engine.set_version(70)
    store.close()
    with pytest.raises(
        StorageUnusable, match=rf"was written by a newer roar \(schema 70; this one knows {migrations.newest()}\)$"
    ) as refused:
        open_store(read_only)
    assert "\n" not in refused.value.message and refused.value.fix is not None and "pgrade roar" in refused.value.fix


@pytest.mark.parametrize("statement", ["UPDATE schema_version SET version = 90", "PRAGMA user_version = 90"])
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_either_mark_of_a_newer_version_counts(filled: None, open_store: Open, url: str, statement: str) -> None:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(StorageUnusable, match="schema 90"):
        open_store()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_copy_is_kept_of_what_was_migrated(
    filled: None, open_store: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", (*migrations.STEPS, _add_rating))
        open_store().record(job_record())
    copy = tmp_path / f"roar.db.v{migrations.newest()}.bak"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.glob("*.part")) == []
    kept = open_store(read_only=True, at=f"sqlite:///{copy}")
    assert len(kept.jobs()) == 1 and kept._engine.version() == migrations.newest()
