"""One run by seccomp user notification: nothing in the tree is ptraced, and each call of interest is seen before it happens."""

from __future__ import annotations

import errno
import os

from roar.api.events import Blind
from roar.api.process import Supervision
from roar_tracer_ptrace import kernel, powers
from roar_tracer_ptrace.calls import Op
from roar_tracer_ptrace.dispatch import op_of
from roar_tracer_ptrace.journal import Writer
from roar_tracer_ptrace.observe.observer import Observer
from roar_tracer_ptrace.stop import accelerated, bpf
from roar_tracer_ptrace.stop.gate import Gate, Wakening, install_and_arrive
from roar_tracer_ptrace.stop.listener import Came, Listener
from roar_tracer_ptrace.ways import Unable

_LOOK_MS = 50
"""How long after the last call the outcome of calls is looked up whose threads don't come back."""
_WHY = {
    errno.EBUSY: "roar itself runs under a seccomp listener",
    errno.EINVAL: "this kernel lacks seccomp user notification (Linux 5.19)",
    errno.ENOSYS: "this kernel or sandbox lacks seccomp",
    errno.ENOTTY: "this kernel lacks synchronous wake-up (Linux 6.6)",
    errno.EPERM: "it is forbidden here, by a container's seccomp profile or a missing CAP_SYS_PTRACE",
    errno.EACCES: "it is forbidden here: no_new_privs can't be set",
}


def run(supervision: Supervision, writer: Writer, accelerate: bool) -> None:
    """Starts the command and follows its tree to the end.

    Args:
        supervision: starts the command, and tells roar of it.
        writer: where events go.
        accelerate: use the loop in C if it was built.

    Raises:
        Unable: this way is closed here; nothing was started.
    """
    if powers.must_be_ancestor():
        kernel.adopt_orphans()
    pid, listener = _start(supervision)
    observer = Observer(writer, keeps_privileges=powers.keeps_set_id(), listens=True, filters=True)
    wakening = Wakening()
    feed = (accelerated.make(listener, wakening.fd, observer.ledger) if accelerate else None) or Listener(
        listener, wakening.fd, observer.ledger
    )
    supervision.detach((listener, writer.fd, *wakening.descriptors))
    _follow(supervision, writer, observer, feed, wakening, pid)


def _start(supervision: Supervision) -> tuple[int, int]:
    """The command's pid and the listener."""
    gate = Gate()
    pid = supervision.fork(install_and_arrive(gate, bpf.USER_NOTIF, without=frozenset({Op.PTRACE})))
    try:
        gate.wait()
        listener = gate.listener()
        kernel.wake_synchronously(listener)
    except (OSError, Unable) as error:
        gate.close()
        os.waitpid(pid, 0)
        if not isinstance(error, OSError):
            raise
        raise Unable(_WHY.get(error.errno or 0, str(error)), is_masked=error.errno == errno.EBUSY) from error
    supervision.started(pid)
    gate.open()
    gate.close()
    return pid, listener


def _follow(
    supervision: Supervision, writer: Writer, observer: Observer, feed: Listener, wakening: Wakening, pid: int
) -> None:
    ended = False
    while True:
        came = feed.wait(_LOOK_MS if observer.ledger.awaited or writer.has_outcomes else -1)
        if came == Came.CALL:
            try:
                op = op_of(feed.audit, feed.number)
            except KeyError:
                observer.blind(Blind.FOREIGN, feed.task)
                continue
            if op is not None:
                observer.enter(feed.task, op, feed.args, feed.name)
        elif came == Came.WAKE:
            wakening.clear()
            ended |= _reap(supervision, pid)
        elif came == Came.QUIET:
            observer.ledger.sweep()
        else:
            break
    observer.ledger.sweep(final=True)
    while not ended:  # the filter may be gone a moment before the process can be waited for
        ended = _reap(supervision, pid, 0)


def _reap(supervision: Supervision, command: int, options: int = os.WNOHANG) -> bool:
    """Tells roar of stops and of the end of the command; True for the end."""
    ended = False
    while True:
        try:
            pid, status, usage = os.wait4(-1, options | os.WUNTRACED)
        except ChildProcessError:
            return True
        if not pid:
            return ended
        if pid == command:
            supervision.report(pid, status, usage)
            ended |= not os.WIFSTOPPED(status)
