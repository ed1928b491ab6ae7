"""Finding jobs, edges and artifacts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store.builders import STARTED_NS, digests, edge, job_record, stat, unknown

from roar.api import JobQuery, Storage
from roar.store.encoding import digest_range


@pytest.mark.requirement("SHOW-6")
def test_jobs_are_selected_by_all_conditions_together(store: Storage) -> None:
    names = {
        store.record(job_record([edge(b"/w/a")], labels={"k": "v", "x": "y"}, started_ns=STARTED_NS)).uid: "a",
        store.record(job_record([], [edge(b"/w/a")], labels={"k": "v"}, kind="build")).uid: "b",
        store.record(job_record([edge(b"/w/b")], status="failed", started_ns=STARTED_NS + 5)).uid: "c",
        store.record(job_record(status="interrupted", exit_code=None)).uid: "d",
    }

    def found(**conditions: object) -> str:
        return "".join(names[job.uid] for job in store.jobs(JobQuery(**conditions)))

    assert found() == "dcba"
    assert found(limit=2) == "dc"
    assert found(limit=0) == ""
    assert found(kind="build") == "b"
    assert found(failed=True) == "c"
    assert found(path=b"/w/a") == "ba"
    assert found(path=b"/w/none") == found(path=b"/w") == found(path=b"/w/a/") == found(path=b"/v/") == ""
    assert found(path=b"/w/") == found(path=b"/") == "cba"
    assert found(labels={"k": "v"}) == "ba"
    assert found(labels={"k": "v", "x": "y"}) == "a"
    assert found(labels={"k": "v"}, path=b"/w/a", kind="run") == "a"
    assert found(since_ns=STARTED_NS + 1) == "c"
    assert found(session=1, limit=1) == "d"
    assert found(session=7) == ""


def test_jobs_are_found_by_the_beginning_of_their_uid(store: Storage) -> None:
    for uid in ("abc0" + "0" * 28, "abcf" + "f" * 28, "abd0" + "0" * 28):
        store.record(job_record(uid=uid))
    assert [job.id for job in store.jobs_by_uid("abc")] == [2, 1]
    assert [job.id for job in store.jobs_by_uid("ABCF")] == [2]
    assert [store.jobs_by_uid(prefix) for prefix in ("", "x", "ab%", "abc_", "é")] == [[]] * 5


def test_no_more_jobs_than_can_be_listed_are_found_by_uid(store: Storage) -> None:
    for number in range(25):
        store.record(job_record(uid=f"aa{number:030d}"))
    assert [job.id for job in store.jobs_by_uid("aa")] == list(range(25, 5, -1))


def test_jobs_are_found_by_id(store: Storage) -> None:
    for _ in range(3):
        store.record(job_record())
    assert [job.id for job in store.jobs_by_id([3, 99, 1, 3])] == [1, 3]
    assert store.jobs_by_id([]) == []


def test_many_ids_are_no_problem(store: Storage) -> None:
    store.record(job_record([edge(b"/w/a")]))
    ids = range(1, 5_000)
    assert len(store.jobs_by_id(ids)) == len(list(store.edges(ids))) == len(store.edges_of(ids)) == 1
    assert store.ancestors(ids) == [] and store.descendants(ids) == [1]


def test_edges_come_by_job_direction_and_path(store: Storage) -> None:
    for _ in range(2):
        store.record(job_record([edge(b"/w/z"), edge(b"/w/\xff"), edge(b"/w/b")], [edge(b"/w/y"), edge(b"/w/a")]))
    found = [(one.job_id, one.direction, one.path) for one in store.edges([2, 1, 2])]
    assert found == sorted(found) and len(found) == 10
    assert [one.path for one in store.edges([1], "output")] == [b"/w/a", b"/w/y"]
    assert list(store.edges([])) == []


def test_other_questions_may_be_asked_while_edges_are_read(store: Storage) -> None:
    store.record(job_record([edge(b"/w/%04d" % number) for number in range(5_000)]))
    for number, one in enumerate(store.edges([1])):
        if number % 1_000 == 0:
            assert [again.path for again in store.edges_at(one.path)] == [one.path]
    store.record(job_record())
    assert number == 4_999


@pytest.mark.requirement("SHOW-1")
def test_edges_at_a_path_and_of_an_artifact_come_newest_first(store: Storage) -> None:
    store.record(job_record([], [edge(b"/w/a", b"1")]))
    store.record(job_record([edge(b"/w/a", b"1")], [edge(b"/w/a", b"2"), edge(b"/w/copy", b"1")]))
    store.record(job_record([unknown(b"/w/a")]))
    assert [(one.job_id, one.direction) for one in store.edges_at(b"/w/a")] == [
        (3, "input"), (2, "input"), (2, "output"), (1, "output"),
    ]  # fmt: skip
    (artifact,) = store.artifacts_by_digest(digests(b"1")["blake3"])
    assert [(one.job_id, one.path) for one in store.edges_of([artifact.id])] == [
        (2, b"/w/a"), (2, b"/w/copy"), (1, b"/w/a"),
    ]  # fmt: skip
    assert [one.job_id for one in store.edges_of([artifact.id], "input")] == [2]
    assert store.edges_of([]) == []


@pytest.mark.requirement("SHOW-1")
def test_artifacts_are_found_by_the_beginning_of_any_digest(store: Storage) -> None:
    store.record(job_record([], [edge(b"/w/a", b"x", "blake3", "sha256")]))
    for algorithm, digest in digests(b"x", "blake3", "sha256").items():
        for length in (1, 2, 7, 8, 63, 64):
            (found,) = store.artifacts_by_digest(digest[:length].upper(), algorithm)
            assert (found.size, list(found.hashes)) == (1, ["blake3", "sha256"])
        assert store.artifacts_by_digest(digest, "md5") == []
        assert store.artifacts_by_digest(digest + "0") == []
    assert store.artifacts_by_digest("") == store.artifacts_by_digest("xyz") == []


def test_digests_at_both_ends_are_found(store: Storage) -> None:
    for digest in ("0" * 64, "f" * 64):
        store.record(job_record([edge(b"/w/a", hashes={"blake3": digest})]))
        for length in (1, 2, 5, 64):
            (found,) = store.artifacts_by_digest(digest[:length])
            assert found.hashes == {"blake3": digest}


def test_no_more_artifacts_than_can_be_listed_are_found(store: Storage) -> None:
    store.record(job_record([edge(b"/w/%d" % number, hashes={"blake3": f"ab{number:062d}"}) for number in range(30)]))
    assert len(store.artifacts_by_digest("ab")) == 20


@given(st.text("0123456789abcdef", min_size=1, max_size=12), st.binary(min_size=6, max_size=12))
def test_a_range_of_digests_holds_those_that_begin_so(prefix: str, digest: bytes) -> None:
    found = digest_range(prefix)
    assert found is not None
    low, high = found
    assert (low <= digest and (high is None or digest < high)) == digest.hex().startswith(prefix)


@pytest.mark.requirement("HASH-3")
def test_the_newest_digest_with_a_state_is_known(store: Storage) -> None:
    path = b"/w/\xff"
    store.record(job_record([], [edge(path, b"old")]))
    store.record(
        job_record([edge(path, b"before")], [edge(path, b"after", "blake3", "sha256", stat=stat(path, 5, ino=7))])
    )
    store.record(job_record([edge(path, b"fresh", stat=None)], [unknown(path)]))
    known = store.known([path, b"/w/never", path])
    assert known == {path: (stat(path, 5, ino=7), digests(b"after", "blake3", "sha256"))}
    store.record(job_record([edge(path, b"newest")]))
    assert store.known(iter([path])) == {path: (stat(path, 6), digests(b"newest"))}


def test_a_state_may_have_another_size_than_the_content(store: Storage) -> None:
    store.record(job_record([edge(b"/w/a", b"x", size=None), edge(b"/w/b", b"x", stat=stat(b"/w/b", 2**63))]))
    known = store.known([b"/w/a", b"/w/b"])
    assert known[b"/w/a"][0].size == 1 and known[b"/w/b"][0].size == 2**63
    assert [one.size for one in store.edges([1])] == [None, 1]


@pytest.mark.requirement("DIRTY-1")
def test_outputs_of_the_session_are_generated(store: Storage) -> None:
    old = store.active_session()
    store.record(job_record([edge(b"/w/in")], [edge(b"/w/out"), unknown(b"/w/gone")]))
    paths = [b"/w/in", b"/w/out", b"/w/gone", b"/w/never"]
    assert store.generated(paths) == {b"/w/out", b"/w/gone"}
    store.new_session()
    assert store.generated(paths) == set()
    assert store.generated(iter(paths), old.id) == {b"/w/out", b"/w/gone"}


def test_what_does_not_exist_is_empty(store: Storage) -> None:
    assert store.job_at(1) is store.patch(1) is None
    assert store.jobs() == store.filtered(1) == store.edges_at(b"/w") == store.ancestors([1]) == []
    assert store.environment(1) == store.composites([1]) == store.known([b"/"]) == {}
