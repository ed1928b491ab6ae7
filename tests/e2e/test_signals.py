"""Signals that somebody sends to roar, to its process group, or to neither."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.acting import ROAR, Gate, Workspace, until

COUNTER = """
import os, signal, sys
out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
def take(number, frame):
    os.write(out, b"%d " % number)
    if number == signal.SIGUSR2:
        os._exit(9)
for number in map(int, sys.argv[2].split(",")):
    signal.signal(number, take)
os.write(out, b"%d ready " % os.getpid())
while True:
    signal.pause()
"""


class Counting:
    """A run of a command that writes down each signal that it gets."""

    def __init__(self, workspace: Workspace, place: Path, *numbers: int) -> None:
        self._log = place / "signals"
        chosen = ",".join(str(int(number)) for number in (*numbers, signal.SIGUSR2))
        self.roar = subprocess.Popen(
            [*ROAR, "run", "-q", sys.executable, "-c", COUNTER, str(self._log), chosen],
            cwd=workspace.root,
            env=workspace.env,
            start_new_session=True,
        )
        self.until("ready")
        self.command = int(self.got[0])

    @property
    def got(self) -> list[str]:
        return self._log.read_text().split() if self._log.exists() else []

    def until(self, word: str) -> None:
        until(lambda: word in self.got, f"no {word} in {self.got}")

    def end(self) -> list[str]:
        os.kill(self.command, signal.SIGUSR2)
        assert self.roar.wait(30) == 9
        return self.got[2:-1]

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *_: object) -> None:
        if self.roar.poll() is None:
            os.killpg(self.roar.pid, signal.SIGKILL)
            self.roar.wait()


def pending(pid: int) -> int:
    """The signals that a process has not taken yet, as a bit mask."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("ShdPnd:")[2].split()[0], 16)


PASSED_ON = [
    signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGALRM, signal.SIGABRT,
    signal.SIGWINCH, signal.SIGCONT, signal.SIGURG, signal.SIGSYS, signal.SIGTRAP, signal.SIGRTMIN, signal.SIGRTMAX,
]  # fmt: skip


@pytest.mark.requirement("RUN-2")
def test_every_signal_to_roar_alone_reaches_the_command_once(shared: Workspace, place: Path) -> None:
    with Counting(shared, place, *PASSED_ON) as counting:
        for number in PASSED_ON:
            os.kill(counting.roar.pid, number)
            counting.until(str(int(number)))
        assert counting.end() == [str(int(number)) for number in PASSED_ON]


@pytest.mark.requirement("RUN-2")
def test_every_signal_to_the_group_reaches_the_command_once(shared: Workspace, place: Path) -> None:
    with Counting(shared, place, *PASSED_ON) as counting:
        for number in PASSED_ON:
            os.killpg(counting.roar.pid, number)
            counting.until(str(int(number)))
        assert counting.end() == [str(int(number)) for number in PASSED_ON]


@pytest.mark.requirement("RUN-2")
def test_a_signal_to_the_group_hides_no_later_one_to_roar_alone(shared: Workspace, place: Path) -> None:
    with Counting(shared, place, signal.SIGTERM) as counting:
        for _ in range(3):
            before = len(counting.got)
            os.killpg(counting.roar.pid, signal.SIGTERM)
            until(lambda: len(counting.got) == before + 1, "the group's did not come")  # noqa: B023
            until(lambda: not pending(counting.roar.pid), "roar did not take it")  # two that are pending are one
            os.kill(counting.roar.pid, signal.SIGTERM)
            until(lambda: len(counting.got) == before + 2, "roar's own did not come")  # noqa: B023
        assert counting.end() == ["15"] * 6


@pytest.mark.requirement("RUN-2", "RUN-3")
def test_a_killed_group_member_that_was_stopped_does_not_hang_roar(shared: Workspace, place: Path) -> None:
    gate = Gate(place)
    roar = subprocess.Popen(
        [*ROAR, "run", "-q", "sh", "-c", f"echo $$ > {place}/pid; read x < {gate}; exit 5"],
        cwd=shared.root,
        env=shared.env,
        start_new_session=True,
    )
    gate.arrived()
    command = int((place / "pid").read_text())
    os.killpg(roar.pid, signal.SIGSTOP)  # the command, roar and whatever else is in the group
    until(lambda: Path(f"/proc/{roar.pid}/stat").read_text().split()[2] == "T", "roar did not stop")
    os.kill(roar.pid, signal.SIGCONT)  # only roar; it passes it on to the command
    until(lambda: Path(f"/proc/{command}/stat").read_text().split()[2] == "S", "the command does not go on")
    gate.open()
    assert roar.wait(20) == 5


@pytest.mark.requirement("RUN-2", "HASH-3")
def test_a_signal_while_roar_records_keeps_the_commands_exit_code(shared: Workspace, place: Path) -> None:
    large = shared.root / "out.large"
    with open(large, "wb") as file:
        file.truncate(8 << 30)
    try:
        roar = subprocess.Popen(
            [*ROAR, "run", "--hash", "sha256", "sh", "-c", f"head -c 1 out.large; echo $$ > {place}/pid; exit 3"],
            cwd=shared.root,
            env=shared.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        until(lambda: (place / "pid").exists() and (place / "pid").read_text(), "the command did not run")
        command = (place / "pid").read_text().strip()
        until(lambda: not os.path.exists(f"/proc/{command}"), "the command did not end")
        until(lambda: reads(roar.pid, large), "it is not being hashed")
        os.killpg(roar.pid, signal.SIGINT)
        _, said = roar.communicate(timeout=20)
    finally:
        large.unlink()
    assert roar.returncode == 3
    assert said.count(b"\n") == 1, said
    inputs = {os.path.basename(edge["path"]): edge for edge in shared.last_job()["inputs"]}
    assert inputs["out.large"]["hashes"] == {}
    assert inputs["out.large"]["reason"] == "hashing was interrupted"


def reads(pid: int, path: Path) -> bool:
    """Whether roar itself has the file open."""
    try:
        links = [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return False
    return str(path) in links


@pytest.mark.requirement("RUN-3")
def test_a_command_that_is_being_waited_for_ends_roar_at_once(shared: Workspace) -> None:
    """A killed command is not waited for in vain, and children that it leaves are not waited for."""
    done = shared.bash(
        f"{sys.executable} -m roar run -q sh -c 'sleep 30 >/dev/null 2>&1 & kill -9 $$'; echo $?; kill %1"
    )
    assert done.stdout == b"137\n"
