"""Calls that were let go and whose outcome is awaited: each is settled once, and before another one hides what became of it."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from typing import Any

from roar.api.events import Kind
from roar_tracer_ptrace.calls import INTERFACES
from roar_tracer_ptrace.journal import LOST, Writer
from roar_tracer_ptrace.observe.known import Known
from roar_tracer_ptrace.observe.outcomes import Passing, Pending, Times, Wandering

_RACE_S, _LOOK_AGAIN_S = 0.05, 0.00005
"""So long is waited for a call that was let go and has not happened yet when another one touches the same file."""
_STARVED_S, _PAUSE_S = 10.0, 0.002
"""So long when its thread has had no processor since: on a busy machine it may be put aside for seconds before its call."""
_RUNNING_S = 1.0
"""A thread that has had a processor for that long after it was let go is past its call.  Time alone says nothing."""
_RUNNING = b"running"
"""What the kernel says instead of a call (proc(5), ``/proc/pid/syscall``)."""
_TICKS = os.sysconf("SC_CLK_TCK")
_MOST_AWAITED = 32
_WATCHED = frozenset(number for interface in INTERFACES.get(os.uname().machine, ()) for number in interface.numbers)


class Ledger:
    """Keeps account of outcomes.

    Args:
        writer: where events go.
        sees_results: `leave` is told of the results of calls.
        doubts_results: a result isn't enough: a filter of the program's own may answer a call instead of the kernel.

    Attributes:
        known: the names of which nothing new is to be told.
        awaited: thread → its call whose outcome isn't known.
        careful: nothing may be concluded from names alone any more.
        on_move: called before and after names or working directories may have come to mean something else.
        on_wander: called before and after somebody's working directory changes.
    """

    def __init__(self, writer: Writer, sees_results: bool, doubts_results: bool) -> None:
        self.writer = writer
        self.sees_results = sees_results
        self._doubts_results = doubts_results
        self.known = Known()
        self.awaited: dict[int, Pending] = {}
        self.careful = False
        self.on_move: Callable[[], None] = lambda: None
        self.on_wander: Callable[[], None] = lambda: None

    def come(self, task: int) -> None:
        """A thread comes with its next call: its last one is over."""
        if task in self.awaited:
            self.settle(task)
        if len(self.awaited) >= _MOST_AWAITED:
            self.sweep()

    def wait_for(self, task: int, pending: Pending, kind: Kind, path: bytes, path2: bytes = b"", **fields: Any) -> None:
        """Writes the event of a call that is about to happen.

        Args:
            task: the thread that is held in it.
            pending: how to see what became of it.
            kind: as the rest, of the event; see `journal.Writer.add`.
            path: …
            path2: …
            fields: …
        """
        if self.awaited:
            self.make_way(task, *pending.paths, all_of_them=pending.moves)
        self._unlearn(pending)
        pending.number = self.writer.add(kind, task, path, path2, pending=True, **fields)
        self.awaited[task] = pending

    def make_way(self, task: int, *paths: bytes, all_of_them: bool = False) -> bool:
        """Waits until other threads' calls are over that were let go and may just be changing what is at some paths.

        So one sees what will be there when the thread's own call happens, and what they left is still to be seen.  A call that
        takes its time stays awaited.

        Args:
            task: the thread.
            paths: canonical.
            all_of_them: calls on any path.

        Returns:
            Whether there were some.
        """
        found = False
        for other, pending in list(self.awaited.items()):
            if other == task or not (all_of_them or pending.moves or any(path in pending.paths for path in paths)):
                continue
            if _is_over(other, pending):
                self.settle(other)
            found = True
        return found

    def wander(self, task: int) -> None:
        """A thread is about to change its working directory."""
        self.on_wander()
        self.awaited[task] = Wandering()
        self.awaited[task].then = self.on_wander

    def watch(self, task: int, path: bytes) -> None:
        """A thread is about to open a file for change that it would make if another thread took it away meanwhile.

        Nothing is to be told of it, but whoever takes it away shall wait.
        """
        self.awaited[task] = Passing(path)

    def leave(self, task: int, failed: bool) -> None:
        """The awaited call of a thread has returned, as a tracer can see that sees exits."""
        pending = self.awaited.pop(task, None)
        if pending is not None:
            seen = pending.look() if self._doubts_results or isinstance(pending, Times) else True
            self._conclude(pending, not failed and (seen or not self._doubts_results))

    def settle(self, task: int) -> None:
        """The thread has come back with another call, or is gone: looks what became of the last one."""
        pending = self.awaited.pop(task)
        self._conclude(pending, pending.look())

    def sweep(self, final: bool = False) -> None:
        """Settles what has visibly happened, and the calls of threads that do something else by now.

        Args:
            final: nobody is left.
        """
        for task, pending in list(self.awaited.items()):
            if final or pending.look() or not _is_calling(task, pending):
                self.settle(task)
        self.writer.flush()

    def remember(self, name: bytes, path: bytes, bits: int) -> None:
        """Notes that operations on a file add nothing from now on; see `Known.add`.  Nothing below /proc is noted."""
        if not self.careful and not name.startswith(b"/proc/"):
            self.known.add(name, path, bits)

    def _conclude(self, pending: Pending, succeeded: bool) -> None:
        self.writer.outcome(pending.number, not succeeded, pending.value)
        if succeeded:
            self._unlearn(pending)
            pending.then()
            if pending.bits and pending.number != LOST:
                self.remember(pending.name, pending.paths[0], pending.bits)

    def _unlearn(self, pending: Pending) -> None:
        """What is known of names that a call gives to other files; before it, and again when it has happened."""
        if pending.moves:
            self.on_move()
        elif pending.breaks:
            for path in pending.paths:
                self.known.drop(path)


def _is_over(task: int, pending: Pending) -> bool:
    """Waits until a call that was let go is over; False when it takes too long."""
    began = time.monotonic()
    while not pending.look() and _is_calling(task, pending):
        waited_s = time.monotonic() - began
        if waited_s > _RACE_S:
            if _call(task) != _RUNNING or waited_s > _STARVED_S:
                return False
            if _had_since_s(task, pending) > 0:
                return True
        time.sleep(_LOOK_AGAIN_S if waited_s < _RACE_S else _PAUSE_S)
    return True


def _is_calling(task: int, pending: Pending) -> bool:
    """Whether a thread may still be in the system call that it was let go with."""
    call = _call(task)
    if call == _RUNNING:  # or about to run
        return _had_since_s(task, pending) < _RUNNING_S
    return bool(call) and int(call) in _WATCHED and not _is_held(task)


def _call(task: int) -> bytes:
    """The number of the call in which a thread sleeps, or `_RUNNING`; empty when it is gone, or another user's."""
    try:
        with open(f"/proc/{task}/syscall", "rb") as file:
            return file.read().split()[0]
    except OSError:
        return b""


def _had_since_s(task: int, pending: Pending) -> float:
    """How long a thread has had a processor since one first looked for it, seconds."""
    had_s = _had_s(task)
    if pending.ran_s is None:
        pending.ran_s = had_s
    return had_s - pending.ran_s


def _had_s(task: int) -> float:
    """How long a thread has had a processor; endless when it is gone."""
    try:
        with open(f"/proc/{task}/task/{task}/stat", "rb") as file:
            fields = file.read().rpartition(b") ")[2].split()
    except OSError:
        return math.inf
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _is_held(task: int) -> bool:
    """Whether a thread sleeps because of a tracer: with its next call already, or with the result of its last one."""
    try:
        with open(f"/proc/{task}/wchan", "rb") as file:
            return file.read().startswith((b"seccomp", b"__seccomp", b"ptrace"))
    except OSError:
        return False
