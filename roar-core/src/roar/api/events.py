"""What a tracer reports: one `Event` for each thing that a traced process did to a file, or to itself.

Events are plain values, so that a tracer may write them in any process and language.  Their order is the order in which
the operations took effect as far as the tracer can tell: a change is never reported later, a read never earlier than
it happened.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Kind(IntEnum):
    """The kinds of event.  Fields that a kind doesn't mention are at their defaults."""

    OPEN = 1
    """`path` was read, mapped, or opened for reading.  `flags`: of open(2); `stat`: the file when it was opened.  With
    `existed` False the file had lost its name, which was `path`, and was reached by a descriptor."""
    WRITE = 2
    """`path` was opened for change (O_WRONLY, O_RDWR, O_TRUNC or O_CREAT).  `flags`: of open(2); `existed` and `stat`: as it
    was *before* the open.  With `wrote` true the tracer saw bytes change; otherwise the fold compares the state at the end."""
    RENAME = 3
    """`path` became `path2`.  `flags`: of renameat2(2), RENAME_EXCHANGE included; `stat`: of `path`, before."""
    LINK = 4
    """`path2` is a new hard link to `path`.  `stat`: of `path`.  A `path` that is empty is a file that had no name (O_TMPFILE)."""
    SYMLINK = 5
    """`path2` is a new symbolic link whose text is `path`."""
    UNLINK = 6
    """`path` was removed.  `stat`: as it was before."""
    TRUNCATE = 7
    """truncate(2) on `path`.  `flags`: 0 when the new length is 0, else 1; `stat`: as it was before."""
    EXEC = 8
    """A process became the program `path`.  With `reason` the tracer is blind from there on.  `pid`: of the process that runs
    it (for posix_spawn the child)."""
    FORK = 9
    """`pid` made the process `child` (0: of unknown number)."""
    EXIT = 10
    """`pid` ended; `flags` is its wait status.  Optional."""
    MAP = 11
    """`path` was mapped shared and writable.  `stat`: the file at that moment."""
    BLIND = 12
    """Something happened that the tracer can't see.  `reason`: a `Blind` code; `path`: the program or file, where known."""
    START = 13
    """The tracer is at work in process `pid`, which runs `path`."""
    TIMES = 14
    """The times of `path` were set, its content stayed.  `stat`: as it was before; `flags`: its modification time after, in ns."""


class Blind:
    """Codes for `Event.reason`: why a tracer saw nothing, or not all.

    Plugins may add their own; unknown ones are shown as they are.  One that ends in `` (fix: …)`` says what to do.
    """

    STATIC = "static binary"
    GO = "Go binary"
    FOREIGN = "foreign architecture"
    LOADER = "unknown program loader"
    SETUID = "setuid or file capabilities"
    IO_URING = "io_uring"
    DEEPBIND = "RTLD_DEEPBIND"
    NAMESPACE = "other namespace or root"
    UNREACHABLE = "tracer library out of reach"
    SECCOMP = "seccomp filter"
    E2BIG = "no room for the tracer's variable (E2BIG)"
    PATH = "path too long or unreadable"
    SYMLINK = "read through a symbolic link that changed since"
    RAW_SYSCALLS = "raw system calls"
    NOT_STARTED = "the tracer did not start in it"
    NESTED_TRACE = "another debugger or tracer"


class FileStat(NamedTuple):
    """What stat(2) says of a file.  Times are nanoseconds since the epoch, sizes bytes."""

    dev: int
    ino: int
    size: int
    mtime_ns: int
    ctime_ns: int
    mode: int

    def same_content(self, other: FileStat) -> bool:
        """Whether nothing wrote to the file between the two looks (permissions and names may have changed)."""
        return (self.dev, self.ino, self.size, self.mtime_ns) == (other.dev, other.ino, other.size, other.mtime_ns)

    def identical(self, other: FileStat) -> bool:
        """Whether both looks saw one file that nothing touched in between: the condition for reusing a digest."""
        return self[:5] == other[:5]


class Event(NamedTuple):
    """One observation.  `path` and `path2` are absolute bytes as the process named them, in the namespace of the runner."""

    kind: Kind
    pid: int
    time_ns: int
    """CLOCK_REALTIME, nanoseconds; 0 when unknown."""
    path: bytes = b""
    path2: bytes = b""
    flags: int = 0
    existed: bool | None = None
    """Whether `path` was there before the operation; None: not known."""
    stat: FileStat | None = None
    confirmed: bool = True
    """False: the operation was begun and a kill hid its outcome; the fold looks at the file system to decide."""
    resolved: bool = False
    """True: `path` and `path2` are canonical, as the kernel named the files that were really meant.  Else roar resolves symbolic
    links.  (The text of a SYMLINK stays as it is.)"""
    wrote: bool = False
    """WRITE only: the tracer saw the content change."""
    child: int = 0
    reason: str = ""
