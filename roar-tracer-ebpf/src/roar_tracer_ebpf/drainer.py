"""The process beside a run that arms the probe and copies what it sees into the journal: ``roar-ebpf trace``."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from roar_tracer_ebpf import privileges
from roar_tracer_ebpf.build import version
from roar_tracer_ebpf.install import find_helper, find_program
from roar_tracer_ebpf.refusal import Refused

if TYPE_CHECKING:
    from _socket import socket

_REPLY = struct.Struct("<II2QIIII96s32s")
"""struct reply of loader/talk.c: errno, tier, cookie, bytes of the ring, variant, what was skipped, checksum of the probe, step, advice."""
_CONTROL, _JOURNAL = 3, 4
_ARMING_S = _ANSWER_S = 60
_SYNC, _NOT_COUNTED = b"S", b"E"


class Drainer:
    """A running one.

    Attributes:
        pid: of its process.
        has_counted: it could write down what was lost.
    """

    def __init__(self, pid: int, control: socket, is_helper: bool) -> None:
        self.pid = pid
        self.has_counted = True
        self._is_lost = False
        self._control = control
        self._program = "helper" if is_helper else "build"  # which is to be mended

    @classmethod
    def start(cls, journal: Path, tier: str = "auto", variant: str = "auto") -> Drainer:
        """Starts it; `armed` waits until the probe is armed.

        Args:
            journal: the file to make.
            tier: ``fentry``, ``base`` or ``auto``.
            variant: ``fast``, ``compat`` or ``auto``.

        Raises:
            Refused: the program isn't there or can't be executed.
            OSError: the journal can't be made.
        """
        program = find_program()
        if program is None:
            raise Refused(0, "the program roar-ebpf isn't built", "build")
        words = [os.fspath(program), "trace", "--tier", tier, "--variant", variant]
        helper = find_helper()
        if helper is not None:
            words += ["--helper", os.fspath(helper)]
        from _socket import socketpair  # `socket` takes two milliseconds for names that nobody asks for

        ours, its = socketpair()
        file = os.open(journal, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            pid = _spawn(words, its, file)
        except OSError as error:
            ours.close()
            raise Refused(error.errno or 0, f"running {program}", "build") from error
        finally:
            its.close()
            os.close(file)
        return cls(pid, ours, helper is not None and not privileges.suffice())

    def armed(self) -> tuple[int, int]:
        """Waits until the probe is armed.

        Returns:
            The two numbers by which a process enrols itself with posix_fadvise(2).

        Raises:
            Refused: something that the probe needs was refused.
        """
        self._control.settimeout(_ARMING_S)
        reply = b""
        try:
            while len(reply) < _REPLY.size:
                block = self._control.recv(_REPLY.size - len(reply))
                if not block:
                    raise Refused(0, "roar-ebpf ended without an answer", self._program)
                reply += block
        except TimeoutError as late:
            raise Refused(0, f"arming took more than {_ARMING_S} seconds", "") from late
        error, _, first, second, _, _, _, probe, step, advice = _REPLY.unpack(reply)
        if error:
            raise Refused(error, _text(step), _text(advice))
        if not version().endswith(f"-{probe:08x}"):  # its records would be read wrongly
            raise Refused(0, "roar-ebpf was built of another version", self._program)
        return first, second

    def sync(self) -> bool:
        """Has all that was seen until now copied into the journal; False when the process is gone, or once didn't answer."""
        if self._is_lost:  # what comes now would be the answer to an earlier question
            return False
        try:
            self._control.settimeout(_ANSWER_S)
            self._control.sendall(_SYNC)
            answer = self._control.recv(1)
        except OSError:
            answer = b""
        self._is_lost = not answer
        self.has_counted = answer != _NOT_COUNTED
        return bool(answer)

    def close(self) -> bool:
        """Has it end, by which the probe is gone; False when it had ended already."""
        was_there = self.sync()
        self._control.close()
        _reap(self.pid)
        return was_there


def _spawn(words: list[str], control: socket, journal: int) -> int:
    # numbers out of the way of those that they get
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (control.fileno(), journal)]
    actions: list[tuple[object, ...]] = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    actions += [(os.POSIX_SPAWN_DUP2, high[0], _CONTROL), (os.POSIX_SPAWN_DUP2, high[1], _JOURNAL)]
    every = signal.valid_signals() - {32, 33}  # glibc's own
    try:
        return os.posix_spawn(words[0], words, {}, file_actions=actions, setsid=True, setsigmask=every)
    finally:
        for fd in high:
            os.close(fd)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
