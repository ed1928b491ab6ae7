"""The ptrace tracer passes the contract that anyone's must, whichever way it goes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from roar.testing import TracerContract
from roar_tracer_ptrace.tracer import PtraceTracer

WAYS = Path(__file__).parents[1] / "ptrace" / "ways"
sys.path.append(str(WAYS))  # the driver imports the classes by name, with this process's path
from ptrace_ways import ByEveryStop, ByStops, InPython  # noqa: E402

pytestmark = pytest.mark.requirement("PLUG-4", "TRC-10")


class TestPtrace(TracerContract):
    tracer = PtraceTracer


class TestWithoutTheLoopInC(TracerContract):
    tracer = InPython


class TestByStops(TracerContract):
    tracer = ByStops


class TestByEveryStop(TracerContract):
    tracer = ByEveryStop
