"""The ptrace tracer as it would be if it did not know this machine's second interface: with the variable FOREIGN."""

from __future__ import annotations

import os
from typing import ClassVar

from roar_tracer_ptrace import calls

if "FOREIGN" in os.environ:  # in the driver, not where the tests are
    calls.INTERFACES[os.uname().machine] = calls.INTERFACES[os.uname().machine][:1]

# below that: what it imports looks at the table once
from roar_tracer_ptrace.tracer import PtraceTracer
from roar_tracer_ptrace.ways import Way


class Foreign(PtraceTracer):
    """By the listener."""

    name: ClassVar[str] = "ptrace-foreign"


class ForeignByStops(PtraceTracer):
    """By stops."""

    name: ClassVar[str] = "ptrace-foreign-stops"
    ways: ClassVar[tuple[Way, ...]] = (Way.FILTER,)
