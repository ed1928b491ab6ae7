"""The fold's truth table: one row a rule, one row a way in which real programs open, replace and delete files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

import pytest

from roar.api import Event, FileStat, Kind
from roar.run.fold import Fold, Folded

R, W, RW = os.O_RDONLY, os.O_WRONLY, os.O_RDWR
CREATE, TRUNC, EXCL, APPEND = os.O_CREAT, os.O_TRUNC, os.O_EXCL, os.O_APPEND
REG, DIR, LNK = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777
EXCHANGE = 2


def st(ino: int, size: int = 5, mtime: int = 1, mode: int = REG) -> FileStat:
    return FileStat(64769, ino, size, mtime, mtime, mode)


def read(path: str, ino: int, **more: int) -> Event:
    return Event(Kind.OPEN, 1, 0, path.encode(), stat=st(ino, **more), resolved=True)


def lost(path: str, ino: int) -> Event:
    return Event(Kind.OPEN, 1, 0, path.encode(), existed=False, stat=st(ino), resolved=True)


def create(path: str, flags: int = W | CREATE | TRUNC, confirmed: bool = True) -> Event:
    return Event(Kind.WRITE, 1, 0, path.encode(), flags=flags, existed=False, confirmed=confirmed)


def write(path: str, ino: int, flags: int, confirmed: bool = True, **more: int) -> Event:
    return Event(Kind.WRITE, 1, 0, path.encode(), flags=flags, existed=True, stat=st(ino, **more), confirmed=confirmed)


def rename(old: str, new: str, ino: int = 1, mode: int = REG, flags: int = 0, confirmed: bool = True) -> Event:
    at = st(ino, mode=mode)
    return Event(Kind.RENAME, 1, 0, old.encode(), new.encode(), flags=flags, stat=at, confirmed=confirmed)


def unseen(old: str, new: str) -> Event:
    """A rename of what was gone again before the tracer looked what it is."""
    return Event(Kind.RENAME, 1, 0, old.encode(), new.encode())


def link(old: str, new: str, ino: int) -> Event:
    return Event(Kind.LINK, 1, 0, old.encode(), new.encode(), stat=st(ino))


def unlink(path: str, ino: int = 1, confirmed: bool = True) -> Event:
    return Event(Kind.UNLINK, 1, 0, path.encode(), stat=st(ino), confirmed=confirmed)


def truncate(path: str, ino: int, length: int) -> Event:
    return Event(Kind.TRUNCATE, 1, 0, path.encode(), flags=int(length != 0), stat=st(ino))


def mapped(path: str, ino: int) -> Event:
    return Event(Kind.MAP, 1, 0, path.encode(), stat=st(ino))


def times(path: str, ino: int, before: int, after: int) -> Event:
    return Event(Kind.TIMES, 1, 0, path.encode(), flags=after, stat=st(ino, mtime=before))


def execute(path: str, ino: int, reason: str = "") -> Event:
    return Event(Kind.EXEC, 1, 0, path.encode(), stat=st(ino), reason=reason)


def fold(events: Iterable[Event], now: dict[str, FileStat], coarse_ns: int = 0) -> Folded:
    files = {path.encode(): s for path, s in now.items()}

    def tree(directory: bytes) -> list[bytes]:
        return sorted(path for path in files if path.startswith(directory + b"/"))

    folding = Fold(files.get, tree, coarse_ns)
    for event in events:
        folding.feed(event)
    return folding.finish()


def names(paths: Iterable[bytes]) -> set[str]:
    return {path.decode() for path in paths}


# (title, events, files at the end, inputs, outputs)
TABLE: list[tuple[str, list[Event], dict[str, FileStat], str, str]] = [
    ("a file that is read is an input", [read("/a", 1)], {"/a": st(1)}, "/a", ""),
    ("a file that is made is an output", [create("/o")], {"/o": st(9)}, "", "/o"),
    ("cp", [read("/a", 1), create("/b", W | CREATE | EXCL)], {"/a": st(1), "/b": st(9)}, "/a", "/b"),
    ("cp over", [read("/a", 1), write("/b", 2, W | TRUNC)], {"/a": st(1), "/b": st(2, mtime=9)}, "/a", "/b"),
    ("O_RDWR|O_TRUNC is write-only (NORM-1)", [write("/a", 1, RW | TRUNC)], {"/a": st(1, mtime=9)}, "", "/a"),
    ("O_RDWR|O_CREAT|O_EXCL is write-only (NORM-1)", [create("/a", RW | CREATE | EXCL)], {"/a": st(9)}, "", "/a"),
    (
        "numpy.savez: made, then read back (NORM-1, NORM-3)",
        [create("/a.npz", RW | CREATE | TRUNC), read("/a.npz", 9)],
        {"/a.npz": st(9)},
        "",
        "/a.npz",
    ),
    (
        "O_TMPFILE is an output under the name that it is given (NORM-1)",
        [Event(Kind.LINK, 1, 0, b"", b"/o", stat=st(9))],
        {"/o": st(9)},
        "",
        "/o",
    ),
    ("opened read-write and only read (NORM-2)", [write("/a", 1, RW)], {"/a": st(1)}, "/a", ""),
    ("opened for writing and never written (NORM-2)", [write("/a", 1, W)], {"/a": st(1)}, "", ""),
    ("opened for appending and never written", [write("/a", 1, W | APPEND | CREATE)], {"/a": st(1)}, "", ""),
    ("touch of a new file", [create("/a", W | CREATE)], {"/a": st(9, size=0)}, "", "/a"),
    ("truncated and left empty", [write("/a", 1, W | TRUNC)], {"/a": st(1, size=0, mtime=9)}, "", "/a"),
    ("changed in place (NORM-2)", [write("/a", 1, RW)], {"/a": st(1, mtime=9)}, "/a", "/a"),
    ("appended to: the old bytes are in it", [write("/a", 1, W | APPEND)], {"/a": st(1, 9, 9)}, "/a", "/a"),
    ("appended to an empty file", [write("/a", 1, W | APPEND, size=0)], {"/a": st(1, 9, 9)}, "", "/a"),
    (
        "appended to an empty file, then read back (NORM-3)",
        [write("/a", 1, W | APPEND, size=0), read("/a", 1, size=9)],
        {"/a": st(1, 9, 9)},
        "",
        "/a",
    ),
    (
        "appended to an empty file, seen to change, then read back in a state that isn't sure",
        [
            write("/a", 1, W | APPEND, size=0),
            write("/a", 1, W)._replace(wrote=True),
            read("/a", 1)._replace(stat=None),
        ],
        {"/a": st(1, 9, 9)},
        "",
        "/a",
    ),
    (
        "an empty file read, then appended to",
        [read("/a", 1, size=0), write("/a", 1, W | APPEND, size=0)],
        {"/a": st(1, 9, 9)},
        "/a",
        "/a",
    ),
    ("read, then changed in place", [read("/a", 1), write("/a", 1, W)], {"/a": st(1, mtime=9)}, "/a", "/a"),
    ("read, then overwritten (NORM-3)", [read("/a", 1), write("/a", 1, W | TRUNC)], {"/a": st(1, 2, 9)}, "/a", "/a"),
    ("read, then deleted (NORM-3)", [read("/a", 1), unlink("/a")], {}, "/a", ""),
    ("deleted unread", [unlink("/a")], {}, "", ""),
    ("deleted and made anew", [unlink("/a"), create("/a"), read("/a", 9)], {"/a": st(9)}, "", "/a"),
    ("came and went", [create("/t"), read("/t", 9), unlink("/t")], {}, "", ""),
    ("came, went and came", [create("/t"), unlink("/t"), create("/t")], {"/t": st(9)}, "", "/t"),
    ("written, then renamed (NORM-3)", [create("/t"), rename("/t", "/o")], {"/o": st(9)}, "", "/o"),
    ("sed -i", [read("/a", 1), create("/t"), rename("/t", "/a")], {"/a": st(9)}, "/a", "/a"),
    ("sort -o: read, then opened for writing", [read("/a", 1), write("/a", 1, W | TRUNC)], {"/a": st(1, 5, 9)}, "/a", "/a"),
    ("overwritten by rename, unread", [create("/t"), rename("/t", "/a")], {"/a": st(9)}, "", "/a"),
    ("mv of a file from before", [rename("/a", "/z", 1)], {"/z": st(1)}, "/a", "/z"),
    ("mv, then deleted", [rename("/a", "/z", 1), unlink("/z")], {}, "/a", ""),
    ("mv there and back", [rename("/a", "/z", 1), rename("/z", "/a", 1)], {"/a": st(1)}, "/a", "/a"),
    (
        "an editor's backup: mv a a~, write a",
        [rename("/a", "/a~", 1), create("/a")],
        {"/a": st(9), "/a~": st(1)},
        "/a",
        "/a /a~",
    ),
    (
        "the same temporary name twice",
        [create("/t"), rename("/t", "/o1"), create("/t"), rename("/t", "/o2")],
        {"/o1": st(8), "/o2": st(9)},
        "",
        "/o1 /o2",
    ),
    ("a new hard link (NORM-3)", [link("/a", "/z", 1)], {"/a": st(1), "/z": st(1)}, "/a", "/z"),
    ("a link to the job's own file", [create("/t"), link("/t", "/o", 9), unlink("/t")], {"/o": st(9)}, "", "/o"),
    (
        "changed under one of its two names",
        [link("/a", "/z", 1), write("/z", 1, W | TRUNC)],
        {"/a": st(1, 3, 9), "/z": st(1, 3, 9)},
        "/a",
        "/a /z",
    ),
    (
        "rename between two names of one file does nothing",
        [link("/a", "/z", 1), rename("/a", "/z", 1)],
        {"/a": st(1), "/z": st(1)},
        "/a",
        "/z",
    ),
    (
        "RENAME_EXCHANGE",
        [rename("/a", "/b", 1, flags=EXCHANGE)],
        {"/a": st(2), "/b": st(1)},
        "/a /b",
        "/a /b",
    ),
    (
        "a directory of new files renamed (NORM-3)",
        [create("/d/f"), rename("/d", "/e", mode=DIR)],
        {"/e/f": st(9)},
        "",
        "/e/f",
    ),
    (
        "a directory from before renamed",
        [rename("/d", "/e", mode=DIR)],
        {"/e/f": st(1), "/e/g/h": st(2)},
        "/d/f /d/g/h",
        "/e/f /e/g/h",
    ),
    (
        "a directory renamed twice",
        [rename("/d", "/e", mode=DIR), rename("/e", "/x", mode=DIR)],
        {"/x/f": st(1)},
        "/d/f",
        "/x/f",
    ),
    (
        "a directory moved into another that then moves",
        [rename("/a", "/b/a", mode=DIR), rename("/b", "/c", mode=DIR)],
        {"/c/a/f": st(1), "/c/g": st(2)},
        "/a/f /b/g",
        "/c/a/f /c/g",
    ),
    (
        "a file written in a directory after it was renamed",
        [create("/d/f"), rename("/d", "/e", mode=DIR), read("/e/f", 9), create("/e/g")],
        {"/e/f": st(9), "/e/g": st(8)},
        "",
        "/e/f /e/g",
    ),
    (
        "a directory from before renamed, then a file in it read",
        [rename("/d", "/e", mode=DIR), read("/e/f", 1)],
        {"/e/f": st(1)},
        "/d/f",
        "/e/f",
    ),
    (
        "directories from before exchanged, then a file read",
        [rename("/d", "/e", mode=DIR, flags=EXCHANGE), read("/e/f", 1)],
        {"/e": st(8, mode=DIR), "/d": st(7, mode=DIR), "/e/f": st(1), "/d/f": st(2)},
        "/d/f /e/f",
        "/d/f /e/f",
    ),
    (
        "directories from before exchanged, with a file in each that was read and has the same name",
        [read("/d/f", 1), read("/e/f", 2), rename("/d", "/e", mode=DIR, flags=EXCHANGE)],
        {"/e": st(8, mode=DIR), "/d": st(7, mode=DIR), "/e/f": st(1), "/d/f": st(2)},
        "/d/f /e/f",
        "/d/f /e/f",
    ),
    (
        "a directory from before renamed there and back, then a file in it read",
        [rename("/d", "/e", mode=DIR), rename("/e", "/d", mode=DIR), read("/d/f", 1)],
        {"/d/f": st(1), "/d/g": st(2)},
        "/d/f /d/g",
        "/d/f /d/g",
    ),
    (
        "a directory from before renamed to where an emptied one from before had been moved",
        [rename("/d", "/t", mode=DIR), unlink("/t/x", 3), rename("/a", "/t", mode=DIR), read("/t/f", 1)],
        {"/t/f": st(1), "/t/g": st(2)},
        "/a/f /a/g",
        "/t/f /t/g",
    ),
    (
        "a directory from before renamed, then a file in it changed, truncated, moved, and given a name",
        [
            rename("/d", "/e", mode=DIR),
            write("/e/c", 1, RW),
            write("/e/t", 2, W | TRUNC),
            rename("/e/m", "/o", 3),
            link("/e/l", "/k", 4),
        ],
        {"/e/c": st(1, mtime=9), "/e/t": st(2, mtime=9), "/o": st(3), "/e/l": st(4), "/k": st(4)},
        "/d/c /d/t /d/m /d/l",
        "/e/c /e/t /o /e/l /k",
    ),
    (
        "a directory moved out of one that was moved before",
        [rename("/d", "/e", mode=DIR), rename("/e/g", "/h", mode=DIR)],
        {"/e/f": st(1), "/h/i": st(2)},
        "/d/f /d/g/i",
        "/e/f /h/i",
    ),
    (
        "a directory moved within one that was moved before",
        [rename("/d", "/e", mode=DIR), rename("/e/g", "/e/n", mode=DIR)],
        {"/e/f": st(1), "/e/n/i": st(2)},
        "/d/f /d/g/i",
        "/e/f /e/n/i",
    ),
    (
        "files from before exchanged, and one of them moved with its directory before anyone looked",
        [rename("/d/f", "/a", 1, flags=EXCHANGE), rename("/d", "/e", mode=DIR)],
        {"/e": st(9, mode=DIR), "/e/f": st(2), "/a": st(1)},
        "/a /d/f",
        "/e/f /a",
    ),
    ("moved, gone before anyone looked, never removed as a file: a directory", [unseen("/d", "/e")], {}, "", ""),
    ("moved and removed before anyone looked", [unseen("/a", "/b"), unlink("/b")], {}, "/a", ""),
    ("moved twice before anyone looked", [unseen("/a", "/b"), unseen("/b", "/c"), unlink("/c")], {}, "/a", ""),
    ("moved before anyone looked, then read", [unseen("/a", "/b"), read("/b", 1)], {}, "/a", ""),
    ("moved before anyone looked, then moved", [unseen("/a", "/b"), rename("/b", "/c")], {"/c": st(1)}, "/a", "/c"),
    (
        "moved and overwritten before anyone looked",
        [unseen("/a", "/b"), create("/t"), rename("/t", "/b", 9)],
        {"/b": st(9)},
        "/a",
        "/b",
    ),
    (
        "a symbolic link of the job's own, moved and removed before anyone looked",
        [Event(Kind.SYMLINK, 1, 0, b"/a", b"/l"), unseen("/l", "/m"), unlink("/m")],
        {},
        "",
        "",
    ),
    (
        "a link to a symbolic link that nobody looked at in time",
        [Event(Kind.LINK, 1, 0, b"/l", b"/m")],
        {"/l": st(3, mode=LNK)},
        "",
        "",
    ),
    (
        "a name for an open file, known by its inode",
        [read("/a", 1), Event(Kind.LINK, 1, 0, b"/proc/self/fd/3", b"/o")],
        {"/a": st(1), "/o": st(1)},
        "/a",
        "/o",
    ),
    (
        "a name for an open file that had none",
        [read("/a", 1), Event(Kind.LINK, 1, 0, b"/proc/self/fd/3", b"/o", stat=st(9))],
        {"/a": st(1), "/o": st(9)},
        "/a",
        "/o",
    ),
    ("a symbolic link takes the name of an output", [create("/o"), rename("/l", "/o", mode=LNK)], {}, "", ""),
    ("truncate(2) to nothing", [truncate("/a", 1, 0)], {"/a": st(1, 0, 9)}, "", "/a"),
    ("truncate(2) to a part", [truncate("/a", 1, 3)], {"/a": st(1, 3, 9)}, "/a", "/a"),
    ("written through a shared mapping", [write("/a", 1, RW), mapped("/a", 1)], {"/a": st(1, mtime=9)}, "/a", "/a"),
    ("mapped shared and never stored to", [write("/a", 1, RW), mapped("/a", 1)], {"/a": st(1)}, "/a", ""),
    ("touch of a file from before", [write("/a", 1, W | CREATE), times("/a", 1, 1, 9)], {"/a": st(1, mtime=9)}, "", ""),
    (
        "changed, and its time set back",
        [write("/a", 1, W), times("/a", 1, 5, 1)],
        {"/a": st(1, mtime=1)},
        "/a",
        "/a",
    ),
    ("made, and its time set", [create("/o"), times("/o", 9, 5, 1)], {"/o": st(9, mtime=1)}, "", "/o"),
    ("an executed program is an input (NORM-4)", [execute("/p", 1)], {"/p": st(1)}, "/p", ""),
    ("a program that the job compiled is not", [create("/p"), execute("/p", 9)], {"/p": st(9)}, "", "/p"),
    ("an output that became a directory", [create("/o")], {"/o": st(9, mode=DIR)}, "", ""),
    (
        "a directory and a file exchanged (directory first)",
        [create("/d/f"), create("/o"), rename("/d", "/o", 3, DIR, EXCHANGE)],
        {"/d": st(9), "/o": st(3, mode=DIR), "/o/f": st(8)},
        "",
        "/d /o/f",
    ),
    (
        "a directory and a file exchanged (file first)",
        [create("/d/f"), create("/o"), rename("/o", "/d", 9, REG, EXCHANGE)],
        {"/d": st(9), "/o": st(3, mode=DIR), "/o/f": st(8)},
        "",
        "/d /o/f",
    ),
    (
        "a symbolic link and a file from before exchanged",
        [rename("/l", "/a", 3, LNK, EXCHANGE)],
        {"/l": st(1), "/a": st(3, mode=LNK)},
        "/a",
        "/l",
    ),
    (
        "a file from before and a symbolic link exchanged",
        [rename("/a", "/l", 1, REG, EXCHANGE)],
        {"/l": st(1), "/a": st(3, mode=LNK)},
        "/a",
        "/l",
    ),
    ("read by a descriptor when its name was gone", [unlink("/a"), lost("/a", 1)], {}, "/a", ""),
    ("made, and read by a descriptor when its name was gone", [create("/t"), unlink("/t", 9), lost("/t", 9)], {}, "", ""),
    (
        "renamed, and read by a descriptor when its name was gone",
        [rename("/a", "/b"), unlink("/b"), lost("/b", 1)],
        {},
        "/a",
        "",
    ),
    ("a kill before a file was made", [create("/o", confirmed=False)], {}, "", ""),
    ("a kill after a file was made", [create("/o", confirmed=False)], {"/o": st(9)}, "", "/o"),
    ("a kill before a truncation", [write("/a", 1, W | TRUNC, confirmed=False)], {"/a": st(1)}, "", ""),
    ("a kill before a rename", [create("/t"), rename("/t", "/o", confirmed=False)], {"/t": st(9)}, "", "/t"),
    ("a kill after a rename", [create("/t"), rename("/t", "/o", confirmed=False)], {"/o": st(9)}, "", "/o"),
    ("a kill before an unlink", [create("/t"), unlink("/t", confirmed=False)], {"/t": st(9)}, "", "/t"),
    ("a kill after an unlink", [create("/t"), unlink("/t", confirmed=False)], {}, "", ""),
]  # fmt: skip


@pytest.mark.requirement("NORM-1", "NORM-2", "NORM-3", "NORM-4")
@pytest.mark.parametrize(("events", "now", "inputs", "outputs"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_fold(events: list[Event], now: dict[str, FileStat], inputs: str, outputs: str) -> None:
    folded = fold(events, now)
    assert names(folded.inputs) == set(inputs.split())
    assert names(folded.outputs) == set(outputs.split())


@pytest.mark.requirement("HASH-2", "HASH-5")
def test_an_input_keeps_the_state_in_which_it_was_read() -> None:
    folded = fold([read("/a", 1, mtime=3), write("/a", 1, RW, mtime=3)], {"/a": st(1, mtime=9)})
    assert folded.inputs[b"/a"] == st(1, mtime=3)
    assert b"/a" in folded.lost


@pytest.mark.requirement("HASH-5")
def test_an_input_that_somebody_changed_between_two_reads_has_a_reason() -> None:
    folded = fold([read("/a", 1, mtime=3), read("/a", 1, mtime=4)], {"/a": st(1, mtime=4)})
    assert folded.inputs[b"/a"] == st(1, mtime=3)
    assert "changed" in folded.lost[b"/a"]


@pytest.mark.requirement("TRC-8")
def test_a_blind_program_is_named_once() -> None:
    folded = fold([execute("/p", 1, "static binary"), execute("/p", 1, "static binary")], {"/p": st(1)})
    assert folded.blind == (("static binary", b"/p"),)


@pytest.mark.requirement("NORM-2")
def test_a_change_within_the_grain_of_file_times_counts() -> None:
    event = write("/a", 1, W)._replace(time_ns=5_000_000, stat=st(1, mtime=1_000_000))
    assert names(fold([event], {"/a": st(1, mtime=1_000_000)}, coarse_ns=10_000_000).outputs) == {"/a"}
    assert names(fold([event], {"/a": st(1, mtime=1_000_000)}, coarse_ns=0).outputs) == set()
