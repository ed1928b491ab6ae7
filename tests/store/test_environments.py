"""Environments and reproductions in the store: what is shared is kept once."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from store.builders import job_record

from roar.api import Storage
from roar.api.records import Reproduction
from roar.store import migrations
from roar.store.sqlite import APPLICATION_ID, SqliteStorage

PACKAGES = {f"package-{number}": "1.0" for number in range(50)}


@pytest.mark.requirement("SHOW-4")
def test_runs_whose_variables_differ_share_the_packages(store: Storage) -> None:
    environments = [{"packages": PACKAGES, "variables": {"LANG": str(number)}} for number in range(3)]
    for environment in (*environments, environments[0]):
        store.record(job_record(environment=environment))
    rows = store._engine.rows
    assert rows("SELECT count(*) FROM environment") == [(3,)]
    assert rows("SELECT count(*) FROM environment_part") == [(1,)]
    assert [store.environment(job) for job in (1, 2, 3, 4)] == [*environments, environments[0]]


@pytest.mark.requirement("SAFE-2")
def test_a_section_that_is_gone_is_found(store: Storage) -> None:
    store.record(job_record(environment={"packages": PACKAGES}))
    store._engine.rows("DELETE FROM environment_part")
    (problem,) = store.integrity()
    assert problem.subject.startswith("environment ") and problem.message.endswith("the section 'packages' is missing")


@pytest.mark.requirement("REP-4")
def test_what_came_of_a_reproduction_is_found_by_the_content_newest_first(store: Storage) -> None:
    first = Reproduction("blake3", "ab" * 32, "11" * 16, b"/w/\xff", "different", "cd" * 32, 7, "ada@host", 5)
    second = first._replace(outcome="missing", produced=None, size=None, on_ns=6)
    other = first._replace(digest="ef" * 32)
    store.note_reproductions([first, other])
    store.note_reproductions([second])
    assert store.reproductions([("blake3", "ab" * 32)]) == [second, first]
    assert store.reproductions([("sha256", "ab" * 32)]) == []


@pytest.mark.requirement("SAFE-2")
def test_the_steps_lead_to_the_tables_of_a_new_database(tmp_path: Path) -> None:
    """`version1.sql` is the schema of the first version, as that roar made it."""
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    with sqlite3.connect(old) as connection:
        connection.executescript((Path(__file__).parent / "version1.sql").read_text())
        connection.execute("INSERT INTO schema_version (version) VALUES (1)")
        connection.execute("INSERT INTO session (created_ns, active) VALUES (1, 1)")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    assert migrations.newest() > 1
    for path in (old, new):
        SqliteStorage.open(f"sqlite://{path}").close()
    assert tables(old) == tables(new)


def tables(path: Path) -> dict[str, set[object]]:
    """Table → its columns and indexes."""
    with sqlite3.connect(path) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found: dict[str, set[object]] = {
            name: {
                (column, kind, null) for _, column, kind, null, *_ in connection.execute(f"PRAGMA table_info({name})")
            }
            | {row[1] for row in connection.execute(f"PRAGMA index_list({name})") if not row[1].startswith("sqlite_")}
            for name in names
        }
    connection.close()
    return found
