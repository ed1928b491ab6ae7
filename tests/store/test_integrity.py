"""What fsck finds in a database: damage is made by hand, as no roar makes it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from store.builders import edge, git_state, job_record

from roar.api import Problem, Storage, StorageUnusable

Open = Callable[..., Storage]
UID = "5" * 32


@pytest.fixture
def full(store: Storage) -> Storage:
    """A store with one of everything."""
    store.record(
        job_record(
            [edge(b"/w/a", b"a", "blake3", "sha256"), edge(b"/w/b")],
            [edge(b"/w/c")],
            uid=UID,
            git=git_state(dirty=True, patch=b"patch" * 200),
            filtered={"temp files": ((b"/tmp/x", "input"),)},
            labels={"k": "v"},
        )
    )
    return store


def damage(store: Storage, *statements: str) -> None:
    """Runs statements with no regard for references."""
    rows = store._engine.rows
    rows("PRAGMA foreign_keys = OFF" if store.scheme == "sqlite" else "SET session_replication_role = replica")
    for statement in statements:
        rows(statement)


def test_a_sound_store_has_no_problems(full: Storage) -> None:
    assert list(full.integrity()) == []


@pytest.mark.requirement("SAFE-2")
@pytest.mark.parametrize(
    ("statement", "subject", "message"),
    [
        ("DELETE FROM artifact WHERE id = 2", f"job {UID}", "1 of its inputs point to nothing"),
        ("DELETE FROM path WHERE id = 3", f"job {UID}", "1 of its outputs point to nothing"),
        (
            "UPDATE job SET observed = 9",
            f"job {UID}",
            "the counts don't add up: 9 observed, 3 recorded + 1 filtered + 0 dropped",
        ),
        ("DELETE FROM job_input WHERE path = 1", f"job {UID}", "2 inputs were recorded, 1 are there"),
        ("UPDATE session SET active = (1 = 0)", "sessions", "0 sessions are active, not one"),
    ],
)
def test_damage_is_named(full: Storage, statement: str, subject: str, message: str) -> None:
    damage(full, statement)
    problems = list(full.integrity())
    assert [(problem.subject, problem.message) for problem in problems] == [(subject, message)]


def test_edges_of_no_job_are_named(full: Storage) -> None:
    damage(full, "DELETE FROM job WHERE id = 1")
    assert Problem("job number 1", "2 of its inputs point to nothing") in list(full.integrity())


def test_digests_of_the_wrong_length_are_named(full: Storage) -> None:
    full._engine.rows("UPDATE artifact SET digest = ? WHERE id = 1", (b"\xab\xcd",))
    full._engine.rows("UPDATE artifact_hash SET digest = ?", (b"\xab\xcd",))
    assert [problem.message for problem in full.integrity()] == [
        "its blake3 digest abcd has 2 bytes, not 32",
        "its sha256 digest abcd has 2 bytes, not 32",
    ]


def test_a_digest_of_an_algorithm_that_is_not_known_here_is_no_problem(store: Storage) -> None:
    store.record(job_record([edge(b"/w/a", hashes={"xxh3": "ab" * 8})]))
    assert list(store.integrity()) == []


@pytest.mark.parametrize("blob", [b"\1no zlib", b"\0{not json"])
def test_contents_that_cannot_be_read_are_named(full: Storage, blob: bytes) -> None:
    full._engine.rows("UPDATE environment SET content = ?", (blob,))
    (problem,) = full.integrity()
    assert problem.subject.startswith("environment ") and problem.message.startswith("it can't be read: ")


def test_steps_and_sessions_that_are_there_twice_are_named(full: Storage) -> None:
    full.new_session()
    damage(
        full, 'DROP INDEX "session_one_active"', 'DROP INDEX "job_session_kind_step"',
        "UPDATE session SET active = (1 = 1)",
    )  # fmt: skip
    full.record(job_record(), session=1)
    damage(full, "UPDATE job SET step = 1")
    assert [(problem.subject, problem.message) for problem in full.integrity()] == [
        ("session 1", "2 jobs are run step 1"),
        ("sessions", "2 sessions are active, not one"),
    ]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_references_of_other_tables_are_checked(full: Storage) -> None:
    damage(full, "DELETE FROM commit_state")
    (problem,) = full.integrity()
    assert problem.subject.startswith("job ") and "commit_state" in problem.message


def test_a_store_without_an_active_session_gets_one_by_writing(full: Storage, open_store: Open) -> None:
    damage(full, "UPDATE session SET active = (1 = 0)")
    with pytest.raises(StorageUnusable, match="has no active session"):
        open_store(read_only=True).active_session()
    assert full.job_at(1) is None and full.generated([b"/w/c"]) == set()
    assert full.active_session().id == 2
    damage(full, "UPDATE session SET active = (1 = 0)")
    assert full.record(job_record()).session == 3


@pytest.mark.requirement("SAFE-2")
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_malformed_pages_are_found(full: Storage, open_store: Open, url: str) -> None:
    full.record(job_record([edge(b"/w/%d" % number) for number in range(3_000)]))
    full.close()
    path = url.removeprefix("sqlite:///")
    with open(path, "r+b") as file:
        file.seek(40 * 4096)
        file.write(b"\xff" * 20 * 4096)
    problems = list(open_store(read_only=True).integrity())
    assert problems and problems[0].subject == "database"
    assert all("\n" not in problem.message for problem in problems)
