"""The history that the benchmark writes, and what it measures of it; EXPLAIN of the questions themselves is tests/store/test_links.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.history import History, write
from bench.history_answers import Answer, Answers, _asked
from bench.report import history_lines
from roar.lineage.references import FoundPath, resolve
from roar.lineage.trace import lineage_of, root_inputs, target_of
from roar.store.sqlite import SqliteStorage


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return write(tmp_path_factory.mktemp("history") / "work", jobs=2_000, fan_in=3_000)


@pytest.fixture
def storage(history: History) -> Iterator[SqliteStorage]:
    opened = SqliteStorage.open(history.url, read_only=True)
    yield opened
    opened.close()


def test_the_history_is_one_that_roar_could_have_recorded(storage: SqliteStorage, history: History) -> None:
    assert list(storage.integrity()) == []
    assert sum(session.jobs for session in storage.sessions()) == history.jobs == 2_001


def test_jobs_hang_together_across_units(storage: SqliteStorage, history: History) -> None:
    found = resolve(storage, "report.html", bytes(history.root))
    assert isinstance(found, FoundPath)
    target = target_of(storage, found)
    lineage = lineage_of(storage, target, down=False, limit=None)
    assert lineage.up is not None and len(lineage.up.depth) == 1_000  # a chain of a hundred units
    assert lineage.up.depth[target.makers[0]] == 1 and max(lineage.up.depth.values()) == 400
    names = {Path(root.edge.path.decode()).name for root in root_inputs(storage, target)}
    assert names == {"raw.csv", "prepare.py", "train.py", "evaluate.py", "report.py", "test.csv"}


@pytest.mark.requirement("PERF-3")
def test_each_question_is_timed_and_soon_answered(history: History) -> None:
    answers = {answer.what: answer for answer in _asked(history, 50)}
    assert len(answers) == 9
    for name in ("show", "lineage", "dag"):
        answer = answers[f"{name}, any artifact"]
        assert 0 < answer.median_ms <= answer.p99_ms
        assert answer.median_ms < 40  # 10, on a machine that runs nothing else


def test_an_answer_above_its_target_is_marked() -> None:
    answers = [
        Answer("show", 1.0, 11.0, 12.0, 10.0),
        Answer("dag", 1.0, 9.0, 99.0, 10.0),
        Answer("hub", 1.0, 99.0, 99.0, None),
    ]
    found = Answers(10, 130.0, 10**6, answers)
    lines = list(history_lines(found))
    assert "above 120 s" in lines[0] and lines[2].endswith("above 10 ms") and lines[3].endswith("<= 10 ms")
    assert lines[4].endswith("99.0 ms")
