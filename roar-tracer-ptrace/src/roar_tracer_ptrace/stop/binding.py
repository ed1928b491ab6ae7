"""ptrace(2): python-ptrace's constants and its libc, and by ctypes what it lacks.

Importing this costs 20 ms and more; only runs that can't go without ptrace do it, in the tracer's own process.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import os

from roar_tracer_ptrace.observe.acts import Args

_find_library = ctypes.util.find_library
# while it is imported it looks for libc by starting ldconfig; the name is known (musl has it in the program: None)
ctypes.util.find_library = lambda name: "libc.so.6" if name == "c" and os.path.exists("/etc/ld.so.cache") else None
try:
    from ptrace.binding import func as _binding
    from ptrace.ctypes_libc import libc as _libc
finally:
    ctypes.util.find_library = _find_library

CONT, SYSCALL = _binding.PTRACE_CONT, _binding.PTRACE_SYSCALL
SEIZE, INTERRUPT, LISTEN = 0x4206, 0x4207, 0x4208
_GET_EVENT_MESSAGE, _GET_SYSCALL_INFO = _binding.PTRACE_GETEVENTMSG, 0x420E

EVENT_EXEC, EVENT_SECCOMP, EVENT_STOP = _binding.PTRACE_EVENT_EXEC, 7, 128
_TRACE_SECCOMP, _EXITKILL = 0x80, 0x100000
OPTIONS = (
    _binding.PTRACE_O_TRACESYSGOOD
    | _binding.PTRACE_O_TRACEFORK
    | _binding.PTRACE_O_TRACEVFORK
    | _binding.PTRACE_O_TRACECLONE
    | _binding.PTRACE_O_TRACEEXEC
    | _TRACE_SECCOMP
    | _EXITKILL
)
"""Of PTRACE_SEIZE: all descendants are traced from their first instruction; they die when the tracer does, as each of their
filtered calls would fail without it."""
ANY_CHILD = _binding.THREAD_TRACE_FLAGS
"""__WALL of waitpid(2): threads, too."""
SYSCALL_EXIT = 2

# an object of its own: another prototype on python-ptrace's would be python-ptrace's
_ptrace = _libc["ptrace"]
_ptrace.argtypes, _ptrace.restype = (ctypes.c_long,) * 4, ctypes.c_long


def request(what: int, task: int, data: int = 0) -> bool:
    """ptrace(2) without an address; False when the thread is gone, as it may be at any time.

    Raises:
        OSError: any other error.
    """
    if _ptrace(what, task, 0, data) >= 0:
        return True
    number = ctypes.get_errno()
    if number == errno.ESRCH:
        return False
    raise OSError(number, os.strerror(number))


def event_message(task: int) -> int:
    """What PTRACE_GETEVENTMSG tells: at an exec, the number that the thread had before."""
    message = ctypes.c_ulong()
    _ptrace(_GET_EVENT_MESSAGE, task, 0, ctypes.addressof(message))
    return message.value


class SyscallInfo:
    """struct ptrace_syscall_info (Linux 5.3) of the thread that has stopped."""

    _SIZE = 88

    def __init__(self) -> None:
        self._buffer = (ctypes.c_ulonglong * (self._SIZE // 8))()
        self._at = ctypes.addressof(self._buffer)
        raw = memoryview(self._buffer).cast("B")
        self._bytes, self._halves, self._words = raw, raw.cast("I"), raw.cast("Q")

    def read(self, task: int) -> bool:
        """Reads it; False when the thread is gone."""
        return bool(_ptrace(_GET_SYSCALL_INFO, task, self._SIZE, self._at) > 0)

    @property
    def kind(self) -> int:
        """1 at the entry, `SYSCALL_EXIT` at the exit, 3 at a stop by the filter."""
        return self._bytes[0]

    @property
    def audit(self) -> int:
        """AUDIT_ARCH_… of the interface."""
        return self._halves[1]

    @property
    def number(self) -> int:
        """Of the call, at its entry."""
        return self._words[3]

    @property
    def args(self) -> Args:
        """The six arguments, at its entry."""
        return tuple(self._words[4:10])

    @property
    def failed(self) -> bool:
        """At the exit: whether it failed."""
        return bool(self._bytes[32])
