"""Calls to events: what a system call that is about to happen will do to which file, and, afterwards, whether it did.

The same for all ways of stopping calls.  `Observer.enter` is told of a call before it happens, while its thread is held;
`Ledger.leave` of its result, where that can be seen; else `Ledger.settle` finds it out when the thread comes with its next call.
"""

from __future__ import annotations

import errno
import os

from roar.api.events import Blind
from roar_tracer_ptrace import journal
from roar_tracer_ptrace.calls import INT, ROAR_ITSELF, Op, is_of_interest
from roar_tracer_ptrace.observe.acts import Acts, Args
from roar_tracer_ptrace.observe.content import Content
from roar_tracer_ptrace.observe.executing import Executing
from roar_tracer_ptrace.observe.ledger import Ledger
from roar_tracer_ptrace.observe.opening import Opening
from roar_tracer_ptrace.observe.renaming import Renaming
from roar_tracer_ptrace.observe.sight import Sight

_THE_CALL_S_OWN = (errno.ENOENT, errno.ESRCH, errno.EFAULT, errno.ENAMETOOLONG)
"""Reading a program's memory fails so when the thread is gone, or the call will fail, too."""


class Observer:
    """Watches the calls of a tree of processes.

    Args:
        writer: where events go.
        keeps_privileges: set-id programs get theirs.
        listens: calls come by a listener, so that nobody else in the tree can have one.

    Attributes:
        ledger: of the outcomes.
    """

    def __init__(self, writer: journal.Writer, keeps_privileges: bool, listens: bool) -> None:
        self._keeps_privileges = keeps_privileges
        self._listens = listens
        self.ledger = Ledger(writer)
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
            Op.CLONE: lambda _task, _args, _name: self._be_careful(identities=True, roots=True),
            Op.UNSHARE: lambda _task, _args, _name: self._be_careful(identities=True, roots=True),
            Op.CONFINE: lambda task, _args, _name: self._sight.confine(task),
            Op.STRICT: lambda task, _args, _name: self.blind(journal.STRICT, task),
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

    def _seccomp(self, task: int, args: Args, _: bytes | None) -> None:
        """Somebody wants a listener: there can be one, and where there was none it takes the calls that ptrace would stop."""
        if not self._listens:
            self.blind(Blind.SECCOMP, task)
        elif args[3] != ROAR_ITSELF:
            self.blind(journal.LISTENER, task)
