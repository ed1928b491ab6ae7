"""Calls that make a process another program."""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Iterable

from roar.api.events import Kind
from roar_tracer_ptrace import journal
from roar_tracer_ptrace.calls import AT_EMPTY_PATH, AT_FDCWD, Op
from roar_tracer_ptrace.observe import known, programs
from roar_tracer_ptrace.observe.acts import Acts, Args
from roar_tracer_ptrace.observe.ledger import Ledger
from roar_tracer_ptrace.observe.names import Found
from roar_tracer_ptrace.observe.outcomes import Execution
from roar_tracer_ptrace.observe.sight import Sight


class Executing:
    """Handles them.

    Args:
        sight: looks at processes and files.
        ledger: takes events.
        keeps_privileges: set-id programs get theirs.
    """

    def __init__(self, sight: Sight, ledger: Ledger, keeps_privileges: bool) -> None:
        self._sight = sight
        self._ledger = ledger
        self._keeps_privileges = keeps_privileges
        self.acts: Acts = {
            Op.EXECVE: lambda task, a, name: self._exec(task, name or self._sight.name(task, AT_FDCWD, a[0])),
            Op.EXECVEAT: self._execveat,
        }

    def _execveat(self, task: int, args: Args, _: bytes | None) -> None:
        path = self._sight.memory.string(task, args[1])
        if path or args[4] & AT_EMPTY_PATH:
            self._exec(task, self._sight.names.name(task, args[0] & 0xFFFFFFFF, path))

    def _exec(self, task: int, name: bytes) -> None:
        if not self._ledger.careful and self._ledger.known.bits.get(name, 0) & known.RUN:
            return
        found = self._sight.find(task, name)
        if found is None or not found.path or not modes.S_ISREG(found.stat.mode):
            return
        if not self._sight.may(task, found.path, os.X_OK):
            return
        helpers = self._helpers(task, found)
        if not self._keeps_privileges and programs.has_privileges(found.path):
            self._sight.blind(journal.WITHOUT_PRIVILEGES, task, found.path)
        stats = (found.stat, *(helper.stat for helper in helpers))
        bits = known.READ | known.RUN
        pending = Execution(task, found.path, stats, name, bits)
        pending.then = lambda: self._add_helpers(task, helpers)
        self._ledger.wait_for(task, pending, Kind.EXEC, found.path, stat=found.stat)

    def _helpers(self, task: int, program: Found) -> list[Found]:
        """Interpreters and the loader, in the order in which the kernel comes to them."""
        found: list[Found] = []
        helper: Found | None = program
        while helper is not None and len(found) < programs.DEPTH:
            name = programs.helper_of(helper.path)
            helper = self._sight.find(task, self._sight.names.name(task, AT_FDCWD, name)) if name else None
            if helper is not None:
                found.append(helper)
        return found

    def _add_helpers(self, task: int, helpers: Iterable[Found]) -> None:
        for helper in helpers:
            if modes.S_ISREG(helper.stat.mode) and not self._ledger.known.bits.get(helper.path, 0) & known.READ:
                self._ledger.writer.add(Kind.OPEN, task, helper.path, stat=helper.stat)
                self._ledger.remember(helper.path, helper.path, known.READ)
