"""The one place where errors become a line on stderr and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from roar.api.errors import RoarError, UsageError
from roar.cli.quick import run_quickly

if TYPE_CHECKING:
    from click import ClickException

    from roar.context import Context

_REFUSED_BY_SYSTEM = {
    errno.ENOSPC: "free some space and try again",
    errno.EDQUOT: "free some space and try again",
    errno.EROFS: "the file system is read-only: work in a copy, or remount it writable",
    errno.EACCES: "check the owner and the permissions: ls -ld",
    errno.EPERM: "check the owner and the permissions: ls -ld",
    errno.EMFILE: "raise the limit of open files: ulimit -n",
    errno.ENFILE: "too many files are open on this machine",
}


class UnknownCommand(UsageError):
    """No command has this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        from difflib import get_close_matches

        near = get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"Did you mean: roar {near[0]}\n" if near else ""
        super().__init__(f"No such command '{name}'.", f"{hint}For the list: roar --help")


def run(args: Sequence[str]) -> int:
    """Runs a command line and turns whatever happens into an exit code.

    Args:
        args: the words after ``roar``; bytes that are not UTF-8 as surrogate escapes.

    Returns:
        The exit code.  A traceback is printed only with ``ROAR_DEBUG=1`` in the environment.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a name never makes printing fail
    from roar.context import Context

    context = Context()
    try:
        code = None if "_ROAR_COMPLETE" in os.environ else run_quickly(args, context)
        if code is None:
            code = _invoke(args, context)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BaseException as error:  # the boundary: nothing may get past it but as a line and a code
        code = _report_somehow(error)
    _tell_plugin_problems(context)
    return _close_streams(code)


def _invoke(args: Sequence[str], context: Context) -> int:
    import click

    from roar.cli.main import group

    if "_ROAR_COMPLETE" in os.environ:
        group.main(list(args), "roar", complete_var="_ROAR_COMPLETE")
    try:
        with group.make_context("roar", list(args), obj=context) as click_context:
            answer = group.invoke(click_context)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        return _report_click(error)
    except click.Abort:
        _say("Aborted.")
        return 1
    return answer if isinstance(answer, int) else 0


def _report_click(error: ClickException) -> int:
    import click

    message = error.format_message().strip()
    first, *rest = message.splitlines() or [""]
    lines = [line.strip() for line in rest if line.strip()]
    if isinstance(error, click.UsageError) and error.ctx is not None:
        lines.append(f"Try: {error.ctx.command_path} --help")
    _say("\n".join([f"Error: {_printable(first)}", *map(_printable, lines)]))
    return error.exit_code


def _report_somehow(error: BaseException) -> int:
    try:
        return _report(error)
    except (OSError, MemoryError) as worse:  # not even the words could be loaded: of the two, this is the cause
        reason = worse.strerror if isinstance(worse, OSError) else "Out of memory"
        fix = _REFUSED_BY_SYSTEM.get(getattr(worse, "errno", 0) or 0)
        _say(f"Error: {reason}" + (f"\nFix: {fix}" if fix else ""))
        return 1


def _report(error: BaseException) -> int:
    if os.environ.get("ROAR_DEBUG") == "1" and not isinstance(error, SystemExit | BrokenPipeError):
        import traceback

        _say("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, KeyboardInterrupt):
        return 130
    if isinstance(error, BrokenPipeError):
        return 0
    if isinstance(error, RoarError):
        _say(error_text(error))
        return error.exit_code
    if isinstance(error, OSError) and error.errno is not None:
        _say(_os_error_text(error))
    elif isinstance(error, MemoryError):
        _say("Error: roar ran out of memory.")
    elif isinstance(error, RecursionError | Exception):
        _say(_defect_text(error))
    return 1


def error_text(error: RoarError) -> str:
    """What is printed for an error: ``Error: <message>`` and, on lines of its own, the fix."""
    lines = [f"Error: {_printable(error.message, keep_lines=True)}"]
    if error.fix:
        lines.append(_printable(error.fix, keep_lines=True))
    return "\n".join(lines)


def _os_error_text(error: OSError) -> str:
    reason = error.strerror or str(error)
    names = [_printable(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    text = f"Error: {reason[:1].upper()}{reason[1:]}" + (f": {' -> '.join(names)}" if names else "")
    fix = _REFUSED_BY_SYSTEM.get(error.errno or 0)
    return f"{text}\nFix: {fix}" if fix else text


def _defect_text(error: BaseException) -> str:
    what = " ".join(str(error).split())
    name = f"{type(error).__name__}: {what}" if what else type(error).__name__
    plugin = _plugin_of(error)
    who = f"the plugin {plugin}" if plugin else "roar"
    return f"Error: {who} failed unexpectedly: {_printable(name)}\nFor the details, set ROAR_DEBUG=1 and repeat the command."


def _plugin_of(error: BaseException) -> str | None:
    """The top-level package that raised it, when it belongs neither to roar, nor to a library that roar calls itself."""
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    entered: str | None = None
    trace = error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        is_ours = os.path.abspath(trace.tb_frame.f_code.co_filename).startswith(ours + os.sep)
        if not is_ours and module.partition(".")[0] not in _LIBRARIES:
            entered = entered or module.partition(".")[0]
        trace = trace.tb_next
    return entered


_LIBRARIES = frozenset(sys.stdlib_module_names) | {
    "__main__", "blake3", "click", "peewee", "playhouse", "pluggy", "psycopg", "roar", "tomlkit",
}  # fmt: skip


def _tell_plugin_problems(context: Context) -> None:
    """Plugins that could not be used, once a command, if the command loaded any."""
    plugins = context.__dict__.get("plugins")
    for plugin, reason in getattr(plugins, "problems", ()):
        _say(
            f"roar: plugin {_printable(str(plugin))}: {_printable(str(reason))} (roar goes on without it; see: roar plugins)"
        )


def _printable(text: str | bytes, keep_lines: bool = False) -> str:
    from roar.render.text import printable

    if keep_lines and isinstance(text, str):
        return "\n".join(printable(line) for line in text.split("\n"))
    return printable(text)


def _say(text: str) -> None:
    """Writes to stderr, if there is one."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def stdout_failed(error: OSError) -> int:
    """What to do when stdout takes no more: nothing for a reader that has gone away, else an error.  Returns the exit code."""
    _abandon(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return 0
    _say(f"Error: can't write to stdout: {error.strerror}")
    return 1


def _close_streams(code: int) -> int:
    """Flushes stdout, so that an error shows in the exit code and not as a complaint of the interpreter's."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        return stdout_failed(error) or code
    return code


def _abandon(stream: object) -> None:
    """Points the stream's descriptor to nowhere, so that the interpreter's own flush at exit succeeds."""
    fileno = getattr(stream, "fileno", None)
    if fileno is not None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, fileno())
        os.close(null)
