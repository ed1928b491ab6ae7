"""SIGKILL of roar at any moment: no finished job is lost, the database opens, an interrupted run is listed once."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Workspace

ROUNDS = int(os.environ.get("ROAR_KILL_ROUNDS", "200"))
"""`make kill-test` sets 10 000."""

STEP = """
import sys
n = sys.argv[1]
with open("input") as f: f.read()
with open(f"out/{n}", "w") as f: f.write(n)
"""


def jobs(workspace: Workspace) -> list[dict[str, object]]:
    listed = json.loads(workspace.roar("log", "-n", "1000000", "--json").stdout)["jobs"]
    assert isinstance(listed, list)
    return listed


def started(root: Path) -> set[str]:
    """The runs whose plan was on disk: their command may have run."""
    return {path.parent.name for path in (root / ".roar" / "runs").glob("*/plan.json") if path.parent.name[0] != "."}


@pytest.mark.requirement("RUN-6", "SAFE-1", "RUN-7")
def test_killed_at_random_moments_nothing_that_was_recorded_is_lost(workspace: Workspace) -> None:
    workspace.commit({"input": "data\n", "step.sh": "cat input > out/$1\n", ".gitignore": "out/\n"})
    (workspace.root / "out").mkdir()
    command = [sys.executable, "-m", "roar", "run", "-q", "sh", "step.sh"]
    rng = random.Random(4)
    begun = time.monotonic()
    subprocess.run([*command, "first"], cwd=workspace.root, env=workspace.env, check=True)
    longest = time.monotonic() - begun
    finished: set[int] = set()
    killed: set[str] = set()
    for number in range(ROUNDS):
        known = started(workspace.root)
        process = subprocess.Popen(
            [*command, str(number)],
            cwd=workspace.root,
            env=workspace.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(timeout=rng.uniform(0.2, 1.3) * longest)
            assert process.returncode == 0
            finished.add(number)
        except subprocess.TimeoutExpired:
            # sometimes roar alone, sometimes with its command
            (os.killpg if rng.random() < 0.5 else os.kill)(process.pid, signal.SIGKILL)
            process.wait()
            killed |= started(workspace.root) - known
    listed = jobs(workspace)
    uids = [str(job["uid"]) for job in listed]
    numbers = [int(job["command"][-1]) for job in listed if job["command"][-1] != "first"]  # type: ignore[index,call-overload]
    assert len(uids) == len(set(uids)), "a run is listed twice"
    assert len(numbers) == len(set(numbers)), "a run is listed twice"
    assert finished <= set(numbers), "a finished job was lost"
    assert killed <= set(uids), "an interrupted run is not listed"
    assert not started(workspace.root), "a run directory was left"
    for job in listed:
        if job["status"] == "ok":
            outputs = job["outputs"]
            assert isinstance(outputs, list)
            assert [Path(edge["path"]).name for edge in outputs] == [job["command"][-1]]  # type: ignore[index]
        else:
            assert job["status"] == "interrupted"
            assert job["capture"]["verdict"] == "partial"  # type: ignore[index]
    assert workspace.roar("fsck").returncode == 0


@pytest.mark.requirement("RUN-6")
def test_an_interrupted_run_is_listed_with_what_was_seen(workspace: Workspace) -> None:
    os.mkfifo(workspace.root / "hold")
    workspace.commit({"input": "data\n", ".gitignore": "out\nhold\n"})
    process = subprocess.Popen(
        [sys.executable, "-m", "roar", "run", "sh", "-c", "cat input > out; cat hold"],
        cwd=workspace.root,
        env=workspace.env,
        start_new_session=True,
    )
    with open(workspace.root / "hold", "w"):  # opens when the command has got there
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    job = workspace.job("@1")
    assert job["status"] == "interrupted"
    assert job["exit_code"] is None
    assert job["capture"]["verdict"] == "partial"
    assert "roar was killed" in job["capture"]["reasons"][0]
    assert workspace.names(job["inputs"]) == {"input"}
    assert workspace.names(job["outputs"]) == {"out"}
    assert len(jobs(workspace)) == 1


@pytest.mark.requirement("RUN-6", "RUN-3")
def test_a_run_whose_command_had_ended_is_recorded_as_what_it_was(workspace: Workspace) -> None:
    workspace.commit({"input": "data\n", ".gitignore": "out\n"})
    database = workspace.root / ".roar" / "roar.db"
    database.unlink()
    database.mkdir()  # the record can't be written
    done = workspace.roar("run", "sh", "-c", "cat input > out; exit 3", ok=False)
    assert done.returncode == 3
    assert "Error: the run was not recorded" in done.stderr
    database.rmdir()
    job = workspace.job("@1")
    assert (job["status"], job["exit_code"], job["capture"]["verdict"]) == ("failed", 3, "complete")
    assert workspace.names(job["outputs"]) == {"out"}
    assert job["outputs"][0]["hashes"]


@pytest.mark.requirement("RUN-7")
def test_64_runs_at_once_are_recorded_once_each(workspace: Workspace) -> None:
    workspace.commit({"input": "data\n", ".gitignore": "out*\n"})
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "roar", "run", "-q", "sh", "-c", f"cat input > out{number}"],
            cwd=workspace.root,
            env=workspace.env,
        )
        for number in range(64)
    ]
    assert {process.wait() for process in processes} == {0}
    listed = jobs(workspace)
    assert sorted(job["index"] for job in listed) == list(range(1, 65))  # type: ignore[type-var]
    outputs = [workspace.names(job["outputs"]) for job in listed]  # type: ignore[arg-type]
    assert sorted(outputs, key=str) == sorted(({f"out{n}"} for n in range(64)), key=str)
    assert {job["capture"]["verdict"] for job in listed} == {"complete"}  # type: ignore[index]


@pytest.mark.requirement("RUN-7", "DIRTY-1")
@pytest.mark.parametrize("redirected_by", ["the command", "the caller"])
def test_runs_at_once_do_not_call_each_others_new_outputs_dirt(
    workspace: Workspace, tmp_path: Path, redirected_by: str
) -> None:
    """No roar asks git before all have been started: of a file that the caller has made for one yet to come nobody could know."""
    workspace.commit({"input": "data\n"})
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text(f'#!/bin/sh\nexec flock -s {tmp_path}/gate {shutil.which("git")} "$@"\n')
    (tmp_path / "bin/git").chmod(0o755)
    env = {**workspace.env, "PATH": f"{tmp_path}/bin:{workspace.env['PATH']}"}
    gate = os.open(tmp_path / "gate", os.O_RDWR | os.O_CREAT)
    fcntl.flock(gate, fcntl.LOCK_EX)
    processes = []
    for number in range(16):
        command = [sys.executable, "-m", "roar", "run", "-q"]
        if redirected_by == "the command":
            stdout = subprocess.DEVNULL
            command += ["sh", "-c", f"cat input > out{number}"]
        else:
            stdout = os.open(workspace.root / f"out{number}", os.O_WRONLY | os.O_CREAT)
            command += ["cat", "input"]
        processes.append(subprocess.Popen(command, cwd=workspace.root, env=env, stdout=stdout))
        if stdout >= 0:
            os.close(stdout)
    os.close(gate)
    assert {process.wait() for process in processes} == {0}
    outputs = [workspace.names(job["outputs"]) for job in jobs(workspace)]  # type: ignore[arg-type]
    assert sorted(outputs, key=str) == sorted(({f"out{n}"} for n in range(16)), key=str)
