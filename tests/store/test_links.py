"""Which job made what another read, from both ends, and in a history of any length."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store.builders import STARTED_NS, digests, edge, job_record, unknown

from roar.api import Edge, Storage
from roar.api.storage import Link

SECOND = 10**9


def record(store: Storage, inputs: Sequence[Edge], outputs: Sequence[Edge], start: int, length: int = 5) -> None:
    started_ns = STARTED_NS + start * SECOND
    store.record(job_record(inputs, outputs, started_ns=started_ns, ended_ns=started_ns + length * SECOND))


def file(name: str, content: str | None = None, **changes: object) -> Edge:
    """``file("a", "1")``: the file /w/a with content 1; ``?`` is not known."""
    if content == "?":
        return unknown(b"/w/" + name.encode())
    return edge(b"/w/" + name.encode(), (name if content is None else content).encode(), **changes)


def makers(store: Storage) -> set[tuple[int, int]]:
    """(reader, maker) of every job of the store, after both ends were found to agree."""
    jobs = [job.id for job in store.jobs()]
    links = [link for link in store.makers(jobs) if link.maker is not None]
    assert (sorted(links), True) == store.users(jobs)
    return {(link.reader, link.maker or 0) for link in links}


@pytest.mark.requirement("SHOW-6")
def test_an_input_was_made_by_the_last_job_that_wrote_it(store: Storage) -> None:
    record(store, [], [file("a", "1")], 0)
    record(store, [file("a", "1")], [file("b")], 10)
    record(store, [], [file("a", "2")], 20)
    record(store, [file("a", "2"), file("b"), file("raw")], [file("c")], 30)
    assert makers(store) == {(2, 1), (4, 2), (4, 3)}
    assert store.makers([4]) == [Link(4, None, 1, b"/w/raw"), Link(4, 2, 1, b"/w/b"), Link(4, 3, 1, b"/w/a")]
    assert [one.path for one in store.roots([1, 2, 3, 4])] == [b"/w/raw"]
    assert store.makers([]) == list(store.roots([])) == store.users([])[0] == []


@pytest.mark.requirement("SHOW-6")
def test_files_that_went_the_same_way_are_one_link(store: Storage) -> None:
    parts = [file(f"part{number:04}") for number in range(1200)]
    record(store, [], parts, 0)
    record(store, parts, [], 10)
    assert store.makers([2]) == store.users([1])[0] == [Link(2, 1, 1200, b"/w/part0000")]


@pytest.mark.requirement("SHOW-6")
def test_a_content_that_was_moved_by_hand_is_traced_to_its_maker(store: Storage) -> None:
    record(store, [], [file("a", "1")], 0)
    record(store, [], [file("a", "2")], 10)
    record(store, [file("copy", "1")], [], 20)
    record(store, [file("a", "1")], [], 30)  # put back
    assert makers(store) == {(3, 1), (4, 1)}


@pytest.mark.requirement("SHOW-6")
def test_what_git_has_and_what_is_empty_is_nobodys_elsewhere(store: Storage) -> None:
    record(store, [], [file("a", "1"), file("e", "")], 0)
    record(store, [file("b", "1", tracked=True), file("f", "")], [], 10)
    record(store, [file("a", "1", tracked=True), file("e", "")], [], 20)
    assert makers(store) == {(3, 1)}


@pytest.mark.requirement("SHOW-6")
def test_what_is_not_known_comes_from_the_last_job_that_wrote_there(store: Storage) -> None:
    record(store, [], [file("a", "?"), file("b", "1")], 0)
    record(store, [file("a", "1"), file("b", "?"), file("c", "?")], [], 10)
    assert makers(store) == {(2, 1)}
    assert [one.path for one in store.roots([2])] == [b"/w/c"]


@pytest.mark.requirement("SHOW-6")
def test_a_job_that_changes_a_file_in_place_reads_the_one_before(store: Storage) -> None:
    record(store, [], [file("a", "1")], 0)
    record(store, [file("a", "1")], [file("a", "2")], 10)
    record(store, [file("a", "2")], [], 20)
    assert makers(store) == {(2, 1), (3, 2)}


@pytest.mark.requirement("SHOW-6", "RUN-7")
def test_of_jobs_at_the_same_time_the_one_that_was_recorded_later_may_be_the_maker(store: Storage) -> None:
    record(store, [file("a")], [], 5, length=1)
    record(store, [], [file("a")], 0, length=20)
    record(store, [], [file("a")], 40)
    assert makers(store) == {(1, 2)}


CONTENT = st.tuples(st.sampled_from("abc"), st.sampled_from(["", "1", "2", "?"]), st.booleans())
FILES = st.lists(CONTENT, max_size=3, unique_by=lambda one: one[0])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(jobs=st.lists(st.tuples(FILES, FILES, st.integers(0, 30)), min_size=1, max_size=8))
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_makers_and_users_are_two_ends_of_the_same_links(
    store: Storage, jobs: Sequence[tuple[Sequence[tuple[str, str, bool]], Sequence[tuple[str, str, bool]], int]]
) -> None:
    for table in ("job_input", "job_output", "filtered_count", "job"):
        store._engine.rows(f"DELETE FROM {table}")
    for inputs, outputs, start in jobs:
        record(
            store,
            [
                file(name, content, **({} if content == "?" else {"tracked": tracked}))
                for name, content, tracked in inputs
            ],
            [file(name, content) for name, content, _ in outputs],
            start,
            length=12,
        )
    makers(store)


@pytest.mark.requirement("PERF-3")
def test_a_hub_is_looked_at_only_as_far_as_asked(store: Storage) -> None:
    record(store, [], [file("hub")], 0)
    for number in range(30):
        record(store, [file("hub")], [], 10 + number * 10)
    links, is_all = store.users([1], limit=10)
    assert ([link.reader for link in links], is_all) == ([*range(2, 12)], False)
    assert len(store.users([1], limit=1000)[0]) == 30 and store.users([1], limit=1000)[1]
    assert [one.job_id for one in store.edges_at(b"/w/hub", limit=3)] == [31, 30, 29, 1]
    hub = store.edges_at(b"/w/hub")[0].artifact_id or 0
    assert [one.job_id for one in store.edges_of([hub], "input", limit=3)] == [31, 30, 29]


@pytest.mark.requirement("PERF-3")
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_no_question_of_lineage_scans_a_table(store: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    record(store, [file("a")], [file("b")], 0)
    plans: list[str] = []
    engine = store._engine
    rows = engine.rows

    def explain(sql: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        plans.extend(f"{row[3]} in {sql}" for row in rows(f"EXPLAIN QUERY PLAN {sql}", parameters))
        return rows(sql, parameters)

    monkeypatch.setattr(engine, "rows", explain)
    monkeypatch.setattr(engine, "stream", lambda sql, parameters=(): iter(explain(sql, parameters)))
    store.makers([1])
    store.users([1], 10)
    assert list(store.roots([1]))
    assert store.edges_at(b"/w/b", 10) and store.edges_of([1, 2], None, 10) and list(store.edges([1]))
    assert store.composites_like(b"/w/z") == [] and store.jobs_by_id([1])
    assert store.artifacts_by_digest(digests(b"a")["blake3"][:6]) and store.jobs_by_uid("ab12") == []
    own = ("SCAN f ", "SCAN at_path ")  # what another part of the statement has found
    assert [step for step in plans if step.startswith("SCAN") and not step.startswith(own)] == []
    assert sum("SEARCH" in step for step in plans) > 20
