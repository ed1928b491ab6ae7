"""`roar lineage`, `roar inputs` and `roar verify`."""

from __future__ import annotations

import json

import pytest
from cli.recorder import Recorder


@pytest.fixture
def pipeline(recorder: Recorder) -> Recorder:
    """raw → @1 prepare → data → @2 train (with train.py) → model → @3 evaluate, @4 report (with raw)."""
    recorder.write("raw.csv", "raw")
    recorder.write("train.py", "code")
    recorder.record("prepare", reads=["raw.csv"], writes={"data/train.csv": "data"})
    train = recorder.edge("train.py", tracked=True)
    recorder.record("train", reads=["data/train.csv", train], writes={"model.pkl": "model"}, name="big")
    recorder.record("evaluate", reads=["model.pkl"], writes={"score": "score"}, exit_code=3, status="failed")
    recorder.record("report", reads=["score", "raw.csv"], writes={"report.html": "report"})
    return recorder


@pytest.mark.requirement("SHOW-6")
def test_lineage_goes_both_ways(pipeline: Recorder) -> None:
    digest = pipeline.edge("model.pkl").hashes["blake3"]
    expected = [
        f"model.pkl  5 B  blake3 {digest[:12]}",
        "2 steps that led to it:",
        "@2 [big] train  → model.pkl",
        "│  ← train.py",
        "└─ @1 prepare  → data/train.csv",
        "      ← raw.csv",
        "2 steps that came from it:",
        "@3 evaluate  ← model.pkl  (exit 3)",
        "└─ @4 report  ← score",
    ]
    assert pipeline.roar("lineage", "model.pkl").stdout.splitlines() == expected
    assert pipeline.roar("lineage", digest[:8]).stdout.splitlines() == expected
    assert pipeline.roar("lineage", "model.pkl", "--up").stdout.splitlines() == expected[:6]
    assert pipeline.roar("lineage", "model.pkl", "--down").stdout.splitlines() == [expected[0], *expected[6:]]
    assert pipeline.roar("lineage", "model.pkl", "--up", "--down", "--depth", "1").stdout.splitlines() == [
        expected[0],
        "1 step that led to it:",
        *expected[2:3],
        "   ← train.py",
        "1 step that came from it:",
        expected[7],
    ]


@pytest.mark.requirement("SHOW-6")
def test_the_lineage_of_a_step_leaves_out_the_step(pipeline: Recorder) -> None:
    assert pipeline.roar("lineage", "@2").stdout.splitlines() == [
        "@2 train",
        "1 step that led to it:",
        "@2 [big] train",
        "│  ← train.py",
        "└─ @1 prepare  → data/train.csv",
        "      ← raw.csv",
        "2 steps that came from it:",
        "@3 evaluate  ← model.pkl  (exit 3)",
        "└─ @4 report  ← score",
    ]
    found = pipeline.json("lineage", "@2", "--down")
    assert [job["ref"] for job in found["down"]["jobs"]] == ["@3", "@4"]
    assert [job["depth"] for job in found["down"]["jobs"]] == [1, 2] and found["up"] is None


@pytest.mark.requirement("SHOW-6")
def test_what_no_step_made_and_what_no_step_read_is_said(pipeline: Recorder) -> None:
    assert "It is a root input: no step made it." in pipeline.roar("lineage", "raw.csv").stdout
    assert "No step read it." in pipeline.roar("lineage", "report.html").stdout
    shown = pipeline.roar("lineage", "raw.csv", "--down").stdout
    assert "└─ @2 [big] train  ← data/train.csv" in shown and "@4 report  ← raw.csv  (also from @3)" in shown


@pytest.mark.requirement("SHOW-6")
def test_lineage_crosses_sessions(pipeline: Recorder) -> None:
    pipeline.roar("reset", "-y")
    pipeline.record("deploy", reads=["model.pkl"], writes={"image": "i"})
    shown = pipeline.roar("lineage", "image").stdout.splitlines()
    assert shown[2:4] == ["@1 deploy  → image", "└─ @2 (session 1) [big] train  → model.pkl"]


@pytest.mark.requirement("SHOW-6", "PERF-3")
def test_a_wide_lineage_is_folded_and_cut_and_complete_on_request(recorder: Recorder) -> None:
    recorder.write("raw", "raw")
    for number in range(70):
        recorder.record("part", str(number), reads=["raw"], writes={f"p{number:02}": str(number)})
    recorder.record("merge", reads=[f"p{number:02}" for number in range(70)], writes={"all": "all"})
    shown = recorder.roar("lineage", "all", "--up").stdout
    assert "The nearest 50 steps that led to it:" in shown and len(shown.splitlines()) < 14
    assert "… 46 more like part #: @" in shown and "There are more: --all" in shown
    every = recorder.roar("lineage", "all", "--up", "--all").stdout
    assert "71 steps that led to it:" in every and every.count("  → p") == 70 and "There are more" not in every
    down = recorder.json("lineage", "raw", "--down")["down"]
    assert (len(down["jobs"]), down["complete"]) == (50, False)
    down = recorder.json("lineage", "raw", "--down", "--all")["down"]
    assert (len(down["jobs"]), down["complete"]) == (71, True)


@pytest.mark.requirement("SHOW-6", "HASH-4")
def test_a_composite_has_a_lineage(recorder: Recorder) -> None:
    names = [f"z.zarr/{number}" for number in range(3)]
    for name in names:
        recorder.write(name, name)
    composite = recorder.composite("z.zarr", names)
    recorder.record("store", writes=[recorder.edge(name) for name in names], composites=(composite,))
    recorder.record("load", reads=[names[1]])
    shown = recorder.roar("lineage", "z.zarr").stdout.splitlines()
    assert shown[0].startswith("z.zarr/  ") and shown[2] == "@1 store  → z.zarr" and shown[4] == "@2 load  ← z.zarr"


@pytest.mark.requirement("SHOW-6", "SHOW-1", "HASH-4")
def test_a_composite_that_was_read_still_comes_from_who_wrote_it(recorder: Recorder) -> None:
    names = [f"z.zarr/{number}" for number in range(3)]
    for name in names:
        recorder.write(name, name)
    whole = recorder.composite("z.zarr", names)
    recorder.record("store", writes=[recorder.edge(name) for name in names], composites=(whole,))
    part = recorder.composite("z.zarr", names[:2], "input")._replace(digest="12" * 32)
    recorder.record("load", reads=names[:2], composites=(part,))
    for text in ("z.zarr", whole.digest, part.digest):
        shown = recorder.roar("lineage", text).stdout.splitlines()
        assert shown[2] == "@1 store  → z.zarr" and shown[4] == "@2 load  ← z.zarr", text
        artifact = recorder.json("show", text)["artifact"]
        uses = [[use["ref"] for use in artifact[key]] for key in ("produced_by", "used_by")]
        assert (uses, len(artifact["members"])) == ([["@1"], ["@2"]], 2 if text == part.digest else 3)
        assert [job["ref"] for job in recorder.json("dag", text)["jobs"]] == ["@1", "@2"]


@pytest.mark.requirement("SHOW-6", "HASH-4")
def test_a_composite_of_parts_that_several_steps_wrote_comes_from_all_of_them(recorder: Recorder) -> None:
    names = [f"parts/{number}.parquet" for number in range(3)]
    recorder.write(names[2], "by hand")
    for name in names[:2]:
        recorder.record("write", name, writes={name: name})
    recorder.record("merge", reads=names, composites=(recorder.composite("parts", names, "input"),))
    shown = recorder.roar("lineage", "parts", "--up").stdout
    assert "2 steps that led to it:" in shown and "@1 write" in shown and "@2 write" in shown
    assert "no step made it" not in shown
    assert [use["ref"] for use in recorder.json("show", "parts")["artifact"]["produced_by"]] == ["@1", "@2"]


@pytest.mark.requirement("SHOW-6")
def test_inputs_are_the_files_that_no_step_made(pipeline: Recorder) -> None:
    pipeline.write("raw.csv", "other")
    shown = [" ".join(line.split()) for line in pipeline.roar("inputs", "report.html").stdout.splitlines()]
    raw, code = (entry["hashes"]["blake3"][:12] for entry in pipeline.json("inputs", "report.html")["inputs"])
    assert shown[1:] == [
        "2 root inputs, 7 B",
        f"raw.csv (changed) 3 B blake3 {raw} read by @1, @4",
        f"train.py 4 B blake3 {code} git read by @2",
    ]
    assert "It is a root input itself" in pipeline.roar("inputs", "raw.csv").stdout


@pytest.mark.requirement("SHOW-6", "PERF-3")
def test_very_many_root_inputs_are_summed_up_by_folder(recorder: Recorder) -> None:
    names = [f"in/{number // 600}/{number:04}" for number in range(1200)]
    for name in names:
        recorder.write(name, name)
    recorder.record("many", reads=names, writes={"out": "o"})
    shown = recorder.roar("inputs", "out").stdout
    assert "1 200 root inputs" in shown and "… 1 180 more files, by folder:" in shown and "in/0599" not in shown
    assert recorder.roar("inputs", "out", "--all").stdout.count("  in/") == 1200
    assert len(recorder.roar("lineage", "out", "--all").stdout.splitlines()) == 5


@pytest.mark.requirement("SHOW-3", "SAFE-4")
def test_verify_tells_what_differs_and_who_wrote_it_since(pipeline: Recorder) -> None:
    assert pipeline.roar("verify", "model.pkl").stdout == "1 file checked: it is as recorded.\n"
    assert pipeline.roar("verify").stdout == "6 files checked: all are as recorded.\n"
    pipeline.record("train", reads=["data/train.csv"], writes={"model.pkl": "better"})
    (pipeline.root / "train.py").unlink()
    done = pipeline.roar("verify", "@2", ok=False)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "changed    model.pkl  (@2 wrote it, @5 wrote it since)",
        "missing    train.py  (@2 read it)",
        "3 files checked: 1 as recorded, 1 changed, 1 missing.",
    ]
    assert "ok         data/train.csv  (@2 read it)" in pipeline.roar("verify", "@2", "--all", ok=False).stdout
    assert pipeline.roar("verify", "model.pkl").returncode == 0


@pytest.mark.requirement("SHOW-3", "HASH-2")
def test_verify_reads_the_content_and_trusts_no_times(pipeline: Recorder) -> None:
    edge = pipeline.edge("model.pkl")
    assert edge.stat is not None
    pipeline.write("model.pkl", "nodel")
    stat = pipeline.edge("model.pkl").stat
    pipeline.record("cheat", writes=[edge._replace(stat=stat)])  # as if the file had looked like this
    assert pipeline.json("show", "model.pkl")["artifact"]["state"] == "present"
    assert pipeline.roar("verify", "model.pkl", ok=False).returncode == 1


@pytest.mark.requirement("SHOW-3", "SHOW-1")
def test_a_content_is_verified_where_it_was_last(pipeline: Recorder) -> None:
    digest = pipeline.edge("model.pkl").hashes["blake3"]
    pipeline.record("copy", reads=["model.pkl"], writes={"copy.pkl": "model"})
    pipeline.record("train", writes={"model.pkl": "better"})
    found = json.loads(pipeline.roar("verify", digest[:10], "--json").stdout)
    assert [file["path"].rpartition("/")[2] for file in found["files"]] == ["copy.pkl"]


@pytest.mark.requirement("HASH-2")
def test_what_has_no_digest_cannot_be_verified(recorder: Recorder) -> None:
    recorder.write("log", "x")
    recorder.record("x", writes=[recorder.edge("log", hashes={}, stat=None, missing_reason="it kept changing")])
    done = recorder.roar("verify", "log", ok=False)
    assert done.returncode == 1 and "not known  log  (@1 wrote it; it kept changing)" in done.stdout


@pytest.mark.requirement("SHOW-2", "SAFE-4")
@pytest.mark.parametrize("command", ["lineage", "inputs", "verify", "show"])
def test_an_unknown_path_is_explained_alike_everywhere(pipeline: Recorder, command: str) -> None:
    done = pipeline.roar(command, "nothing.txt", ok=False)
    assert done.returncode == 1 and done.stderr.startswith("Error: No artifact found for path: nothing.txt\n")
    assert "1. It was never recorded" in done.stderr
