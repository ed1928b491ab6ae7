"""Deciding on a run: the command, the state of the repository, the tracer.  Nothing is written and nothing is started here."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from roar.api.errors import CommandNotExecutable, CommandNotFound, UsageError
from roar.api.plan import Plan
from roar.api.records import GitState, JobKind
from roar.api.storage import JobQuery
from roar.context import Context
from roar.tracing.select import Selection, select
from roar.workspace.dirt import classify, refusal
from roar.workspace.git import GitQuery, GitStatus
from roar.workspace.secrets import Redactor, workspace_key
from roar.workspace.variables import load

if TYPE_CHECKING:
    from roar.plugins.observers import Observers
    from roar.workspace.patch import Patch


class RunOptions(NamedTuple):
    """What the user asked for."""

    command: tuple[bytes, ...]
    kind: JobKind = "run"
    tracer: str | None = None
    allow_dirty: bool = False
    name: str | None = None
    labels: Mapping[str, str] = {}
    parameters: Mapping[str, Any] = {}
    quiet: bool = False
    hashing: bool = True
    algorithm: str | None = None
    """Instead of ``hash.primary``."""
    no_inputs_over: int | None = None
    """Inputs larger than this many bytes aren't hashed; None: as ``hash.no_inputs_over`` says."""


class Planned(NamedTuple):
    """A run that can be started."""

    plan: Plan
    executable: bytes
    selection: Selection
    requested: str
    """The tracer that was asked for, or ``auto``."""
    redactor: Redactor
    notes: tuple[str, ...]
    """For the record: what the user should know of its making."""
    variables: Mapping[str, str] = {}
    """Of the workspace, for the command's environment."""


def find_executable(word: bytes, path: bytes | None) -> bytes:
    """What a shell would execute for the first word of a command.

    Args:
        word: a name to be looked up, or a path (with a slash).
        path: the value of PATH.

    Raises:
        CommandNotFound: exit code 127.
        CommandNotExecutable: exit code 126.
    """
    shown = os.fsdecode(word)
    if b"/" in word:
        if not os.path.lexists(word):
            raise CommandNotFound(f"command not found: {shown}", "Check the path.")
        if os.path.isdir(word):
            raise CommandNotExecutable(f"command is a directory: {shown}", "Name a program.")
        if not os.access(word, os.X_OK):
            if not os.path.exists(word):
                raise CommandNotFound(f"command not found: {shown} (a dangling symbolic link)", "Check the path.")
            raise CommandNotExecutable(f"command is not executable: {shown}", f"Run: chmod +x {shown}")
        return word
    found_other = b""
    for directory in (path if path is not None else os.fsencode(os.defpath)).split(b":"):
        candidate = (directory or b".") + b"/" + word
        if os.path.isfile(candidate):
            if os.access(candidate, os.X_OK):
                return candidate
            found_other = candidate
    if found_other:
        raise CommandNotExecutable(
            f"command is not executable: {os.fsdecode(found_other)}", f"Run: chmod +x {os.fsdecode(found_other)}"
        )
    fix = f"Did you mean: roar run ./{shown}" if os.path.exists(word) else "Check the spelling, or install it."
    raise CommandNotFound(f"command not found: {shown}", fix)


def make_plan(context: Context, options: RunOptions, inherited: Collection[bytes] = ()) -> Planned:
    """Decides on a run.

    Args:
        context: the workspace's parts.
        options: what the user asked for.
        inherited: files that the command inherits open for writing.

    Raises:
        RoarError: NotInitialized, NotInGit, DirtyTree, CommandNotFound, CommandNotExecutable, PreflightFailed, Refused …
    """
    if not options.command:
        raise UsageError("no command given.", "Try: roar run COMMAND [ARG]...")
    if not options.command[0]:
        raise CommandNotFound("command not found: ''", "The first word is empty: is a variable unset?")
    workspace = context.workspace
    try:
        cwd = os.getcwdb()
    except FileNotFoundError:
        raise CommandNotFound("the working directory no longer exists.", "Run: cd ..") from None
    query = GitQuery.start(workspace.root, Path(os.fsdecode(cwd)))
    # while git looks at the tree:
    variables = load(workspace.roar_dir)
    path = os.fsencode(variables["PATH"]) if "PATH" in variables else os.environb.get(b"PATH")
    executable = find_executable(options.command[0], path)
    config = context.config
    config.check()
    requested = options.tracer or str(config.get("tracer.default"))
    selection = select(context.plugins, requested, options.command)
    redactor = Redactor(os.environ, workspace_key(workspace.roar_dir))
    words = redactor.words([os.fsdecode(word) for word in options.command])
    status = query.result()
    git, notes = _git_state(context, options, status, redactor, inherited)
    observers = context.plugins.observers
    if observers is not None and observers.implement("roar_redact"):
        words = tuple(redacted(observers, "command", word) for word in words)
        if git.remote is not None:
            git = git._replace(remote=redacted(observers, "remote", git.remote))
    uid = os.urandom(16).hex()
    plan = Plan(
        uid=uid,
        kind=options.kind,
        command=options.command,
        redacted=words,
        cwd=os.path.realpath(cwd),
        root=os.fsencode(workspace.root),
        name=redactor.text(options.name) if options.name else None,
        labels={key: redactor.text(value) for key, value in options.labels.items()},
        parameters=_parameters(options.parameters, redactor),
        tracer=selection.name,
        git=git,
        changed=tuple(change.path for change in status.changes if change.kind != "untracked"),
        started_ns=time.time_ns(),
        run_dir=workspace.runs_dir / uid,
        inherited=tuple(inherited),
    )
    if observers is not None:
        observers.roar_before_run(plan=plan)
    return Planned(plan, executable, selection, requested, redactor, notes, variables)


def _parameters(value: Any, redactor: Redactor, name: str = "") -> Any:
    """Parameters without their secrets: as words ``--name value`` of a command would be."""
    if isinstance(value, Mapping):
        return {key: _parameters(item, redactor, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_parameters(item, redactor, name) for item in value]
    if isinstance(value, str):
        return redactor.words([f"--{name}", value])[1] if name else redactor.text(value)
    return value


def redacted(observers: Observers, field: str, value: str) -> str:
    """What the observers leave of a value; see the hook `roar_redact`."""
    answers = observers.roar_redact(field, value)
    return answers[-1] if answers else value


def _git_state(
    context: Context, options: RunOptions, status: GitStatus, redactor: Redactor, inherited: Collection[bytes]
) -> tuple[GitState, tuple[str, ...]]:
    """The repository's state, and what the patch of a dirty one leaves out, as notes."""
    patch: Patch | None = None
    notes: tuple[str, ...] = ()
    if status.changes:
        dirt = classify(status.changes, lambda paths: _generated(context, paths, inherited), status.root)
        if dirt.blocking:
            if not options.allow_dirty:
                words = redactor.words([os.fsdecode(word) for word in options.command])
                raise refusal(dirt, words, options.kind)
            patch = _patch(context, status, frozenset(dirt.blocking))
            if patch.omitted:
                names = ", ".join(os.fsdecode(path) for path in patch.omitted[:3])
                more = f" and {len(patch.omitted) - 3} more" if len(patch.omitted) > 3 else ""
                notes = (f"the patch leaves out {names}{more} (limits: run.patch_limit, run.patch_file_limit)",)
    dirty = patch is not None
    git = GitState(status.commit, status.branch, status.remote, status.root, status.cwd, dirty, patch)
    return git, notes


def _generated(context: Context, paths: list[bytes], inherited: Collection[bytes]) -> set[bytes]:
    """Those paths that jobs of the active session made or are making, be it that a filter dropped them from the record."""
    from roar.run.others import in_the_making
    from roar.run.recover import recover

    found = {path for path in paths if path in inherited}  # the shell's `>`, opened before roar was started
    found |= _recorded(context, set(paths) - found)
    rest = set(paths) - found
    if rest:
        # runs first, then the record again: one that ends in between is in one of the two
        found |= in_the_making(context.workspace.runs_dir, rest, context.plugins.tracers())
        recover(context)
        found |= _recorded(context, rest - found)
    return found


def _recorded(context: Context, paths: set[bytes]) -> set[bytes]:
    if not paths or not (context.config.get("storage.url") or (context.workspace.roar_dir / "roar.db").exists()):
        return set()
    storage = context.storage(read_only=True)
    try:
        found = storage.generated(paths)
        rest = paths - found
        session = storage.active_session()
        for job in storage.jobs(JobQuery(session=session.id)) if rest else ():
            if job.filtered:
                made = {path for _, path, direction in storage.filtered(job.id) if direction == "output"}
                found |= rest & made
                rest -= made
                if not rest:
                    break
        return found
    finally:
        storage.close()


def _patch(context: Context, status: GitStatus, blocking: frozenset[bytes]) -> Patch:
    from roar.workspace.patch import patch

    config = context.config
    new = [change.path for change in status.changes if change.kind == "untracked" and change.path in blocking]
    return patch(Path(os.fsdecode(status.root)), new, config.get("run.patch_limit"), config.get("run.patch_file_limit"))
