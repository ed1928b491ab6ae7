"""Calls to events: what a system call that is about to happen will do to which file, and, afterwards, whether it did.

The same for all ways of stopping calls.  `Observer.enter` is told of a call before it happens, while its thread is held;
`Ledger.leave` of its result, where that can be seen; else `Ledger.settle` finds it out when the thread comes with its next call.
"""

from __future__ import annotations

import errno
import os
import struct

from roar.api.events import Blind
from roar_tracer_ptrace import journal
from roar_tracer_ptrace.calls import (
    CLONE_NEWNS,
    CLONE_NEWUSER,
    CLONE_UNTRACED,
    INT,
    NEW_LISTENER,
    ROAR_ITSELF,
    SECCOMP_MODE_STRICT,
    SECCOMP_SET_MODE_STRICT,
    Op,
    is_of_interest,
)
from roar_tracer_ptrace.observe.acts import Acts, Args
from roar_tracer_ptrace.observe.content import Content
from roar_tracer_ptrace.observe.executing import Executing
from roar_tracer_ptrace.observe.ledger import Ledger
from roar_tracer_ptrace.observe.opening import Opening
from roar_tracer_ptrace.observe.renaming import Renaming
from roar_tracer_ptrace.observe.sight import Sight

_INSTRUCTION = struct.Struct("=HBBI")
_RETURN, _TRACE, _ACTION = 0x06, 0x7FF00000, 0xFFFF0000
"""BPF_RET | BPF_K, SECCOMP_RET_TRACE and SECCOMP_RET_ACTION_FULL (linux/seccomp.h)."""
_THE_CALL_S_OWN = (errno.ENOENT, errno.ESRCH, errno.EFAULT, errno.ENAMETOOLONG)
"""Reading a program's memory fails so when the thread is gone, or the call will fail, too."""


class Observer:
    """Watches the calls of a tree of processes.

    Args:
        writer: where events go.
        keeps_privileges: set-id programs get theirs.
        listens: calls come by a listener, so that nobody else in the tree can have one.
        filters: they come by a filter, be it with a listener or with ptrace stops.

    Attributes:
        ledger: of the outcomes.
    """

    def __init__(self, writer: journal.Writer, keeps_privileges: bool, listens: bool, filters: bool) -> None:
        self._keeps_privileges = keeps_privileges
        self._listens = listens
        self._filters = filters
        self.ledger = Ledger(writer, sees_results=not listens, doubts_results=not filters)
        self._sight = Sight(self.ledger)
        self.ledger.on_move = self._forget
        self._acts: Acts = {
            Op.CHDIR: lambda task, _args, _name: self.ledger.wander(task),
            Op.IO_URING: lambda task, _args, _name: self.blind(Blind.IO_URING, task),
            Op.SETUID: lambda _task, args, _name: self._take_on(args[:1], os.geteuid()),
            Op.SETREUID: lambda _task, args, _name: self._take_on(args[:2], os.geteuid()),
            Op.SETRESUID: lambda _task, args, _name: self._take_on(args[:3], os.geteuid()),
            Op.SETGID: lambda _task, args, _name: self._take_on(args[:1], os.getegid()),
            Op.SETREGID: lambda _task, args, _name: self._take_on(args[:2], os.getegid()),
            Op.SETRESGID: lambda _task, args, _name: self._take_on(args[:3], os.getegid()),
            Op.IDENTITY: lambda _task, _args, _name: self._be_careful(identities=True),
            Op.ROOT: lambda _task, _args, _name: self._be_careful(roots=True),
            Op.CLONE: self._clone,
            Op.UNSHARE: lambda _task, _args, _name: self._be_careful(identities=True, roots=True),
            Op.CONFINE: lambda task, _args, _name: self._sight.confine(task),
            Op.PRCTL: self._prctl,
            Op.SECCOMP: self._seccomp,
            Op.PTRACE: lambda task, _args, _name: None if listens else self.blind(Blind.NESTED_TRACE, task),
            Op.LIMIT: lambda _task, _args, _name: self._sight.limits_differ(),
            Op.PRLIMIT: lambda _task, _args, _name: self._sight.limits_differ(),
            **Opening(self._sight, self.ledger).acts,
            **Renaming(self._sight, self.ledger).acts,
            **Content(self._sight, self.ledger).acts,
            **Executing(self._sight, self.ledger, keeps_privileges).acts,
        }

    def enter(self, task: int, op: Op, args: Args, name: bytes | None = None) -> None:
        """A call is about to happen.

        Args:
            task: the thread that makes it, and is held.
            op: what it does.
            args: its six arguments, unsigned.
            name: where the caller has read it already, the name of the file as `Names.name` has it.
        """
        try:
            self.ledger.come(task)
            if is_of_interest(op, args):
                self._acts[op](task, args, name)
            if self._sight.names.met_too_long:
                self._sight.names.met_too_long = False
                self.blind(Blind.PATH, task)
        except OSError as error:
            if error.errno not in _THE_CALL_S_OWN:
                self.blind(Blind.PATH, task)
        except Exception:  # whatever it is, the command must go on: without the tracer it could open nothing any more
            self.blind(journal.FAILED, task)

    def blind(self, reason: str, task: int) -> None:
        """Notes something that can't be seen; see `Sight.blind`."""
        self._sight.blind(reason, task)

    def _take_on(self, ids: Args, own: int) -> None:
        """Users or groups for a process; -1 leaves one as it is.  Shells and make often set what they have."""
        if not {number & INT for number in ids} <= {own, INT, INT >> 16}:
            self._be_careful(identities=True)

    def _be_careful(self, identities: bool = False, roots: bool = False) -> None:
        """Somebody may take on another identity, or another view of the file system."""
        self._sight.identities.differ |= identities and self._keeps_privileges
        self._sight.names.careful |= roots
        self.ledger.careful |= self._sight.identities.differ or self._sight.names.careful
        self._forget()

    def _forget(self) -> None:
        self.ledger.known.clear()
        self._sight.names.forget()

    def _clone(self, task: int, args: Args, _: bytes | None) -> None:
        if args[0] & (CLONE_NEWNS | CLONE_NEWUSER):
            self._be_careful(identities=True, roots=True)
        if args[0] & CLONE_UNTRACED and not self._listens:
            self.blind(Blind.NESTED_TRACE, task)

    def _prctl(self, task: int, args: Args, _: bytes | None) -> None:
        if args[1] == SECCOMP_MODE_STRICT:
            self._strict(task)
        else:
            self._look_at_filter(task, args[2])

    def _strict(self, task: int) -> None:
        if self._filters:
            self.blind(journal.STRICT, task)

    def _look_at_filter(self, task: int, address: int) -> None:
        """Whether a program's own filter wants a tracer, which it would not get."""
        length, at = struct.unpack("@HP", self._sight.memory.block(task, address, 16))
        code = b""
        while len(code) < length * _INSTRUCTION.size:
            code += self._sight.memory.block(task, at + len(code), min(length * _INSTRUCTION.size - len(code), 4096))
        if any(
            operation == _RETURN and value & _ACTION == _TRACE
            for operation, _, _, value in _INSTRUCTION.iter_unpack(code)
        ):
            self.blind(journal.TRACES, task)

    def _seccomp(self, task: int, args: Args, _: bytes | None) -> None:
        """Somebody wants a filter, or a listener: there can be one, and where there was none it takes calls before ptrace."""
        if args[0] & INT == SECCOMP_SET_MODE_STRICT:
            self._strict(task)
        elif args[1] & NEW_LISTENER:
            if not self._listens:
                self.blind(Blind.SECCOMP, task)
            elif args[3] != ROAR_ITSELF:
                self.blind(journal.LISTENER, task)
        elif args[3] != ROAR_ITSELF:
            self._look_at_filter(task, args[2])
