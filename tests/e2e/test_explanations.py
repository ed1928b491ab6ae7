"""What a record can't hold is explained: TRC-7, TRC-8, TRC-9, FILTER-2, SHOW-2; options and build steps are recorded."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from e2e.acting import Workspace

STATIC = "int main(void) { return 3; }\n"


@pytest.mark.requirement("TRC-8", "RUN-4", "EXP-0")
def test_a_static_program_makes_the_record_partial_with_the_fix(shared: Workspace, place: Path) -> None:
    (place / "quiet.c").write_text(STATIC)
    assert shared.bash(f"gcc -static -o {place}/quiet {place}/quiet.c").returncode == 0
    done = shared.roar("run", "--tracer", "preload", f"{place}/quiet")
    said = done.stderr.decode()
    assert done.returncode == 3
    assert f"{place}/quiet is a static binary: what it read and wrote was not seen (fix: " in said
    capture = shared.last_job()["capture"]
    assert capture["verdict"] == "partial"
    assert [reason for reason in capture["reasons"] if "static binary" in reason]
    assert b"partial" in shared.roar("log", "-n", "1").stdout


@pytest.mark.requirement("TRC-8", "NORM-7")
def test_a_process_that_outlives_the_command_is_named(shared: Workspace, place: Path) -> None:
    line = f"sh -c 'exec sleep 1000' > /dev/null 2>&1 & echo $! > {place}/pid; exit 0"
    done = shared.roar("run", "sh", "-c", line)
    pid = int((place / "pid").read_text())
    os.kill(pid, 9)
    assert done.returncode == 0
    assert f"1 process outlived the command (pid {pid})" in done.stderr.decode()


@pytest.mark.requirement("FILTER-2", "TRC-9", "SHOW-2")
def test_a_filter_that_removed_every_output_says_so_and_how_to_keep_them(shared: Workspace, place: Path) -> None:
    path = place / "result"
    done = shared.roar("run", "sh", "-c", f"echo x > {path}")
    said = done.stderr.decode()
    assert "No output is left: the filter 'temp files' removed 1 output" in said
    assert "roar config set filters.ignore_tmp_files false" in said
    job = shared.last_job()
    assert job["outputs"] == []
    assert job["capture"]["notes"]
    assert str(path) in shared.roar("show", job["uid"], "--filtered").stdout.decode()
    missing = shared.roar("show", str(path))
    first, *rest = missing.stderr.decode().splitlines()
    assert (missing.returncode, first) == (1, f"Error: No artifact found for path: {path}")
    assert "temp files" in rest[0] or "temp files" in rest[1]
    assert "filters.ignore_tmp_files" in missing.stderr.decode()


@pytest.mark.requirement("SHOW-2")
def test_an_untouched_file_and_a_file_elsewhere_are_explained(shared: Workspace) -> None:
    shared.roar("run", "-q", "sh", "-c", "cat README > out.shown")
    untouched = shared.roar("show", "plain").stderr.decode()
    assert untouched.startswith("Error: No artifact found for path: ")
    elsewhere = shared.roar("show", "out.shown", cwd=shared.root / "folder").stderr.decode()
    assert elsewhere.startswith("Error: No artifact found for path: ")
    assert str(shared.root / "out.shown") in elsewhere or "../out.shown" in elsewhere
    assert shared.roar("show", "../out.shown", cwd=shared.root / "folder").returncode == 0
    assert shared.roar("show", str(shared.root / "out.shown")).returncode == 0


@pytest.mark.requirement("RUN-5")
def test_build_steps_have_numbers_of_their_own(shared: Workspace) -> None:
    done = shared.roar("build", "sh", "-c", "cat README > out.built; exit 0")
    assert done.returncode == 0
    assert b"roar: @B1 complete" in done.stderr
    shown = json.loads(shared.roar("show", "@B1", "--json").stdout)["job"]
    assert [os.path.basename(edge["path"]) for edge in shown["outputs"]] == ["out.built"]
    assert b"@B1" in shared.roar("log").stdout


@pytest.mark.requirement("RUN-8", "HASH-1", "HASH-6")
def test_options_are_recorded_with_the_job(shared: Workspace, place: Path) -> None:
    (place / "p.json").write_text('{"epochs": 3, "optimizer": {"lr": 0.1}, "password": "hunter2-correct-horse"}')
    (place / "p.toml").write_text("epochs = 4\nseed = 7\n")
    done = shared.roar(
        "run", "-q", "-n", "train", "--label", "model=small", "--label", "x=a=b", "--tracer", "preload",
        "--no-hash-inputs-over", "1K", "--params-file", str(place / "p.json"), "--params-file", str(place / "p.toml"),
        "sh", "-c", "cat README > out.o; head -c 3000 /dev/zero > out.big; cat out.big > /dev/null",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    job = shared.last_job()
    assert job["name"] == "train"
    assert job["labels"] == {"model": "small", "x": "a=b"}
    assert job["tracer"] == "preload"
    parameters = job["parameters"]
    assert (parameters["epochs"], parameters["seed"], parameters["optimizer"]) == (4, 7, {"lr": 0.1})
    assert "hunter2" not in json.dumps(parameters)
    [output] = [edge for edge in job["outputs"] if edge["path"].endswith("out.o")]
    assert set(output["hashes"]) == {"blake3", "sha256"}


@pytest.mark.requirement("RUN-8")
def test_a_large_input_can_be_left_unhashed(shared: Workspace) -> None:
    (shared.root / "out.big").write_bytes(b"x" * 5000)
    shared.roar("run", "-q", "--no-hash-inputs-over", "4K", "cat", "out.big", "README")
    edges = {os.path.basename(edge["path"]): edge for edge in shared.last_job()["inputs"]}
    assert edges["out.big"]["hashes"] == {}
    assert edges["out.big"]["reason"]
    assert edges["README"]["hashes"]


@pytest.mark.requirement("RUN-1")
def test_a_step_is_run_again_with_another_option(shared: Workspace) -> None:
    shared.roar("run", "-q", "sh", "-c", 'echo "$@" > out.args', "sh", "--epochs=1", "--lr", "0.1")
    step = shared.last_job()["index"]
    done = shared.roar("run", "-q", f"@{step}", "--epochs=2", "--lr=0.5", "--new=x")
    assert done.returncode == 0, done.stderr
    assert (shared.root / "out.args").read_text() == "--epochs=2 --lr 0.5 --new=x\n"
    again = shared.last_job()
    assert again["index"] == step + 1
    refused = shared.roar("run", "@999")
    assert refused.returncode == 1
    assert refused.stderr.startswith(b"Error: there is no step @999")
