"""Long answers on a terminal go through a pager, all others straight to stdout."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import chain

from roar.render.look import Look


def page(lines: Iterable[str], look: Look) -> None:
    """Prints lines, through ``$PAGER`` when stdout is a terminal that they don't fit on.

    Lines are taken from the iterable as they are needed, so that a reader that stops early costs nothing more.

    Args:
        lines: without line ends; may hold colours.
        look: of stdout.
    """
    source = iter(lines)
    if sys.stdout is None:
        return
    if not look.terminal or not _is_terminal_at_stdin():
        _write(source)
        return
    screen = _screenful(source, look)
    command = _pager()
    if len(screen) < max(look.height - 1, 1) or command is None:
        _write(chain(screen, source))
        return
    _through(command, chain(screen, source))


def _screenful(source: Iterator[str], look: Look) -> list[str]:
    from itertools import islice

    return list(islice(source, max(look.height - 1, 1)))


def _write(lines: Iterable[str]) -> None:
    write = sys.stdout.write
    for line in lines:
        write(line + "\n")


def _is_terminal_at_stdin() -> bool:
    try:
        return os.isatty(0)
    except OSError:
        return False


def _pager() -> str | None:
    """``$ROAR_PAGER``, ``$PAGER`` or less; None for none (``PAGER=cat``, ``PAGER=``, a dumb terminal, no less)."""
    chosen = os.environ.get("ROAR_PAGER", os.environ.get("PAGER"))
    if chosen is None:
        from shutil import which

        chosen = "less -R" if which("less") and os.environ.get("TERM", "dumb") != "dumb" else ""
    return None if chosen.strip() in ("", "cat") else chosen


def _through(command: str, lines: Iterable[str]) -> None:
    import signal
    import subprocess

    environment = {"LESS": "FRX", **os.environ}
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is for the pager, which outlives it
    try:
        with subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.PIPE, env=environment) as pager:
            assert pager.stdin is not None  # noqa: S101 - for the type checker: it was asked for
            with contextlib.suppress(BrokenPipeError):  # the user has seen enough
                for line in lines:
                    pager.stdin.write((line + "\n").encode(sys.stdout.encoding or "utf-8", "backslashreplace"))
                pager.stdin.close()
    finally:
        signal.signal(signal.SIGINT, before)
