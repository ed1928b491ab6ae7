"""`roar run COMMAND…` without options but `--quiet` and `--tracer`, the common case, without a parser."""

from __future__ import annotations

from collections.abc import Sequence
from os import fsencode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roar.api.records import JobKind
    from roar.context import Context


def run_quickly(args: Sequence[str], context: Context) -> int | None:
    """Runs the command when the words are `run` or `build` and a command, without options but `--quiet` and `--tracer`.

    Does exactly what `roar.cli.run` does then, without the 15 ms that importing click takes.

    Args:
        args: the words after ``roar``.
        context: of the invocation.

    Returns:
        The exit code; None when the words need parsing, and then nothing was done.

    Raises:
        RoarError: as `roar.run.execute.execute`.
    """
    if len(args) < 2 or args[0] not in ("run", "build"):
        return None
    words = args[1:]
    quiet, tracer = False, None
    while words:
        option, _, value = words[0].partition("=")
        if words[0] in ("-q", "--quiet"):
            quiet, words = True, words[1:]
        elif option == "--tracer" and value:
            tracer, words = value, words[1:]
        elif words[0] == "--tracer" and len(words) > 1 and words[1][:1] not in ("-", ""):
            tracer, words = words[1], words[2:]
        else:
            break
    marked = words[:1] == ["--"]
    if marked:
        words = words[1:]
    if not words or words[0][:1] in ("@", "") or (words[0].startswith("-") and not marked):
        return None
    from roar.run.execute import execute
    from roar.run.plan import RunOptions

    command = tuple(fsencode(word) for word in words)
    kind: JobKind = "build" if args[0] == "build" else "run"
    return execute(context, RunOptions(command=command, kind=kind, tracer=tracer, quiet=quiet))
