"""How the command's process and the tracer's meet: the one waits until it is watched, the other is woken when it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import struct
from collections.abc import Callable

from roar_tracer_ptrace import kernel, powers
from roar_tracer_ptrace.calls import Op
from roar_tracer_ptrace.stop import bpf
from roar_tracer_ptrace.ways import Unable

_MOMENT_S = 0.001
_WORD = struct.Struct("=i")


class Gate:
    """Where the process that becomes the command waits until it is watched: a socket between it and the tracer's process."""

    def __init__(self) -> None:
        self._ours, self._theirs = kernel.socket_pair()

    def arrive(self, error: int, listener: int = -1) -> None:
        """In the command's process: tells what came of its preparation, and waits for `open`.

        Args:
            error: why it failed, 0 when it didn't.
            listener: a descriptor to be given to the tracer's process.

        Raises:
            SystemExit: it is to end instead.
        """
        os.close(self._ours)
        os.write(self._theirs, _WORD.pack(error))
        if listener >= 0:
            kernel.send_descriptor(self._theirs, listener)
        self._wait_for_leave()

    def arrive_again(self) -> None:
        """In the command's process, after `arrive`: waits once more.  Raises SystemExit."""
        os.write(self._theirs, _WORD.pack(0))
        self._wait_for_leave()

    def _wait_for_leave(self) -> None:
        if not os.read(self._theirs, 1):
            raise SystemExit

    def wait(self) -> None:
        """In the tracer's process: until the other has arrived.  Raises OSError: its preparation failed.  Unable: it has ended."""
        os.close(self._theirs)
        word = os.read(self._ours, _WORD.size)
        if not word:
            raise Unable("the process ended")
        (error,) = _WORD.unpack(word)
        if error:
            raise OSError(error, os.strerror(error))

    def has_arrived_again(self) -> bool:
        """In the tracer's process: waits a moment for `arrive_again`.  Raises Unable: it has ended."""
        if not select.select([self._ours], [], [], _MOMENT_S)[0]:
            return False
        if not os.read(self._ours, _WORD.size):
            raise Unable("the process ended")
        return True

    def listener(self) -> int:
        """In the tracer's process: the descriptor that came.  Raises OSError."""
        return kernel.receive_descriptor(self._ours)

    def open(self) -> None:
        """Lets the command begin."""
        os.write(self._ours, b"g")

    def close(self) -> None:
        """In the tracer's process, once: a process that still waits ends."""
        os.close(self._ours)


def install_and_arrive(gate: Gate, action: int, without: frozenset[Op] = frozenset()) -> Callable[[], None]:
    """What the command's process does first: puts itself under the filter.

    Args:
        gate: where it waits then.
        action: of `bpf.program`.
        without: of `bpf.program`.
    """
    privileged = powers.keeps_set_id()
    program = bpf.program(action, os.uname().machine, without)
    listen = action == bpf.USER_NOTIF

    def prepare() -> None:
        try:
            listener = kernel.install(program, privileged, listen)
        except OSError as error:
            gate.arrive(error.errno or errno.EINVAL)
        gate.arrive(0, listener if listen else -1)

    return prepare


class Wakening:
    """A pipe that becomes readable when a child stops or ends (signal(7) by way of Python's wake-up descriptor)."""

    def __init__(self) -> None:
        self.fd, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGCHLD,))

    @property
    def descriptors(self) -> tuple[int, int]:
        """Both ends."""
        return self.fd, self._write

    def clear(self) -> None:
        """Makes it unreadable."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.fd, 4096):
                pass
