"""An exec that has not failed yet is told when it can't fail any more: time alone doesn't say so."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from roar.api.events import Kind
from roar_tracer_preload import arena, survivors
from roar_tracer_preload.arena import Arena, RecordKind
from roar_tracer_preload.tracer import _Run

pytestmark = pytest.mark.requirement("TRC-8", "TRC-10")

_PATH = b"/bin/program"


class Recorded:
    """An arena in which this process has said that it becomes another program, some seconds ago.

    Args:
        journal: an empty directory.
    """

    def __init__(self, journal: Path) -> None:
        self.path = journal / "arena"
        arena.create(str(self.path), arena.SEGMENT)
        size = (72 + len(_PATH) + 2 + 7) & ~7
        head = struct.pack(
            "<HHBBBBIIQQQQQQIHH", arena.RECORD_MAGIC, size // 8, RecordKind.EXEC, arena.PENDING, 0, 0, os.getpid(), 0,
            time.time_ns() - 5_000_000_000, *[0] * 5, 0o100755, len(_PATH), 0,
        )  # fmt: skip
        self._write(32, struct.pack("<Q", size))
        self._write(arena.BASE, (head + _PATH).ljust(size, b"\0"))
        self.run = _Run(Arena(str(self.path)), str(self.path), journal)

    def fail(self) -> None:
        """The exec fails."""
        self._write(arena.BASE + 5, bytes([arena.FAILED]))

    def told(self) -> list[bytes]:
        """The programs of which is told while the run goes on."""
        return [event.path for event in self.run._read(False) if event.kind == Kind.EXEC]

    def _write(self, at: int, content: bytes) -> None:
        with self.path.open("r+b") as file:
            file.seek(at)
            file.write(content)


@pytest.fixture
def recorded(journal: Path) -> Iterator[Recorded]:
    """It, and its reader."""
    made = Recorded(journal)
    yield made
    made.run._arena.close()


@pytest.mark.parametrize("state", [b"R", b"D"])
def test_one_whose_process_has_had_no_processor_since_may_still_fail(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, state: bytes
) -> None:
    monkeypatch.setattr(survivors, "work", lambda pid: (state, 7))
    assert [recorded.told() for _ in range(3)] == [[], [], []]
    recorded.fail()
    assert recorded.told() == []
    assert recorded.run.finish().blind == ()


def test_one_whose_process_has_had_a_processor_since_has_succeeded(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    had = iter(range(9))
    monkeypatch.setattr(survivors, "work", lambda pid: (b"R", next(had)))
    assert recorded.told() == []
    assert recorded.told() == [_PATH]


def test_one_whose_process_sleeps_has_succeeded(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survivors, "work", lambda pid: (b"S", 7))
    assert recorded.told() == [_PATH]


def test_what_a_process_does_is_seen() -> None:
    assert survivors.work(os.getpid())[0] == b"R"
    before = survivors.work(os.getpid())[1]
    while survivors.work(os.getpid())[1] == before:
        pass
    assert survivors.work(2**31 - 1) == (b"X", 0)
