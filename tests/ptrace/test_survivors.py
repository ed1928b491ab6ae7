"""Processes that outlive the command go on as if nothing had been, and are named: those of this run and no others."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, cast

import marked
import patient
import pytest
from conftest import Workspace

from roar.api.process import Child
from roar.api.witness import GroupWitness
from roar_tracer_ptrace import tracer as tracers
from roar_tracer_ptrace import tree
from roar_tracer_ptrace.journal import Writer

pytestmark = pytest.mark.requirement("NORM-7", "TRC-8")

WAYS = Path(__file__).with_name("ways")
TRACERS = ("ptrace", "ptrace-python", "ptrace-stops", "ptrace-every")

_DAEMON = """
import os, sys, time
hold, ready, out = sys.argv[1:]
if os.fork():
    os._exit(0)
os.setsid()
parent = os.getpid()
if os.fork():
    os._exit(0)
while os.getppid() == parent:  # it would be a survivor, too
    time.sleep(0.005)
for fd in range(3):
    os.dup2(os.open(os.devnull, os.O_RDWR), fd)
with open(ready, "w") as file:
    file.write(str(os.getpid()))
open(hold).read()
try:
    os.makedirs(out)
    os.chdir(out)
    for n in range(300):
        with open(f"{n}.part", "w") as file:
            file.write(open("../../input").read())
        os.rename(f"{n}.part", str(n))
        if n % 3 == 0:
            os.unlink(str(n))
    assert os.system("cat ../../input > said") == 0
except BaseException as error:
    open("../failed", "w").write(repr(error))
open("../" + os.path.basename(out) + ".done", "w").close()
"""
"""Becomes a daemon, waits, and then works for a while."""


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    """A repository with the daemon, in which every way can be gone."""
    workspace.commit({"input": "data\n", "daemon.py": _DAEMON, ".gitignore": "out/\nhold*\n"})
    (workspace.root / "out").mkdir()
    workspace.env["PYTHONPATH"] = str(WAYS)
    return workspace


@contextmanager
def _daemon(workspace: Workspace, tracer: str, name: str) -> Iterator[tuple[int, str]]:
    """A run that has left a daemon; its pid, and what roar said.  In the end the daemon goes on."""
    mark = f"{tracer}-{name}-{os.getpid()}"
    hold, begun = workspace.root / f"hold-{name}", workspace.root / f"hold-{name}-begun"
    os.mkfifo(hold)
    os.mkfifo(begun)
    line = f"{sys.executable} daemon.py {hold} {begun} out/{name}; cat {begun}"
    words = ("-m", "roar", "run", "--tracer", tracer, "sh", "-c", line)
    done = workspace.sh(sys.executable, *words, env={marked.NAME: mark})
    try:
        yield int(done.stdout), done.stderr
    finally:
        with open(hold, "w"):
            pass
        marked.wait_for_end(mark)


def _named(workspace: Workspace, said: str) -> set[int]:
    """The pids that roar says outlived the command.

    Where nothing is ptraced, an orphan of some other roar that began meanwhile can't be told from this one's: those of other
    tests, which may run beside this one, don't count.
    """
    match = re.search(r"outlived the command \(pid ([^)]*)\)", said)
    assert match, said
    return {pid for pid in map(int, match[1].split(", ")) if _is_of(workspace, pid)}


def _is_of(workspace: Workspace, pid: int) -> bool:
    try:
        return f"HOME={workspace.env['HOME']}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


@pytest.mark.parametrize("tracer", TRACERS)
def test_a_daemon_works_on_when_roar_has_ended(ready: Workspace, tracer: str) -> None:
    with _daemon(ready, tracer, "one") as (pid, said):
        assert _named(ready, said) == {pid}
        (ours,) = (process for process in marked.of(f"{tracer}-one-{os.getpid()}") if process.pid == pid)
        assert ours.state == "S"
        done = ready.root / "out/one.done"
    assert done.exists()
    assert not (ready.root / "out/failed").exists(), (ready.root / "out/failed").read_text()
    left = {path.name for path in (ready.root / "out/one").iterdir()}
    assert left == {str(n) for n in range(300) if n % 3} | {"said"}
    assert {path.read_text() for path in (ready.root / "out/one").iterdir()} == {"data\n"}
    assert ready.job()["capture"]["verdict"] == "partial"


@pytest.mark.requirement("RUN-7")
@pytest.mark.parametrize("tracer", ["ptrace", "ptrace-stops"])
def test_each_run_names_its_own_survivors(ready: Workspace, tracer: str) -> None:
    """Also beside an older run's daemon and what goes on in another run."""
    hold = ready.root / "hold-busy"
    os.mkfifo(hold)
    with _daemon(ready, tracer, "older") as (older, said):
        assert _named(ready, said) == {older}
        busy = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "roar",
                "run",
                "-q",
                "--tracer",
                tracer,
                "sh",
                "-c",
                "cat hold-busy & cat hold-busy",
            ],
            cwd=ready.root,
            env=ready.env,
        )
        with open(hold, "w"):
            with _daemon(ready, tracer, "newer") as (newer, said):
                assert _named(ready, said) == {newer} != {older}
            assert ready.roar("run", "--tracer", tracer, "true").stderr.count("outlived") == 0
        assert busy.wait(marked.DEADLINE_S) == 0
    assert ready.roar("run", "-q", "--tracer", tracer, "sh", "-c", "cat input > out/last").returncode == 0
    assert ready.job("@5")["capture"]["verdict"] == "complete"


@pytest.mark.parametrize("tracer", TRACERS)
def test_what_ends_a_moment_after_the_command_is_waited_for(ready: Workspace, tracer: str) -> None:
    line = "(cat input; echo more > out/late) > out/early &"
    ready.roar("run", "-q", "--tracer", tracer, "sh", "-c", line, env=patient.LONG)
    job = ready.job()
    assert job["capture"]["verdict"] == "complete"
    assert ready.names(job["outputs"]) == {"out/early", "out/late"}


class _Ending(NamedTuple):
    """A run whose command has ended, and the tracer's end of its pipe."""

    run: tracers._Run
    child: Child
    reports: int


@pytest.fixture
def ending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Ending]:
    """It has no patience for others."""
    monkeypatch.setattr(tracers, "_GRACE_S", 0.001)
    monkeypatch.setattr(tracers, "_LONGEST_S", 0.0)
    Writer(tmp_path).close()
    read, write = os.pipe()
    child = Child(os.getpid(), frozenset(), cast(GroupWitness, None), supervisor=2, reports=read)
    run = tracers._Run(tmp_path, child)
    yield _Ending(run, child, write)
    run._reader.close()
    os.close(run._pidfd)
    os.close(read)


def test_nothing_is_concluded_while_the_tracer_waits_for_a_processor(
    ending: _Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be taken for one that is kept by a process that lives, or killed with what it had not written yet."""
    looks = iter(range(100))

    def work(pid: int) -> tree.Work:
        assert pid == ending.child.supervisor
        if next(looks) == 50:
            os.close(ending.reports)  # it has ended
        return tree.Work(0.0, is_due=True)

    monkeypatch.setattr(tree, "work", work)
    monkeypatch.setattr(tree, "survivors", lambda child: [3])
    assert ending.run._wait_for_the_rest(ending.child) == ()
    assert not ending.run._is_left


@pytest.mark.parametrize("is_due", [True, False], ids=["has its hands full", "has nothing to do"])
def test_who_keeps_the_tracer_at_work_is_a_survivor(
    ending: _Ending, monkeypatch: pytest.MonkeyPatch, is_due: bool
) -> None:
    had_s = iter(range(100))
    monkeypatch.setattr(tree, "work", lambda pid: tree.Work(float(next(had_s)) if is_due else 0.0, is_due))
    monkeypatch.setattr(tree, "survivors", lambda child: [3])
    assert ending.run._wait_for_the_rest(ending.child) == (3,)
    os.close(ending.reports)


def test_what_a_process_has_to_do_is_seen() -> None:
    busy = subprocess.Popen([sys.executable, "-SEc", "while True: pass"])
    idle = subprocess.Popen(["sleep", "3600"])
    try:
        marked.wait_for(lambda: tree.work(busy.pid).had_s > 0.05, "it has no processor")
        assert tree.work(busy.pid).is_due
        marked.wait_for(lambda: not tree.work(idle.pid).is_due, "it doesn't sleep")
    finally:
        for process in (busy, idle):
            process.kill()
            process.wait()
    assert tree.work(busy.pid) == (0.0, False)
