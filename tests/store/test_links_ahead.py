"""Many levels of links in one statement say what the levels say one by one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store.test_links import FILES, file, record

from roar.api import Storage
from roar.api.storage import JobQuery
from roar.lineage.trace import downstream, upstream

GRAPH = st.lists(st.tuples(FILES, FILES, st.integers(0, 30)), min_size=1, max_size=9)


class LevelByLevel:
    """A storage that is asked one level at a time."""

    def __init__(self, store: Storage) -> None:
        self.makers, self.users = store.makers, store.users

    def makers_ahead(self, jobs: Sequence[int], files: int) -> dict[int, object]:
        return {}

    users_ahead = makers_ahead


def fill(store: Storage, graph: Sequence[tuple[Sequence[tuple[str, str, bool]], ...]]) -> list[int]:
    """Records the jobs in place of those that were there."""
    for table in ("job_input", "job_output", "filtered_count", "job"):
        store._engine.rows(f"DELETE FROM {table}")
    for inputs, outputs, start in graph:
        read = [
            file(name, content, **({} if content == "?" else {"tracked": tracked})) for name, content, tracked in inputs
        ]
        record(store, read, [file(name, content) for name, content, _ in outputs], start, length=12)
    return [job.id for job in store.jobs(JobQuery())][::-1]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    graph=GRAPH,
    files=st.integers(1, 12),
    depth=st.none() | st.integers(1, 4),
    limit=st.none() | st.integers(1, 6),
)
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@pytest.mark.requirement("SHOW-6", "PERF-3")
def test_a_walk_of_many_levels_at_once_is_the_walk_level_by_level(
    store: Storage,
    graph: Sequence[tuple[Sequence[tuple[str, str, bool]], ...]],
    files: int,
    depth: int | None,
    limit: int | None,
) -> None:
    jobs = fill(store, graph)
    for asked in (jobs[:1], jobs[-1:], jobs[::2]):
        for bound in (files, 1000):
            above, below = store.makers_ahead(asked, bound), store.users_ahead(asked, bound)
            assert all(links == store.makers([reader]) for reader, links in above.items())
            assert all((links, True) == store.users([maker]) for maker, (links, _) in below.items())
            assert all(looked_at >= sum(link.files for link in links) for links, looked_at in below.values())
        one_by_one: Storage = LevelByLevel(store)  # type: ignore[assignment]
        assert above.keys() == upstream(one_by_one, asked, limit=None).depth.keys()
        assert below.keys() == downstream(one_by_one, asked, limit=None).depth.keys()
        assert upstream(store, asked, depth, limit) == upstream(one_by_one, asked, depth, limit)
        assert downstream(store, asked, depth, limit) == downstream(one_by_one, asked, depth, limit)


@pytest.mark.requirement("PERF-3")
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_long_chain_on_a_server_is_a_few_questions(store: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        record(store, [file(f"f{number}")], [file(f"f{number + 1}")], number * 10)
    asked: list[str] = []
    rows = store._engine.rows
    monkeypatch.setattr(store._engine, "rows", lambda sql, values=(): asked.append(sql) or rows(sql, values))
    assert list(upstream(store, [30]).depth) == list(range(30, 0, -1))
    assert list(downstream(store, [1]).depth) == list(range(1, 31))
    assert len(asked) == 2


@pytest.mark.requirement("PERF-3")
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_hub_is_not_walked_past_what_is_wanted(store: Storage) -> None:
    parts = [file(f"part{number:03}") for number in range(300)]
    record(store, [file("raw")], parts, 0)
    record(store, parts, [file("merged")], 10)
    for number in range(40):
        record(store, [file("merged")], [], 20 + number * 10)
    assert store.makers_ahead([2], 100) == {}
    assert store.makers_ahead([2], 302).keys() == {1, 2}
    assert store.users_ahead([2], 10) == {}
    below = downstream(store, [2], limit=10)
    assert (list(below.depth), below.is_all) == ([2, *range(3, 12)], False)
    assert downstream(store, [1], limit=None) == downstream(LevelByLevel(store), [1], limit=None)  # type: ignore[arg-type]
