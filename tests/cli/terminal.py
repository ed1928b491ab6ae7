"""Answering the questions of a `roar` that runs on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Sequence

from cli.recorder import Recorder


def answer(recorder: Recorder, words: Sequence[str], *answers: bytes) -> tuple[int, str]:
    """Runs `roar` on a terminal and types an answer to each question; gives the exit code and what was shown."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "roar", *words],
        cwd=recorder.root,
        env=recorder.env,
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
        try:
            while chunk := os.read(master, 1024):
                shown += chunk
        except OSError:  # the terminal is gone with the process
            pass
    os.close(master)
    return roar.returncode, shown.decode()
