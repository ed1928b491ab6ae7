"""How the end-to-end tests act: runs started and left going, gates at which a command waits, shell lines with and without roar."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROAR = (sys.executable, "-m", "roar")
ROAR_LINE = f"{sys.executable} -m roar"
DEADLINE_S = 60.0
PATIENCE_S = 240.0
"""For what may run at idle priority beside others that take all processors."""


@dataclass(frozen=True)
class Workspace:
    """A git repository and the environment in which commands run in it; the part of tests/conftest.py's that modules share."""

    root: Path
    env: dict[str, str]

    def bash(self, line: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """Runs a line of bash in a session of its own, with ``@`` for what stands before a command."""
        env = {**self.env, **options.pop("env", {})}
        return subprocess.run(
            ["bash", "-c", line],
            cwd=options.pop("cwd", self.root),
            env=env,
            stdin=options.pop("stdin", subprocess.DEVNULL),
            capture_output=True,
            start_new_session=True,
            timeout=PATIENCE_S,
            check=False,
            **options,
        )

    def roar(self, *words: str | bytes, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """Runs roar; the output is bytes."""
        return subprocess.run(
            [*ROAR, *words],
            cwd=options.pop("cwd", self.root),
            env={**self.env, **options.pop("env", {})},
            stdin=options.pop("stdin", subprocess.DEVNULL),
            capture_output=True,
            timeout=options.pop("timeout", PATIENCE_S),
            check=False,
            **options,
        )

    def last_job(self) -> dict[str, Any]:
        """The newest job, whole."""
        listed = json.loads(self.roar("log", "-n", "1", "--json").stdout)["jobs"][0]
        shown: dict[str, Any] = json.loads(self.roar("show", listed["uid"], "--json").stdout)["job"]
        return shown


def make_repository(place: Path, environ: Mapping[str, str]) -> Workspace:
    """A repository with one commit and a workspace in it, below `place`."""
    home, root = place / "home", place / "repo"
    home.mkdir()
    root.mkdir()
    env = {key: value for key, value in environ.items() if not key.startswith(("ROAR_", "GIT_", "XDG_", "LD_PRELOAD"))}
    env |= {
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",  # a signal handler of a test's program may print while it prints
    }
    (home / ".gitconfig").write_text("[user]\n\tname = A\n\temail = a@example.org\n")
    workspace = Workspace(root.resolve(), env)
    (root / "README").write_text("one\ntwo\nthree\n")
    (root / ".gitignore").write_text("out*\n*.log\nscratch/\n")
    for name, content in SCRIPTS.items():
        (root / name).write_bytes(content)
        (root / name).chmod(0o755)
    (root / "plain").write_text("not a program\n")
    (root / "folder").mkdir()
    (root / "folder" / "file").write_text("in a folder\n")
    done = workspace.bash(f"git init -q && git add -A && git commit -qm first && {ROAR_LINE} init")
    assert done.returncode == 0, done.stderr
    return workspace


SCRIPTS = {
    "without-interpreter": b'echo "by sh: $0 $*"\n',
    "missing-interpreter": b"#!/no/such/interpreter\necho hi\n",
    "with-crlf": b"#!/bin/sh\r\necho hi\r\n",
    "script": b'#!/bin/sh\necho "script $*"\nexit 5\n',
    "empty": b"",
}


def until(condition: Callable[[], object], what: str, timeout_s: float = DEADLINE_S) -> None:
    """Waits for a condition; `what` says what did not happen."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.005)


def roars_own(line: bytes) -> bool:
    """Whether a line of stderr is roar's summary."""
    return line.startswith(b"roar: ")


class Gate:
    """A FIFO at which a command waits: ``cat GATE`` in the command, `arrived` and `open` here."""

    def __init__(self, place: Path, name: str = "gate") -> None:
        self.path = place / name
        os.mkfifo(self.path)
        self._fd = -1

    def __str__(self) -> str:
        return str(self.path)

    def arrived(self) -> None:
        """Waits until the command has come to the gate."""

        def try_it() -> bool:
            try:
                self._fd = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError:
                return False
            return True

        until(try_it, "the command did not come to the gate")

    def open(self) -> None:
        """Lets the command go on; its ``read x`` succeeds."""
        os.write(self._fd, b"\n")
        os.close(self._fd)


def contents(directory: Path) -> bytes:
    """Every byte of every file below a directory, and the names."""
    found = b""
    for folder, _, names in os.walk(os.fsencode(directory)):
        for name in names:
            path = os.path.join(folder, name)
            try:
                with open(path, "rb") as file:
                    found += path + b"\0" + file.read(64 << 20) + b"\0"
            except OSError:
                continue
    return found
