"""How the command's process and the tracer's meet: the one waits until it is watched, the other is woken when it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Callable

from roar_tracer_ptrace import kernel, powers
from roar_tracer_ptrace.calls import Op
from roar_tracer_ptrace.stop import bpf
from roar_tracer_ptrace.ways import Unable


class Gate:
    """Where the process that becomes the command waits until it is watched; pipes between it and the tracer's process."""

    def __init__(self) -> None:
        self._told = os.pipe()
        self._go = os.pipe()

    def arrive(self, word: int) -> None:
        """In the command's process: says `word` and waits for `open`.  Raises SystemExit when it is to end instead."""
        os.write(self._told[1], b"%d" % word)
        os.close(self._go[1])
        if not os.read(self._go[0], 1):
            raise SystemExit

    def heard(self) -> int:
        """In the tracer's process: the word.  Raises Unable when the process has ended."""
        os.close(self._told[1])
        word = os.read(self._told[0], 16)
        if not word:
            raise Unable("the process ended")
        return int(word)

    def open(self) -> None:
        """Lets the command begin."""
        os.write(self._go[1], b"g")

    def close(self) -> None:
        """In the tracer's process: a process that still waits ends."""
        for fd in (*self._told, *self._go):
            with contextlib.suppress(OSError):
                os.close(fd)


def install_and_arrive(gate: Gate, action: int, without: frozenset[Op] = frozenset()) -> Callable[[], None]:
    """What the command's process does first: puts itself under the filter.  Its word is a descriptor, or minus the error's number.

    Args:
        gate: where it waits then.
        action: of `bpf.program`.
        without: of `bpf.program`.
    """
    privileged = powers.keeps_set_id()
    program = bpf.program(action, os.uname().machine, without)

    def prepare() -> None:
        try:
            word = kernel.install(program, privileged, listen=action == bpf.USER_NOTIF)
        except OSError as error:
            word = -(error.errno or errno.EINVAL)
        gate.arrive(word)

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
