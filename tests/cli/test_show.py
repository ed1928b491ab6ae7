"""`roar show`."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from cli.recorder import Recorder

from roar.api.records import GitState

PARTIAL = {"verdict": "partial", "reasons": ("busybox is a static binary (fix: roar tracer)",)}


@pytest.fixture
def pipeline(recorder: Recorder) -> Recorder:
    """prepare → train → evaluate."""
    recorder.write("raw.csv", "raw\n" * 100)
    recorder.write("train.py", "print()")
    recorder.record("python", "prepare.py", reads=["raw.csv"], writes={"train.csv": "t" * 2000})
    recorder.record(
        "python",
        "train.py",
        reads=["train.csv", recorder.edge("train.py", tracked=True)],
        writes={"model.pkl": "m" * 30_000},
        name="train",
        labels={"size": "small"},
        filtered={"ignore tmp files": ((b"/tmp/scratch", "output"), (b"/tmp/x\n", "input"))},
        **PARTIAL,
    )
    recorder.record("python", "evaluate.py", reads=["model.pkl"], exit_code=3, status="failed")
    return recorder


@pytest.mark.requirement("SHOW-4", "EXP-0")
def test_a_step_shows_command_commit_environment_files_verdict_and_filters(pipeline: Recorder) -> None:
    shown = pipeline.roar("show", "@2").stdout
    for expected in (
        "Command    python train.py",
        "Name       train",
        "Labels     size=small",
        "partial (5 files seen: 3 recorded, 2 filtered)",
        "busybox is a static binary (fix: roar tracer)",
        "commit abc1234 (branch main)",
        "Tracer     preload 0.1.0",
        "Inputs (2, 2.0 kB)",
        "Outputs (1, 30 kB)",
        "Filtered (2): ignore tmp files 2",
        "package7 1.7",
        "LANG=C.UTF-8",
        "API_TOKEN=(set)",
        "kernel 6.1.0",
    ):
        assert expected in shown
    assert re.search(r"train\.py +7 B  blake3 [0-9a-f]{12}  git", shown)


@pytest.mark.requirement("SHOW-4")
def test_the_whole_environment_is_one_line_a_package(pipeline: Recorder) -> None:
    lines = pipeline.roar("show", "@2", "--env").stdout.splitlines()
    assert "    package19 1.19" in lines and "    LANG=C.UTF-8" in lines


@pytest.mark.requirement("DIRTY-2", "SHOW-4")
def test_a_dirty_job_says_so(recorder: Recorder) -> None:
    git = GitState(
        "abc1234" + "0" * 33, None, "https://example.org/x.git", os.fsencode(recorder.root), b"", True, b"diff"
    )
    recorder.record("x", git=git)
    shown = recorder.roar("show", "@1").stdout
    assert "commit abc1234 + uncommitted changes (detached)" in shown
    assert "https://example.org/x.git" in shown
    assert recorder.json("show", "@1")["job"]["git"]["dirty"] is True


@pytest.mark.requirement("SHOW-3")
def test_what_is_gone_is_missing_and_what_differs_is_changed(pipeline: Recorder) -> None:
    (pipeline.root / "train.csv").unlink()
    pipeline.write("model.pkl", "another model")
    shown = pipeline.roar("show", "@2").stdout
    assert "train.csv (missing)" in shown and "model.pkl (changed)" in shown
    job = pipeline.json("show", "@2")["job"]
    states = {os.path.basename(edge["path"]): edge["state"] for edge in job["inputs"] + job["outputs"]}
    assert states == {"train.csv": "missing", "train.py": "present", "model.pkl": "changed"}


@pytest.mark.requirement("SHOW-3")
def test_a_file_that_was_only_touched_or_copied_back_is_unchanged(pipeline: Recorder) -> None:
    content = (pipeline.root / "model.pkl").read_bytes()
    (pipeline.root / "model.pkl").unlink()
    (pipeline.root / "model.pkl").write_bytes(content)
    assert pipeline.json("show", "model.pkl")["artifact"]["state"] == "present"


@pytest.mark.requirement("SHOW-3")
def test_same_size_other_content_is_changed(pipeline: Recorder) -> None:
    (pipeline.root / "model.pkl").write_bytes(b"n" * 30_000)
    assert pipeline.json("show", "model.pkl")["artifact"]["state"] == "changed"


@pytest.mark.requirement("SHOW-3", "SAFE-2")
def test_a_fifo_in_the_place_of_a_file_does_not_hang(pipeline: Recorder) -> None:
    (pipeline.root / "model.pkl").unlink()
    os.mkfifo(pipeline.root / "model.pkl")
    assert "model.pkl (changed)" in pipeline.roar("show", "@2").stdout


@pytest.mark.requirement("SHOW-3")
def test_a_huge_file_is_not_read_just_to_be_shown(pipeline: Recorder) -> None:
    path = pipeline.root / "model.pkl"
    with open(path, "r+b") as file:
        file.truncate(10**12)
    edge = pipeline.edge("train.csv", path=os.fsencode(path), size=10**12, stat=None)
    pipeline.record("big", reads=[edge])
    assert pipeline.json("show", "@4")["job"]["inputs"][0]["state"] == "unknown"


@pytest.mark.requirement("SHOW-1", "HASH-1")
def test_an_artifact_shows_its_digest_and_the_jobs_that_made_and_used_it(pipeline: Recorder) -> None:
    shown = pipeline.roar("show", "model.pkl").stdout
    digest = pipeline.edge("model.pkl").hashes["blake3"]
    assert f"Hash (blake3): {digest}" in shown
    assert "Size: 30 kB (30000 bytes)" in shown
    produced, used = shown.partition("Produced by:")[2].split("Used by:")
    assert "@2" in produced and "    partial: busybox is a static binary" in produced and "@3" in used
    assert pipeline.roar("show", digest[:10]).stdout == shown


@pytest.mark.requirement("SHOW-1", "SHOW-3")
def test_a_missing_artifact_is_still_shown(pipeline: Recorder) -> None:
    (pipeline.root / "model.pkl").unlink()
    done = pipeline.roar("show", "./model.pkl")
    assert done.stdout.startswith("model.pkl (missing)\n")


@pytest.mark.requirement("SHOW-1")
def test_every_digest_of_an_artifact_is_a_line(recorder: Recorder) -> None:
    recorder.write("x", "x")
    both = recorder.edge("x", hashes={"blake3": "ab" * 32, "sha256": "cd" * 32})
    recorder.record("make", writes=[both])
    shown = recorder.roar("show", "x").stdout
    assert f"Hash (blake3): {'ab' * 32}\nHash (sha256): {'cd' * 32}\n" in shown


@pytest.mark.requirement("HASH-2", "SHOW-4")
def test_an_edge_without_a_digest_says_why(recorder: Recorder) -> None:
    recorder.write("log.txt", "x")
    recorder.record("x", writes=[recorder.edge("log.txt", hashes={}, stat=None, missing_reason="it kept changing")])
    assert "it kept changing" in recorder.roar("show", "@1").stdout
    assert "Hash: none, it kept changing" in recorder.roar("show", "log.txt").stdout
    edge = recorder.json("show", "@1")["job"]["outputs"][0]
    assert (edge["hashes"], edge["reason"]) == ({}, "it kept changing")


@pytest.mark.requirement("SHOW-1")
def test_earlier_contents_of_a_path_are_listed(recorder: Recorder) -> None:
    recorder.record("first", writes={"out": "one"})
    old = recorder.edge("out").hashes["blake3"]
    recorder.record("use", reads=["out"])
    recorder.record("second", writes={"out": "two!"})
    shown = recorder.roar("show", "out").stdout
    assert "Earlier contents at this path:" in shown and f"{old[:12]}  3 B  written by @1 " in shown
    artifact = recorder.json("show", "out")["artifact"]
    assert [earlier["ref"] for earlier in artifact["earlier"]] == ["@1"]


@pytest.mark.requirement("SHOW-4", "NORM-2")
def test_a_file_modified_in_place_shows_what_it_became(recorder: Recorder) -> None:
    recorder.write("db", "before")
    recorder.record("update", reads=["db"], writes={"db": "after"})
    artifact = recorder.json("show", "db")["artifact"]
    assert artifact["hashes"] == recorder.edge("db").hashes and artifact["state"] == "present"


@pytest.mark.requirement("FILTER-2")
def test_filtered_files_are_listed_on_request(pipeline: Recorder) -> None:
    assert "/tmp/scratch" not in pipeline.roar("show", "@2").stdout
    shown = pipeline.roar("show", "@2", "--filtered").stdout
    assert "output /tmp/scratch" in shown and r"input  /tmp/x\n" in shown
    listed = pipeline.roar("show", "@2", "--filtered", "--json")
    assert '"filter": "ignore tmp files"' in listed.stdout


@pytest.mark.requirement("HASH-4", "SHOW-4")
def test_a_composite_is_one_node_with_its_members_marks(recorder: Recorder) -> None:
    names = [f"z.zarr/c/{number}" for number in range(30)]
    for name in names:
        recorder.write(name, name)
    composite = recorder.composite("z.zarr", names)
    recorder.record("store", writes=[recorder.edge(name) for name in names], composites=(composite,))
    (recorder.root / names[0]).unlink()
    shown = recorder.roar("show", "@1").stdout
    assert "z.zarr/ (1 missing)" in shown and "zarr, 30 files" in shown and "z.zarr/c/7" not in shown
    job = recorder.json("show", "@1")["job"]
    assert len(job["outputs"]) == 30 and job["composites"][0]["members"] == 30
    artifact = recorder.json("show", "z.zarr")["artifact"]
    assert (artifact["kind"], artifact["state"], len(artifact["members"])) == ("zarr", "changed", 30)
    assert "Kind: zarr, 30 files" in recorder.roar("show", "z.zarr").stdout


@pytest.mark.requirement("SHOW-1", "EXP-0")
def test_without_a_reference_the_session_is_shown(pipeline: Recorder) -> None:
    shown = pipeline.roar("show").stdout
    lines = shown.splitlines()
    assert lines[0].startswith("Session 1, 3 jobs, begun ")
    assert [line.split()[0] for line in lines[1:4]] == ["@1", "@2", "@3"]
    assert "exit 3" in lines[3] and "@2 partial: busybox is a static binary" in shown
    jobs = pipeline.json("show")["session"]["jobs"]
    assert [job["index"] for job in jobs] == [1, 2, 3]


@pytest.mark.requirement("SHOW-2")
def test_an_unknown_path_gets_the_message_and_three_reasons(recorder: Recorder) -> None:
    done = recorder.roar("show", "nothing.txt", ok=False)
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert lines[0] == "Error: No artifact found for path: nothing.txt"
    assert [line[:5] for line in lines[2:5]] == ["  1. ", "  2. ", "  3. "]
    assert "roar dag --show-artifacts" in lines[5]


@pytest.mark.requirement("SHOW-2")
def test_an_unknown_path_that_no_job_touched_says_so_first(pipeline: Recorder) -> None:
    pipeline.write("copied.bin", "x")
    done = pipeline.roar("show", "copied.bin", ok=False)
    first = done.stderr.splitlines()[2]
    assert first.startswith("  1. It was never recorded") and "no recorded job touched this one" in first


@pytest.mark.requirement("SHOW-2", "FILTER-1")
@pytest.mark.parametrize("path", [".roar/roar.db", ".git/HEAD"])
def test_what_is_gits_or_roars_own_is_said_to_be_left_out_first(pipeline: Recorder, path: str) -> None:
    first = pipeline.roar("show", path, ok=False).stderr.splitlines()[1:3]
    assert first[0] == "Reasons, the one that applies first:"
    assert first[1].startswith("  1. It was filtered as noise: temp files, package files, .roar/ and .git/")


@pytest.mark.requirement("SHOW-2", "FILTER-2")
def test_an_unknown_path_that_was_filtered_names_filter_and_key_first(recorder: Recorder) -> None:
    from roar.plugins import Plugins

    known = next(item for item in Plugins().filters() if item.config_key == "filters.ignore_tmp_files")
    recorder.record("x", filtered={known.name: ((b"/tmp/scratch.bin", "output"),)})
    first = recorder.roar("show", "/tmp/scratch.bin", ok=False).stderr.splitlines()[2]
    assert first == (
        f"  1. It was filtered as noise: @1 wrote it and the filter '{known.name}' dropped it (filters.ignore_tmp_files). "
        "To record such files: roar config set filters.ignore_tmp_files false"
    )


@pytest.mark.requirement("SHOW-2")
@pytest.mark.parametrize("text", ["train.csv", "models/best.pkl"])
def test_an_unknown_path_that_is_recorded_elsewhere_is_pointed_there_first(recorder: Recorder, text: str) -> None:
    recorder.record("x", writes={"data/train.csv": "1", "models/best.pkl": "2"})
    (recorder.root / "src").mkdir()
    done = recorder.roar("show", text, ok=False, cwd=recorder.root / "src")
    first = done.stderr.splitlines()[2]
    assert first.startswith("  1. It was recorded at another path: ../")
    assert os.path.basename(text) in first and "(@1)" in first


@pytest.mark.requirement("SHOW-2")
def test_a_folder_is_pointed_to_the_files_that_are_recorded_below_it(recorder: Recorder) -> None:
    recorder.record("x", writes={"data/train.csv": "1", "data/deep/test.csv": "2", "database": "3"})
    first = recorder.roar("show", "data", ok=False).stderr.splitlines()[2]
    assert first == "  1. It was recorded at another path: data/deep/test.csv (@1), data/train.csv (@1)."


@pytest.mark.requirement("SAFE-3")
def test_odd_names_are_printed_harmlessly_and_exactly_in_json(recorder: Recorder) -> None:
    odd = [b"new\nline", b"\x1b[31mred", b"latin\xe9", "rtl\u202egnp".encode()]
    recorder.record("x", "a\x1b]0;t\x07", os.fsdecode(b"arg\xff"), writes={name: "1" for name in odd})
    done = recorder.roar("show", "@1")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", done.stdout)
    raw = recorder.roar("show", "@1", "--json").stdout
    assert raw.isascii()
    job: Any = recorder.json("show", "@1")["job"]
    assert {os.fsencode(os.path.basename(edge["path"])) for edge in job["outputs"]} == set(odd)
    assert os.fsencode(job["command"][2]) == b"arg\xff"


@pytest.mark.requirement("SHOW-7", "PERF-3")
def test_the_files_of_a_step_with_very_many_are_summed_up_by_folder(recorder: Recorder) -> None:
    names = [f"in/{number // 500}/{number:04}" for number in range(1500)]
    for name in names:
        recorder.write(name, name)
    recorder.record("many", reads=names)
    (recorder.root / "in/2/1400").unlink()
    lines = recorder.roar("show", "@1").stdout.splitlines()
    begin = lines.index("Inputs (1 500, 14 kB)")
    assert lines[begin + 1].startswith("  in/0/0000 ") and lines[begin + 20].startswith("  in/0/0019 ")
    assert [" ".join(line.split()) for line in lines[begin + 21 : begin + 27]] == [
        "Of all of them: 1 missing",
        "… 1 480 more files, by folder:",
        "in/0/ 480 files 4.3 kB",
        "in/1/ 500 files 4.5 kB",
        "in/2/ 500 files 4.5 kB",
        "All of them: roar show @1 --all",
    ]
    assert recorder.roar("show", "@1", "--all").stdout.count("\n  in/") == 1500
    assert len(recorder.json("show", "@1")["job"]["inputs"]) == 1500
    logged = recorder.json("log")["jobs"][0]
    assert (len(logged["inputs"]), logged["inputs_total"]) == (1000, 1500)


@pytest.mark.requirement("SHOW-1", "PERF-3")
def test_of_a_file_that_very_many_steps_read_the_newest_are_shown(recorder: Recorder) -> None:
    recorder.write("hub", "h")
    storage = recorder.storage()
    for _ in range(230):
        recorder.jobs += 1
        storage.record(recorder.job("use", reads=["hub"]))
    storage.close()
    shown = recorder.roar("show", "hub").stdout
    assert "Very many steps read or wrote it" in shown and "@230" in shown and "@1 " not in shown
    artifact = recorder.json("show", "hub")["artifact"]
    assert (len(artifact["used_by"]), artifact["complete"]) == (200, False)
    artifact = recorder.json("show", "hub", "--all")["artifact"]
    assert (len(artifact["used_by"]), artifact["complete"]) == (230, True)


@pytest.mark.requirement("SAFE-2", "SHOW-7")
def test_a_read_only_workspace_can_be_read(pipeline: Recorder) -> None:
    directory = pipeline.root / ".roar"
    files = [directory / "roar.db", directory]
    for path in files:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert "train.csv" in pipeline.roar("show", "@1").stdout
    finally:
        directory.chmod(0o755)
