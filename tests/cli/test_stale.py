"""Which steps are stale: a truth table, one row a way that files and steps change."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from cli.recorder import Recorder

Change = Callable[[Recorder], object]


def pipeline(recorder: Recorder) -> None:
    """raw → @1 prepare → data → @2 train (with train.py) → model → @3 evaluate → score."""
    recorder.write("raw", "raw")
    recorder.write("train.py", "code")
    recorder.record("prepare", reads=["raw"], writes={"data": "data"})
    recorder.record("train", reads=["data", recorder.edge("train.py", tracked=True)], writes={"model": "model"})
    recorder.record("evaluate", reads=["model"], writes={"score": "score"})


def nothing(recorder: Recorder) -> None:
    pass


def touched(recorder: Recorder) -> None:
    os.utime(recorder.root / "raw")


def raw_edited(recorder: Recorder) -> None:
    recorder.write("raw", "other")


def code_edited(recorder: Recorder) -> None:
    recorder.write("train.py", "better")


def model_edited(recorder: Recorder) -> None:
    recorder.write("model", "tuned by hand")


def raw_removed(recorder: Recorder) -> None:
    (recorder.root / "raw").unlink()


def score_removed(recorder: Recorder) -> None:
    (recorder.root / "score").unlink()


def prepared_again_the_same(recorder: Recorder) -> None:
    recorder.record("prepare", reads=["raw"], writes={"data": "data"})


def prepared_again_otherwise(recorder: Recorder) -> None:
    recorder.write("raw", "other")
    recorder.record("prepare", reads=["raw"], writes={"data": "data2"})


def all_run_again(recorder: Recorder) -> None:
    prepared_again_otherwise(recorder)
    recorder.record("train", reads=["data", "train.py"], writes={"model": "model2"})
    recorder.record("evaluate", reads=["model"], writes={"score": "score2"})


def appended_in_place(recorder: Recorder) -> None:
    recorder.record("append", reads=["score"], writes={"score": "score and more"})


def overwritten_by_a_stranger(recorder: Recorder) -> None:
    recorder.record("other", writes={"data": "from elsewhere"})


def modified_by_its_descendant(recorder: Recorder) -> None:
    recorder.record("postprocess", reads=["score", "data"], writes={"data": "sorted"})


TABLE: list[tuple[Change, dict[str, list[str]]]] = [
    (nothing, {}),
    (touched, {}),
    (raw_edited, {"@1": ["raw changed since"], "@2": ["@1 is stale"], "@3": ["@2 is stale"]}),
    (code_edited, {"@2": ["code train.py changed since"], "@3": ["@2 is stale"]}),
    (model_edited, {"@3": ["model changed since"]}),
    (raw_removed, {}),
    (score_removed, {}),
    (prepared_again_the_same, {}),
    (prepared_again_otherwise, {"@2": ["@4 wrote data again"], "@3": ["@2 is stale"]}),
    (all_run_again, {}),
    (appended_in_place, {}),
    (overwritten_by_a_stranger, {"@2": ["@4 wrote data again"], "@3": ["@2 is stale"]}),
    (modified_by_its_descendant, {}),
]


def relative(reason: str, recorder: Recorder) -> str:
    return reason.replace(f"{recorder.root}/", "")


@pytest.mark.requirement("SHOW-5")
@pytest.mark.parametrize(("change", "expected"), TABLE, ids=[change.__name__ for change, _ in TABLE])
def test_steps_are_stale_when_what_they_read_is_not_what_is_there(
    recorder: Recorder, change: Change, expected: dict[str, list[str]]
) -> None:
    pipeline(recorder)
    change(recorder)
    dag = recorder.json("dag")
    found = {job["ref"]: [relative(reason, recorder) for reason in job["stale_reasons"]] for job in dag["jobs"]}
    assert {ref: reasons for ref, reasons in found.items() if reasons} == expected
    assert {job["ref"] for job in dag["jobs"] if job["stale"]} == set(expected)
    assert recorder.json("status")["stale"] == list(expected)


@pytest.mark.requirement("SHOW-5")
def test_the_tree_says_why_a_step_is_stale(recorder: Recorder) -> None:
    pipeline(recorder)
    code_edited(recorder)
    lines = recorder.roar("dag").stdout.splitlines()
    assert lines[0].endswith(": 3 steps, 2 stale")
    assert lines[1:] == [
        "@1 prepare",
        "└─ @2 train  (stale: code train.py changed since)",
        "   └─ @3 evaluate  (stale: @2 is stale)",
    ]


@pytest.mark.requirement("SHOW-3", "SHOW-6")
def test_status_lists_missing_and_changed_outputs(recorder: Recorder) -> None:
    pipeline(recorder)
    score_removed(recorder)
    model_edited(recorder)
    shown = recorder.roar("status").stdout
    assert "Missing: 1\n  score (of @3)" in shown and "Changed: 1\n  model (of @2)" in shown
    status = recorder.json("status")
    assert [item["ref"] for item in status["missing"]] == ["@3"]
    tree = recorder.roar("dag").stdout.splitlines()[1:]
    assert [line[line.index("(") :] for line in tree[1:]] == [
        "(1 output changed since)",
        "(stale: model changed since; 1 output missing)",
    ]
    changed = [[os.path.basename(path) for path in job["changed_outputs"]] for job in recorder.json("dag")["jobs"]]
    assert changed == [[], ["model"], []]
    assert "1 output changed since" in recorder.roar("dag", "--dot").stdout


@pytest.mark.requirement("SHOW-5")
def test_the_output_of_a_later_step_is_not_missing_from_an_earlier_one(recorder: Recorder) -> None:
    recorder.record("first", writes={"out": "1"})
    recorder.record("second", writes={"out": "2"})
    (recorder.root / "out").unlink()
    assert [item["ref"] for item in recorder.json("status")["missing"]] == ["@2"]


@pytest.mark.requirement("SHOW-5")
def test_a_step_that_was_run_again_is_drawn_once_and_on_request_each_time(recorder: Recorder) -> None:
    pipeline(recorder)
    all_run_again(recorder)
    short = recorder.roar("dag").stdout
    assert [line.split("@")[1].split()[0] for line in short.splitlines()[1:4]] == ["4", "5", "6"]
    assert "3 earlier runs of these steps not shown: roar dag --expanded" in short
    expanded = recorder.roar("dag", "--expanded").stdout
    assert expanded.count("run again as @") == 3 and "not shown" not in expanded
    dag: Any = recorder.json("dag", "--expanded")
    assert [job["superseded_by"] for job in dag["jobs"]] == ["@4", "@5", "@6", None, None, None]


@pytest.mark.requirement("SHOW-5")
def test_a_rerun_that_read_its_own_descendant_makes_no_cycle(recorder: Recorder) -> None:
    recorder.write("seed", "0")
    recorder.record("improve", reads=["seed"], writes={"a": "1"})
    recorder.record("refine", reads=["a"], writes={"b": "2"})
    recorder.record("improve", reads=["b"], writes={"a": "3"})
    shown = recorder.roar("dag").stdout
    assert shown.splitlines()[1:3] == ["@2 refine", "└─ @3 improve"] and "stale" not in shown


@pytest.mark.requirement("SHOW-5")
def test_content_that_was_copied_outside_roar_is_traced_to_the_step_that_made_it(recorder: Recorder) -> None:
    recorder.record("make", writes={"out": "content"})
    recorder.write("copy", "content")
    recorder.record("use", reads=["copy"])
    assert recorder.json("dag")["jobs"][1]["parents"] == ["@1"]


@pytest.mark.requirement("SHOW-5")
def test_empty_files_connect_nothing(recorder: Recorder) -> None:
    recorder.record("make", writes={"__init__.py": ""})
    recorder.write("other", "")
    recorder.record("use", reads=["other"])
    assert recorder.json("dag")["jobs"][1]["parents"] == []


@pytest.mark.requirement("SHOW-6")
def test_the_session_hash_is_of_the_contents_not_of_the_times(recorder: Recorder) -> None:
    pipeline(recorder)
    first = recorder.json("status")["session"]["hash"]
    recorder.roar("reset", "-y")
    assert recorder.json("status")["session"]["hash"] is None
    pipeline(recorder)
    assert recorder.json("status")["session"]["hash"] == first
    recorder.record("more")
    assert recorder.json("status")["session"]["hash"] != first
