"""The fold's work grows as the events do: counted in lines of it that are executed, on programs of which one is twice the other."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from roar.api import Event, FileStat, Kind
from roar.run.fold import Fold

REG, DIR = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755
EXCHANGE = 2
SIZE = 60


def st(ino: int, mode: int = REG) -> FileStat:
    return FileStat(64769, ino, 5, 1, 1, mode)


def read(path: str, ino: int) -> Event:
    return Event(Kind.OPEN, 1, 0, path.encode(), stat=st(ino))


def create(path: str) -> Event:
    return Event(Kind.WRITE, 1, 0, path.encode(), flags=os.O_WRONLY | os.O_CREAT, existed=False)


def rename(old: str, new: str, mode: int = DIR, flags: int = 0) -> Event:
    return Event(Kind.RENAME, 1, 0, old.encode(), new.encode(), flags, stat=st(1, mode))


def unseen(old: str, new: str) -> Event:
    return Event(Kind.RENAME, 1, 0, old.encode(), new.encode())


def directories_made_elsewhere_and_moved(n: int) -> Iterator[Event]:
    for i in range(n):
        yield create(f"/t/{i}.tmp/f")
        yield rename(f"/t/{i}.tmp", f"/t/{i}")


def directories_from_before_moved_then_read(n: int) -> Iterator[Event]:
    for i in range(n):
        yield rename(f"/t/{i}", f"/u/{i}")
    for i in range(n):
        yield read(f"/u/{i}/f", i)


def each_directory_moved_into_the_next(n: int) -> Iterator[Event]:
    for i in range(n):
        yield create(f"/{i}/f")
        yield rename(f"/{i}", f"/{i + 1}/{i}")


def a_large_directory_moved_on_and_on(n: int) -> Iterator[Event]:
    for i in range(n):
        yield read(f"/0/{i}", i)
    for i in range(n):
        yield rename(f"/{i}", f"/{i + 1}")


def large_directories_exchanged_again_and_again(n: int) -> Iterator[Event]:
    for i in range(n):
        yield read(f"/a/{i}", i)
        yield create(f"/b/{i}")
    for _ in range(n):
        yield rename("/a", "/b", DIR, EXCHANGE)


def files_exchanged_again_and_again_beside_many(n: int) -> Iterator[Event]:
    for i in range(n):
        yield create(f"/d/{i}")
    for _ in range(n):
        yield rename("/a", "/b", REG, EXCHANGE)


def one_file_renamed_on_and_on(n: int) -> Iterator[Event]:
    for i in range(n):
        yield rename(f"/{i}", f"/{i + 1}", REG)


def renames_of_what_nobody_saw(n: int) -> Iterator[Event]:
    for i in range(n):
        yield create(f"/t/{i}")
        yield unseen(f"/t/{i}", f"/u/{i}")
        yield unseen(f"/v/{i}", f"/w/{i}")
    for i in range(n):
        yield read(f"/x/{i}", i)


def names_for_open_files(n: int) -> Iterator[Event]:
    for i in range(n):
        yield read(f"/t/{i}", i)
        yield Event(Kind.LINK, 1, 0, b"/proc/self/fd/3", b"/u/%d" % i, stat=st(i))


def lines_for(events: list[Event]) -> int:
    """The lines of Python that the fold executes for events, each round of a loop anew."""
    fold = Fold(lambda path: None, lambda directory: [])
    lines = 0

    def count(frame: FrameType, what: str, argument: Any) -> Callable[..., Any]:
        nonlocal lines
        lines += 1
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        for event in events:
            fold.feed(event)
        fold.finish()
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.requirement("PERF-3")
@pytest.mark.parametrize(
    "program",
    [
        directories_made_elsewhere_and_moved,
        directories_from_before_moved_then_read,
        each_directory_moved_into_the_next,
        a_large_directory_moved_on_and_on,
        large_directories_exchanged_again_and_again,
        files_exchanged_again_and_again_beside_many,
        one_file_renamed_on_and_on,
        renames_of_what_nobody_saw,
        names_for_open_files,
    ],
)
def test_twice_the_events_are_twice_the_work(program: Callable[[int], Iterator[Event]]) -> None:
    assert lines_for(list(program(2 * SIZE))) < 2.2 * lines_for(list(program(SIZE)))
