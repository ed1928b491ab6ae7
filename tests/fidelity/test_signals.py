"""Signals: from the command to itself, from outside to roar, to its process group or to the command alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.acting import Gate, until
from fidelity.lines import BARE, Lines, as_bare_or_told, cases
from fidelity.started import Started, state
from fidelity.tracers import Tracer

_TIMEOUT = (
    "for d in 0.3 2 8 30; do rm -f ready; {line}; code=$?; [ -e ready ] && break; done; echo $code;"
    " [ -s ready ] && {{ kill -9 $(cat ready); }} 2>/dev/null; rm -f ready"
)
"""A command that a deadline hits is tried with a longer one as long as it did not get far enough to matter."""
SIGNALS = {
    "timeout": _TIMEOUT.format(line="timeout $d @ sh -c '>ready; exec sleep 50'"),
    "timeout, with another signal": _TIMEOUT.format(line="timeout -s INT $d @ sh -c '>ready; exec sleep 50'"),
    "timeout, by a kill": _TIMEOUT.format(
        line="timeout -s KILL $d @ sh -c 'echo $$ > ready; exec sleep 50' >/dev/null 2>&1"
    ),
    "timeout, by a kill later": _TIMEOUT.format(
        line="timeout -k 0.1 $d @ sh -c 'trap \"\" TERM; echo $$ > ready; sleep 50' >/dev/null 2>&1"
    ),
    "timeout, in the foreground": _TIMEOUT.format(line="timeout --foreground $d @ sh -c '>ready; exec sleep 50'"),
    "timeout, handled": _TIMEOUT.format(
        line="timeout $d @ sh -c 'trap \"trap : TERM; echo got; exit 5\" TERM; >ready; while :; do sleep 0.02; done'"
    ),
    "timeout in it": "@ timeout 0.1 sleep 50; echo $?; @ timeout -s KILL 0.1 sleep 50; echo $?",
    "an alarm from before": _TIMEOUT.format(
        line="python3 -c 'import os, signal, sys; signal.setitimer(0, float(sys.argv[1])); os.execvp(sys.argv[2], sys.argv[2:])' $d"
        " @ sh -c '>ready; exec sleep 50'"
    ),
    "nohup": "nohup @ sh -c 'kill -HUP $$; echo alive'; echo $?",
    "ignored by the shell": "(trap '' INT; @ sh -c 'kill -INT $$; echo alive')",
    "children that nobody waits for": "(trap '' CHLD; @ sh -c 'sh -c \"exit 3\"; echo $?; exit 4'; echo $?)",
    "in a session of its own": "setsid -w @ sh -c 'exit 5'; echo $?",
    "to the group, ignored": "set -m; @ sh -c 'trap \"\" TERM; kill 0; exit 5'; echo $?",
    "to the group, once each": "set -m; @ python3 -c '"
    "import os, signal\n"
    'kinds = [getattr(signal, "SIG" + n) for n in "TERM USR1 USR2 HUP INT QUIT ALRM CONT WINCH URG ABRT".split()]\n'
    "got = []\n"
    "for kind in kinds: signal.signal(kind, lambda number, frame: got.append(int(number)))\n"
    "for kind in kinds:\n"
    "    os.kill(0, kind)\n"
    "    signal.sigtimedwait([], 0.03)\n"
    "print(got)'; echo $?",
    "who sent them and with what": "@ signals info",
    "many while files are opened": "@ signals storm",
    "many while files are opened, without restarts": "@ signals 'bare storm'",
    "one ends an open that waits": "@ signals fifo",
    "one does not end an open that waits": "@ signals restarted",
    "a child stops": '@ sh -c \'sleep 50 & kill -STOP $!; until grep -qi "State:.T" /proc/$!/status; do :; done; cat README;'
    ' kill -CONT $!; until grep -q "State:.S" /proc/$!/status; do :; done; kill $!; wait $!; echo $?\'',
    "a child is killed while it is stopped": "@ sh -c 'sleep 50 & kill -STOP $!; kill -9 $!; wait $!; echo $?'",
    "a trap that opens files": "@ sh -c 'trap \"cat README; echo x > made\" USR1; kill -USR1 $$; cat made; exit 7'; echo $?",
    "the command stops and goes on": "set -m; exec 2>/dev/null; @ sh -c 'kill -STOP $$; echo on; exit 3' &"
    " until jobs -l | grep -q Stopped; do :; done; kill -CONT %1; wait $!; echo $?",
    "the command stops as a terminal stops it": "set -m; exec 2>/dev/null; @ sh -c 'kill -TSTP $$; echo on; exit 3' &"
    " until jobs -l | grep -q Stopped; do :; done; kill -CONT %1; wait $!; echo $?",
    "the group stops and goes on": "set -m; exec 2>/dev/null; @ sh -c '>ready; until [ -e go ]; do :; done; echo on; exit 3' &"
    " until [ -e ready ]; do :; done; kill -STOP %1; until jobs -l | grep -q Stopped; do :; done;"
    " kill -CONT %1; >go; wait $!; echo $?",
    "a stopped job is killed": "set -m; exec 2>/dev/null; @ sh -c '>ready; kill -STOP $$' & until [ -e ready ]; do :; done;"
    " until jobs -l | grep -q Stopped; do :; done; kill -KILL %1; while jobs -l | grep -q Stopped; do :; done; wait $!; echo $?",
    "a stopped job is ended": "set -m; exec 2>/dev/null; @ sh -c '>ready; kill -STOP $$' & until [ -e ready ]; do :; done;"
    " until jobs -l | grep -q Stopped; do :; done; kill %1; kill -CONT %1; wait $!; echo $?",
}


@pytest.mark.requirement("RUN-2", "RUN-3")
@cases(SIGNALS)
def test_signals_work_as_without_roar(lines: Lines, tracer: Tracer, line: str) -> None:
    as_bare_or_told(lines, tracer, line)


COUNTER = """
import os, signal, sys, time
out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
def take(number, frame):
    os.write(out, b"%d " % number)
    if number == signal.SIGUSR2:
        os._exit(9)
for number in map(int, sys.argv[2].split(",")):
    signal.signal(number, take)
os.write(out, b"%d ready " % os.getpid())
while True:
    time.sleep(0.05)  # not pause(2): Python may be on its way into that when a signal comes
"""


class Counting:
    """A run of a command that writes down each signal that it gets."""

    def __init__(self, lines: Lines, tracer: Tracer, place: Path, *numbers: int) -> None:
        self._log = place / "signals"
        chosen = ",".join(str(int(number)) for number in (*numbers, signal.SIGUSR2))
        self._started = Started(lines, tracer, [sys.executable, "-c", COUNTER, str(self._log), chosen])
        self.pid = self._started.pid
        self.until("ready")
        self.command = int(self.got[0])

    @property
    def got(self) -> list[str]:
        return self._log.read_text().split() if self._log.exists() else []

    def until(self, word: str) -> None:
        until(lambda: word in self.got, f"no {word} in {self.got}")

    def end(self) -> list[str]:
        os.kill(self.command, signal.SIGUSR2)
        assert self._started.wait() == 9
        return self.got[2:-1]

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *_: object) -> None:
        self._started.kill()


def pending(pid: int) -> int:
    """The signals that a process has not taken yet, as a bit mask."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("ShdPnd:")[2].split()[0], 16)


PASSED_ON = [
    signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGALRM, signal.SIGABRT,
    signal.SIGWINCH, signal.SIGCONT, signal.SIGURG, signal.SIGSYS, signal.SIGTRAP, signal.SIGRTMIN, signal.SIGRTMAX,
    signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGIO, signal.SIGPWR, signal.SIGPROF, signal.SIGVTALRM,
    signal.SIGXCPU, signal.SIGCHLD, signal.SIGSTKFLT,
]  # fmt: skip


@pytest.mark.requirement("RUN-2")
@pytest.mark.parametrize("to", ["roar alone", "the group", "the command"])
def test_every_signal_reaches_the_command_once(lines: Lines, tracer: Tracer, place: Path, to: str) -> None:
    sent = [number for number in PASSED_ON if (number, to) != (signal.SIGCHLD, "roar alone")]  # it is about roar's own
    with Counting(lines, tracer, place, *sent) as counting:
        for number in sent:
            if to == "the group":
                os.killpg(counting.pid, number)
            else:
                os.kill(counting.pid if to == "roar alone" else counting.command, number)
            counting.until(str(int(number)))
        assert counting.end() == [str(int(number)) for number in sent]


@pytest.mark.requirement("RUN-2")
def test_a_signal_to_the_group_while_the_command_is_being_started_is_not_lost(lines: Lines, tracer: Tracer) -> None:
    codes = []
    for number in range(12):
        with Started(lines, tracer, ["sleep", "50"]) as started:
            until(lambda: holds(started.pid), "roar does not hold signals back")
            time.sleep(0.001 * number)
            os.killpg(started.pid, signal.SIGTERM)
            codes.append(started.wait())
    assert codes == [143] * 12


RT_SIGTIMEDWAIT = {"x86_64": "128", "aarch64": "137"}.get(os.uname().machine, "")


def holds(pid: int) -> bool:
    """Whether roar holds back what it would pass on, as long as its command runs; posix_spawn(3) blocks SIGPIPE as well.

    While it waits for a signal the kernel shows those that it waits for as if they weren't blocked.
    """
    if Path(f"/proc/{pid}/syscall").read_text().split()[0] == RT_SIGTIMEDWAIT:
        return True
    blocked = int(Path(f"/proc/{pid}/status").read_text().partition("SigBlk:")[2].split()[0], 16)
    return bool(blocked >> signal.SIGTERM - 1 & 1 and not blocked >> signal.SIGPIPE - 1 & 1)


@pytest.mark.requirement("RUN-2")
def test_a_signal_to_the_group_hides_no_later_one_to_roar_alone(lines: Lines, tracer: Tracer, place: Path) -> None:
    with Counting(lines, tracer, place, signal.SIGTERM) as counting:
        for _ in range(3):
            before = len(counting.got)
            os.killpg(counting.pid, signal.SIGTERM)
            until(lambda: len(counting.got) == before + 1, "the group's did not come")  # noqa: B023
            until(lambda: not pending(counting.pid), "roar did not take it")  # two that are pending are one
            os.kill(counting.pid, signal.SIGTERM)
            until(lambda: len(counting.got) == before + 2, "roar's own did not come")  # noqa: B023
        assert counting.end() == ["15"] * 6


@pytest.fixture
def waiting(lines: Lines, tracer: Tracer, place: Path) -> Iterator[tuple[Started, int, Gate]]:
    """A run whose command waits at a gate and then exits with 5: (the run, the command's pid, the gate)."""
    gate = Gate(place)
    script = f"echo $$ > {place}/pid; read x < {gate}; cat README > {place}/out; exit 5"
    with Started(lines, tracer, ["sh", "-c", script]) as started:
        gate.arrived()
        yield started, int((place / "pid").read_text()), gate


@pytest.mark.requirement("RUN-2", "RUN-3")
def test_a_killed_group_member_that_was_stopped_does_not_hang_roar(waiting: tuple[Started, int, Gate]) -> None:
    started, command, gate = waiting
    os.killpg(started.pid, signal.SIGSTOP)  # the command, roar and whatever else is in the group
    until(lambda: state(started.pid) == state(command) == "T", "they did not stop")
    os.kill(started.pid, signal.SIGCONT)  # only roar; it passes it on to the command
    until(lambda: state(command) == "S", "the command does not go on")
    gate.open()
    assert started.wait() == 5


@pytest.mark.requirement("RUN-2", "RUN-3")
def test_a_command_goes_on_while_roar_alone_is_stopped(waiting: tuple[Started, int, Gate]) -> None:
    """SIGSTOP can't be passed on, as it can't be held back."""
    started, command, gate = waiting
    os.kill(started.pid, signal.SIGSTOP)
    until(lambda: state(started.pid) == "T", "roar did not stop")
    gate.open()
    until(lambda: state(command) in "Z", "the command did not end")
    os.kill(started.pid, signal.SIGCONT)
    assert started.wait() == 5


@pytest.mark.requirement("RUN-2", "RUN-3")
def test_a_command_that_somebody_stops_stops_roar_and_both_go_on(waiting: tuple[Started, int, Gate]) -> None:
    started, command, gate = waiting
    for _ in range(3):
        os.kill(command, signal.SIGSTOP)
        until(lambda: state(started.pid) == state(command) == "T", "they did not stop")
        os.kill(started.pid, signal.SIGCONT)
        until(lambda: state(started.pid) == state(command) == "S", "they do not go on")
        until(lambda: not pending(started.pid), "roar did not take SIGCONT")
    gate.open()
    assert started.wait() == 5


@pytest.mark.requirement("RUN-3")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_command_that_somebody_kills_ends_roar(waiting: tuple[Started, int, Gate], number: int) -> None:
    started, command, _ = waiting
    os.kill(command, number)
    assert started.wait() == 128 + number


@pytest.mark.requirement("RUN-2")
def test_parents_are_told_of_stops_and_ends_alike(lines: Lines, tracer: Tracer, place: Path) -> None:
    """What waitpid(2) says to the parent of a run: a stop, going on, an exit code."""
    said = []
    for way in (BARE, tracer):
        gates = [Gate(place, f"{way.name} {number}") for number in range(2)]
        with Started(
            lines, way, ["sh", "-c", 'for gate; do kill -STOP $$; read x < "$gate"; done; exit 3', "", *map(str, gates)]
        ) as started:
            told = []
            for gate in gates:
                told.append(started.told(os.WUNTRACED))
                os.killpg(started.pid, signal.SIGCONT)
                told.append(started.told(os.WCONTINUED))
                gate.arrived()
                until(lambda: not pending(started.pid), "it did not take SIGCONT")
                gate.open()
            said.append((told, started.wait()))
    assert said[1] == said[0] == (["stopped 19", "continued", "stopped 19", "continued"], 3)


@pytest.mark.requirement("RUN-2")
def test_a_run_in_the_background_of_a_script_is_ended_by_its_trap(lines: Lines, tracer: Tracer, place: Path) -> None:
    (place / "script").write_text(
        "#!/bin/bash\ntrap 'kill $!; wait $!; echo ended $?; exit 4' TERM\n"
        f"{lines.text(tracer, '@ ')}sh -c '>{place}/ready; exec sleep 50' &\nwait $!\n"
    )
    script = subprocess.Popen(
        ["bash", place / "script"], cwd=lines.workspace.root, env=lines.env(), stdout=subprocess.PIPE
    )
    until(lambda: (place / "ready").exists(), "the command was not started")
    script.terminate()
    said, _ = script.communicate(timeout=60)
    assert (said, script.returncode) == (b"ended 143\n", 4)
