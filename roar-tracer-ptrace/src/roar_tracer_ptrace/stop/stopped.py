"""One run by ptrace: the tree is traced, and each call of interest stops its thread before, and where needed after it."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Callable

from roar.api.events import Blind
from roar.api.process import Supervision
from roar_tracer_ptrace import powers
from roar_tracer_ptrace.dispatch import op_of
from roar_tracer_ptrace.journal import Writer
from roar_tracer_ptrace.observe.observer import Observer
from roar_tracer_ptrace.stop import binding, bpf
from roar_tracer_ptrace.stop.gate import Gate, install_and_arrive
from roar_tracer_ptrace.ways import Unable

_STOPS = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
_SYSCALL_STOP = signal.SIGTRAP | 0x80
"""PTRACE_O_TRACESYSGOOD."""
_NO_FILTER = {
    errno.EPERM: "filters are forbidden here, by a container's seccomp profile",
    errno.EINVAL: "this kernel lacks seccomp filters",
    errno.ENOSYS: "this kernel or sandbox lacks seccomp",
    errno.EACCES: "filters are forbidden here: no_new_privs can't be set",
}
_NO_PTRACE = {
    errno.EPERM: "ptrace is forbidden here: roar itself is traced, or a container's profile or kernel.yama.ptrace_scope forbids it",
    errno.ENOSYS: "this kernel or sandbox lacks ptrace",
}


def run(supervision: Supervision, writer: Writer, every_call: bool) -> None:
    """Starts the command and follows its tree to the end.

    Args:
        supervision: starts the command, and tells roar of it.
        writer: where events go.
        every_call: without a seccomp filter.

    Raises:
        Unable: this way is closed here; nothing was started.
    """
    pid = _start(supervision, every_call)
    observer = Observer(writer, keeps_privileges=powers.keeps_set_id(), listens=False, filters=not every_call)
    supervision.detach((writer.fd,))
    _Loop(supervision, writer, observer, pid, every_call).run()


def _start(supervision: Supervision, every_call: bool) -> int:
    gate = Gate()
    pid = supervision.fork((lambda: gate.arrive(0)) if every_call else _prepared(gate))
    why = _NO_FILTER
    try:
        gate.wait()
        why = _NO_PTRACE
        if not binding.request(binding.SEIZE, pid, binding.OPTIONS):
            raise Unable("the process ended")
        if every_call:
            binding.request(binding.INTERRUPT, pid)
            os.waitpid(pid, binding.ANY_CHILD)
            binding.request(binding.SYSCALL, pid)
        else:
            _make_sure(gate, pid)
    except (OSError, Unable) as error:
        gate.close()
        os.waitpid(pid, binding.ANY_CHILD)
        if not isinstance(error, OSError):
            raise
        raise Unable(why.get(error.errno or 0, str(error))) from error
    supervision.started(pid)
    gate.open()
    gate.close()
    return pid


def _prepared(gate: Gate) -> Callable[[], None]:
    """What the command's process does first: it opens something under the filter, so that one sees whether that stops it."""
    install = install_and_arrive(gate, bpf.TRACE)

    def prepare() -> None:
        install()
        with contextlib.suppress(OSError):
            os.close(os.open(os.devnull, os.O_RDONLY))
        gate.arrive_again()

    return prepare


def _make_sure(gate: Gate, pid: int) -> None:
    """Lets the process go to its second halt.  Raises Unable when no call stops it: somebody else's listener comes first."""
    stopped = False
    gate.open()
    while not gate.has_arrived_again():
        done, status = os.waitpid(pid, os.WNOHANG | binding.ANY_CHILD)
        if done and not os.WIFSTOPPED(status):
            raise Unable("the process ended")
        if done:
            stopped |= status >> 16 == binding.EVENT_SECCOMP
            binding.request(binding.CONT, pid)
    if not stopped:
        raise Unable("somebody's seccomp listener takes the calls before", is_masked=True)


class _Loop:
    """Follows the stops of a tree."""

    def __init__(
        self, supervision: Supervision, writer: Writer, observer: Observer, command: int, every_call: bool
    ) -> None:
        self._supervision = supervision
        self._writer = writer
        self._observer = observer
        self._ledger = observer.ledger
        self._command = command
        self._every_call = every_call
        self._info = binding.SyscallInfo()

    def run(self) -> None:
        """Until nobody is left."""
        while True:
            try:
                task, status, usage = os.wait4(-1, binding.ANY_CHILD)
            except ChildProcessError:
                break
            if not os.WIFSTOPPED(status):
                if task in self._ledger.awaited:
                    self._ledger.settle(task)
                if task == self._command:
                    self._writer.flush()
                    self._supervision.report(task, status, usage)
                continue
            self._stopped(task, status)
            if self._writer.has_outcomes and not self._ledger.awaited:
                self._writer.flush()
        self._ledger.sweep(final=True)

    def _stopped(self, task: int, status: int) -> None:
        signal_number, event = status >> 8 & 0xFF, status >> 16
        deliver = 0
        if event == binding.EVENT_SECCOMP:
            self._enter(task)
        elif signal_number == _SYSCALL_STOP:
            self._at_call(task)
        elif event == binding.EVENT_EXEC:
            self._executed(task)
        elif event == binding.EVENT_STOP and signal_number in _STOPS:
            binding.request(binding.LISTEN, task)  # it stays stopped, as it would be untraced
            if task == self._command:
                self._supervision.report(task, signal_number << 8 | 0x7F, (0.0, 0.0, 0))
            return
        elif event == 0:
            deliver = signal_number
        wants_exit = self._every_call or task in self._ledger.awaited
        binding.request(binding.SYSCALL if wants_exit else binding.CONT, task, deliver)

    def _enter(self, task: int) -> None:
        if not self._info.read(task):
            return
        try:
            op = op_of(self._info.audit, self._info.number)
        except KeyError:
            self._observer.blind(Blind.FOREIGN, task)
            return
        if op is not None:
            self._observer.enter(task, op, self._info.args)

    def _at_call(self, task: int) -> None:
        """An entry or an exit; where a filter stops calls, only exits come."""
        if not self._info.read(task):
            return
        if self._info.kind != binding.SYSCALL_EXIT:
            self._enter(task)
        elif task in self._ledger.awaited:
            self._ledger.leave(task, self._info.failed)

    def _executed(self, task: int) -> None:
        """A thread has become another program, and the only one of its process, with the process's number."""
        before = binding.event_message(task)
        if before != task and before in self._ledger.awaited:
            self._ledger.awaited[task] = self._ledger.awaited.pop(before)
        self._ledger.leave(task, failed=False)
