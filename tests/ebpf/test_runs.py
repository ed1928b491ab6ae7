"""Several runs at once, one within another, and processes that outlive theirs."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Workspace
from ebpf.common import holding
from ebpf.common.ways import Patient

from roar.testing.tracer import Ground

pytestmark = pytest.mark.requirement("RUN-7", "TRC-8")


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    """A repository in which commands can be held."""
    workspace.commit({"input": "data\n", ".gitignore": "out/\nhold-*\n"})
    (workspace.root / "out").mkdir()
    return workspace


def test_runs_at_the_same_time_see_their_own_processes_alone(ready: Workspace) -> None:
    names = ("one", "two", "three")
    # the last `cat` reads until the one in the background has ended
    line = 'cat input > out/$0-a; cat "$hold"; (cat out/$0-a 2>&1 > out/$0-b &) | cat; cat "$hold.again"; exit 0'
    for name in names:
        os.mkfifo(ready.root / f"hold-{name}.again")
    runs = [holding.start(ready, name, line) for name in names]
    held = [run.wait_until_held() for run in runs]
    assert len({holding.drainer_of(run.roar.pid) for run in runs}) == 3
    for fd in held:
        os.close(fd)
    for name in names:
        with open(ready.root / f"hold-{name}.again", "w"):
            pass
    for run in runs:
        assert run.end() == 0, run.said.read_text()
    found = holding.jobs(ready)
    assert set(found) == set(names)
    for name, job in found.items():
        assert job["capture"]["verdict"] == "complete", job["capture"]
        assert ready.names(job["inputs"]) == {"input"}
        assert ready.names(job["outputs"]) == {f"out/{name}-a", f"out/{name}-b"}


@pytest.mark.requirement("DIRTY-1")
def test_what_another_run_is_making_is_nobodys_uncommitted_work(ready: Workspace) -> None:
    """By all names that it has had: new files of a run that goes on, asked of its journal."""
    run = holding.start(ready, "maker", 'echo x > part; mv part made; cat "$hold"')
    held = run.wait_until_held()
    assert ready.roar("run", "-q", "--tracer", "ebpf", "true").returncode == 0
    (ready.root / "mine").write_text("x")
    refused = ready.roar("run", "-q", "--tracer", "ebpf", "true", ok=False)
    assert refused.returncode == 1
    unknown, known = refused.stderr.split("outputs of earlier")
    assert "mine" in unknown and "made" not in unknown and "made" in known
    os.close(held)
    assert run.end() == 0, run.said.read_text()


def test_a_run_within_a_run_is_seen_by_both(ready: Workspace) -> None:
    inner = f'{sys.executable} -m roar run -q --tracer ebpf sh -c "cat input > out/a; exit 3" inner'
    done = ready.roar("run", "-q", "--tracer", "ebpf", "sh", "-c", f"{inner}; echo $? > out/code", "outer")
    assert done.returncode == 0
    assert (ready.root / "out/code").read_text() == "3\n"
    found = holding.jobs(ready)
    for name, outputs in (("inner", {"out/a"}), ("outer", {"out/a", "out/code"})):
        job = found[name]
        assert job["capture"]["verdict"] == "complete", (name, job["capture"])
        assert "input" in ready.names(job["inputs"])
        assert ready.names(job["outputs"]) == outputs


# ---- processes that outlive the command


@pytest.fixture
def hold(ready: Workspace) -> Iterator[Path]:
    """Where daemons wait; they end with the test."""
    path = ready.root / "hold-daemon"
    os.mkfifo(path)
    yield path
    os.close(os.open(path, os.O_RDWR))


@pytest.mark.requirement("NORM-7")
def test_a_daemon_is_named_and_not_waited_for(ready: Workspace, hold: Path) -> None:
    line = f"cat input > out/a; setsid sh -c 'echo $$ > out/pid; exec cat {hold}' > /dev/null 2>&1 & while ! test -s out/pid; do :; done"
    done = ready.roar("run", "--tracer", "ebpf", "sh", "-c", line)
    pid = int((ready.root / "out/pid").read_text())
    match = re.search(r"outlived the command \(pid ([^)]*)\)", done.stderr)
    assert match, done.stderr
    assert match[1] == str(pid)
    job = ready.job()
    assert job["capture"]["verdict"] == "partial"
    assert {"out/a", "out/pid"} == ready.names(job["outputs"])
    holding.wait_for(lambda: holding.state_of(pid) == "S", "it doesn't go on")
    assert ready.roar("run", "--tracer", "ebpf", "true").stderr.count("outlived") == 0, "that is another run's"


@pytest.mark.requirement("NORM-7")
def test_what_ends_a_moment_after_the_command_is_seen(tmp_path: Path) -> None:
    ground = Ground(Patient, tmp_path)
    ground.write(input="data")
    # $$ is the command's, also in the background
    driven = ground.sh("(cat input; while kill -0 $$; do :; done; sleep 0.3; echo more > late) > early 2>&1 &")
    assert driven.coverage is not None
    assert (driven.coverage.survivors, driven.coverage.notes) == ((), ())
    assert (ground.inputs(driven), ground.outputs(driven)) == ({b"input"}, {b"early", b"late"})


_DAEMON = """
import os
place = os.getcwd()
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.chdir("/")
with open(place + "/out/made", "w") as file:
    file.write(open(place + "/input").read())
"""


def test_a_process_that_leaves_everything_behind_is_still_the_runs(ready: Workspace) -> None:
    """Session, parent and directory."""
    ready.commit({"daemon.py": _DAEMON})
    line = f"{sys.executable} -S daemon.py | cat"  # which reads until the daemon has ended
    ready.roar("run", "-q", "--tracer", "ebpf", "sh", "-c", line)
    job = ready.job()
    assert job["capture"]["verdict"] == "complete", job["capture"]
    assert ready.names(job["inputs"]) == {"input", "daemon.py"}
    assert ready.names(job["outputs"]) == {"out/made"}
