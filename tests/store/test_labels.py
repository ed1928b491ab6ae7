"""Labels in the store: what becomes of them when contents are unified, jobs dropped and databases migrated."""

from __future__ import annotations

import pytest
from store.builders import STARTED_NS, digests, edge, git_state, job_record

from roar.api import JobQuery, Storage
from roar.store import migrations

pytestmark = pytest.mark.requirement("SHOW-6")


def test_labels_go_with_a_content_that_turns_out_to_be_another_one(store: Storage) -> None:
    store.record(job_record([], [edge(b"/w/b", b"same")]))
    store.record(job_record([], [edge(b"/w/a", b"same", "sha256")]))
    as_blake3, as_sha = (
        store.artifacts_by_digest(digest)[0].id
        for digest in (digests(b"same")["blake3"], digests(b"same", "sha256")["sha256"])
    )
    store.set_labels("artifact", as_blake3, {"k": "first", "mine": "1"})
    store.set_labels("artifact", as_sha, {"k": "second"})
    store.record(job_record([edge(b"/w/c", b"same", "blake3", "sha256")]))
    (artifact,) = store.artifacts_by_digest(digests(b"same")["blake3"])
    assert store.labels("artifact", [as_blake3, as_sha]) == {artifact.id: {"k": "second", "mine": "1"}}
    assert [one.version for one in store.label_history("artifact", artifact.id, "k")] == [2, 1]


@pytest.mark.requirement("SAFE-2")
def test_labels_of_the_first_schema_are_first_versions(store: Storage) -> None:
    store.record(job_record(labels={"b": "\udcff", "a": "1"}))
    rows = store._engine.rows
    kept = rows("SELECT job, key, value FROM label")
    with store._engine.transaction():
        rows("DROP TABLE label")
        rows("CREATE TABLE label (job BIGINT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (job, key))")
        for row in kept:
            rows("INSERT INTO label (job, key, value) VALUES (?, ?, ?)", row)
        migrations._version_labels(store._engine)
    (job,) = store.jobs(JobQuery(labels={"b": "\udcff"}))
    assert job.labels == {"a": "1", "b": "\udcff"}
    assert [(one.key, one.version, one.set_ns) for one in store.label_history("job", job.id)] == [
        ("b", 1, STARTED_NS),
        ("a", 1, STARTED_NS),
    ]
    store.set_labels("session", 1, {"k": "v"})
    assert list(store.integrity()) == []


@pytest.mark.requirement("SAFE-2")
def test_a_label_on_nothing_or_on_two_things_is_found(store: Storage) -> None:
    store.record(job_record(labels={"k": "v"}))
    assert list(store.integrity()) == []
    insert = "INSERT INTO label (id, job, session, key, value, set_ns) VALUES (?, ?, ?, ?, ?, ?)"
    for row in ((7, None, None, "none", "v", 1), (8, 1, 1, "both", "v", 1)):
        store._engine.rows(insert, row)
    assert [(one.subject, one.message) for one in store.integrity()] == [
        ("label 7", "'none' is not on one thing"),
        ("label 8", "'both' is not on one thing"),
    ]


def test_a_dropped_job_leaves_nothing_that_it_alone_had(store: Storage) -> None:
    shared = git_state(dirty=True, patch=b"shared")
    store.record(job_record([edge(b"/w/in")], git=shared))
    before = {table: store._engine.rows(f"SELECT count(*) FROM {table}") for table in _TABLES}
    for git in (shared, git_state(dirty=True, patch=b"own")):
        record = job_record(
            [edge(b"/w/in"), edge(b"/w/x", b"x", "blake3", "sha256")],
            [edge(b"/w/%d" % number) for number in range(1200)],
            git=git,
            environment={"variables": {"ONLY": "here"}},
            labels={"k": "v"},
            filtered={"temp files": ((b"/tmp/x", "input"),)},
        )
        store.record(record)
        store.drop_job(store.jobs()[0].id)
        assert {table: store._engine.rows(f"SELECT count(*) FROM {table}") for table in _TABLES} == before


_TABLES = (
    "job", "label", "path", "artifact", "artifact_hash", "job_input", "job_output", "composite", "filtered_count",
    "environment", "commit_state", "patch",
)  # fmt: skip
