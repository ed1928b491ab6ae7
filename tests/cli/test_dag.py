"""`roar dag`."""

from __future__ import annotations

import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from cli.recorder import Recorder


@pytest.mark.requirement("SHOW-5", "SHOW-2")
def test_every_artifact_of_the_session_is_listed_on_request(recorder: Recorder) -> None:
    recorder.write("raw.csv", "raw")
    recorder.record("prepare", reads=["raw.csv"], writes={f"shard{n:02}": str(n) for n in range(40)})
    for number in range(40):
        recorder.record("count", str(number), reads=[f"shard{number:02}"])
    shown = recorder.roar("dag", "--show-artifacts").stdout
    digest = recorder.edge("shard07").hashes["blake3"]
    assert all(f"→ shard{number:02}" in shown for number in range(40))
    assert "← raw.csv" in shown and digest[:12] in shown
    assert "more like" not in shown


@pytest.mark.requirement("SHOW-5")
def test_two_hundred_steps_are_readable(recorder: Recorder) -> None:
    recorder.write("raw", "raw")
    recorder.record("split.py", reads=["raw"], writes={f"s{n}": f"s{n}" for n in range(99)})
    for number in range(99):
        recorder.record("python", "work.py", f"s{number}", reads=[f"s{number}"], writes={f"w{number}": f"w{number}"})
    for number in range(99):
        recorder.record("python", "check.py", f"w{number}", reads=[f"w{number}"], writes={f"c{number}": f"c{number}"})
    recorder.record("python", "merge.py", reads=[f"c{number}" for number in range(99)], exit_code=1, status="failed")
    lines = recorder.roar("dag").stdout.splitlines()
    assert len(lines) < 20 and max(map(len, lines)) < 110
    assert "├─ … 95 more like python work.py: @5-@99" in lines
    assert any("merge.py" in line and "exit 1" in line and "also from @101-@198" in line for line in lines)


@pytest.fixture
def pipeline(recorder: Recorder) -> Recorder:
    """raw → @1 prepare → data → @2 train (with train.py) → model → @3 evaluate; @4 stands alone."""
    recorder.write("raw", "raw")
    recorder.write("train.py", "code")
    recorder.record("prepare", reads=["raw"], writes={"data": "data"})
    recorder.record("train", reads=["data", recorder.edge("train.py", tracked=True)], writes={"model": "model"})
    recorder.record("evaluate", reads=["model"], writes={"score": "score"}, exit_code=3, status="failed")
    recorder.record("other", writes={"lonely": "1"})
    return recorder


@pytest.mark.requirement("SHOW-5")
def test_the_graph_of_one_artifact_has_what_led_to_it_and_what_came_from_it(pipeline: Recorder) -> None:
    assert pipeline.roar("dag", "data").stdout.splitlines() == [
        "Lineage of data: 3 steps",
        "@1 prepare",
        "└─ @2 train",
        "   └─ @3 evaluate  (exit 3)",
    ]
    assert [job["ref"] for job in pipeline.json("dag", "lonely")["jobs"]] == ["@4"]
    assert "No artifact found for path: nothing" in pipeline.roar("dag", "nothing", ok=False).stderr


@pytest.mark.requirement("SHOW-5")
def test_of_what_led_to_one_artifact_no_run_is_left_out(pipeline: Recorder) -> None:
    score = pipeline.edge("score").hashes["blake3"]
    pipeline.record("train", reads=["data"], writes={"model": "model"})
    pipeline.record("evaluate", reads=["model"], writes={"score": "better"})
    assert pipeline.roar("dag", f"blake3:{score}").stdout.splitlines()[1:] == [
        "@1 prepare",
        "└─ @2 train",
        "   └─ @3 evaluate  (exit 3; 1 output changed since)",
    ]
    assert pipeline.roar("dag", "data").stdout.splitlines()[2:] == [
        "├─ @2 train  (run again as @5)",
        "│  └─ @3 evaluate  (exit 3; run again as @6)",
        "└─ @5 train",
        "   └─ @6 evaluate",
    ]


@pytest.mark.requirement("SHOW-5", "SHOW-6")
def test_the_graph_of_all_sessions_tells_them_apart(pipeline: Recorder) -> None:
    pipeline.roar("reset", "-y")
    pipeline.record("deploy", reads=["model"], writes={"image": "i"})
    lines = pipeline.roar("dag", "--all-sessions").stdout.splitlines()
    assert [line.partition(", ")[0] for line in lines if line.startswith("Session")] == ["Session 1", "Session 2"]
    assert lines[-1] == "@1 deploy  (also from @2 (session 1))"
    dag = pipeline.json("dag", "--all-sessions")
    uids = {job["uid"]: (job["session"], job["ref"]) for job in dag["jobs"]}
    assert (uids[dag["edges"][-1]["from_uid"]], uids[dag["edges"][-1]["to_uid"]]) == ((1, "@2"), (2, "@1"))
    assert [session["id"] for session in dag["sessions"]] == [1, 2]
    assert "subgraph session2" in pipeline.roar("dag", "--all-sessions", "--mermaid").stdout
    assert len(pipeline.roar("dag").stdout.splitlines()) == 2


@pytest.mark.requirement("SHOW-5")
def test_why_a_step_is_stale_is_in_the_json(pipeline: Recorder) -> None:
    pipeline.write("train.py", "better")
    pipeline.record("prepare", reads=["raw"], writes={"data": "data2"})
    causes = {job["ref"]: job["stale_causes"] for job in pipeline.json("dag")["jobs"]}
    assert [(cause["cause"], cause["path"] and Path(cause["path"]).name) for cause in causes["@2"]] == [
        ("rewritten", "data"),
        ("code", "train.py"),
    ]
    assert [cause["cause"] for cause in causes["@3"]] == ["upstream"] and causes["@5"] == []
    assert "(stale: @5 wrote data again, code train.py changed since)" in pipeline.roar("dag").stdout


@pytest.mark.requirement("SHOW-5")
def test_each_form_has_every_step_and_its_marks(pipeline: Recorder) -> None:
    pipeline.write("raw", "changed")
    mermaid = pipeline.roar("dag", "--mermaid").stdout
    assert (
        mermaid.startswith("flowchart TD\n")
        and re.search(r'-->\|"data"\| n2\n', mermaid)
        and "class n1,n2,n3 stale" in mermaid
    )
    dot = pipeline.roar("dag", "--dot", "--show-artifacts").stdout
    done = subprocess.run(["dot", "-Tplain"], input=dot, text=True, capture_output=True, check=True)
    assert sum(line.startswith("node ") for line in done.stdout.splitlines()) == 10
    root = ElementTree.fromstring(pipeline.roar("dag", "--svg").stdout.encode())
    classes = [one.get("class") for one in root.iter() if (one.get("class") or "").startswith("vertex")]
    assert classes == ["vertex stale step", "vertex stale step", "vertex failed stale step", "vertex step"]


@pytest.mark.requirement("SHOW-5")
def test_the_page_is_written_whole_and_in_place_of_another(pipeline: Recorder) -> None:
    pipeline.write("page.html", "before")
    done = pipeline.roar("dag", "--show-artifacts", "--html", "page.html")
    text = (pipeline.root / "page.html").read_text()
    assert "Wrote page.html" in done.stderr and done.stdout == ""
    assert text.startswith("<!DOCTYPE html>") and "Content-Security-Policy" in text and "@2 train" in text
    assert not list(pipeline.root.glob("*.part"))
    os.mkfifo(pipeline.root / "pipe")
    both = os.open(pipeline.root / "pipe", os.O_RDWR)  # so that the writer needn't wait; a page fits into a pipe
    pipeline.roar("dag", "--html", "pipe")
    assert os.read(both, 15) == b"<!DOCTYPE html>" and (pipeline.root / "pipe").is_fifo()
    os.close(both)
    failed = pipeline.roar("dag", "--html", "no/such/page.html", ok=False)
    assert failed.returncode == 1 and failed.stderr.startswith("Error: No such file or directory")


@pytest.mark.requirement("SHOW-5", "SAFE-4")
@pytest.mark.parametrize("words", [["--svg", "--html", "x"], ["data", "--all-sessions"]])
def test_options_that_exclude_each_other_are_refused(pipeline: Recorder, words: list[str]) -> None:
    done = pipeline.roar("dag", *words, ok=False)
    assert done.returncode == 2 and "Try: roar dag --help" in done.stderr


@pytest.mark.requirement("SHOW-5", "PERF-3")
def test_the_files_of_a_step_with_very_many_are_summed_up(recorder: Recorder) -> None:
    names = [f"in/{number // 600}/{number:04}" for number in range(1200)]
    for name in names:
        recorder.write(name, name)
    recorder.record("many", reads=names, writes={"out": "o"})
    shown = recorder.roar("dag", "--show-artifacts").stdout
    assert "← … 1 180 more files, by folder:" in shown and "in/0599" not in shown
    assert recorder.roar("dag", "--show-artifacts", "--all").stdout.count("← in/") == 1200
    drawn = recorder.roar("dag", "--show-artifacts", "--dot").stdout
    assert drawn.count("shape=note") == 21 and "1 181 more files" in drawn
    assert recorder.roar("dag", "--show-artifacts", "--dot", "--all").stdout.count("shape=note") == 1201


@pytest.mark.requirement("SHOW-5")
def test_a_step_that_ended_otherwise_is_not_folded_away(recorder: Recorder) -> None:
    recorder.write("raw", "raw")
    recorder.record("split", reads=["raw"], writes={"s": "s"})
    for number in range(30):
        failed = {"exit_code": 9, "status": "failed"} if number == 20 else {}
        recorder.record("work", str(number), reads=["s"], **failed)
    assert "@22 work 20  (exit 9)" in recorder.roar("dag").stdout


@pytest.mark.requirement("SHOW-5")
def test_the_same_session_is_drawn_the_same(recorder: Recorder) -> None:
    recorder.record("a", writes={"x": "1", "y": "2"})
    recorder.record("b", reads=["x"])
    recorder.record("c", reads=["y"])
    assert recorder.roar("dag", "--show-artifacts").stdout == recorder.roar("dag", "--show-artifacts").stdout


@pytest.mark.requirement("SHOW-5", "SHOW-7")
def test_the_graph_as_json_joins_steps_by_files(recorder: Recorder) -> None:
    recorder.write("raw", "raw")
    recorder.record("a", reads=["raw"], writes={"x": "1"})
    recorder.record("b", reads=["x"], writes={"y": "2"})
    dag = recorder.json("dag")
    assert [(edge["from"], edge["to"], edge["path"]) for edge in dag["edges"]] == [("@1", "@2", f"{recorder.root}/x")]
    artifacts = {item["path"].rpartition("/")[2]: (item["produced_by"], item["used_by"]) for item in dag["artifacts"]}
    assert artifacts == {"raw": ([], ["@1"]), "x": (["@1"], ["@2"]), "y": (["@2"], [])}


@pytest.mark.requirement("SHOW-5")
def test_an_empty_session_says_what_to_do(recorder: Recorder) -> None:
    recorder.storage().close()
    done = recorder.roar("dag")
    assert "roar run" in done.stderr and "0 steps" in done.stdout


@pytest.mark.requirement("EXP-0", "RUN-5")
def test_verdicts_and_build_steps_are_in_the_tree(recorder: Recorder) -> None:
    recorder.record("make", kind="build", writes={"tool": "1"})
    recorder.record("./tool", reads=["tool"], verdict="partial", reasons=("static",))
    assert recorder.roar("dag").stdout.splitlines()[1:] == [
        "@B1 make",
        "└─ @1 ./tool  (partial)",
        "",
        "1 record not complete:",
        "  @1 partial: static",
    ]


@pytest.mark.requirement("HASH-4")
def test_a_composite_is_one_line_of_the_tree(recorder: Recorder) -> None:
    names = [f"z.zarr/{number}" for number in range(20)]
    for name in names:
        recorder.write(name, name)
    composite = recorder.composite("z.zarr", names)
    recorder.record("store", writes=[recorder.edge(name) for name in names], composites=(composite,))
    shown = recorder.roar("dag", "--show-artifacts").stdout
    assert shown.count("z.zarr") == 1 and "zarr, 20 files" in shown


@pytest.mark.requirement("SHOW-5", "DIRTY-1")
def test_a_page_that_the_next_run_would_refuse_to_start_with_is_named(workspace: Any) -> None:
    workspace.roar("run", "true")
    exclude = workspace.root / ".git/info/exclude"
    exclude.write_text(f"{exclude.read_text()}*.htm\n")
    assert "roar run will refuse to start" in workspace.roar("dag", "--html", "page[1].html").stderr
    assert workspace.roar("run", "true", ok=False).returncode == 1
    (workspace.root / "page[1].html").unlink()
    for name in ("page.htm", "../page.html"):
        assert "refuse" not in workspace.roar("dag", "--html", name).stderr
