"""One run from beginning to end: plan, journal, launch, collect, conclude, record."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roar.api.errors import CommandNotExecutable, CommandNotFound, PreflightFailed, RoarError
from roar.api.plan import Plan
from roar.api.process import Exit, Launch
from roar.api.records import Recorded
from roar.api.tracer import Coverage, Traced
from roar.context import Context
from roar.run import journal
from roar.run.collect import Collector
from roar.run.conclude import Concluded, Ending, conclude
from roar.run.filetimes import coarse_ns
from roar.run.hashing import Hashing
from roar.run.inherited import Inherited
from roar.run.known import known
from roar.run.plan import Planned, RunOptions, make_plan, redacted
from roar.run.rundir import RunDir
from roar.tracing.select import AUTO, select

if TYPE_CHECKING:
    from roar.run.lookups import Lookups

_GIVING_UP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def execute(context: Context, options: RunOptions) -> int:
    """Runs a command and records it.

    Args:
        context: the workspace's parts.
        options: what the user asked for.

    Returns:
        The exit code for roar: the command's own, whatever became of the record.

    Raises:
        RoarError: the command was not started.
    """
    inherited = Inherited()
    planned = make_plan(context, options, inherited.written)
    config = context.config
    quiet = options.quiet or bool(config.get("output.quiet"))
    hashing = Hashing.of(context, options.hashing, options.algorithm, options.no_inputs_over)
    tells = not quiet and not inherited.is_stderr_file()
    run = _Run(context, planned, hashing, inherited, tells)
    if planned.selection.note and tells:
        _say(f"roar: {planned.selection.note}")
    exit = run.start_and_wait()
    try:
        concluded, recorded = run.record(exit)
    except RoarError as error:
        _say(f"Error: the run was not recorded: {error.message}")
        if error.fix:
            _say(error.fix)
        _say(run.remains)
    except BaseException as error:
        if os.environ.get("ROAR_DEBUG") == "1":
            raise
        # whatever it is, the command's own status wins (RUN-3), and the run directory is left for recovery
        _say(f"Error: the run was not recorded: {type(error).__name__}: {error} (ROAR_DEBUG=1 shows where)")
        _say(run.remains)
    else:
        if not quiet and not any(inherited.is_stderr(edge.path) for edge in concluded.record.outputs):
            note = run.note
            _summarise(context, concluded, recorded, told=(note,) if tells and note else ())
        _recover_others(context)
    return exit.code


class _Run:
    """A run that was planned."""

    def __init__(self, context: Context, planned: Planned, hashing: Hashing, inherited: Inherited, tells: bool) -> None:
        self._context = context
        self._tells = tells
        self._planned = planned
        self._hashing = hashing
        self._inherited = inherited
        plan = planned.plan
        self._digester = hashing.digester()
        self._collector = Collector(
            plan.root,
            coarse_ns(os.uname().release),
            self._digester,
            hashing.inputs,
            hashing.outputs,
            hashing.no_inputs_over,
            lambda files: known(context, files, hashing.inputs),
        )
        self._environment: dict[str, Any] = {}
        self._lookups: Lookups | None = None
        streams = inherited.streams()
        if streams:
            self._environment["streams"] = streams
        self._ended_ns = 0
        self._traced: Traced
        self._run_dir: RunDir

    def start_and_wait(self) -> Exit:
        """Starts the command and waits for its end.  Raises RoarError when it could not be started."""
        plan = self._planned.plan
        launch = Launch(plan.command, self._planned.executable, _environment(self._planned.variables), plan.root)
        try:
            self._run_dir = RunDir.create(plan.run_dir.parent, plan.uid, journal.encode(plan))
        except OSError as error:
            raise _no_run_directory(plan.run_dir.parent, error) from error
        self._collector.take(self._inherited.before())
        try:
            self._traced = self._start(launch)
        except OSError as error:
            self._run_dir.remove()
            raise _not_started(plan, error) from error
        except BaseException:  # whatever it is, it goes on; only nothing half done is left
            self._run_dir.remove()
            raise
        self._inherited.let_go()
        self._collector.start(self._traced, self._beside)
        exit = self._traced.wait()
        self._ended_ns = time.time_ns()
        self._run_dir.note_exit(exit, self._ended_ns)
        return exit

    def _start(self, launch: Launch) -> Traced:
        """Starts the command under the tracer; with ``auto``, under the next one when it fails all the same (TRC-7)."""
        failures: dict[str, PreflightFailed] = {}
        while True:
            selection = self._planned.selection
            try:
                return selection.tracer().start(launch, self._run_dir.journal)
            except PreflightFailed as failure:
                if self._planned.requested != AUTO:
                    raise
                failures[selection.name] = failure
                following = select(self._context.plugins, AUTO, launch.argv, failures)
            plan = self._planned.plan._replace(tracer=following.name)
            self._planned = self._planned._replace(plan=plan, selection=following)
            try:
                self._run_dir.begin_again(journal.encode(plan))
            except OSError as error:
                raise _no_run_directory(plan.run_dir.parent, error) from error
            if following.note and self._tells:
                _say(f"roar: {following.note}")

    @property
    def note(self) -> str | None:
        """Why the tracer is another than the best one."""
        return self._planned.selection.note

    @property
    def remains(self) -> str:
        """What became of a run that could not be recorded."""
        if self._run_dir.path.exists():
            return "What was seen is kept; the next roar command records it."
        if self._run_dir.was_left:
            return "What was seen is kept in .roar, which was moved while the command ran; the next roar command there records it."
        return "What was seen is lost: .roar was removed while the command ran."

    def _beside(self) -> None:
        """What is done while the command runs."""
        from roar.run import environment  # noqa: F401 - needed at the end, as is the next, and now there is time
        from roar.run.hardware import system
        from roar.run.lookups import Lookups

        self._lookups = Lookups.of_user()
        allow = self._context.config.get("env.allow")
        own = self._planned.variables
        recorded = self._planned.redactor.environment({**os.environ, **own}, [*allow, *own])
        observers = self._context.plugins.observers
        if observers is not None and observers.implement("roar_redact"):
            for name, value in recorded.items():
                if isinstance(value, str):
                    recorded[name] = redacted(observers, f"env:{name}", value)
        self._environment["variables"] = recorded
        self._environment["system"] = system()
        if observers is not None:
            observers.roar_run_started(plan=self._planned.plan, pid=self._traced.pid)

    def record(self, exit: Exit) -> tuple[Concluded, Recorded]:
        """Concludes and records the run.  Raises whatever went wrong; the run directory is then left as it is."""
        context, planned = self._context, self._planned
        try:
            self._collector.halt()
            self._collector.take(self._traced.events())
            coverage = self._traced.finish()
            self._collector.take(self._inherited.after())
            concluded = conclude(
                context,
                planned.plan,
                self._collector,
                self._digester,
                self._hashing,
                self._ending(exit, coverage),
                _wants_to_go,
            )
            storage = context.storage(read_only=False)
            try:
                recorded = storage.record(concluded.record)
            finally:
                storage.close()
        except BaseException:  # whatever it is, it goes on; only nothing half done is left
            self._run_dir.release()
            raise
        self._run_dir.remove()
        observers = context.plugins.observers
        if observers is not None:
            observers.roar_run_recorded(job=concluded.record, recorded=recorded)
        return concluded, recorded

    def _ending(self, exit: Exit, coverage: Coverage) -> Ending:
        selection = self._planned.selection
        return Ending(
            exit=exit,
            ended_ns=self._ended_ns,
            status="ok" if exit.code == 0 else "failed",
            coverage=coverage,
            tracer_version=self._context.plugins.tracer_version(selection.name),
            environment=self._environment,
            notes=(*((selection.note,) if selection.note else ()), *self._planned.notes),
            lookups=self._lookups,
        )


def _environment(variables: Mapping[str, str]) -> dict[bytes, bytes]:
    """The environment that roar was given, with the workspace's variables.

    Python itself adds LC_CTYPE where the locale is C (PEP 538); the block that the kernel keeps of the start tells.
    """
    environment = dict(os.environb)
    if b"LC_CTYPE" in environment:
        try:
            with open("/proc/self/environ", "rb") as file:
                if not any(entry.startswith(b"LC_CTYPE=") for entry in file.read().split(b"\0")):
                    del environment[b"LC_CTYPE"]
        except OSError:  # no /proc
            pass
    return environment | {os.fsencode(name): os.fsencode(value) for name, value in variables.items()}


def _no_run_directory(runs: Path, error: OSError) -> RoarError:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return RoarError(f"{runs} is not a directory: runs are kept there.", f"Move it away: mv {runs} {runs}.old")
    fix = "Free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "Check its permissions"
    return RoarError(
        f"the run directory can't be made: {error.strerror}: {runs}", f"{fix}: df -h {runs}; ls -ld {runs}"
    )


def _not_started(plan: Plan, error: OSError) -> RoarError:
    name = os.fsdecode(plan.command[0])
    if isinstance(error, FileNotFoundError):
        return CommandNotFound(f"command not found: {name} (its interpreter is missing)", "Check its first line.")
    return CommandNotExecutable(f"command can't be executed: {name}: {error.strerror}")


def _wants_to_go() -> bool:
    """Whether the user asked roar to end while it records: the signals are held back since the start of the command."""
    return not signal.sigpending().isdisjoint(_GIVING_UP)


def _recover_others(context: Context) -> None:
    """Records runs that an earlier roar did not live to record; whatever is wrong with them is not this run's matter."""
    from roar.run.recover import recover
    from roar.run.rundir import candidates

    if candidates(context.workspace.runs_dir):
        with contextlib.suppress(RoarError, OSError):
            recover(context)


def _summarise(context: Context, concluded: Concluded, recorded: Recorded, told: tuple[str, ...]) -> None:
    from roar.render.summary import summary

    hints = bool(context.config.get("hints.enabled"))
    _say(summary(concluded.record, recorded, hints, concluded.blocking, told))


def _say(text: str) -> None:
    """Writes to stderr, which may be closed or broken: that is nobody's fault and stops nothing."""
    try:
        sys.stderr.write(text.rstrip("\n") + "\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass
