"""Runs many commands one after the other under a tracer: python driver.py TRACER JOURNALS < commands > what the waits said.

Each line of the input is a command for sh; each line of the output an exit code and a signal.  The rest of roar is left out,
so that every exit code and every signal can be tried.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from roar.api.process import Launch
from roar.plugins import Plugins


def main(name: str, journals: Path) -> None:
    tracer = Plugins().tracers()[name]
    for number, line in enumerate(sys.stdin.read().splitlines()):
        journal = journals / str(number)
        journal.mkdir(mode=0o700, parents=True)
        launch = Launch((b"sh", b"-c", os.fsencode(line)), b"/bin/sh", dict(os.environb), os.getcwdb())
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        traced = tracer().start(launch, journal)
        exit = traced.wait()
        signal.pthread_sigmask(
            signal.SIG_SETMASK, mask
        )  # roar starts one command only, and holds signals back to its end
        for _ in traced.events():
            pass
        traced.finish()
        print(exit.code, exit.signal, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
