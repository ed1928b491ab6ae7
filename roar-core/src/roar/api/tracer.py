"""The interface of a tracer: what sees the files of a running command.

A complete one, in less than 60 lines of code, is ``examples/tracer-strace``.  `roar.testing.TracerContract` is the test that
every tracer passes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, NamedTuple

from roar.api.events import Event
from roar.api.process import Exit, Launch


class Capability(StrEnum):
    """What a tracer can see, or needs not; shown by `roar tracer`."""

    STATIC_BINARIES = "static binaries"
    GO_BINARIES = "Go binaries"
    SETUID = "setuid programs"
    FOREIGN_ARCHITECTURES = "foreign architectures"
    IO_URING = "io_uring"
    RAW_SYSCALLS = "raw system calls"
    ANY_LOADER = "programs that take no library"
    SANDBOXED = "programs under a seccomp filter of their own"
    NAMESPACES = "other roots and mount namespaces"
    DEBUGGED = "programs under a debugger"
    DAEMONS = "processes that outlive the command"
    NO_PRIVILEGE = "needs no privilege"
    SURVIVES_KILL = "loses nothing when roar is killed"


class Check(NamedTuple):
    """One condition of a preflight."""

    name: str
    """What is looked at: ``kernel``, ``shared library``."""
    ok: bool
    detail: str
    """What was found; when it failed, the specific cause as the user should read it."""
    fix: str = ""
    """What to type when it failed."""


class Preflight(NamedTuple):
    """Whether a tracer can work here."""

    checks: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        """Every check passed."""
        return all(check.ok for check in self.checks)

    @property
    def failure(self) -> Check | None:
        """The first check that failed."""
        return next((check for check in self.checks if not check.ok), None)


class BlindSpot(NamedTuple):
    """Something that the tracer knows it could not see."""

    reason: str
    """A code of `roar.api.events.Blind`, or the tracer's own words."""
    subject: bytes = b""
    """The program or file, empty when there is none."""


class Coverage(NamedTuple):
    """How much of the run was seen: the raw material of the verdict."""

    observed: int
    """Events that were delivered."""
    dropped: int = 0
    """Events that are known to have been lost."""
    blind: tuple[BlindSpot, ...] = ()
    """Beside those in BLIND and EXEC events."""
    survivors: tuple[int, ...] = ()
    """Pids of traced processes that were still running when the command had ended."""
    notes: tuple[str, ...] = ()
    """Further reasons for `partial`, whole sentences."""


class Traced(ABC):
    """A command that is running, or has run, under a tracer."""

    pid: int
    """The command's process id; 0 for one that was recovered."""

    @abstractmethod
    def wait(self) -> Exit:
        """Waits for the command.  Called once, in roar's main thread; `roar.api.process.wait` does it for children of roar."""

    @abstractmethod
    def events(self) -> Iterator[Event]:
        """The events since the last call, oldest first.

        Called from a second thread while the command runs, every now and then, and once after `wait`: together the
        calls deliver every event exactly once.  Between the calls nothing need be kept in memory.
        """

    @abstractmethod
    def finish(self) -> Coverage:
        """Called once, after the last `events`.  The tracer lets go of what it holds; its files go with the journal."""


class Tracer(ABC):
    """A way to see the files that a command touches.  roar calls the class's methods and makes no instance before `start`."""

    name: ClassVar[str]
    """What the user types: ``roar tracer use <name>``."""
    rank: ClassVar[int]
    """`auto` takes the ready tracer of the highest rank.  Ours: eBPF 300, preload 200, ptrace 100."""
    capabilities: ClassVar[frozenset[Capability]]

    @classmethod
    @abstractmethod
    def preflight(cls, deep: bool = False) -> Preflight:
        """Whether it can work here.  Never raises.

        Args:
            deep: also try it on a real process; may take a second.  Otherwise at most a millisecond.
        """

    @classmethod
    def way(cls) -> str:
        """By what it would see here, when it has more than one way (``tier base``); empty when it has one, or none works.

        Asked of a tracer that is ready.  Never raises; may take as long as a deep preflight.
        """
        return ""

    @classmethod
    def enable(cls, confirm: Callable[[str], bool]) -> Preflight:
        """One-time set-up (``roar tracer enable``); repeating it is harmless.

        Args:
            confirm: asks the user a yes/no question; to be called before anything that needs privilege.

        Raises:
            RoarError: the set-up failed; nothing is half done.
        """
        return cls.preflight(deep=True)

    @classmethod
    def disable(cls) -> None:
        """Takes back what `enable` did outside the package (``roar tracer disable``)."""

    @abstractmethod
    def start(self, launch: Launch, journal: Path) -> Traced:
        """Starts the command under the tracer.

        Args:
            launch: the command.  Its descriptors, directory, signals and process group are roar's own.
            journal: an empty directory for the tracer's files, mode 0700.  What is in it when roar is killed is all that
                `recover` gets.  It is removed after the run was recorded.

        Raises:
            OSError: from execve(2), when the command itself can't be started.
            PreflightFailed: when the tracer can't.
        """

    @classmethod
    def recover(cls, journal: Path) -> Traced | None:
        """Reads what a killed run left in `journal`; None when this tracer keeps nothing there.

        Only `events` and `finish` of the answer are called.
        """
        return None
