"""Starting the command and waiting for it, exactly as a shell would have done without roar.

For tracers that run the command as a child of roar (`spawn`), or of a process of their own that outlives roar
(`spawn_under`).  All of it runs in roar's main thread, and comes before the first thread: threads inherit the signal mask
that it sets.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, NoReturn

from roar.api.witness import STOPS, GroupWitness, bits, open_descriptors, pending

_PYTHON_IGNORES = (signal.SIGPIPE, signal.SIGXFSZ)
"""Python sets these to SIG_IGN at start; a program run from a shell has them at their default."""

_SI_KERNEL = 0x80
"""si_code of a signal that the kernel itself made, such as the terminal's (sigaction(2))."""

_HELD = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, *_PYTHON_IGNORES, 32, 33})
"""What roar waits for and passes on: all that can be (signal(7)); 32 and 33 are glibc's own.  A fault of roar's own, of which
the kernel says it by such a signal, still kills it."""


class Exit(NamedTuple):
    """How the command ended."""

    code: int
    """What the shell would see: the exit status, or 128+N for death by signal N."""
    signal: int = 0
    """The signal that killed it, 0 for none."""
    user_s: float = 0.0
    """CPU time in user mode of the command and the children it waited for, seconds."""
    system_s: float = 0.0
    max_rss_bytes: int = 0


class Launch(NamedTuple):
    """What to start.  Everything is bytes, as execve(2) takes it."""

    argv: tuple[bytes, ...]
    executable: bytes
    """Absolute, or relative to the working directory; already found on PATH."""
    env: Mapping[bytes, bytes]
    root: bytes
    """The workspace's root, absolute and canonical."""


class SupervisorLost(Exception):
    """The process between roar and the command was killed: how the command ends is not known any more."""


class Child(NamedTuple):
    """A started command."""

    pid: int
    mask: frozenset[int]
    """The signal mask that roar was started with, and that the command has."""
    witness: GroupWitness
    supervisor: int = 0
    """Pid of the process of `spawn_under`; 0: the command is roar's own child."""
    reports: int = -1
    """The pipe on which the supervisor tells of the command; it ends with the supervisor."""
    early: frozenset[int] = frozenset()
    """Signals that came when roar held them back already and there was no command yet: they are the command's."""


def spawn(launch: Launch, env: Mapping[bytes, bytes] | None = None, enter: Callable[[], None] | None = None) -> Child:
    """Starts the command in this process group with this process's descriptors, directory, umask and limits.

    From here on roar holds back (blocks) the signals that `wait` handles.

    Args:
        launch: what to start.
        env: the environment instead of the launch's.
        enter: is called in the command's process, last thing before it becomes the command.

    Returns:
        The child; its signal mask is the one roar was started with, SIGPIPE and SIGXFSZ are at their default.

    Raises:
        OSError: as execve(2); a script without ``#!`` is given to /bin/sh, as shells do.
    """
    environment = launch.env if env is None else env
    held = _hold()
    read, write = os.pipe()
    early = signal.sigpending()
    runner = os.getpid()
    # not posix_spawn(3): glibc's leaves signals 32 and 33 ignored in the program, and can ignore none that should be
    pid = os.fork()
    if not pid:
        held.catch_up(runner, early)
        _become(launch, environment, held, write, enter)
    os.close(write)
    failed = _drain(read)
    if failed:
        os.waitpid(pid, 0)
        held.let_go()
        raise OSError(int(failed), os.strerror(int(failed)), os.fsdecode(launch.executable))
    return Child(pid, held.mask, held.witness, early=frozenset(early))


def spawn_under(launch: Launch, supervise: Callable[[Supervision], None]) -> Child:
    """Starts a process that starts the command, is its parent and outlives roar if roar is killed.

    Args:
        launch: what to start.
        supervise: runs in that process, a fork of this one, and ends it by returning; see `Supervision`.  Roar's own
            descriptors are closed in it.

    Returns:
        The command; `wait` waits for it as for a child of roar's own.

    Raises:
        OSError: as `spawn`, from execve(2).
        SupervisorLost: the process ended without having started the command.
    """
    held = _hold()
    failures = os.pipe()
    reports = os.pipe()
    runner = os.getpid()
    early = signal.sigpending()
    supervisor = os.fork()
    if not supervisor:
        _supervise(Supervision(launch, held, runner, *_own_descriptors(failures[1], reports[1])), supervise)
    os.close(failures[1])
    os.close(reports[1])
    first = os.read(reports[0], _REPORT.size)
    failed = _drain(failures[0])
    if failed or not first:
        os.close(reports[0])
        os.waitpid(supervisor, 0)
        held.let_go()
        if not failed:
            raise SupervisorLost("the tracer's process ended before it had started the command")
        raise OSError(int(failed), os.strerror(int(failed)), os.fsdecode(launch.executable))
    os.set_blocking(reports[0], False)
    pid, _, _, _, later = _REPORT.unpack(first)
    early |= {number for number in _HELD if later >> number & 1}
    return Child(pid, held.mask, held.witness, supervisor, reports[0], frozenset(early))


def _own_descriptors(*needed: int) -> list[int]:
    """In the supervisor: closes roar's own descriptors but those, and keeps the standard streams' numbers free of any.

    There may be a limit, and what the command inherits counts as well.  A stream that is closed is the command's to find so.
    """
    for fd in open_descriptors():
        if fd not in needed and not os.get_inheritable(fd):
            os.close(fd)
    above = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3) if fd < 3 else fd for fd in needed]
    for fd in needed:
        if fd < 3:
            os.close(fd)
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)  # takes the lowest number that is free
    return above


def _supervise(supervision: Supervision, supervise: Callable[[Supervision], None]) -> NoReturn:
    code = 1
    try:
        supervise(supervision)
        code = 0
    except BaseException:  # whatever it is, roar sees that the pipe has ended; nothing of roar's may run twice
        if os.environ.get("ROAR_DEBUG") == "1":
            import traceback

            traceback.print_exc()
    finally:
        os._exit(code)


_REPORT = struct.Struct("=iiddq")
"""pid, wait status, user and system time in seconds, maximum resident set in KiB.

The first one has nothing to tell but the pid, and in place of the last the signals that had come before the command was there.
"""


class Supervision:
    """In the process between roar and the command: starts the command, and tells roar of it.

    Args:
        launch: the command.
        held: how roar itself was started.
        runner: roar's pid.
        failures: the pipe into which the command's execve(2) fails.
        reports: the pipe to roar.
    """

    def __init__(self, launch: Launch, held: _Held, runner: int, failures: int, reports: int) -> None:
        self.launch = launch
        self._held = held
        self._runner = runner
        self._failures = failures
        self._reports = reports
        self._early = 0

    def fork(self, prepare: Callable[[], None]) -> int:
        """Forks the process that becomes the command.  It may be called again if `prepare` ended the process.

        Args:
            prepare: is called in it, first thing; when it returns, the command begins.

        Returns:
            Its pid.
        """
        self._early = bits(signal.sigpending())
        pid = os.fork()
        if not pid:
            try:
                prepare()
            except BaseException:  # whatever it is, this process must not go on as roar
                os._exit(127)
            _become(self.launch, self.launch.env, self._held, self._failures)
        return pid

    def started(self, pid: int) -> None:
        """The process of `fork` is the one: tells roar its pid."""
        os.close(self._failures)
        self._tell(pid, 0, (0.0, 0.0, self._early))

    def detach(self, keep: Iterable[int]) -> None:
        """Leaves the terminal, the working directory and all descriptors behind, so that nothing waits for this process.

        Args:
            keep: descriptors that stay open.
        """
        os.setsid()
        os.chdir("/")
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        stay = sorted({0, 1, 2, self._reports, *keep})
        for one, next_one in zip(stay, [*stay[1:], os.sysconf("SC_OPEN_MAX")], strict=True):
            os.closerange(one + 1, next_one)

    def report(self, pid: int, status: int, usage: Sequence[float]) -> None:
        """Tells roar that the command has stopped or ended.

        Args:
            pid: the command's.
            status: its wait status.
            usage: of wait4(2): user and system time in seconds, maximum resident set in KiB …
        """
        self._tell(pid, status, usage)
        if os.getppid() == self._runner:
            os.kill(self._runner, signal.SIGCHLD)

    def _tell(self, pid: int, status: int, usage: Sequence[float]) -> None:
        with contextlib.suppress(OSError):  # roar has been killed
            os.write(self._reports, _REPORT.pack(pid, status, usage[0], usage[1], int(usage[2])))


class _Held(NamedTuple):
    """How roar was started, for a command that is to be started so."""

    mask: frozenset[int]
    ignores_children: bool
    witness: GroupWitness

    def catch_up(self, runner: int, early: Collection[int]) -> None:
        """In the command's process: takes the signals to the whole group that came between the last look and the fork.

        The kernel goes from a group's newest member to its oldest: what is pending for roar came before this process was there,
        or is pending here, too.  Roar doesn't pass it on, as the witness has it.

        Args:
            runner: roar's pid.
            early: the signals that roar had at its last look, and does pass on.
        """
        missed = pending(runner) & self.witness.pending_now() & ~bits(early) & ~pending(os.getpid())
        for number in _HELD:
            if missed >> number & 1:
                os.kill(os.getpid(), number)

    def let_go(self) -> None:
        """Nothing was started: undoes `_hold`."""
        self.witness.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)


def _hold() -> _Held:
    """Holds back the signals that `wait` handles, and begins to watch for those of the whole group."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
    ignores_children = signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN
    if ignores_children:  # the kernel would reap the child, and its status would be lost
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # before the command: there is no moment in which only one of the two gets a signal
    return _Held(frozenset(int(number) for number in before), ignores_children, GroupWitness(_HELD))


def _drain(pipe: int) -> bytes:
    with open(pipe, "rb") as file:
        return file.read()  # ends when execve(2) closes the other side


def _become(
    launch: Launch,
    env: Mapping[bytes, bytes],
    held: _Held,
    failures: int,
    enter: Callable[[], None] | None = None,
) -> NoReturn:
    """In the child: becomes the command, or writes the error's number into the pipe."""
    try:
        for number in _PYTHON_IGNORES:
            signal.signal(number, signal.SIG_DFL)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        if held.ignores_children:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, held.mask)
        if enter is not None:
            enter()
        try:
            os.execve(launch.executable, launch.argv, env)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            os.execve(b"/bin/sh", (b"sh", launch.executable, *launch.argv[1:]), env)
    except OSError as error:
        os.write(failures, b"%d" % (error.errno or errno.EINVAL))
    finally:
        os._exit(127)


def wait(child: Child) -> Exit:
    """Waits for the command, passing signals on, and stopping and continuing as it does.

    A signal that the terminal or a kill of the whole group sent has reached the command already and is not passed on;
    one that was sent to roar alone is.  When the command stops, roar stops, so that the shell sees the job stop.
    """
    early = set(child.early)
    try:
        while True:
            info = signal.sigwaitinfo(_HELD)
            number = info.si_signo
            if number == signal.SIGCHLD:
                ended = _reap(child)
                if ended is not None:
                    return ended
            elif _is_for_roar_alone(child, info) or number in early:
                early.discard(number)
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(child.pid, number)
    finally:
        child.witness.close()


def _is_for_roar_alone(child: Child, info: signal.struct_siginfo) -> bool:
    """Whether the command has not got a signal that roar has."""
    if child.witness.saw(info.si_signo):
        return False
    # without a witness: the kernel sends to the whole group, but for an alarm(2) from before roar was started
    return info.si_code != _SI_KERNEL or info.si_signo == signal.SIGALRM


def _reap(child: Child) -> Exit | None:
    while True:
        status, usage = _next_status(child)
        if usage is None:
            return None
        if not os.WIFSTOPPED(status):
            return exit_of(status, usage)
        continued = signal.SIGCONT in signal.sigpending() and not child.witness.is_stopping()
        if _is_stopped(child.pid) and not continued:
            _stop(os.WSTOPSIG(status))


def _next_status(child: Child) -> tuple[int, Sequence[float] | None]:
    """A wait status of the command and its resource usage; None for the latter when there is nothing new."""
    if not child.supervisor:
        done, status, usage = os.wait4(child.pid, os.WNOHANG | os.WUNTRACED)
        return status, usage if done else None
    try:
        report = os.read(child.reports, _REPORT.size)
    except BlockingIOError:
        return 0, None
    if not report:
        raise SupervisorLost("the tracer's process was killed")
    _, status, *spent = _REPORT.unpack(report)
    return status, spent


def _is_stopped(pid: int) -> bool:
    """Whether a process is stopped, be it that a debugger or tracer holds it (``t``, proc(5))."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] in b"Tt"
    except OSError:
        return True


def _stop(number: int) -> None:
    """Stops roar by the signal that stopped the command, as the shell shows it; returns when the shell continues the group."""
    if number in STOPS and signal.getsignal(number) == signal.SIG_DFL:
        os.kill(os.getpid(), number)  # is one with a signal from the terminal that is still pending: roar stops once
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (number,))
        signal.pthread_sigmask(signal.SIG_BLOCK, (number,))
    else:
        os.kill(os.getpid(), signal.SIGSTOP)


def exit_of(status: int, usage: Sequence[float] | None = None) -> Exit:
    """The `Exit` of a wait status (wait4(2)) and its resource usage."""
    killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    code = 128 + killed if killed else os.waitstatus_to_exitcode(status)
    if usage is None:
        return Exit(code, killed)
    return Exit(code, killed, usage[0], usage[1], int(usage[2]) * 1024)
