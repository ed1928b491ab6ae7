"""The ptrace tracer with a loop in C that was built elsewhere: LIBRARY says where."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from roar_tracer_ptrace.stop import accelerated
from roar_tracer_ptrace.tracer import PtraceTracer
from roar_tracer_ptrace.ways import Way

if "LIBRARY" in os.environ:  # in the driver, not where the tests are
    accelerated.library_path = lambda: Path(os.environ["LIBRARY"])


class Sanitized(PtraceTracer):
    """By the listener or not at all."""

    name: ClassVar[str] = "ptrace-sanitized"
    ways: ClassVar[tuple[Way, ...]] = (Way.LISTENER,)
