"""What a reproduction starts: it is known before it begins, and none of it outlives a stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from reproduce.processes import wait_until

from roar.api.errors import Refused, RoarError
from roar.reproduce.children import Children, NotNoted, Stopped
from roar.reproduce.plan import Plan
from roar.reproduce.progress import Progress

pytestmark = pytest.mark.requirement("REP-3")


@pytest.fixture
def journal(tmp_path: Path) -> Progress:
    return Progress.begin(bytes(tmp_path / "journal"), Plan(b"/r", b"/r", bytes(tmp_path), (), frozenset()))


def sleeping(command: str) -> Callable[[], bool]:
    """Whether a process with this command line is there."""
    wanted = command.replace(" ", "\0").encode() + b"\0"

    def is_there() -> bool:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if path.read_bytes() == wanted:
                    return True
            except OSError:
                continue
        return False

    return is_there


def test_a_stop_while_a_process_is_being_started_ends_it() -> None:
    children = Children()
    begun, go_on = os.pipe(), os.pipe()

    def hold() -> None:  # in the new process: nobody knows it yet
        os.write(begun[1], b"x")
        os.read(go_on[0], 1)

    with ThreadPoolExecutor() as pool:
        running = pool.submit(children.run, ["sleep", "1000"], hold)
        os.read(begun[0], 1)
        children.stop()
        os.write(go_on[1], b"x")
        with pytest.raises(Stopped):
            running.result()
        with pytest.raises(Stopped):
            children.run(["sleep", "1000"], lambda: None)
    for descriptor in (*begun, *go_on):
        os.close(descriptor)


def test_a_stop_ends_what_has_left_the_group_of_its_process_too(tmp_path: Path) -> None:
    """As `timeout` does, and shells with job control."""
    children = Children()
    duration = 100_000 + os.getpid()
    is_there = sleeping(f"sleep {duration}")
    with ThreadPoolExecutor() as pool:
        running = pool.submit(children.run, ["timeout", "2000", "sleep", str(duration)], lambda: None)
        wait_until(is_there, "sleep")
        children.stop()
        with pytest.raises(Stopped):
            running.result()
    wait_until(lambda: not is_there(), "the end of sleep")


def test_a_process_is_in_the_journal_before_its_first_instruction(journal: Progress, tmp_path: Path) -> None:
    words = ["sh", "-c", f"""grep -q '"started": "u", "pid": '$$, {tmp_path}/journal"""]
    with ThreadPoolExecutor(8) as pool:
        ended = [pool.submit(Children().run, words, journal.starting("u")) for _ in range(40)]
        assert [one.result() for one in ended] == [0] * 40
    journal.close()
    assert len((tmp_path / "journal").read_text().splitlines()) == 41


def test_a_process_that_can_not_be_noted_is_not_begun(tmp_path: Path) -> None:
    full = Progress(b"/dev/full")
    with pytest.raises(NotNoted):
        Children().run(["touch", str(tmp_path / "begun")], full.starting("u"))
    assert not (tmp_path / "begun").exists()
    with pytest.raises(RoarError, match="the state of the reproduction can't be written: No space left on device"):
        full.begin(b"/dev/full", Plan(b"/r", b"/r", bytes(tmp_path), (), frozenset()))
    full.close()


KILLED = """
import os, sys
from roar.reproduce.children import Children
from roar.reproduce.progress import Progress

journal = Progress(os.fsencode(sys.argv[1]))
note = journal.starting("u")

def after_a_kill():
    os.kill(os.getppid(), 9)
    while os.getppid() == roar:
        pass
    note()

roar = os.getpid()
Children().run(["touch", sys.argv[2]], after_a_kill)
"""


def test_a_process_whose_roar_was_killed_before_it_was_noted_is_not_begun(tmp_path: Path) -> None:
    """The next attempt may have read the journal already."""
    (reading, writing) = os.pipe()
    words = [sys.executable, "-c", KILLED, str(tmp_path / "journal"), str(tmp_path / "begun")]
    killed = subprocess.Popen(words, stdout=writing, pass_fds=[writing])
    os.close(writing)
    assert killed.wait() == -signal.SIGKILL
    assert os.read(reading, 1) == b""  # all that was started is over
    os.close(reading)
    assert not (tmp_path / "begun").exists()
    assert json.loads((tmp_path / "journal").read_text())["started"] == "u"


def test_two_do_not_work_at_one_reproduction(journal: Progress, tmp_path: Path) -> None:
    """The second would end what the first has running."""
    plan = Plan(b"/r", b"/r", bytes(tmp_path), (), frozenset())
    with pytest.raises(Refused, match="another roar is at work in"):
        Progress.resume(bytes(tmp_path / "journal"), plan)
    journal.close()
    Progress.resume(bytes(tmp_path / "journal"), plan).close()


def test_a_line_that_was_torn_costs_no_other(journal: Progress, tmp_path: Path) -> None:
    plan = Plan(b"/r", b"/r", bytes(tmp_path), (), frozenset())
    with open(tmp_path / "journal", "a") as file:
        file.write('{"over": {"uid"{"started": "u", "pid": 1, "at": -1}\n{"over": ')
    journal.close()
    again = Progress.resume(bytes(tmp_path / "journal"), plan)
    again.close()
    assert again.done == {} and len((tmp_path / "journal").read_text().splitlines()) == 2
