"""The ways of the ptrace tracer as tracers of their own names, for tests and the benchmark: put this directory on PYTHONPATH.

They are never chosen by ``auto``: their rank is below all others'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import patient  # noqa: F401 - tests set its variable

from roar.api.markers import hookimpl
from roar.api.tracer import Capability, Tracer
from roar_tracer_ptrace.tracer import PtraceTracer
from roar_tracer_ptrace.ways import Way

roar_api = 1


class InPython(PtraceTracer):
    """Without the loop in C."""

    name: ClassVar[str] = "ptrace-python"
    rank: ClassVar[int] = 3
    accelerated: ClassVar[bool] = False


class ByStops(PtraceTracer):
    """As on kernels before 6.6."""

    name: ClassVar[str] = "ptrace-stops"
    rank: ClassVar[int] = 2
    capabilities = PtraceTracer.capabilities - {Capability.DEBUGGED}
    ways: ClassVar[tuple[Way, ...]] = (Way.FILTER,)


class ByEveryStop(PtraceTracer):
    """As under another roar."""

    name: ClassVar[str] = "ptrace-every"
    rank: ClassVar[int] = 1
    capabilities = PtraceTracer.capabilities - {Capability.DEBUGGED}
    ways: ClassVar[tuple[Way, ...]] = (Way.EVERY_CALL,)


@hookimpl
def roar_tracers() -> Sequence[type[Tracer]]:
    """All of them."""
    return [InPython, ByStops, ByEveryStop]
