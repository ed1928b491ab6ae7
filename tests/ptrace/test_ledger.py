"""Calls that were let go: one whose thread the machine puts aside is not taken for one that failed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from roar.api.events import Kind
from roar_tracer_ptrace.journal import Reader, Writer
from roar_tracer_ptrace.observe import ledger as ledgers
from roar_tracer_ptrace.observe.ledger import Ledger
from roar_tracer_ptrace.observe.outcomes import Creation

pytestmark = pytest.mark.requirement("TRC-8", "TRC-10")

_OTHER = 1
"""Another thread."""


class Machine:
    """Its time passes only when somebody sleeps, and its processes get as much of it as is said here.

    Args:
        patch: to put it in place of the real one.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        self.had_s = 5.0
        self.meanwhile: Callable[[], object] = lambda: None
        patch.setattr(time, "monotonic", lambda: self.now_s)
        patch.setattr(time, "sleep", self._sleep)
        patch.setattr(ledgers, "_had_s", lambda task: self.had_s)

    def _sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.meanwhile()


@pytest.fixture
def busy() -> Iterator[int]:
    """A process that runs, or would."""
    process = subprocess.Popen([sys.executable, "-SEc", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def machine(busy: int, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that puts aside whom it likes."""
    return Machine(monkeypatch)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger whose journal is in the test's directory."""
    writer = Writer(tmp_path)
    yield Ledger(writer, sees_results=False, doubts_results=False)
    writer.close()


def _made(folder: Path, ledger: Ledger) -> list[tuple[bytes, bool]]:
    """What the journal says of files that were made, and whether it is sure."""
    ledger.writer.flush()
    reader = Reader(folder)
    found = [(os.path.basename(event.path), event.confirmed) for event in reader.events(final=True)]
    reader.close()
    return found


def _let_go(ledger: Ledger, task: int, path: Path) -> None:
    name = os.fsencode(path)
    ledger.wait_for(task, Creation(name), Kind.WRITE, name, existed=False)


def test_however_late_a_thread_gets_a_processor_what_it_makes_then_is_told(
    ledger: Ledger, machine: Machine, busy: int, tmp_path: Path
) -> None:
    _let_go(ledger, busy, tmp_path / "made")
    for _ in range(3):
        ledger.sweep()
        machine.now_s += 1000
    (tmp_path / "made").touch()
    ledger.sweep()
    assert ledger.awaited == {}
    assert _made(tmp_path, ledger) == [(b"made", True)]


def test_a_thread_that_had_a_processor_for_long_has_failed(
    ledger: Ledger, machine: Machine, busy: int, tmp_path: Path
) -> None:
    _let_go(ledger, busy, tmp_path / "never")
    ledger.sweep()
    assert ledger.awaited
    machine.had_s += 2
    ledger.sweep()
    assert ledger.awaited == {}
    assert _made(tmp_path, ledger) == []


def test_another_thread_that_touches_the_file_waits_for_one_that_is_put_aside(
    ledger: Ledger, machine: Machine, busy: int, tmp_path: Path
) -> None:
    _let_go(ledger, busy, tmp_path / "made")
    later = machine.now_s + 5
    machine.meanwhile = lambda: (tmp_path / "made").touch() if machine.now_s > later else None
    assert ledger.make_way(_OTHER, os.fsencode(tmp_path / "made"))
    assert ledger.awaited == {}
    assert _made(tmp_path, ledger) == [(b"made", True)]


@pytest.mark.parametrize("gets_one", [True, False])
def test_it_does_not_wait_for_ever(ledger: Ledger, machine: Machine, busy: int, tmp_path: Path, gets_one: bool) -> None:
    """One that had a processor meanwhile is past its call; of one that had none nothing is concluded."""

    def pass_() -> None:
        machine.had_s += 0.01 * gets_one

    machine.meanwhile = pass_
    _let_go(ledger, busy, tmp_path / "late")
    assert ledger.make_way(_OTHER, os.fsencode(tmp_path / "late"))
    assert machine.now_s < 1000 + (1 if gets_one else 60)
    assert bool(ledger.awaited) is not gets_one
    (tmp_path / "late").touch()
    ledger.sweep(final=True)
    assert _made(tmp_path, ledger) == ([] if gets_one else [(b"late", True)])


def test_a_call_that_takes_its_time_is_not_taken_for_one_that_failed(
    ledger: Ledger, machine: Machine, tmp_path: Path
) -> None:
    """As on a slow file system; here it is the open of a pipe that nobody reads yet."""
    os.mkfifo(tmp_path / "pipe")
    code = "import os, sys; print(flush=True); os.open(sys.argv[1], os.O_WRONLY)"
    process = subprocess.Popen([sys.executable, "-SEc", code, tmp_path / "pipe"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        while not ledgers._call(process.pid).isdigit() or int(ledgers._call(process.pid)) not in ledgers._WATCHED:
            pass  # on its way into the open: it makes no other call of these
        _let_go(ledger, process.pid, tmp_path / "made")
        assert ledger.make_way(_OTHER, os.fsencode(tmp_path / "made"))
        ledger.sweep()
        assert list(ledger.awaited) == [process.pid]
        (tmp_path / "made").touch()
        ledger.sweep()
        assert ledger.awaited == {}
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert _made(tmp_path, ledger) == [(b"made", True)]
