"""The calls of a tree of processes as they arrive on a seccomp listener, and their answer: go on (seccomp_unotify(2)).

`Listener` does it in Python; `roar_tracer_ptrace.accelerated` has the same with a loop in C for the calls that tell nothing new.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import time
from enum import IntEnum

from roar_tracer_ptrace import kernel
from roar_tracer_ptrace.calls import AT_FDCWD, O_TMPFILE, Op
from roar_tracer_ptrace.dispatch import interfaces
from roar_tracer_ptrace.observe import known
from roar_tracer_ptrace.observe.acts import Args
from roar_tracer_ptrace.observe.ledger import Ledger

_REMEMBERED_S = 0.1
"""A working directory is remembered for a moment, in which no process number can come back."""
_PATH_MAX = 4096
_SPECIAL = os.O_EXCL | O_TMPFILE
_ARGS_AT = 4
_QUICK: dict[int, tuple[int, bool, int]] = {}
"""Interface and number → where the path is, whether a directory is before it, where the flags are (0: nowhere)."""
for _audit, _numbers in interfaces().items():
    for _number, _op in _numbers.items():
        _where = {
            Op.OPEN: (_ARGS_AT, False, _ARGS_AT + 1),
            Op.OPENAT: (_ARGS_AT + 1, True, _ARGS_AT + 2),
            Op.EXECVE: (_ARGS_AT, False, 0),
        }.get(_op)
        if _where is not None:
            _QUICK[_audit << 32 | _number] = _where


class Came(IntEnum):
    """Why `Listener.wait` returned."""

    CALL = 1
    """A thread is held in a call: `task`, `audit`, `number`, `args`, `name`."""
    WAKE = 2
    """The other descriptor is readable."""
    QUIET = 3
    """Nothing for as long as was allowed."""
    END = 4
    """No process is left that the filter applies to."""


class Listener:
    """Waits for calls.  A call that was returned is answered by the next `wait`.

    Args:
        fd: of the listener.
        wake: another descriptor to wait for.
        ledger: whose knowledge says what needs no record.

    Attributes:
        name: the name of the file of an open, creat or execve, as `Names.name` makes it; None where it was not looked up.
    """

    def __init__(self, fd: int, wake: int, ledger: Ledger) -> None:
        self._fd = fd
        self._wake = wake
        self._ledger = ledger
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        self._poll.register(wake, select.POLLIN)
        self._call = (ctypes.c_ulonglong * (kernel.NOTIF_SIZE // 8))()
        self._answer = (ctypes.c_ulonglong * (kernel.RESPONSE_SIZE // 8))()
        self._answer[2] = kernel.FLAG_CONTINUE << 32
        self._call_at, self._answer_at = ctypes.addressof(self._call), ctypes.addressof(self._answer)
        self._words = memoryview(self._call).cast("B").cast("Q")
        self._halves = memoryview(self._call).cast("B").cast("I")
        self._is_due = False
        self._memory = kernel.Memory()
        self._workplaces: dict[int, tuple[float, bytes]] = {}
        ledger.on_wander = self._workplaces.clear
        self.name: bytes | None = None

    @property
    def task(self) -> int:
        """The thread that is held."""
        return self._halves[2]

    @property
    def number(self) -> int:
        """Of its call."""
        return self._halves[4]

    @property
    def audit(self) -> int:
        """AUDIT_ARCH_… of the interface by which it came."""
        return self._halves[5]

    @property
    def args(self) -> Args:
        """The six arguments."""
        return tuple(self._words[4:10])

    def wait(self, timeout_ms: int) -> Came:
        """Answers the call that was returned last, and waits for what comes next.

        Args:
            timeout_ms: at most so long; negative: for ever.
        """
        fd, ioctl, answer = self._fd, kernel.ioctl, self._answer
        words, call_at, answer_at = self._words, self._call_at, self._answer_at
        poll, memset, tells_nothing = self._poll.poll, ctypes.memset, self._tells_nothing
        is_due, self._is_due = self._is_due, False
        while True:
            if is_due:
                answer[0] = words[0]
                ioctl(fd, kernel.NOTIF_SEND, answer_at)  # fails when the thread was killed meanwhile
                is_due = False
            ready = poll(timeout_ms)
            if len(ready) != 1 or ready[0] != (fd, select.POLLIN):
                return self._other(dict(ready))
            memset(call_at, 0, kernel.NOTIF_SIZE)  # the kernel wants it so
            if ioctl(fd, kernel.NOTIF_RECV, call_at) < 0:
                continue  # the thread was just killed
            if tells_nothing():
                is_due = True
                continue
            self._is_due = True
            return Came.CALL

    def _other(self, ready: dict[int, int]) -> Came:
        if not ready:
            return Came.QUIET
        return Came.WAKE if self._wake in ready else Came.END

    def _tells_nothing(self) -> bool:
        """Whether the call is an open or execve of what is known, or of what isn't there."""
        self.name = None
        ledger, words, halves = self._ledger, self._words, self._halves
        task = halves[2]
        if ledger.careful or task in ledger.awaited:
            return False
        quick = _QUICK.get(halves[5] << 32 | halves[4])
        if quick is None:
            return False
        at, has_directory, flags_at = quick
        try:
            path = self._memory.string(task, words[at])
        except OSError as error:
            return error.errno in (errno.EFAULT, errno.ENAMETOOLONG)  # so the call will fail
        if path[:1] == b"/":
            if path[:6] == b"/proc/" or path[:8] in (b"/dev/fd/", b"/dev/std"):
                return False
            name = path
        elif path:
            base = self._directory(task, words[4] & 0xFFFFFFFF if has_directory else AT_FDCWD)
            if not base:
                return False
            name = base + path
            if len(name) >= _PATH_MAX:
                return False
        else:
            return False
        self.name = name
        bits = ledger.known.bits.get(name, 0)
        if not flags_at:
            return bool(bits & known.RUN) or not os.access(name, os.X_OK)
        flags = words[flags_at]
        if flags & _SPECIAL:
            return False
        wanted = known.bits_of(flags) | (known.FIXED if flags & os.O_CREAT else 0)
        return bits & wanted == wanted or (wanted == known.READ and not os.access(name, os.R_OK))

    def _directory(self, task: int, directory: int) -> bytes:
        """The directory in which a path begins, with a slash; empty where `Names` must look closer."""
        if directory != AT_FDCWD:
            return _real(b"/proc/%d/fd/%d" % (task, directory))
        now = time.monotonic()
        until, base = self._workplaces.get(task, (0.0, b""))
        if now >= until:
            base = _real(b"/proc/%d/cwd" % task)
            if base and not any(pending.unsettles for pending in self._ledger.awaited.values()):
                self._workplaces[task] = now + _REMEMBERED_S, base
        return base


def _real(link: bytes) -> bytes:
    try:
        path = os.readlink(link)
    except OSError:
        return b""
    if path[:1] != b"/" or path.endswith(b" (deleted)"):
        return b""
    return path if path == b"/" else path + b"/"
