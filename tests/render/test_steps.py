"""Steps in a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store.builders import job_record

from roar.api.records import Job, JobRecord
from roar.render.look import PLAIN
from roar.render.steps import Mark, ref_ranges, step_lines
from roar.render.text import columns


def job(command: tuple[str, ...], name: str | None = None) -> Job:
    record: JobRecord = job_record(command=command, name=name)
    same = {field: getattr(record, field) for field in Job._fields if field in JobRecord._fields}
    return Job(**same | {"id": 1, "session": 1, "step": 3, "inputs": 0, "outputs": 0, "filtered": {}})


WORDS = st.lists(st.text("abc é模", min_size=1, max_size=30), min_size=1, max_size=6).map(tuple)
MARKS = st.lists(st.text("stale: @1 x模", min_size=1, max_size=60).map(Mark), max_size=4)


@pytest.mark.requirement("SHOW-5")
@given(WORDS, MARKS, st.integers(60, 200), st.integers(0, 30))
def test_nothing_sticks_out_of_a_terminal(words: tuple[str, ...], marks: list[Mark], width: int, indent: int) -> None:
    look = PLAIN._replace(terminal=True, width=width)
    lines = list(step_lines(" " * indent, " " * indent, "@3", job(words), "", marks, look))
    assert 1 <= len(lines) <= 2 and max(map(columns, lines)) <= width


@pytest.mark.requirement("SHOW-5")
def test_marks_come_below_when_there_is_no_room_beside() -> None:
    look = PLAIN._replace(terminal=True, width=60)
    marks = [Mark("exit 3"), Mark("stale: a/rather/long/name.csv changed since")]
    long = job(("python", "train.py", "--rate", "0.1", "--more"))
    assert list(step_lines("└─ ", "   ", "@3", long, "", marks, look)) == [
        "└─ @3 python train.py --rate 0.1 --more",
        "   (exit 3; stale: a/rather/long/name.csv changed since)",
    ]
    assert list(step_lines("└─ ", "   ", "@3", long, "", marks[:1], look)) == [
        "└─ @3 python train.py --rate 0.1 --more  (exit 3)",
    ]
    assert len(list(step_lines("", "", "@3", long, "", marks, PLAIN))) == 1


@pytest.mark.requirement("SHOW-5")
def test_neighbours_are_drawn_together() -> None:
    assert ref_ranges(["@1", "@2", "@3", "@5", "@6", "@B6", "@B7", "@B8", "@9"]) == "@1-@3, @5, @6, @B6-@B8, @9"
    assert (
        ref_ranges([f"@{number}" for number in range(1, 101, 2)])
        == ", ".join(f"@{number}" for number in range(1, 24, 2)) + " and 38 more"
    )
    assert ref_ranges(["@2 (session 1)", "@3 (session 1)"]) == "@2 (session 1), @3 (session 1)"
