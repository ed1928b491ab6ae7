"""A trial run by each way: ``python -m roar_tracer_ptrace.trial WAY…`` prints why each failed, empty where it works, as JSON."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from roar.api.errors import PreflightFailed
from roar.api.process import Launch
from roar_tracer_ptrace.tracer import PtraceTracer
from roar_tracer_ptrace.ways import Way

_SHELL = b"/bin/sh"


def main(names: list[str]) -> int:
    """Tries the ways of these names."""
    print(json.dumps({name: _try(Way[name]) for name in names}))
    return 0


def _try(way: Way) -> str:
    """Has a file read by a command; why it wasn't seen, or empty."""
    file = os.fsencode(__file__)
    tracer = type("Trial", (PtraceTracer,), {"ways": (way,)})
    launch = Launch((b"sh", b"-c", b'exec cat "$0" > /dev/null', file), _SHELL, dict(os.environb), os.getcwdb())
    try:
        with tempfile.TemporaryDirectory(prefix="roar-preflight-") as journal:
            traced = tracer().start(launch, Path(journal))
            ended = traced.wait()
            events = list(traced.events())
            traced.finish()
    except PreflightFailed as failed:
        return failed.why.removeprefix(f"{way}: ")
    except Exception as error:  # whatever it is, the preflight shows it
        return f"{type(error).__name__}: {error}"
    if os.path.realpath(file) in {event.path for event in events}:
        return ""
    why = ", ".join(dict.fromkeys(event.reason for event in events if event.reason)) or f"exit code {ended.code}"
    return f"a file that was read was not seen ({why})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
