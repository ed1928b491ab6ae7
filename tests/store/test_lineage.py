"""Which jobs led to a content, and which came from it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store.builders import STARTED_NS, digests, edge, job_record

from roar.api import Storage

SECOND = 10**9


def record(store: Storage, inputs: str, outputs: str, start: int | None = None) -> int:
    """A job that reads and writes the contents that the letters name, each a file of that name.  Gives its id."""
    number = len(store.jobs()) + 1
    start = number * 10 if start is None else start
    store.record(
        job_record(
            [edge(b"/w/" + letter.encode()) for letter in inputs],
            [edge(b"/w/" + letter.encode()) for letter in outputs],
            started_ns=STARTED_NS + start * SECOND,
            ended_ns=STARTED_NS + (start + 5) * SECOND,
        )
    )
    return number


def artifact(store: Storage, letter: str) -> list[int]:
    return [found.id for found in store.artifacts_by_digest(digests(b"/w/" + letter.encode())["blake3"])]


def test_a_chain_is_followed_both_ways_to_the_depth_asked_for(store: Storage) -> None:
    for before, after in ("ab", "bc", "cd", "de"):
        record(store, before + "s", after)
    record(store, "x", "y")
    assert store.ancestors(artifact(store, "e")) == [1, 2, 3, 4]
    assert store.ancestors(artifact(store, "d"), 2) == [2, 3]
    assert store.descendants(artifact(store, "b")) == [2, 3, 4]
    assert store.descendants(artifact(store, "a"), 1) == [1]
    assert store.descendants(artifact(store, "s"), 1) == [1, 2, 3, 4]
    assert store.ancestors(artifact(store, "a")) == store.ancestors(artifact(store, "e"), 0) == []
    assert store.ancestors([*artifact(store, "c"), *artifact(store, "y")]) == [1, 2, 5]


def test_a_diamond_gives_each_job_once(store: Storage) -> None:
    for inputs, outputs in (("", "a"), ("a", "b"), ("a", "c"), ("bc", "d")):
        record(store, inputs, outputs)
    assert store.ancestors(artifact(store, "d")) == [1, 2, 3, 4]
    assert store.descendants(artifact(store, "a")) == [2, 3, 4]


def test_a_circle_ends(store: Storage) -> None:
    record(store, "a", "b", start=0)
    record(store, "b", "a", start=1)  # at the same time
    assert store.ancestors(artifact(store, "a")) == store.descendants(artifact(store, "a")) == [1, 2]
    assert store.ancestors(artifact(store, "a"), 10_000) == [1, 2]


def test_a_job_that_leaves_a_file_as_it_was_is_its_own_neighbour(store: Storage) -> None:
    record(store, "a", "a")
    assert store.ancestors(artifact(store, "a")) == store.descendants(artifact(store, "a")) == [1]


def test_running_a_step_again_does_not_make_it_an_ancestor_of_what_came_before(store: Storage) -> None:
    record(store, "a", "b")
    record(store, "b", "c")
    record(store, "a", "b")
    assert store.ancestors(artifact(store, "c")) == [1, 2]
    assert store.descendants(artifact(store, "a")) == [1, 2, 3]
    record(store, "b", "d")
    assert store.ancestors(artifact(store, "d")) == [1, 3, 4]


def test_a_job_that_was_recorded_later_may_have_come_first(store: Storage) -> None:
    record(store, "b", "c", start=50)
    record(store, "a", "b", start=40)
    assert store.ancestors(artifact(store, "c")) == [1, 2]


def test_a_clock_that_is_set_back_hides_no_ancestor(store: Storage) -> None:
    record(store, "a", "b", start=5_000)
    record(store, "b", "c", start=10)
    assert store.ancestors(artifact(store, "c")) == store.descendants(artifact(store, "a")) == [1, 2]


def test_empty_files_connect_jobs_only_by_their_path(store: Storage) -> None:
    store.record(job_record([], [edge(b"/w/_SUCCESS", b"")]))
    store.record(job_record([edge(b"/w/__init__.py", b"")], [edge(b"/w/a")]))
    store.record(job_record([edge(b"/w/_SUCCESS", b"")], [edge(b"/w/b")]))
    assert store.ancestors([*_of(store, b"/w/a")]) == [2]
    assert store.ancestors([*_of(store, b"/w/b")]) == [1, 3]


def _of(store: Storage, path: bytes) -> set[int]:
    return {one.artifact_id for one in store.edges_at(path) if one.artifact_id}


LETTERS = st.text("abcdefgh", max_size=3).map(lambda letters: "".join(sorted(set(letters))))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(jobs=st.lists(st.tuples(LETTERS, LETTERS), min_size=1, max_size=8), depth=st.none() | st.integers(1, 4))
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_lineage_is_what_following_edges_one_by_one_gives(
    store: Storage, jobs: Sequence[tuple[str, str]], depth: int | None
) -> None:
    rows = store._engine.rows
    for table in ("job_input", "job_output", "filtered_count", "job"):
        rows(f"DELETE FROM {table}")
    for inputs, outputs in jobs:
        record(store, inputs, outputs)

    def follow(letter: str, near: int, far: int) -> list[int]:
        reached: set[int] = set()
        edge_of = {number + 1 for number, job in enumerate(jobs) if letter in job[far]}
        for _ in range(depth or len(jobs)):
            reached |= edge_of
            edge_of = {
                number + 1
                for found in edge_of
                for number, job in enumerate(jobs)
                if set(job[far]) & set(jobs[found - 1][near]) and (number < found if near == 0 else number + 1 >= found)
            }
        return sorted(reached)

    for letter in {letter for job in jobs for side in job for letter in side}:
        assert store.ancestors(artifact(store, letter), depth) == follow(letter, 0, 1)
        assert store.descendants(artifact(store, letter), depth) == follow(letter, 1, 0)


@pytest.mark.requirement("PERF-3")
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("method", ["ancestors", "descendants"])
def test_lineage_never_scans_a_table(store: Storage, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[str] = []
    engine = store._engine
    rows = engine.rows

    def explain(sql: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        plans.extend(row[3] for row in rows(f"EXPLAIN QUERY PLAN {sql}", parameters))
        return []

    monkeypatch.setattr(engine, "rows", explain)
    getattr(store, method)([1, 2], 3)
    assert [step for step in plans if step.startswith("SCAN") and step not in ("SCAN r", "SCAN reached")] == []
    assert sum("SEARCH" in step for step in plans) >= 4
