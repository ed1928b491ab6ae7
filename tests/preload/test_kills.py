"""A SIGKILL at any moment loses nothing that was done."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from preload.conftest import driver_command

from roar.api.events import Event, Kind
from roar.api.tracer import Coverage
from roar_tracer_preload.arena import Arena
from roar_tracer_preload.events import event_of
from roar_tracer_preload.tracer import PreloadTracer, arm

pytestmark = pytest.mark.requirement("SAFE-1", "RUN-6")

_WRITER = """
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
    for (int i = 0;; i++) {
        char t[32], n[32];
        sprintf(t, "t%d", i);
        sprintf(n, "n%d", i);
        int f = open(t, O_WRONLY | O_CREAT, 0644);
        if (f < 0 || write(f, "x", 1) != 1 || close(f) || rename(t, n)) return 1;
        if (i == 20 && write(1, "x", 1) != 1) return 2;
    }
}
"""


def _spin(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


@pytest.mark.parametrize("seed", range(12))
def test_a_killed_writer_loses_nothing(seed: int, place: Path, journal: Path, compiled: Callable[..., Path]) -> None:
    armed = arm(journal, dict(os.environb))
    writer = subprocess.Popen([compiled(_WRITER)], cwd=place, env=armed.environment, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    writer.stdout.read(1)
    _spin(random.Random(seed).random() * 0.01)
    writer.kill()
    writer.wait()
    writer.stdout.close()

    arena = Arena(armed.arena)
    events = [event_of(decoded) for decoded in arena.records(True, lambda *_: True)]
    arena.close()
    assert _left_by(events) == {name for name in os.listdir(place) if name[0] in "tn"}


def _left_by(events: list[Event]) -> set[str]:
    """The files there must be, given the events; what is unconfirmed the file system decides, as the fold does."""
    there: set[bytes] = set()
    for event in events:
        if event.kind == Kind.WRITE and (event.confirmed or os.path.exists(event.path)):
            there.add(event.path)
        if event.kind == Kind.RENAME and (event.confirmed or not os.path.exists(event.path)):
            there.discard(event.path)
            there.add(event.path2)
    return {os.fsdecode(os.path.basename(path)) for path in there}


def _recovered(journal: Path) -> tuple[list[Event], Coverage]:
    traced = PreloadTracer.recover(journal)
    assert traced is not None
    return list(traced.events()), traced.finish()


@pytest.mark.parametrize("awkward", [False, True], ids=["plain", "elsewhere"])
def test_a_killed_roar_is_recovered(place: Path, tmp_path: Path, awkward: bool) -> None:
    journal = tmp_path / ("a journal: odd" if awkward else "journal")
    journal.mkdir(mode=0o700)
    os.mkfifo(place / "gate")
    command = "cat a > out; echo $$ > gate; cat gate; cat b"
    runner = subprocess.Popen(driver_command(journal, tmp_path / "result", "sh", "-c", command), cwd=place)
    fd = os.pidfd_open(int((place / "gate").read_text()))  # the command is half done
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    (place / "gate").write_text("on\n")
    assert select.select([fd], [], [], 300)[0]
    os.close(fd)

    events, coverage = _recovered(journal)
    reads = {os.path.basename(e.path) for e in events if e.kind == Kind.OPEN}
    assert {b"a", b"b"} <= reads
    assert [os.path.basename(e.path) for e in events if e.kind == Kind.WRITE] == [b"out"]
    assert coverage.survivors == ()
    if awkward:
        assert not Path((journal / "elsewhere").read_text()).exists()


def test_survivors_of_a_killed_roar_are_named(place: Path, journal: Path, tmp_path: Path) -> None:
    os.mkfifo(place / "gate")
    runner = subprocess.Popen(
        driver_command(journal, tmp_path / "result", "sh", "-c", "cat a; echo $$ > gate; exec cat gate"), cwd=place
    )
    pid = int((place / "gate").read_text())
    runner.kill()
    runner.wait()
    try:
        _, coverage = _recovered(journal)
        assert pid in coverage.survivors
    finally:
        os.kill(pid, signal.SIGKILL)


def test_an_empty_journal_has_nothing_to_recover(journal: Path) -> None:
    assert PreloadTracer.recover(journal) is None
