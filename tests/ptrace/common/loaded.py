"""The ptrace tracer by two ways; its own process leaves the names of its modules in the directory that LOADED names, at its end."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, ClassVar

from roar_tracer_ptrace.tracer import PtraceTracer
from roar_tracer_ptrace.ways import Way

if "LOADED" in os.environ:  # in the driver, not where the tests are
    import atexit

    from roar_tracer_ptrace import supervisor

    _supervise = supervisor.supervise
    _folder = Path(os.environ["LOADED"])

    def _tell(who: str) -> None:
        (_folder / who).write_text("\n".join(sys.modules))

    def _supervise_and_tell(*words: Any) -> None:
        _supervise(*words)
        _tell("tracer")

    supervisor.__dict__["supervise"] = _supervise_and_tell
    atexit.register(_tell, "roar")


class Listening(PtraceTracer):
    """By the listener."""

    name: ClassVar[str] = "ptrace-listening"
    ways: ClassVar[tuple[Way, ...]] = (Way.LISTENER,)


class Stopping(PtraceTracer):
    """By stops."""

    name: ClassVar[str] = "ptrace-stopping"
    ways: ClassVar[tuple[Way, ...]] = (Way.FILTER,)
