"""What outlives the command, runs in the background or inside another run, and many at once: each goes on as without roar."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.acting import PATIENCE_S, ROAR, Gate, until
from fidelity.lines import Lines, as_bare_or_told, cases
from fidelity.started import Started
from fidelity.tracers import EVERYTHING, NOT_WITHIN_ITSELF, Tracer

DAEMON = """
import os, subprocess, sys, time
place, gate = sys.argv[1:]
if os.fork():
    os._exit(4)
os.setsid()
if os.fork():
    os._exit(0)
null = os.open("/dev/null", os.O_RDWR)
for number in range(3):
    os.dup2(null, number)
open(place + "/pid", "w").write(str(os.getpid()))
open(gate).read()
try:
    os.chdir(place)
    for number in range(50):
        open("made", "w").write(open("README").read())
        os.rename("made", "moved")
        os.link("moved", "linked")
        os.unlink("linked")
        os.truncate("moved", 3)
    os.mkdir("new")
    os.symlink("../README", "new/link")
    said = subprocess.run(["cat", "new/link", "nothing"], capture_output=True)
    static = subprocess.run(["busybox", "cat", "moved"], capture_output=True)
    open("late", "w").write(repr((said, static, sorted(os.listdir()))))
except BaseException as error:
    open("late", "w").write(repr(error))
"""
"""Waits, long after the command has ended, until somebody opens the gate, and then does all that one can do to files."""


@pytest.fixture
def daemon_of(lines: Lines, place: Path) -> Iterator[tuple[Gate, list[str]]]:
    """(its gate, the command that leaves it behind)"""
    (place / "README").write_text("one\n")
    gate = Gate(place)
    yield gate, [sys.executable, "-c", DAEMON, str(place), str(gate)]
    if not (place / "late").exists():  # the test failed before it had let it go
        with contextlib.suppress(OSError):
            os.kill(int((place / "pid").read_text()), signal.SIGKILL)


def late(place: Path) -> str:
    """What the daemon did, after it has been let go on."""
    until(lambda: (place / "late").exists() and (place / "late").read_text(), "the daemon made no file", 60)
    return (place / "late").read_text()


WHAT_IT_DOES = (
    "(CompletedProcess(args=['cat', 'new/link', 'nothing'], returncode=1, stdout=b'one\\n', "
    "stderr=b'cat: nothing: No such file or directory\\n'), "
    "CompletedProcess(args=['busybox', 'cat', 'moved'], returncode=0, stdout=b'one', stderr=b''), "
    "['README', 'gate', 'late', 'moved', 'new', 'pid'])"
)


@pytest.mark.requirement("RUN-2", "NORM-7")
def test_a_daemon_goes_on_long_after_the_end(
    lines: Lines, way: Tracer, place: Path, daemon_of: tuple[Gate, list[str]]
) -> None:
    gate, command = daemon_of
    with Started(lines, way, command, stdout=subprocess.PIPE) as started:
        said, _ = started.process.communicate(timeout=60)  # ends: nobody holds the pipe
        assert (said, started.wait()) == (b"", 4)
        gate.arrived()
        time.sleep(2)  # the time itself is what is tried
        gate.open()
        assert late(place) == WHAT_IT_DOES


@pytest.mark.requirement("RUN-2", "NORM-7")
def test_a_daemon_is_told_of_in_the_verdict_and_gets_signals(
    lines: Lines, tracer: Tracer, place: Path, daemon_of: tuple[Gate, list[str]]
) -> None:
    gate, command = daemon_of
    with Started(lines, tracer, command) as started:
        assert started.wait() == 4
    verdict = lines.workspace.last_job()["capture"]
    assert verdict["verdict"] == "partial"
    assert any("outlived the command" in reason for reason in verdict["reasons"])
    gate.arrived()
    pid = int((place / "pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    gate.open()
    os.kill(pid, signal.SIGCONT)
    assert late(place) == WHAT_IT_DOES
    until(lambda: not Path(f"/proc/{pid}").exists(), "the daemon did not end")


LINES = {
    "a child in the background": "@ sh -c '(until [ -e go ]; do sleep 0.01; done; cat README > late) > /dev/null 2>&1 & exit 3';"
    " echo $?; > go; until [ -s late ]; do sleep 0.01; done; rm go",
    "a child that holds stdout": "@ sh -c '(until [ -e go ]; do sleep 0.01; done; echo late) & echo early' |"
    " (read x; echo $x; > go; read x; echo $x); rm go",
    "a child that was stopped": "@ sh -c 'sleep 50 > /dev/null 2>&1 & echo $! > pid; kill -STOP $!; exit 3'; echo $?;"
    " kill -9 $(cat pid); rm pid",
    "nohup": "@ nohup sh -c 'echo x; exit 5' > out; echo $?; cat out",
    "nohup around": "nohup @ sh -c 'echo x; exit 5' > out 2>/dev/null; echo $?; cat out",
    "in the background": "@ sh -c 'cat README; exit 5' & wait $!; echo $?",
    "in the background, twice": "@ sh -c 'exit 5' & a=$!; @ sh -c 'exit 6' & wait $!; echo $?; wait $a; echo $?",
    "in the background, in a session of its own": "setsid @ sh -c 'echo x > out; exit 5' & wait $!; until [ -s out ]; do :; done; cat out",
    "in the background of a shell that leaves": "(@ sh -c 'until [ -e go ]; do sleep 0.01; done; echo x > out' > /dev/null &);"
    " > go; until [ -s out ]; do :; done; cat out; rm go",  # who runs it sees roar's end by its stderr
    "a run in a run": "@ @ sh -c 'cat README; exit 6'; echo $?; @ sh -c '@ cat README; @ false'; echo $?",
    "a run in a run, in the background": '@ sh -c \'@ sh -c "cat README > a" & @ sh -c "cat README > b"; wait; cat a b\'; echo $?',
    "a run in a run in a run": "@ @ @ sh -c 'cat README; echo x > out; exit 6'; echo $?",
    "a run in a run, killed": "@ @ sh -c 'kill -9 $$'; echo $?; @ @ sh -c 'kill $$'; echo $?",
    "roar's stderr closed": "@ sh -c 'cat README; exit 6' 2>&-; echo $?",
    "roar's stderr full": "@ sh -c 'cat README; exit 6' 2>/dev/full; echo $?",
    "roar's stderr a pipe that nobody reads": "{ @ sh -c 'cat README; exit 6'; echo $?; } 2> >(exec <&-; until [ -e go ]; do sleep 0.01;"
    " done); > go; wait $!; rm go",
}


@pytest.mark.requirement("RUN-2", "RUN-3", "NORM-7")
@cases(LINES)
def test_what_goes_on_beside_is_as_without_roar(lines: Lines, tracer: Tracer, line: str) -> None:
    as_bare_or_told(lines, tracer, line)


@pytest.mark.requirement("RUN-2", "RUN-3")
@pytest.mark.parametrize("inner", ["preload", "ptrace", "the same"])
def test_a_run_inside_a_run_works_and_both_are_recorded(lines: Lines, tracer: Tracer, inner: str) -> None:
    within = tracer if inner == "the same" else Tracer(inner)
    said = lines.run(tracer, f"@ {within.line}sh -c 'cat README > out; mv out out2; cat out2; exit 6'; echo $?")
    if within.name in NOT_WITHIN_ITSELF:
        assert (said.stdout, b"roar itself is traced" in said.stderr) == (b"1\n", True)
        return
    assert (said.code, said.stdout, said.stderr) == (0, b"one\ntwo\nthree\n6\n", b"")
    listed = json.loads(lines.workspace.roar("log", "-n", "2", "--json", env=lines.env()).stdout)["jobs"]
    assert [job["exit_code"] for job in listed] == [6, 6]
    for job in listed:
        names = {Path(edge["path"]).name for edge in job["outputs"]}
        assert names == {"out2"} or job["capture"]["verdict"] == "partial", listed


@pytest.mark.requirement("RUN-7", "RUN-3")
def test_many_runs_at_once_are_each_as_alone(lines: Lines, tracer: Tracer) -> None:
    started = [Started(lines, tracer, ["sh", "-c", f"cat README README; exit {n}"], subprocess.PIPE) for n in range(24)]
    said = [(one.process.communicate(timeout=PATIENCE_S)[0], one.wait()) for one in started]
    assert said == [(b"one\ntwo\nthree\n" * 2, n) for n in range(24)]
    listed = json.loads(lines.workspace.roar("log", "-n", "24", "--json").stdout)["jobs"]
    assert sorted(job["exit_code"] for job in listed) == list(range(24))


WORK = """
import os, sys
place = sys.argv[1]
os.chdir(place)
open("begin", "w").write("x")
number = 0
while number < int(sys.argv[2]) or not os.path.exists("killed"):
    number += 1
    open("made", "w").write(open("README").read() * 2)
    os.rename("made", "moved")
    assert open("moved").read() == "one\\none\\n"
    os.unlink("moved")
    try:
        open("nothing")
    except FileNotFoundError:
        pass
    if not number % 40 and os.system("cat README > /dev/null"):
        os._exit(1)
open("end", "w").write("x")
"""


@pytest.mark.requirement("RUN-6", "SAFE-1")
def test_roar_killed_at_any_moment_leaves_the_command_to_finish_its_work(
    lines: Lines, tracer: Tracer, place: Path
) -> None:
    """Once it has begun, it is neither stopped nor does any call of it fail; and what was seen is recorded by the next command."""
    begun = 0
    for number in range(9) if EVERYTHING else (0, 1, 4, 8):
        work = place / str(number)
        work.mkdir()
        (work / "README").write_text("one\n")
        with Started(lines, tracer, [sys.executable, "-S", "-c", WORK, str(work), "300"]) as started:
            if number % 3:  # well into the work, else while it starts
                until(lambda: (work / "begin").exists(), "the command was not started", 60)  # noqa: B023
            time.sleep(0.01 * number)
            os.kill(started.pid, signal.SIGKILL)
            assert started.wait() == -signal.SIGKILL
            (work / "killed").touch()
        if settled(work):
            begun += 1
            until(lambda: (work / "end").exists(), f"the command did not finish its work: {list(work.iterdir())}", 60)  # noqa: B023
    assert begun >= (6 if EVERYTHING else 3)
    until(lambda: nothing_left(lines), "a run was not recorded", 60)
    assert subprocess.run([*ROAR, "fsck"], cwd=lines.workspace.root, env=lines.env(), check=False).returncode == 0


def settled(work: Path) -> bool:
    """Whether the command has begun; a process that was forked and is on its way to it is given a second."""
    end = time.monotonic() + 1
    while not (work / "begin").exists():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def nothing_left(lines: Lines) -> bool:
    """Whether the next roar command has recorded all runs that were killed."""
    lines.workspace.roar("log", "-n", "1", env=lines.env())
    return not any(path.name[0] != "." for path in (lines.workspace.root / ".roar" / "runs").iterdir())


@pytest.mark.requirement("RUN-6", "RUN-2")
def test_roar_killed_while_its_command_waits_or_is_stopped(lines: Lines, tracer: Tracer, place: Path) -> None:
    gate = Gate(place)
    script = f"read x < {gate}; cat README > {place}/late; ls {place} > /dev/null; echo $? >> {place}/late"
    with Started(lines, tracer, ["sh", "-c", script]) as started:
        gate.arrived()
        os.kill(started.pid, signal.SIGKILL)
        started.process.wait()
        gate.open()
        until(lambda: (place / "late").exists() and (place / "late").read_text().endswith("0\n"), "it does not go on")
    assert (place / "late").read_text() == "one\ntwo\nthree\n0\n"
    until(lambda: nothing_left(lines), "the run was not recorded", 60)
