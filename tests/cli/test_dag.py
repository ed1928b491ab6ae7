"""`roar dag`."""

from __future__ import annotations

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
