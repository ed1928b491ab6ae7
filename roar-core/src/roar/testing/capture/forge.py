"""Runs roar many times at half the cost: each run is a fork of one interpreter that has loaded roar already.

What roar does is the same to the last system call; only starting Python and importing is done once instead of a thousand times.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple, cast

TIMEOUT_S = 240
_MAIN = "from roar.testing.capture.forge import serve; serve()"


class Order(NamedTuple):
    """A run that is wanted."""

    words: Sequence[str]
    """roar's own arguments."""
    directory: str
    stdout: str
    """A file that is made."""
    stderr: str
    opened: Sequence[tuple[int, str, str]] = ()
    """Of `Case.opened`."""


_FLAGS = {
    "<": os.O_RDONLY,
    ">": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    ">>": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    "<>": os.O_RDWR | os.O_CREAT,
}


class Forge:
    """The interpreter that runs are forked from; one run at a time.

    Args:
        env: the environment of all runs.
        directory: where a first run, of ``roar run true``, loads what runs need.
        words: that run's options.
    """

    def __init__(self, env: Mapping[str, str], directory: Path, words: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-P", "-c", _MAIN),
            env=dict(env),
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._send(["run", *words, "true"])

    def run(self, order: Order) -> int:
        """Runs roar; its wait status as an exit code, 128+N for a signal."""
        self._send(order)
        answer = cast(IO[bytes], self._process.stdout).readline()
        if not answer:
            raise RuntimeError(f"the process that starts roar ended: {self._process.wait()}")
        return int(answer)

    def close(self) -> None:
        """Ends the interpreter."""
        self._process.communicate()

    def _send(self, what: object) -> None:
        pipe = cast(IO[bytes], self._process.stdin)
        pipe.write(json.dumps(what).encode() + b"\n")
        pipe.flush()


def serve() -> None:
    """The interpreter's program: takes orders from stdin until it is closed, answers on stdout."""
    orders, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)  # dup'ed ones are close-on-exec
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    _load(json.loads(orders.readline()))
    for line in orders:
        order = Order(*json.loads(line))
        child = os.fork()
        if not child:
            os.close(orders.fileno())
            os.close(answers)
            os.chdir(order.directory)
            for number, sign, path in ((1, ">", order.stdout), (2, ">", order.stderr), *order.opened):
                fd = os.open(path, _FLAGS[sign], 0o666)
                if fd != number:
                    os.dup2(fd, number)
                    os.close(fd)
                os.set_inheritable(number, True)
            _become_roar(order.words)
        _kill_after(TIMEOUT_S, child)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(answers, b"%d\n" % (code if code >= 0 else 128 - code))


def _kill_after(seconds: float, child: int) -> None:
    """Waits until a process has ended, at most so long."""
    descriptor = os.pidfd_open(child)
    try:
        if not select.select([descriptor], [], [], seconds)[0]:
            os.kill(child, signal.SIGKILL)
    finally:
        os.close(descriptor)


def _become_roar(words: Sequence[str]) -> None:
    from roar.__main__ import main

    sys.argv = ["roar", *words]
    code = 1
    try:
        code = main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _load(words: Sequence[str]) -> None:
    """Imports what a run imports, which a run itself tells."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        import roar.__main__ as program

        def tell_and_end(code: int) -> None:
            os.write(write, "\n".join(sys.modules).encode())
            os._exit(code)

        program._end = tell_and_end
        os.dup2(0, 2)  # its summary is nobody's concern
        _become_roar(words)
    os.close(write)
    with os.fdopen(read) as pipe:
        names = pipe.read().split("\n")
    os.waitpid(child, 0)
    for name in names:
        if name and name not in sys.modules and not name.startswith("__"):
            importlib.import_module(name)
