"""Runs a command under the tracer in a process of its own: python driver.py JOURNAL RESULT COMMAND…

The events are asked for while the command runs and once after; they, the exit and the coverage go to RESULT as a pickle.
DRIVER_GRACE_S is how long it waits for what outlives the command by a moment.  With DRIVER_GATE it opens that pipe for a
moment when the first thousand events have come.
"""

from __future__ import annotations

import os
import pickle
import shutil
import sys
import threading
from pathlib import Path

from roar.api.process import Launch
from roar_tracer_preload import tracer
from roar_tracer_preload.tracer import PreloadTracer


def main(journal: Path, result: Path, command: list[str]) -> None:
    tracer._GRACE_S = float(os.environ.get("DRIVER_GRACE_S", tracer._GRACE_S))
    executable = shutil.which(command[0]) or command[0]
    launch = Launch(tuple(map(os.fsencode, command)), os.fsencode(executable), dict(os.environb), os.getcwdb())
    traced = PreloadTracer().start(launch, journal)
    events, ended = [], threading.Event()
    gates = [os.environ["DRIVER_GATE"]] if "DRIVER_GATE" in os.environ else []

    def follow() -> None:
        while not ended.wait(0.005):
            events.extend(traced.events())
            if gates and len(events) > 1000:
                open(gates.pop(), "w").close()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    done = traced.wait()
    ended.set()
    thread.join()
    early = len(events)
    events.extend(traced.events())
    result.write_bytes(pickle.dumps((events, done, traced.finish(), early)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
