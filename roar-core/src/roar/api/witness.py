"""Telling a signal to the whole process group from one to roar alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Sequence

STOPS = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
"""The stops that a process may handle (signal(7))."""


class GroupWitness:
    """Tells a signal to the whole process group from one to roar alone.

    The kernel doesn't say which it was.  So an idle process sits in the group with every signal blocked: what was sent to
    the group is pending there.  The kernel goes through a group from its newest member to the oldest, so the witness has
    a signal before roar does.  It reads from a pipe of roar's, and so ends with roar, however that ends.

    Args:
        held: the signals that it blocks.
    """

    def __init__(self, held: Sequence[int]) -> None:
        self._held = held
        # looked at once, while there is one thread: later, others open and close descriptors meanwhile
        self._inherited = [fd for fd in open_descriptors() if fd > 2 and os.get_inheritable(fd)]
        self._pid, self._pipe = _idle_process(self._inherited, self._held)
        self._seen = 0  # the signals that the group got and roar has not asked about, as a bit mask

    def close(self) -> None:
        """Ends it."""
        if self._pid:
            os.close(self._pipe)
            os.kill(self._pid, signal.SIGKILL)  # it may be stopped
            os.waitpid(self._pid, 0)
            self._pid = 0

    def saw(self, number: int) -> bool:
        """Whether the group got the signal, which roar has just received."""
        self._look()
        # a stop takes back a pending SIGCONT, and the other way round (signal(7)): one that was overtaken so was there
        opposite = bits(STOPS) if number == signal.SIGCONT else bits((signal.SIGCONT,)) if number in STOPS else 0
        was_seen = bool(self._seen & (bits((number,)) | opposite))
        self._seen &= ~bits((number,))
        return was_seen

    def is_stopping(self) -> bool:
        """Whether the group's last word was to stop; SIGCONT takes that back (signal(7))."""
        return bool(pending(self._pid) & bits(STOPS))

    def pending_now(self) -> int:
        """The signals that the group got and roar has not asked about, a bit mask with signal N as bit N."""
        return self._seen | (pending(self._pid) if self._pid else 0)

    def _look(self) -> None:
        while self._pid and pending(self._pid):
            successor = _idle_process(
                self._inherited, self._held
            )  # before this one goes: there is no moment without a witness
            self._seen |= pending(self._pid)
            self.close()
            self._pid, self._pipe = successor


def _idle_process(inherited: Sequence[int], held: Sequence[int]) -> tuple[int, int]:
    """Starts a process that does nothing in this process group: (its pid, the pipe that keeps it); (0, -1) if that fails."""
    read, write = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, read, 0), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    actions += [(os.POSIX_SPAWN_DUP2, 1, 2), *((os.POSIX_SPAWN_CLOSE, fd) for fd in inherited)]
    try:
        return os.posix_spawn("/bin/cat", ["cat"], {}, file_actions=actions, setsigmask=held), write
    except OSError:  # no cat: every signal is passed on
        os.close(write)
        return 0, -1
    finally:
        os.close(read)


def bits(numbers: Iterable[int]) -> int:
    """Signals as a bit mask with signal N as bit N."""
    return sum(1 << number for number in numbers)


def pending(pid: int) -> int:
    """The signals that were sent to a process and not yet taken by it: a bit mask with signal N as bit N (proc(5))."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            for line in file:
                if line.startswith(b"ShdPnd:"):
                    return int(line[7:], 16) << 1
    except OSError:
        pass
    return 0


def open_descriptors() -> list[int]:
    """Of this process."""
    return [int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]
