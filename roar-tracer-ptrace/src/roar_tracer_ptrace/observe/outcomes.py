"""Calls that were let go, and whether they succeeded: by their result where the tracer sees it, else by what is there afterwards.

A thread that makes its next call has finished the one before, and nobody but the command works on its files: then the file
system tells.  Each class is one kind of change; `look` answers True when it happened, False when it didn't.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from roar.api.events import FileStat
from roar_tracer_ptrace.journal import LOST, stat_of

_TICK_NS = 20_000_000
"""Changes that are not further apart may get the same times (see roar's ``run/filetimes.py``)."""


def look_at(path: bytes) -> FileStat | None:
    """The file at a path now, not following a symbolic link."""
    try:
        return stat_of(os.lstat(path))
    except OSError:
        return None


def _is_same(one: FileStat | None, other: FileStat | None) -> bool:
    return one is not None and other is not None and (one.dev, one.ino) == (other.dev, other.ino)


def _nothing() -> None:
    """Follows from most calls."""


class Pending(ABC):
    """A call whose outcome isn't known yet.

    Attributes:
        number: of its record; `journal.LOST` when there is none.
        paths: that another call must not change before this one is settled.
        moves: it may change what other paths mean.
        name: as the program named the file, see `known`; empty for none.
        ran_s: how long its thread had had a processor when one first looked for it, seconds; None before.
        bits: what is known of the file when it succeeded.
        value: of the outcome, see `journal.Writer.outcome`.
        then: is called when it succeeded.
    """

    __slots__ = ("bits", "moves", "name", "number", "paths", "ran_s", "then", "value")
    breaks: ClassVar[bool] = False
    """After it names mean other files."""

    @property
    def unsettles(self) -> bool:
        """Working directories may have other names after it."""
        return self.moves

    def __init__(self, *paths: bytes, name: bytes = b"", bits: int = 0, moves: bool = False) -> None:
        self.number = LOST
        self.paths = paths
        self.moves = moves
        self.name = name
        self.bits = bits
        self.ran_s: float | None = None
        self.value = 0
        self.then: Callable[[], None] = _nothing

    @abstractmethod
    def look(self) -> bool:
        """Whether it happened, as far as one can see now."""


class Creation(Pending):
    """A file that wasn't there was made."""

    __slots__ = ()

    def look(self) -> bool:
        """It is there."""
        return look_at(self.paths[0]) is not None


class Truncation(Pending):
    """A file that was there was truncated; open(2) sets its times also when it was empty, truncate(2) does not."""

    __slots__ = ("_before", "_leaves_no_trace")

    def __init__(self, path: bytes, before: FileStat, name: bytes, bits: int, opens: bool) -> None:
        super().__init__(path, name=name, bits=bits)
        self._before = before
        is_new = time.time_ns() - before.ctime_ns < _TICK_NS
        self._leaves_no_trace = not before.size and (is_new or not opens)

    def look(self) -> bool:
        """It is in another state; an empty one may have got the same times again."""
        now = look_at(self.paths[0])
        return now is None or not self._before.identical(now) or self._leaves_no_trace


class Rename(Pending):
    """A name was given to another file, or two files have exchanged theirs."""

    __slots__ = ("_before",)
    breaks = True

    def __init__(self, old: bytes, new: bytes, before: FileStat, moves: bool) -> None:
        super().__init__(old, new, moves=moves)
        self._before = before

    def look(self) -> bool:
        """The file is at the new place and no longer at the old one; when it is at neither, somebody took it away since."""
        there = _is_same(look_at(self.paths[1]), self._before)
        return there or not _is_same(look_at(self.paths[0]), self._before)


class Link(Pending):
    """A file got another name."""

    __slots__ = ("_before",)
    breaks = True

    def __init__(self, old: bytes, new: bytes, before: FileStat) -> None:
        super().__init__(*((old, new) if old else (new,)))
        self._before = before

    def look(self) -> bool:
        """The file is there."""
        return _is_same(look_at(self.paths[-1]), self._before)


class Removal(Pending):
    """A name was removed."""

    __slots__ = ("_before",)
    breaks = True

    def __init__(self, path: bytes, before: FileStat, moves: bool) -> None:
        super().__init__(path, moves=moves)
        self._before = before

    def look(self) -> bool:
        """The file isn't there."""
        return not _is_same(look_at(self.paths[0]), self._before)


class Times(Pending):
    """A file's times were set; the value is the one that it has then."""

    __slots__ = ("_before",)

    def __init__(self, path: bytes, before: FileStat) -> None:
        super().__init__(path)
        self._before = before
        self.value = before.mtime_ns

    def look(self) -> bool:
        """Its times have changed."""
        now = look_at(self.paths[0])
        if now is None or now.ctime_ns == self._before.ctime_ns:
            return False
        self.value = now.mtime_ns
        return True


class Execution(Pending):
    """A process became another program, or its interpreter."""

    __slots__ = ("_before", "_programs", "_task")

    def __init__(self, task: int, path: bytes, programs: tuple[FileStat, ...], name: bytes, bits: int) -> None:
        super().__init__(path, name=name, bits=bits)
        self._task = task
        self._programs = programs
        self._before = self._running()

    def _running(self) -> FileStat | None:
        try:
            return stat_of(os.stat(f"/proc/{self._task}/exe"))
        except OSError:
            return None

    def look(self) -> bool:
        """The process runs one of the programs, another one than before, or has ended."""
        now = self._running()
        if now is None or not _is_same(now, self._before):
            return True
        return any(_is_same(now, program) for program in self._programs)


class Passing(Pending):
    """A file that is there was opened for change."""

    __slots__ = ()

    def look(self) -> bool:
        """That leaves no trace."""
        return False


class Opened(Pending):
    """A file that is there was opened, which leaves no trace: only a result tells that it was."""

    __slots__ = ()

    def look(self) -> bool:
        """It could be opened; that it was killed in between is less likely."""
        return True


class Wandering(Pending):
    """A thread changes its working directory, and that of those who share it; nothing is to be told of it."""

    __slots__ = ()

    def look(self) -> bool:
        """Nobody asks."""
        return True

    @property
    def unsettles(self) -> bool:
        """That is all it does."""
        return True
