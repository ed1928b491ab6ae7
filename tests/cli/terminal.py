"""A `roar` that runs on a terminal: what it shows there, and answers to its questions."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from collections.abc import Sequence

from cli.recorder import Recorder


def on_terminal(
    recorder: Recorder, words: Sequence[str], *answers: bytes, rows: int = 40, width: int = 100, **env: str
) -> tuple[int, str]:
    """Runs `roar` on a terminal of a size and types an answer to each question; the exit code and what was shown."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (rows, width))
    with subprocess.Popen(
        [sys.executable, "-m", "roar", *words],
        cwd=recorder.root,
        env={**recorder.env, "TERM": "xterm", **env},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    ) as roar:
        os.close(slave)
        shown = b""
        for number, text in enumerate(answers, 1):
            while shown.count(b"[y/N]") < number:
                shown += os.read(master, 1024)
            os.write(master, text)
        shown += _rest(master)
    os.close(master)
    return roar.returncode, shown.decode().replace("\r\n", "\n")


def _rest(master: int) -> bytes:
    """What comes until the other side is closed, which is EIO.

    One more look is needed: when the last words come while the kernel is between two looks of its own, it says EIO with them
    still on their way (n_tty_read).
    """
    shown = b""
    ends = 0
    while ends < 2:
        try:
            shown += os.read(master, 65536)
        except OSError:
            ends += 1
    return shown
