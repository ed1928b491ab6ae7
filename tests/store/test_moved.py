"""A workspace that moves: what is in it is found where it is now, on both databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from store.builders import edge, git_state, job_record, unknown

from roar.api import Composite, JobQuery, JobRecord, Storage
from roar.api.records import Reproduction
from roar.api.storage import Site
from roar.store.sqlite import APPLICATION_ID, SqliteStorage

Open = Callable[..., Storage]
At = Callable[..., Storage]

pytestmark = pytest.mark.requirement("SHOW-1", "SHOW-3")

OLD, NEW, THIRD = b"/w/old", b"/mnt/else/new", b"/x"


@pytest.fixture
def at(open_store: Open) -> At:
    """Opens the store for a workspace at a place."""

    def open_at(root: bytes, uid: str = "", read_only: bool = False) -> Storage:
        storage = open_store(read_only)
        storage.attach(Site(root, uid))
        return storage

    return open_at


def job(root: bytes, reads: list[bytes], writes: list[bytes]) -> JobRecord:
    """A job in `root`/sub that reads and writes files by their names there, or absolute."""

    def path(name: bytes) -> bytes:
        return name if name.startswith(b"/") else root + b"/" + name

    return job_record(
        [edge(path(name), name.rpartition(b"/")[2]) for name in reads],
        [edge(path(name), name.rpartition(b"/")[2]) for name in writes],
        cwd=root + b"/sub",
        git=git_state(root=root, cwd=b"sub"),
    )


@pytest.mark.requirement("GIT-1", "SHOW-6", "SAFE-3")
@pytest.mark.parametrize("is_noted", [False, True])
def test_all_that_was_recorded_is_answered_where_the_workspace_is_now(at: At, is_noted: bool) -> None:
    outside = b"/w/old-2/in"
    record = job(OLD, [b"in", outside], [b"out", b"d/\xff\n"])._replace(
        composites=(Composite(OLD + b"/d", "zarr", "ab" * 32, "blake3", 1, 3, "output"),),
        filtered={"tmp": ((OLD + b"/.cache", "output"), (b"/tmp/x", "output"))},
    )
    before = at(OLD)
    before.record(record)
    before.record(job(OLD, [b"out"], []))
    before.note_reproductions(
        [Reproduction("blake3", "ab" * 32, "1" * 32, OLD + b"/out", "missing", None, None, "a@b", 5)]
    )
    if is_noted:
        at(NEW)
    now = at(NEW, read_only=True)
    paths = [outside, NEW + b"/in", NEW + b"/d/\xff\n", NEW + b"/out"]
    assert [one.path for one in now.edges([1])] == paths
    assert [one.path for one in now.edges([1], None, 10)] == paths
    first, second = now.jobs_by_id([1, 2])
    assert first.cwd == NEW + b"/sub"
    assert first.git == git_state(root=NEW, cwd=b"sub", recorded_root=OLD)
    assert [one.job_id for one in now.edges_at(NEW + b"/out")] == [2, 1]
    assert now.edges_at(OLD + b"/out") == []
    assert {one.path for one in now.edges_of([one.artifact_id for one in now.edges([2]) if one.artifact_id])} == {
        paths[3]
    }
    assert [composite.path for composite in now.composites([1])[1]] == [NEW + b"/d"]
    assert [number for number, _ in now.composites_like(NEW + b"/d")] == [1]
    assert now.filtered(1) == [("tmp", b"/tmp/x", "output"), ("tmp", NEW + b"/.cache", "output")]
    assert set(now.known([*paths, OLD + b"/in"])) == set(paths)
    assert now.generated([*paths, OLD + b"/out"]) == set(paths[2:])
    assert [(link.maker, link.path) for link in now.makers([2])] == [(1, NEW + b"/out")]
    assert [(link.reader, link.path) for link in now.users([1])[0]] == [(2, NEW + b"/out")]
    assert [one.path for one in now.roots([1, 2])] == [outside, NEW + b"/in"]
    assert [one.path for one in now.reproductions([("blake3", "ab" * 32)])] == [NEW + b"/out"]
    for path, found in (
        (NEW + b"/out", [second, first]),
        (NEW + b"/d/", [first]),
        (NEW + b"/", [second, first]),
        (b"/mnt/", [second, first]),
        (b"/", [second, first]),
        (b"/w/", [first]),
        (OLD + b"/", []),
        (OLD + b"/out", []),
        (NEW[:-1] + b"/", []),
    ):
        assert now.jobs(JobQuery(path=path)) == found, path


@pytest.mark.requirement("SHOW-6")
def test_jobs_that_were_recorded_at_several_places_hang_together_by_their_paths(at: At) -> None:
    for root, reads, writes in ((OLD, b"a", b"b"), (NEW, b"b", b"c"), (THIRD, b"c", b"d")):
        at(root).record(
            job_record(
                [unknown(root + b"/" + reads)], [unknown(root + b"/" + writes)], cwd=root, git=git_state(root=root)
            )
        )
    for place in (OLD, THIRD):  # where it was at first it may be again
        store = at(place)
        links = [link for number in (1, 2, 3) for link in store.makers([number])]
        assert [(link.reader, link.maker) for link in links] == [(1, None), (2, 1), (3, 2)]
        assert [link.path for link in links] == [place + b"/" + name for name in (b"a", b"b", b"c")]
        states = [one.git for one in store.jobs_by_id([1, 2, 3]) if one.git]
        assert [git.root for git in states] == [place] * 3
        was = [OLD, NEW, THIRD]
        assert [git.recorded_root for git in states] == [None if root == place else root for root in was]


def test_what_lies_at_the_old_place_now_is_another_file(at: At) -> None:
    at(OLD).record(job(OLD, [], [b"out"]))
    at(NEW).record(job(NEW, [OLD + b"/out"], [b"end"]))
    store = at(NEW)
    assert [one.path for one in store.edges([2])] == [OLD + b"/out", NEW + b"/end"]
    assert [one.job_id for one in store.edges_at(OLD + b"/out")] == [2]
    assert [one.job_id for one in store.edges_at(NEW + b"/out")] == [1]


@pytest.mark.requirement("RUN-7")
def test_workspaces_that_share_a_store_keep_their_files_apart(at: At) -> None:
    one, other = at(OLD, "one"), at(THIRD, "other")
    one.record(job(OLD, [], [b"out"]))
    other.record(job(THIRD, [OLD + b"/out"], [b"out"]))
    assert [link.maker for link in other.makers([2])] == [1]
    moved = at(NEW, "one")
    assert [found.path for found in moved.edges([1, 2])] == [NEW + b"/out", NEW + b"/out", THIRD + b"/out"]
    assert [found.job_id for found in moved.edges_at(NEW + b"/out")] == [2, 1]
    assert moved.generated([NEW + b"/out", THIRD + b"/out"]) == {NEW + b"/out", THIRD + b"/out"}
    assert [found.id for found in moved.jobs(JobQuery(path=THIRD + b"/"))] == [2]
    assert [found.path for found in at(THIRD, "other", True).edges([1])] == [NEW + b"/out"]
    assert [found.path for found in other.edges([2])] == [OLD + b"/out", THIRD + b"/out"]  # which was opened before


def test_a_workspace_finds_what_was_recorded_of_it_before_it_was_known(open_store: Open, at: At) -> None:
    record = job(OLD, [b"/w/old-2/in", b"\xff"], [b"out"])
    composites = (Composite(OLD, "zarr", "ab" * 32, "blake3", 1, 3, "output"),)
    open_store().record(record._replace(cwd=OLD, composites=composites))
    assert [one.path for one in at(OLD, read_only=True).edges([1])] == [b"/w/old-2/in", OLD + b"/\xff", OLD + b"/out"]
    at(OLD)
    now = at(NEW, read_only=True)
    assert [one.path for one in now.edges([1])] == [b"/w/old-2/in", NEW + b"/\xff", NEW + b"/out"]
    (found,) = now.jobs()
    assert (found.cwd, found.git) == (NEW, git_state(root=NEW, cwd=b"sub", recorded_root=OLD))
    assert now.composites([1])[1][0].path == NEW


def test_a_store_that_is_opened_for_no_workspace_goes_by_where_each_last_was(open_store: Open, at: At) -> None:
    at(OLD).record(job(OLD, [], [b"out"]))
    store = open_store()
    assert [one.path for one in store.edges([1])] == [OLD + b"/out"]
    store.record(job(OLD, [b"out"], []))
    assert [one.job_id for one in at(NEW).edges_at(NEW + b"/out")] == [2, 1]


def test_a_workspace_at_the_root_of_all_files_has_them_all(at: At) -> None:
    at(b"/").record(job_record([edge(b"/a")], cwd=b"/", git=git_state(root=b"/")))
    store = at(b"/")
    assert [one.path for one in store.edges_at(b"/a")] == [b"/a"]
    assert [(one.cwd, one.git) for one in store.jobs(JobQuery(path=b"/"))] == [(b"/", git_state(root=b"/"))]
    other = at(THIRD, "other")
    other.record(job_record([edge(b"/usr/a")]))
    assert [one.path for one in at(NEW).edges([1, 2])] == [NEW + b"/a", b"/usr/a"]


@pytest.mark.requirement("SAFE-2")
def test_what_an_older_roar_recorded_moves_from_the_next_time_on_that_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "roar.db"
    with sqlite3.connect(path) as connection:
        connection.executescript((Path(__file__).parent / "version1.sql").read_text())
        connection.execute("INSERT INTO schema_version (version) VALUES (1)")
        connection.execute("INSERT INTO session (created_ns, active) VALUES (1, 1)")
        connection.execute("INSERT INTO path (path) VALUES (?), (?)", (OLD + b"/a", b"/w/a"))
        connection.execute(
            'INSERT INTO commit_state (digest, "commit", root, cwd, dirty) VALUES (?, ?, ?, ?, 0)',
            (b"1", "c", OLD, b""),
        )
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    for root in (OLD, NEW):
        store = SqliteStorage.open(f"sqlite://{path}")
        store.attach(Site(root))
        store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT path FROM path").fetchall() == [(b"1/a",), (b"/w/a",)]
        assert connection.execute("SELECT root, recorded_root FROM commit_state").fetchall() == [(b"1", OLD)]
        assert connection.execute("SELECT id, uid, root FROM workspace").fetchall() == [(1, "", NEW)]
    connection.close()
