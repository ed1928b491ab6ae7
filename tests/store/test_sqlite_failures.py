"""Databases that can't be used: one clear line, a fix, and nothing destroyed."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from store.builders import edge, job_record
from store.unprivileged import ordinary_user, own_directory

import roar.store.read
import roar.store.sqlite_errors
import roar.store.sqlite_reading  # noqa: F401 - while it may still be read
from roar.api import Storage, StorageUnusable
from roar.store.sqlite import SqliteStorage

pytestmark = pytest.mark.requirement("SAFE-2")

JOBS = 3


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are not waited for as long as by users."""
    monkeypatch.setattr(SqliteStorage, "wait_s", 0.2)
    monkeypatch.setattr(SqliteStorage, "read_wait_s", 0.2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "roar.db"


@pytest.fixture
def database(path: Path) -> Path:
    """A database with jobs, which nobody has open."""
    return fill(path)


def fill(path: Path) -> Path:
    store = at(path)
    for number in range(JOBS):
        store.record(job_record([edge(b"/w/%d" % name) for name in range(300)], [edge(b"/w/out", b"%d" % number)]))
    store.close()
    return path


def at(path: Path | str, read_only: bool = False) -> SqliteStorage:
    return SqliteStorage.open(f"sqlite:///{path}", read_only)


def refused(action: Callable[[], object], message: str, *fixes: str) -> None:
    """The action fails with one line that has this in it, and a fix that has those."""
    with pytest.raises(StorageUnusable) as failure:
        action()
    error = failure.value
    assert message in error.message and "\n" not in error.message
    assert error.fix and all(fix in error.fix for fix in fixes)


both = pytest.mark.parametrize("read_only", [False, True], ids=["write", "read"])


@both
@pytest.mark.parametrize("content", [b"hello\n", b"x" * 5_000, b"SQLite format 3\0" + b"\xff" * 5_000])
def test_what_is_no_database_is_refused_and_kept(path: Path, content: bytes, read_only: bool) -> None:
    path.write_bytes(content)
    refused(lambda: at(path, read_only), f"{path} is", "Nothing in it was changed", "mv ")
    assert path.read_bytes() == content


@both
def test_a_damaged_header_is_refused_and_kept(database: Path, read_only: bool) -> None:
    content = b"\0" * 100 + database.read_bytes()[100:]
    database.write_bytes(content)
    refused(lambda: at(database, read_only), "is not a database", "roar fsck")
    assert database.read_bytes() == content


def test_malformed_pages_are_told_by_whatever_meets_them(database: Path) -> None:
    content = database.read_bytes()
    database.write_bytes(content[:4096] + b"\x0a" * (len(content) - 4096))
    reader: list[Storage] = []
    refused(lambda: reader.append(at(database, True)) or reader[0].jobs(), "is damaged", "roar fsck", ".recover")
    refused(lambda: at(database).record(job_record()), "is damaged", "roar fsck")


@both
def test_a_truncated_database_is_refused_and_kept(database: Path, read_only: bool) -> None:
    content = database.read_bytes()[: 4096 * 3 + 100]
    database.write_bytes(content)
    refused(lambda: at(database, read_only).record(job_record()), f"{database} ")
    assert database.read_bytes() == content


@both
def test_a_database_of_another_program_is_refused_and_kept(path: Path, read_only: bool) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    content = path.read_bytes()
    refused(lambda: at(path, read_only), "is the database of another program", "storage.url")
    assert path.read_bytes() == content


def test_an_empty_file_is_a_new_database(path: Path) -> None:
    path.touch()
    assert at(path, read_only=True).jobs() == []
    assert path.stat().st_size == 0
    assert at(path).record(job_record()).step == 1


def test_reading_what_is_not_there_makes_nothing(path: Path) -> None:
    store = at(path, read_only=True)
    assert store.jobs() == [] and store.active_session().jobs == 0 and list(store.integrity()) == []
    refused(lambda: store.record(job_record()), "was opened only to be read")
    refused(lambda: store.new_session(), "was opened only to be read")
    assert not path.exists()


@pytest.fixture
def locked(database: Path) -> Iterator[sqlite3.Connection]:
    """Another program that holds the database's write lock."""
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def test_a_writer_waits_for_a_lock_and_gives_up(database: Path, locked: sqlite3.Connection) -> None:
    store = at(database)
    job = job_record()
    refused(lambda: store.record(job), "is locked by another program (waited 0 s)", f"fuser -v {database}")
    assert len(store.jobs()) == JOBS
    locked.execute("ROLLBACK")
    assert store.record(job).step == JOBS + 1


@both
def test_a_database_that_is_locked_as_a_whole_is_refused(
    database: Path, locked: sqlite3.Connection, read_only: bool
) -> None:
    locked.execute("ROLLBACK")
    locked.execute("PRAGMA locking_mode = EXCLUSIVE")
    locked.execute("BEGIN EXCLUSIVE")
    locked.execute("UPDATE session SET name = 'x'")
    refused(lambda: at(database, read_only), "is locked by another program")


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    refused(lambda: at(tmp_path / "none" / "roar.db"), "can't be made: No such file or directory", "ls -ld")


@both
def test_a_directory_is_no_database(tmp_path: Path, read_only: bool) -> None:
    refused(lambda: at(tmp_path, read_only), "can't be opened: it is a directory")


@pytest.mark.parametrize("url", ["mysql://h/d", "sqlite:", "sqlite://", "roar.db", ""])
def test_other_urls_are_refused(url: str) -> None:
    refused(lambda: SqliteStorage.open(url), "does not name a SQLite database", "sqlite:////absolute/path")


@pytest.mark.parametrize(
    "name", [b"a b", b"%41", b"what?mode=memory", b"#1", b"\xff\xfe", b"new\nline", b"'\"", "é".encode()], ids=repr
)
def test_any_path_will_do(tmp_path: Path, name: bytes) -> None:
    directory = tmp_path / os.fsdecode(name)
    directory.mkdir()
    fill(directory / "roar.db")
    assert os.listdir(directory) == ["roar.db"]
    assert len(at(directory / "roar.db", read_only=True).jobs()) == JOBS


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777], ids=oct)
def test_only_the_owner_may_read_it_whatever_the_umask(path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        store = at(path)
        store.record(job_record())
        modes = {name.name: name.stat().st_mode & 0o777 for name in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"roar.db": 0o600, "roar.db-wal": 0o600, "roar.db-shm": 0o600}


# ---- permissions


@pytest.fixture
def mine() -> Iterator[Path]:
    """A database of an ordinary user's, in a directory of its own."""
    with own_directory() as directory, ordinary_user():
        yield fill(directory / "roar.db")


@pytest.mark.requirement("SHOW-7")
def test_a_read_only_directory_is_read(mine: Path) -> None:
    mine.chmod(0o400)
    mine.parent.chmod(0o500)
    assert len(at(mine, read_only=True).jobs()) == JOBS
    assert os.listdir(mine.parent) == ["roar.db"]
    refused(lambda: at(mine).record(job_record()), "can't be ", "ls -ld")


@pytest.mark.requirement("SHOW-7")
def test_what_a_killed_run_left_in_a_read_only_directory_is_read(mine: Path) -> None:
    store = at(mine)
    store.record(job_record())
    log = mine.with_name("roar.db-wal").read_bytes()
    content = mine.read_bytes()
    store.close()
    mine.write_bytes(content)
    mine.with_name("roar.db-wal").write_bytes(log)
    mine.parent.chmod(0o500)
    assert len(at(mine, read_only=True).jobs()) == JOBS + 1


def test_a_read_only_file_refuses_a_job(mine: Path) -> None:
    mine.chmod(0o400)
    assert len(at(mine, read_only=True).jobs()) == JOBS
    refused(lambda: at(mine).record(job_record()), "can't be written: it is read-only", "ls -ld")


@both
def test_a_file_of_someone_else_is_refused(mine: Path, read_only: bool) -> None:
    mine.chmod(0o000)
    refused(lambda: at(mine, read_only), "can't be opened: permission denied", "ls -ld")


def test_a_new_database_in_a_read_only_directory_is_refused(mine: Path) -> None:
    mine.unlink()
    mine.parent.chmod(0o500)
    refused(lambda: at(mine), "can't be made: Permission denied")
    assert at(mine, read_only=True).jobs() == []


# ---- a full disk

_FILL = """
import resource, sys
sys.path[:0] = sys.argv[2:]
from store.builders import edge, job_record
from roar.api import StorageUnusable
from roar.store.sqlite import SqliteStorage
if sys.argv[1].startswith("limit:"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
path = sys.argv[1].partition(":")[2]
recorded = 0
try:
    store = SqliteStorage.open(f"sqlite:///{path}")
    while True:
        store.record(job_record([edge(b"/w/%d/%d" % (recorded, name)) for name in range(200)]))
        recorded += 1
except StorageUnusable as error:
    print(recorded, error.message)
"""


@pytest.mark.parametrize("full", ["disk", "limit"])
def test_a_full_disk_loses_only_the_job_that_does_not_fit(tmp_path: Path, full: str) -> None:
    mounted = full == "disk" and (
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "none", tmp_path], capture_output=True).returncode
        == 0
    )  # who may not mount has the same failure from the limit
    path = tmp_path / "roar.db"
    try:
        done = subprocess.run(
            [sys.executable, "-c", _FILL, f"{'disk' if mounted else 'limit'}:{path}", *sys.path],
            capture_output=True,
            text=True,
            check=True,
        )
        recorded, _, message = done.stdout.strip().partition(" ")
        assert int(recorded) > 0
        assert message.startswith(f"{path} can't be ")
        assert not mounted or message.endswith("can't be written: the disk is full")
        store = at(path, read_only=True)
        assert len(store.jobs()) == int(recorded) and list(store.integrity()) == []
        store.close()
    finally:
        if mounted:
            subprocess.run(["umount", tmp_path], check=True)


def test_a_disk_that_is_full_from_the_beginning_is_told(tmp_path: Path) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", tmp_path], capture_output=True).returncode:
        return  # who may not mount can't have one
    try:
        refused(lambda: at(tmp_path / "roar.db"), "can't be written: the disk is full", "df -h")
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_what_the_suggested_recovery_saves_is_used(database: Path) -> None:
    # As `sqlite3 .recover` does, a dump keeps tables and rows, and not the marks in the header.
    with sqlite3.connect(database) as damaged:
        script = "\n".join(damaged.iterdump())
    damaged.close()
    database.unlink()
    with sqlite3.connect(database) as saved:
        saved.executescript(script)
    saved.close()
    store = at(database)
    assert store.record(job_record()).step == JOBS + 1
    assert list(store.integrity()) == []
    store.close()
