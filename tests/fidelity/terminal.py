"""A pseudo-terminal with a real interactive bash, to type at and read from."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

_PROMPT = b"<%d>"
_RC = "export -n PS1; PS1='<$?>'; PS2=; PROMPT_COMMAND=; bind 'set enable-bracketed-paste off' 2>/dev/null; stty -echo"
DEADLINE_S = 60.0


class Terminal:
    """bash on a terminal of its own, with job control; ``run`` gives what a command printed and its exit code."""

    def __init__(self, cwd: Path, env: Mapping[str, str], rows: int = 30, columns: int = 200) -> None:
        self._buffer = b""
        self.pid, self.master = os.forkpty()
        if not self.pid:
            try:
                os.chdir(cwd)
                os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], {**env, "TERM": "xterm"})
            finally:
                os._exit(127)
        self.resize(rows, columns)
        self.type(f" {_RC}\n")
        self.prompt()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self.master)  # hangs up: bash and its jobs get SIGHUP
        end = time.monotonic() + 5
        while not os.waitpid(self.pid, os.WNOHANG)[0]:
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                return
            time.sleep(0.005)

    def resize(self, rows: int, columns: int) -> None:
        """Changes the window's size, as a window manager does."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str | bytes) -> None:
        """Types."""
        os.write(self.master, text if isinstance(text, bytes) else text.encode())

    def expect(self, pattern: str, timeout_s: float = DEADLINE_S) -> re.Match[bytes]:
        """Reads until the pattern appears; what is before and in it is consumed."""
        wanted = re.compile(pattern.encode(), re.DOTALL)
        end = time.monotonic() + timeout_s
        while not (found := wanted.search(self._buffer)):
            left = end - time.monotonic()
            assert left > 0, f"{pattern!r} did not appear in {self._buffer!r}"
            if select.select([self.master], [], [], left)[0]:
                try:
                    self._buffer += os.read(self.master, 65536)
                except OSError as error:
                    raise AssertionError(f"the shell ended; {pattern!r} not in {self._buffer!r}") from error
        self._buffer = self._buffer[found.end() :]
        return found

    def prompt(self) -> tuple[str, int]:
        """Waits for the shell's prompt: (what was printed before it, the last exit code)."""
        found = self.expect(r"^(.*?)<(\d+)>$")
        return found[1].decode("utf-8", "replace").replace("\r\n", "\n"), int(found[2])

    def run(self, line: str) -> tuple[str, int]:
        """Types a line and waits for the prompt."""
        self.type(line + "\n")
        return self.prompt()

    @property
    def foreground(self) -> int:
        """The process group in the foreground."""
        return os.tcgetpgrp(self.master)
