"""The calls of a tree of processes as they arrive on a seccomp listener, and their answer: go on (seccomp_unotify(2)).

`Listener` does it in Python; `roar_tracer_ptrace.accelerated` has the same with a loop in C for the calls that tell nothing new.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
from enum import IntEnum

from roar_tracer_ptrace import kernel, known
from roar_tracer_ptrace.calls import AT_FDCWD, O_TMPFILE, Op
from roar_tracer_ptrace.dispatch import op_of
from roar_tracer_ptrace.names import own
from roar_tracer_ptrace.observer import Args, Observer


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
        observer: whose knowledge says what needs no record.

    Attributes:
        name: the name of the file of an open, creat or execve, as `Names.name` makes it; None where it was not looked up.
    """

    def __init__(self, fd: int, wake: int, observer: Observer) -> None:
        self._fd = fd
        self._wake = wake
        self._observer = observer
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
        if self._is_due:
            self._is_due = False
            self._let_go()
        while True:
            ready = dict(self._poll.poll(timeout_ms))
            if not ready:
                return Came.QUIET
            if self._wake in ready:
                return Came.WAKE
            if not ready[self._fd] & select.POLLIN:
                return Came.END
            if not self._receive():
                continue
            self.name = None
            if self._tells_nothing():
                self._let_go()
                continue
            self._is_due = True
            return Came.CALL

    def _receive(self) -> bool:
        ctypes.memset(self._call_at, 0, kernel.NOTIF_SIZE)  # the kernel wants it so
        return kernel.ioctl(self._fd, kernel.NOTIF_RECV, self._call_at) == 0  # else the thread was just killed

    def _let_go(self) -> None:
        self._answer[0] = self._words[0]
        kernel.ioctl(self._fd, kernel.NOTIF_SEND, self._answer_at)  # fails when the thread was killed meanwhile

    def _tells_nothing(self) -> bool:
        """Whether the call is an open or execve of what is known, or of what isn't there."""
        observer = self._observer
        task = self._halves[2]
        if observer.careful or task in observer.awaited:
            return False
        try:
            op = op_of(self._halves[5], self._halves[4])
        except KeyError:
            return False
        words = self._words
        directory, at, flags = AT_FDCWD, 4, os.O_CREAT | os.O_WRONLY | os.O_TRUNC
        if op == Op.OPENAT:
            directory, at, flags = words[4] & 0xFFFFFFFF, 5, words[6]
        elif op == Op.OPEN:
            flags = words[5]
        elif op != Op.EXECVE and op != Op.CREAT:
            return False
        try:
            path = self._memory.string(task, words[at])
        except OSError as error:
            return error.errno == errno.EFAULT  # so the call will fail
        name = self._absolute(task, directory, path)
        if not name:
            return False
        self.name = name
        bits = observer.known.bits.get(name, 0)
        if op == Op.EXECVE:
            return bool(bits & known.RUN) or not os.access(name, os.X_OK)
        if flags & (os.O_EXCL | O_TMPFILE):
            return False
        wanted = known.bits_of(flags)
        return bits & wanted == wanted or (wanted == known.READ and not flags & os.O_CREAT and not os.access(name, os.R_OK))

    @staticmethod
    def _absolute(task: int, directory: int, path: bytes) -> bytes:
        """The name by which the tracer may ask for the file; empty where `Names` must look closer."""
        if path[:1] == b"/":
            return path if path[:6] != b"/proc/" and path[:5] != b"/dev/" else own(task, path)
        if not path:
            return b""
        try:
            base = os.readlink(b"/proc/%d/cwd" % task if directory == AT_FDCWD else b"/proc/%d/fd/%d" % (task, directory))
        except OSError:
            return b""
        if base[:1] != b"/" or base.endswith(b" (deleted)"):
            return b""
        return base + b"/" + path if base != b"/" else b"/" + path
