"""Filters in real runs: what is dropped is counted, shown, and comes back when the user says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def names(workspace: Any, ref: str = "@1") -> tuple[set[str], set[str]]:
    job = workspace.job(ref)
    return workspace.names(job["inputs"]), workspace.names(job["outputs"])


@pytest.mark.requirement("FILTER-1", "FILTER-2")
def test_temp_files_are_dropped_and_counted_until_the_filter_is_switched_off(workspace: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    command = ("sh", "-c", f"echo 1 > out; echo 2 > {outside}")
    first = workspace.roar("run", *command)
    assert names(workspace)[1] == {"out"}
    assert "temp files" in workspace.roar("show", "@1").stdout + first.stderr
    assert str(outside) in workspace.roar("show", "@1", "--filtered").stdout
    workspace.roar("config", "set", "filters.ignore_tmp_files", "false")
    workspace.roar("run", *command)
    assert {edge["path"] for edge in workspace.job("@2")["outputs"]} == {str(workspace.root / "out"), str(outside)}


@pytest.mark.requirement("FILTER-2")
def test_the_accounts_add_up(workspace: Any, tmp_path: Path) -> None:
    workspace.roar("run", "sh", "-c", f"echo 1 > out; cat out > {tmp_path}/x; ls .git > /dev/null")
    capture = workspace.job()["capture"]
    assert capture["observed"] == capture["recorded"] + capture["filtered"] + capture["dropped"]
    assert capture["recorded"] == 1 and capture["filtered"] >= 1


@pytest.mark.requirement("FILTER-2")
def test_a_filter_that_took_every_output_is_named_at_the_end_of_the_run(workspace: Any, tmp_path: Path) -> None:
    done = workspace.roar("run", "sh", "-c", f"echo 1 > {tmp_path}/x")
    assert "temp files" in done.stderr and "filters.ignore_tmp_files" in done.stderr
    assert any("temp files" in note for note in workspace.job()["capture"]["notes"])


@pytest.mark.requirement("FILTER-4")
def test_the_user_s_patterns_are_kept_to(workspace: Any, tmp_path: Path) -> None:
    config = workspace.root / ".roar/config.toml"
    config.write_text(f'[filters]\ninclude = ["{tmp_path}/kept/**"]\nexclude = ["*.log", "scratch/"]\n')
    (tmp_path / "kept").mkdir()
    (workspace.root / "scratch").mkdir()
    script = f"echo 1 > {tmp_path}/kept/x; echo 1 > {tmp_path}/y; echo 1 > a.log; echo 1 > scratch/b; echo 1 > c"
    workspace.roar("run", "sh", "-c", script)
    outputs = {edge["path"] for edge in workspace.job()["outputs"]}
    assert outputs == {str(tmp_path / "kept/x"), str(workspace.root / "c")}


@pytest.mark.requirement("FILTER-3")
def test_experiment_trackers_are_dropped(workspace: Any) -> None:
    script = "mkdir -p wandb/run-1-abc mlruns/0; for f in wandb/run-1-abc/x mlruns/0/y events.out.tfevents.1 m; do echo 1 > $f; done"
    workspace.roar("run", "sh", "-c", script)
    assert names(workspace)[1] == {"m"}
    assert "experiment trackers" in json.dumps(workspace.job())
    assert "wandb:abc" in workspace.roar("show", "@1").stdout  # the way from the job to the tracker's run


@pytest.mark.requirement("FILTER-1")
def test_a_python_program_s_libraries_are_dropped_and_its_own_module_is_an_input(workspace: Any) -> None:
    import sys

    workspace.commit(
        {"main.py": "import json, helper\nopen('out', 'w').write(helper.VALUE)\n", "helper.py": "VALUE = '1'\n"}
    )
    workspace.roar("run", sys.executable, "main.py")
    assert names(workspace) == ({"main.py", "helper.py"}, {"out"})


@pytest.mark.requirement("HASH-4")
def test_a_store_that_was_written_as_one_thing_is_a_composite_of_the_job(workspace: Any) -> None:
    script = "mkdir -p z.zarr/a; for f in .zgroup a/.zarray a/0.0 a/0.1; do echo $f > z.zarr/$f; done"
    workspace.roar("run", "sh", "-c", script)
    job = workspace.job()
    (composite,) = job["composites"]
    assert (composite["path"], composite["kind"], composite["members"]) == (str(workspace.root / "z.zarr"), "zarr", 4)
    assert len(composite["hashes"]["blake3"]) == 64
    assert len(job["outputs"]) == 4
