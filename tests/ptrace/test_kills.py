"""SIGKILL of roar, of the tracer's process or of both: what was done is recorded, nobody hangs and nobody is left."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import marked
import pytest
from conftest import Workspace

from roar_tracer_ptrace import tree

pytestmark = pytest.mark.requirement("SAFE-1", "RUN-6")

WAYS = Path(__file__).with_name("ways")
TRACERS = ("ptrace", "ptrace-python", "ptrace-stops", "ptrace-every")
_ROUNDS = int(os.environ.get("ROAR_KILL_ROUNDS", "20"))

_STEP = """
echo begun > out/$1.begun
cat input > out/$1.copy
(cat input; cat out/$1.copy) | sort > out/$1.part
mv out/$1.part out/$1.sorted
rm out/$1.copy
echo ended > out/$1.ended
"""
_MADE = {"begun", "sorted", "ended"}


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    """A repository in which every way can be gone."""
    workspace.commit({"input": "b\na\n", "step.sh": _STEP, ".gitignore": "out/\nhold\n"})
    (workspace.root / "out").mkdir()
    workspace.env["PYTHONPATH"] = str(WAYS)
    return workspace


def _start(workspace: Workspace, mark: str, tracer: str, *command: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "roar", "run", "-q", "--tracer", tracer, *command],
        cwd=workspace.root,
        env={**workspace.env, marked.NAME: mark},
        stdin=subprocess.DEVNULL,
        **options,
    )


def _jobs(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """By the last word of their commands."""
    listed = json.loads(workspace.roar("log", "-n", "1000", "--json").stdout)["jobs"]
    assert len({job["uid"] for job in listed}) == len(listed), "a run is listed twice"
    return {job["command"][-1]: job for job in listed}


def test_roar_killed_at_random_moments_costs_neither_the_command_nor_the_record(ready: Workspace) -> None:
    """Whoever had begun goes on to the end; all that it did, then and later, is in the record."""
    rng = random.Random(11)
    begun = time.monotonic()
    assert _start(ready, "first", "ptrace-stops", "sh", "step.sh", "first").wait() == 0
    longest = time.monotonic() - begun
    finished = set()
    for number in range(_ROUNDS):
        mark = f"kill-{os.getpid()}-{number}"
        roar = _start(ready, mark, TRACERS[number % 2 * 2 + number // 2 % 2], "sh", "step.sh", str(number))
        try:
            assert roar.wait(timeout=rng.uniform(0.1, 1.1) * longest) == 0
            finished.add(str(number))
        except subprocess.TimeoutExpired:
            roar.kill()
            roar.wait()
        marked.wait_for_end(mark)

    jobs = _jobs(ready)
    there: dict[str, set[str]] = {}
    for path in (ready.root / "out").iterdir():
        there.setdefault(path.stem, set()).add(path.suffix[1:])
    assert {number: names for number, names in there.items() if names != _MADE} == {}, "a command was cut short"
    assert finished <= there.keys() <= jobs.keys(), "a run is not listed"
    for run, job in jobs.items():
        made = {f"out/{run}.{name}" for name in there.get(run, ())}
        assert ready.names(job["outputs"]) == made, run
        assert ready.names(job["inputs"]) >= ({"input", "step.sh"} if made else set())
        assert job["status"] in ("ok", "interrupted")
        assert job["status"] == "ok" or job["capture"]["verdict"] == "partial"
    assert not [path for path in (ready.root / ".roar/runs").iterdir() if path.name[0] != "."], "a run was left"


@pytest.mark.parametrize("tracer", TRACERS)
def test_what_is_done_after_a_kill_of_roar_is_recorded(ready: Workspace, tracer: str) -> None:
    mark = f"{tracer}-{os.getpid()}"
    hold = ready.root / "hold"
    os.mkfifo(hold)
    roar = _start(ready, mark, tracer, "sh", "-c", "cat input > out/a; cat hold; cat step.sh > out/b; exit 3")
    with open(hold, "w"):  # opens when the command has got there
        roar.kill()
        roar.wait()
        # one that makes a call may be held for a moment
        marked.wait_for(lambda: {one.state for one in marked.of(mark)} <= {"S", "R", "D"}, "something is stopped")
    marked.wait_for_end(mark)
    (job,) = _jobs(ready).values()
    assert ready.names(job["inputs"]) == {"input", "step.sh"}
    assert ready.names(job["outputs"]) == {"out/a", "out/b"}
    assert (job["status"], job["exit_code"], job["capture"]["verdict"]) == ("interrupted", None, "partial")


@pytest.mark.requirement("RUN-3", "TRC-8")
@pytest.mark.parametrize("tracer", TRACERS)
def test_a_kill_of_the_tracer_s_process_ends_the_command_and_is_told(ready: Workspace, tracer: str) -> None:
    """Without it the command could open no file any more."""
    mark = f"{tracer}-{os.getpid()}"
    hold = ready.root / "hold"
    os.mkfifo(hold)
    line = "cat input > out/a; sh -c 'cat hold; echo > out/b' & setsid sh -c 'cat hold; echo > out/c' & cat hold; echo > out/d"
    roar = _start(ready, mark, tracer, "sh", "-c", line, stderr=subprocess.DEVNULL)
    marked.wait_for(lambda: sum(p.command == b"cat\0hold\0" for p in marked.of(mark)) == 3, "it did not get there")
    os.kill(marked.tracer_of(mark, roar.pid).pid, signal.SIGKILL)
    assert roar.wait(marked.DEADLINE_S) == 128 + signal.SIGKILL
    marked.wait_for_end(mark)
    (job,) = _jobs(ready).values()
    assert job["exit_code"] == 137
    assert ready.names(job["inputs"]) == {"input"}
    assert ready.names(job["outputs"]) == {"out/a"}
    assert job["capture"]["verdict"] == "partial"
    assert "The tracer's process was killed, and the command with it." in job["capture"]["reasons"]


def test_a_number_that_is_another_process_s_by_now_kills_nobody() -> None:
    """The command has ended with its tracer, and somebody has waited for it, before roar comes to kill it."""
    ended, other = subprocess.Popen(["true"]), subprocess.Popen(["sleep", "3600"])
    pidfd = os.pidfd_open(ended.pid)
    try:
        ended.wait()
        tree.kill(other.pid, pidfd)
        assert other.poll() is None
        assert not Path(f"/proc/{other.pid}/stat").read_text().rpartition(") ")[2].startswith("T")
    finally:
        os.close(pidfd)
        other.kill()
        other.wait()


@pytest.mark.parametrize("tracer", TRACERS)
def test_a_kill_of_both_leaves_nobody_who_hangs(ready: Workspace, tracer: str) -> None:
    mark = f"{tracer}-{os.getpid()}"
    hold = ready.root / "hold"
    os.mkfifo(hold)
    line = "cat input > out/a; (setsid sh -c 'cat hold; echo > out/b' &); cat hold; echo > out/c"
    roar = _start(ready, mark, tracer, "sh", "-c", line, stderr=subprocess.DEVNULL)
    marked.wait_for(lambda: sum(p.command == b"cat\0hold\0" for p in marked.of(mark)) == 2, "it did not get there")
    tracer_pid = marked.tracer_of(mark, roar.pid).pid
    roar.kill()
    os.kill(tracer_pid, signal.SIGKILL)
    roar.wait()
    # whoever is left goes on, and can do nothing; one that was let go may come to its open only now
    marked.wait_for_end(mark, lambda: os.close(os.open(hold, os.O_RDWR | os.O_NONBLOCK)))
    (job,) = _jobs(ready).values()
    assert job["status"] == "interrupted"
    assert ready.names(job["outputs"]) == {"out/a"}
    assert ready.roar("run", "-q", "--tracer", tracer, "sh", "step.sh", "next").returncode == 0
